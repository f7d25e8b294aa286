// A device for this installation alone: exclusive access by persistent reservation, under the installation's key. The device's thread.
#pragma once

#include "drives/scsi/commands.hpp"

#include <optional>

namespace capstan::scsi {

enum class Claim : std::uint8_t {
    not_asked_for,  // the configuration does without
    not_offered,    // the device knows no reservations
    held,           // read back: it is ours
    of_another,     // another host has it: nothing is done with the device until it gives it back
};

// Takes the reservation, or keeps it. One under our own key is a left-over of ours, from another session or before a restart, and is taken over.
// Another host's stays as it is: ask_operator, with the holder's name and key. Unit attentions must have been taken.
Result<Claim> claim(const Target& target, ReservationKey ours);
// Without a key: not_asked_for, nothing is asked. For owners of devices, whose other operations go on where they can: another host's
// reservation is a value here, with the words for the operator.
struct Claimed {
    Claim claim = Claim::not_asked_for;
    std::optional<Error> by_another;  // with of_another
};
Result<Claimed> claim(const Target& target, const std::optional<ReservationKey>& ours);
// Gives it back and leaves no trace; done where nothing was held.
Result<void> unclaim(const Target& target, ReservationKey ours);

}  // namespace capstan::scsi
