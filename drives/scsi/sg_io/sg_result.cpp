#include "drives/scsi/sg_io/sg_result.hpp"

#include "config/base/ids.hpp"
#include "drives/scsi/sense.hpp"
#include "drives/scsi/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace capstan::scsi {
namespace {

struct HostStatus {  // linux/include/scsi/scsi_status.h
    std::uint16_t code;
    std::string_view text;
    bool ends_connection;  // the way to the device is gone or was reset: a new one may do
};
constexpr HostStatus kHostStatuses[] = {
    {0x01, "no connection to the device", true},
    {0x02, "the bus stayed busy", true},
    {0x03, "no answer within the time limit", false},
    {0x04, "no such target", true},
    {0x05, "the command was aborted", false},
    {0x06, "a parity error on the bus", false},
    {0x07, "an error inside the host adapter", false},
    {0x08, "the bus or the device was reset", true},
    {0x0C, "the host adapter asks to send it again", true},
    {0x0D, "the host adapter asks to queue it again", true},
    {0x0E, "the transport was disrupted", true},
    {0x0F, "the transport failed", true},
    {0x14, "the host adapter refuses the size of the transfer", false},
};
HostStatus host_status(std::uint16_t code) {
    const auto known = std::ranges::find(kHostStatuses, code, &HostStatus::code);
    return known != std::end(kHostStatuses) ? *known : HostStatus{code, "the host adapter failed", false};
}
constexpr std::uint16_t kDriverMask = 0x0F, kDriverTimeout = 0x06, kDriverSense = 0x08;

std::unexpected<Error> unknown_outcome(const std::string& device, std::uint8_t opcode, std::string_view why, const char* what,
                                       unsigned code) {
    return fail(Recovery::stop_device,
                fmt::format("{}: command {:02X}h: {} ({} status {:02X}h); its outcome is unknown", device, opcode, why, what, code),
                "Look at the cables, the device and the kernel's log.");
}

}  // namespace

bool connection_ended(const SgResult& result) { return host_status(result.host_status).ends_connection; }

Result<ScsiReply> reply_from_sg(const SgResult& result, const std::string& device, std::uint8_t opcode) {
    const auto status = static_cast<Status>(result.status & 0xFE);  // the lowest bit is vendor specific in old devices
    const bool answered = status == Status::check_condition && !result.sense.empty();
    if (result.host_status != 0 && !answered)
        return unknown_outcome(device, opcode, host_status(result.host_status).text, "host", result.host_status);
    const auto driver = static_cast<std::uint16_t>(result.driver_status & kDriverMask);
    if (driver != 0 && driver != kDriverSense && !answered) {
        const auto why = driver == kDriverTimeout ? "no answer within the time limit" : "the kernel's driver failed";
        return unknown_outcome(device, opcode, why, "driver", driver);
    }
    ScsiReply reply;
    reply.took = result.took;
    const auto missing = static_cast<std::size_t>(std::max(result.residual, 0));
    reply.transferred = result.asked - std::min(result.asked, missing);
    if (status == Status::good || status == Status::condition_met) return reply;
    if (status != Status::check_condition) return std::unexpected(error_from_status(status, device));
    reply.sense = decode_sense(result.sense);
    if (reply.sense) return reply;
    return fail(Recovery::stop_device, fmt::format("{}: CHECK CONDITION without sense data", device),
                "Look at the device; its state is unknown.");
}

}  // namespace capstan::scsi
