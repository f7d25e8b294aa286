// One robot. Control thread; each method is one operation on the device's thread, in order of asking. A move that failed or
// whose answer was lost is never repeated blindly: element status decides where the cartridge is. Journalling a move before
// and after (design rule 5) is the caller's.
#pragma once

#include "changer/foreign.hpp"
#include "config/base/clock.hpp"
#include "drives/scsi/claim.hpp"
#include "drives/scsi/device.hpp"

#include <functional>
#include <memory>

namespace capstan::changer {

struct ChangerIdentity {
    std::string vendor, product, revision, serial;
    bool reports_tags = true;            // volume tags asked for and given
    bool reports_drive_serials = false;  // DVCID
    scsi::Claim claim = scsi::Claim::not_asked_for;  // exclusive access, as it was read back last
};

struct ChangerSettings {
    LibraryName name;
    std::string serial;                   // of the configuration; empty: not checked
    std::optional<scsi::ReservationKey> key;  // of this installation: the robot is reserved under it. Empty: it is not reserved
    config::ForeignSettings foreign;          // never moved, and nothing is put there
    std::chrono::seconds move_limit{600}; // for one MOVE MEDIUM, unless the robot reports its own
    std::chrono::seconds hang_grace{30};  // beyond a command's own limit, before the device is given up
};

// Why the last inventory may no longer be what the library holds.
enum class StaleReason : std::uint8_t { never_taken, ie_port_used, reset, door_or_hand, move_unclear };
std::string_view name_of(StaleReason reason);

struct MoveOutcome {
    enum class Kind : std::uint8_t {
        moved,    // the cartridge is at the destination (the robot's GOOD, or element status after a lost answer)
        refused,  // `error`; element status says that it still is at its source
        unclear,  // `error`; it is at neither, or element status could not be read: inventory, then look at `found_at`
    };
    Kind kind = Kind::unclear;
    std::optional<Error> error;
    std::optional<ElementAddress> found_at;  // unclear: where element status shows it (the picker, say), if anywhere
};

class ChangerOwner {
  public:
    ChangerOwner(Loop& loop, Clock& clock, std::shared_ptr<scsi::Device> device, ChangerSettings settings);
    ~ChangerOwner();
    ChangerOwner(const ChangerOwner&) = delete;
    ChangerOwner& operator=(const ChangerOwner&) = delete;

    const LibraryName& name() const;
    const ChangerIdentity& identity() const;       // as identify() found it last
    const std::string& why_faulted() const;        // empty: in order. Else nothing is sent until replace_device()
    bool connection_lost() const;                  // of the last operation: there may be nothing wrong with the robot itself
    const Inventory& last_inventory() const;       // kept up by moves; generation 0: never taken
    std::optional<StaleReason> stale() const;      // empty: the last inventory is believed
    // Called each time the inventory becomes stale, with the reason; an IE port used by hand comes as ie_port_used.
    std::function<void(StaleReason)> on_stale;
    // Error: a command that was sent through the old door has not come back; nothing is sent until it has.
    Result<void> replace_device(std::shared_ptr<scsi::Device> device);

    // INQUIRY, VPD 80h, the reservation. Another serial than the configured one is ask_operator, so is another host's reservation.
    Task<Result<ChangerIdentity>> identify();
    // One TEST UNIT READY; unit attentions are taken and noted. retry_later while the robot scans, ask_operator with an open door.
    Task<Result<void>> probe();
    // The reservation, then READ ELEMENT STATUS of everything, once the robot is ready (waits up to `limit`). CURDATA keeps the robot still.
    Task<Result<Inventory>> inventory(std::chrono::seconds limit = std::chrono::seconds{300});
    // The robot looks at every element again (minutes), then inventory().
    Task<Result<Inventory>> init_element_status();
    // One MOVE MEDIUM. Imports and exports are moves from and to an IE port. A drive must have unloaded its cartridge before.
    // Refused at once, with nothing sent, when either end is declared foreign, when the last inventory is stale or shows the source empty or the destination full.
    Task<MoveOutcome> move(ElementAddress source, ElementAddress destination);
    // Gives the reservation back, so that another host may take the robot over. Done where none is held.
    Task<Result<void>> let_go();
    // PREVENT/ALLOW MEDIUM REMOVAL: locks or frees the doors and IE ports that the robot controls.
    Task<Result<void>> lock_doors(bool locked);

  private:
    class Core;
    std::shared_ptr<Core> core_;
};

}  // namespace capstan::changer
