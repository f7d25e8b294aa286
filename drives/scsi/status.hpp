// Status codes (SAM-5 table 31) that are neither GOOD nor CHECK CONDITION, as errors; the same words for every transport.
#pragma once

#include "config/base/error.hpp"

#include <cstdint>
#include <string>

namespace capstan::scsi {

enum class Status : std::uint8_t {
    good = 0x00,
    check_condition = 0x02,
    condition_met = 0x04,
    busy = 0x08,
    reservation_conflict = 0x18,
    task_set_full = 0x28,
    aca_active = 0x30,
    task_aborted = 0x40,
};

// BUSY and TASK SET FULL: retry_later. RESERVATION CONFLICT: ask_operator. All else: stop_device, the outcome is unknown.
// `device` begins the sentence: "iSCSI 127.0.0.1:3260/iqn…/1".
Error error_from_status(Status status, const std::string& device);

}  // namespace capstan::scsi
