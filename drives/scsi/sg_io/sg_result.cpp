#include "drives/scsi/sg_io/sg_result.hpp"

#include "config/base/ids.hpp"
#include "drives/scsi/sense.hpp"
#include "drives/scsi/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace capstan::scsi {
namespace {

// linux/include/scsi/scsi_status.h
std::string_view host_text(std::uint16_t status) {
    switch (status) {
        case 0x01: return "no connection to the device";
        case 0x02: return "the bus stayed busy";
        case 0x03: return "no answer within the time limit";
        case 0x04: return "no such target";
        case 0x05: return "the command was aborted";
        case 0x06: return "a parity error on the bus";
        case 0x07: return "an error inside the host adapter";
        case 0x08: return "the bus or the device was reset";
        case 0x0C: return "the host adapter asks to send it again";
        case 0x0D: return "the host adapter asks to queue it again";
        case 0x0E: return "the transport was disrupted";
        case 0x0F: return "the transport failed";
        case 0x14: return "the host adapter refuses the size of the transfer";
        default: return "the host adapter failed";
    }
}
constexpr std::uint16_t kDriverMask = 0x0F, kDriverTimeout = 0x06, kDriverSense = 0x08;

std::unexpected<Error> unknown_outcome(const std::string& device, std::uint8_t opcode, std::string_view why, const char* what,
                                       unsigned code) {
    return fail(Recovery::stop_device,
                fmt::format("{}: command {:02X}h: {} ({} status {:02X}h); its outcome is unknown", device, opcode, why, what, code),
                "Look at the cables, the device and the kernel's log.");
}

}  // namespace

bool connection_ended(const SgResult& result) {
    constexpr std::uint16_t kWays[] = {0x01, 0x02, 0x04, 0x08, 0x0C, 0x0D, 0x0E, 0x0F};  // those of host_text, but silence and its own failures
    return std::ranges::find(kWays, result.host_status) != std::end(kWays);
}

Result<ScsiReply> reply_from_sg(const SgResult& result, const std::string& device, std::uint8_t opcode) {
    const auto status = static_cast<Status>(result.status & 0xFE);  // the lowest bit is vendor specific in old devices
    const bool answered = status == Status::check_condition && !result.sense.empty();
    if (result.host_status != 0 && !answered)
        return unknown_outcome(device, opcode, host_text(result.host_status), "host", result.host_status);
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
