// The one door to every device: run one SCSI command. Above it there is no file descriptor and no #ifdef.
#pragma once

#include "config/base/bytes.hpp"
#include "config/base/error.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

namespace capstan::scsi {

struct Cdb {
    std::array<std::uint8_t, 16> bytes{};
    std::uint8_t size = 0;  // 6, 10, 12 or 16
};

using DataOut = std::span<const Bytes>;  // gathered: block, then its protection bytes

struct ScsiReply {
    std::optional<Sense> sense;            // CHECK CONDITION; GOOD has none
    std::size_t transferred = 0;           // bytes moved to or from the caller's buffers
    std::chrono::microseconds took{};      // measured, or modelled by the virtual library
};

class Transport {
  public:
    virtual ~Transport() = default;
    // Runs one command and blocks; nothing is allocated for a GOOD reply. For the device's own thread only.
    // CHECK CONDITION is a reply; an Error means the command may not have reached the device, or its outcome is unknown
    // (then position, modes and reservation are unknown too). The transport never retries: only the owner knows what is
    // safe to repeat. BUSY, RESERVATION CONFLICT and TASK SET FULL come as Errors (retry_later, ask_operator, retry_later).
    virtual Result<ScsiReply> execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in,
                                      std::chrono::milliseconds timeout) = 0;
    // After an Error: the connection to the device ended or could not be made; a new one may find it in order. Not where it is silent.
    virtual bool connection_ended() const { return false; }
};

}  // namespace capstan::scsi
