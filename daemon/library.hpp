// One library of the configuration: its robot and its drives, what lies where, and the moves. Every robot move is journalled
// before and after; what the hardware says is applied to the database (pools/reconcile.hpp). Control thread.
#pragma once

#include "changer/changer_owner.hpp"
#include "daemon/context.hpp"
#include "daemon/medium_reader.hpp"
#include "drives/drive_owner.hpp"
#include "pools/label_check.hpp"
#include "pools/mount_plan.hpp"
#include "pools/store/cartridges.hpp"
#include "pools/store/disabled_rows.hpp"
#include "pools/store/work_rows.hpp"

#include <memory>
#include <vector>

namespace capstan::daemon {

// The doors to the hardware of one library: made by daemon/devices.cpp, or by a simulation.
struct LibraryDevices {
    std::shared_ptr<scsi::Device> changer;
    std::vector<std::shared_ptr<scsi::Device>> drives;  // as in LibrarySettings::drives
    // A new door to one of them, after it was given up; without a drive to the robot.
    std::function<std::shared_ptr<scsi::Device>(const config::DriveSettings* drive)> open_again;
};

class Library {
  public:
    struct Drive {
        config::DriveSettings settings;
        std::unique_ptr<drives::DriveOwner> owner;
        ElementAddress element{};
        std::optional<CartridgeId> cartridge;  // what the database places in it
        std::string leased_by;                 // "job 17", "label A00001L8"; empty: idle
        JobId job{};                           // of the lease; 0: none
        bool prepared = false;                 // the cartridge was loaded and its label read since it was put in
        std::string trouble;                   // why it cannot be used; empty: it can
        std::optional<pools::Disabled> disabled;  // by an operator, for service
        std::string foreign;                   // why what lies in it is not ours; empty: it is, or nothing does
        std::string activity = "idle";         // for the status screen
        Steady idle_since{};
    };

    Library(Context& context, const config::LibrarySettings& settings, LibraryDevices devices);

    const LibraryName& name() const { return name_; }
    const config::LibrarySettings& settings() const { return settings_; }
    changer::ChangerOwner& changer() { return *changer_; }
    std::vector<Drive>& drives() { return drives_; }
    Drive* find_drive(const DriveName& name);
    const std::string& state() const { return state_; }      // starting, ready, inventory, needs_service, disabled
    const std::string& trouble() const { return trouble_; }  // why it is not ready; empty: it is
    bool connection_lost() const { return !trouble_.empty() && changer_->connection_lost(); }  // that is its trouble, as far as is known
    std::optional<Wall> inventoried() const { return inventoried_; }
    const std::vector<std::string>& remarks() const { return remarks_; }  // for operators: what in the configuration does not fit it
    // Why an element of the last inventory is none of ours; empty: it is ours.
    std::string why_foreign(const changer::ElementFact& element) const;

    // Start-up: identify everything, inventory, reconcile, unload what a crash left in drives but keep it there.
    Task<Result<void>> start();
    // Inventory by barcode and reconciliation; open journal entries are settled. A robot that was given up is opened again.
    // `scan`: the robot looks into every element first, where it can (INITIALIZE ELEMENT STATUS).
    Task<Result<void>> refresh(bool scan = false);
    // A drive that was in trouble is opened again; the robot is asked what is in it. The caller leased the drive.
    Task<Result<void>> reopen(Drive& drive);

    // Out of use for service (service.cpp), kept in the state database. From then on nothing begins there, what is under way goes on to its
    // end; then the caller closes it. Empty: in use again; inventory() or reopen() is the caller's next step.
    const std::optional<pools::Disabled>& disabled() const { return disabled_; }
    Result<void> set_disabled(std::optional<pools::Disabled> disabled);
    Result<void> set_disabled(Drive& drive, std::optional<pools::Disabled> disabled);
    // Gives reservations back and closes the devices; a closed library is not touched at all. No drive of it may be leased but to the caller.
    Task<Result<void>> close();
    Task<Result<void>> close(Drive& drive);

    // Moves a cartridge to a place of this library, journalled. The drive at either end must have been leased by the caller.
    Task<Result<void>> move(CartridgeId cartridge, pools::Place destination, WorkItemId item);
    // A slot that is empty, by the last inventory; the lowest number. Error: refresh_inventory/ask_operator when none is.
    Result<pools::Place> free_slot() const;

    // Puts the cartridge into the drive if it is not there, waits until it is ready, prepares it, reads its label and puts the
    // database right. The caller leased drive and cartridge. The verdict says whether it is the cartridge that was meant.
    struct Loaded {
        pools::Identified identified;
        LabelRead label;
        bool write_protected = false;
    };
    Task<Result<Loaded>> load(Drive& drive, CartridgeId cartridge, WorkItemId item);
    // Unloads and puts the cartridge back into a slot. The caller leased the drive.
    Task<Result<void>> put_away(Drive& drive, WorkItemId item);

    // Gives the robot's reservation back; nothing is moved and no inventory is taken from then on.
    Task<Result<void>> let_go();

    pools::AuditNote note(std::string why) const;

  private:
    Task<void> empty_pickers();
    void find_element(Drive& drive, const changer::Inventory& inventory);
    Task<Result<void>> start_locked();
    Task<Result<void>> open_drive(Drive& drive);
    Task<Result<void>> refresh_locked(bool scan = false);
    Task<Result<void>> move_locked(CartridgeId cartridge, pools::Place destination, WorkItemId item);
    Result<ElementAddress> element_of(const pools::Place& place) const;
    pools::Place place_of(const changer::ElementFact& fact) const;
    Result<void> apply_inventory(const changer::Inventory& inventory);
    void follow_database();  // drives' cartridge members after the database changed
    Result<void> check_open() const;      // not closed, and the daemon is not at its end
    Result<void> check_in_use() const;    // nor disabled
    void read_disabled();
    Result<void> set_state(std::string state, std::string trouble);
    void note_drive(const DriveName& name, const drives::DriveIdentity& identity);  // another serial number than before is told and kept

    Context& context_;
    config::LibrarySettings settings_;
    LibraryName name_;
    std::function<std::shared_ptr<scsi::Device>(const config::DriveSettings*)> open_again_;
    std::unique_ptr<changer::ChangerOwner> changer_;
    std::vector<Drive> drives_;
    Turn robot_;
    std::string state_ = "starting", trouble_;
    std::optional<Wall> inventoried_;
    std::vector<std::string> remarks_;
    std::optional<pools::Disabled> disabled_;
    bool closed_ = false;  // close()
    bool ended_ = false;   // let_go()
};

}  // namespace capstan::daemon
