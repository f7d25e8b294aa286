// Which drive a cartridge goes into: the one that has it, an empty one, or an idle one whose cartridge can leave. Pure.
#pragma once

#include "pools/compatibility.hpp"

#include <vector>

namespace capstan::pools {

struct DriveView {
    DriveName name;
    LibraryName library;
    bool usable = true;  // enabled, present, not faulted
    std::string why_unusable;
    bool comes_back = false;  // unusable for a while, disabled or starting: what needs it waits
    std::string why_only_read;             // nothing is written with it for now; empty: it writes
    bool leased = false;                   // somebody reads or writes, or a work item is at it
    std::string leased_by;                 // "job 17"
    std::optional<CartridgeId> cartridge;  // what is in it, if known
    bool full = false;                     // something is in it
    Steady idle_since{};                   // end of the last lease
    DriveAbilities abilities;              // what it reads and writes, as far as it is known
};

struct MountRequest {
    CartridgeId cartridge{};
    std::string cartridge_name;
    LibraryName library;  // empty: offline
    Place place;
    std::string busy;  // why the cartridge cannot be had now; empty: it can
    bool for_writing = false;
    std::optional<DriveName> only_drive;
    MediumGeneration medium;
    std::uint32_t block_size = 0;  // of what is read or written; 0: nothing is, or it is not known
};

struct DriveVerdict {
    DriveName drive;
    bool chosen = false;
    std::string reason;
    bool unfit = false;  // it does not take such cartridges, now or later
};

struct MountPlan {
    enum class Kind : std::uint8_t {
        use_mounted,   // it is in `drive`
        load,          // `drive` is empty
        evict,         // first put away what is idle in `drive`
        wait,          // every drive or the cartridge is busy
        ask_operator,  // the cartridge is in no library
        stuck,         // it is in `drive`, which cannot be used
        impossible,    // no usable drive in its library
    } kind = Kind::wait;
    bool unfit = false;  // impossible, since no drive of its library takes such cartridges: waiting does not help
    bool too_large = false;  // unfit, and only for the size of its blocks
    DriveName drive;
    std::optional<CartridgeId> evicted;
    std::string reason;
    std::vector<DriveVerdict> verdicts;
};

MountPlan plan_mount(const std::vector<DriveView>& drives, const MountRequest& request);
std::string_view name_of(MountPlan::Kind kind);

}  // namespace capstan::pools
