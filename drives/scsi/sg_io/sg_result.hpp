// What the kernel says of a command sent by SG_IO, made a reply or an error. Pure, any thread.
#pragma once

#include "drives/scsi/transport.hpp"

#include <string>

namespace capstan::scsi {

struct SgResult {                     // fields of sg_io_hdr (Linux, scsi/sg.h)
    std::uint8_t status = 0;          // of the device
    std::uint16_t host_status = 0;    // DID_…, of the host adapter
    std::uint16_t driver_status = 0;  // DRIVER_…, low four bits; the others are its suggestion
    Bytes sense{};
    std::size_t asked = 0;  // bytes to move
    int residual = 0;       // bytes not moved
    std::chrono::microseconds took{};
};

// In the order in which they can fail: host, driver, device, sense. Where the host or the driver failed the outcome is unknown
// (stop_device) unless the device answered all the same. `device` begins the sentence, `opcode` is told.
Result<ScsiReply> reply_from_sg(const SgResult& result, const std::string& device, std::uint8_t opcode);

// The kernel lost its way to the device, or the device was reset: opened again it may be in order. Not where it was silent.
bool connection_ended(const SgResult& result);

}  // namespace capstan::scsi
