#include "drives/scsi/status.hpp"

#include "config/base/ids.hpp"

#include <fmt/format.h>

namespace capstan::scsi {

Error error_from_status(Status status, const std::string& device) {
    switch (status) {
        case Status::busy: return {Recovery::retry_later, fmt::format("{}: BUSY", device), {}, {}};
        case Status::task_set_full: return {Recovery::retry_later, fmt::format("{}: TASK SET FULL", device), {}, {}};
        case Status::reservation_conflict:
            return {Recovery::ask_operator,
                    fmt::format("{}: another initiator has reserved it", device),
                    "Find out who holds the reservation and end it there.",
                    {}};
        case Status::task_aborted:
            return {Recovery::stop_device,
                    fmt::format("{}: another initiator aborted the command; its outcome is unknown", device),
                    "Find out who else uses the device.",
                    {}};
        default: break;
    }
    return {Recovery::stop_device,
            fmt::format("{}: the command ended with status {:02X}h; its outcome is unknown", device, raw(status)),
            "Look at the device and its connection.",
            {}};
}

}  // namespace capstan::scsi
