// What a VirtualLibrary holds. Internal to drives/virtual. Locks are taken in this order: changer, drive, faults.
#pragma once

#include "drives/virtual/library.hpp"
#include "drives/virtual/medium_changer.hpp"

#include <mutex>

namespace capstan::virtual_library {

struct VirtualLibrary::State {
    FileHandle lock;
    LibraryGeometry geometry;
    LibraryOptions options;
    Shelf shelf;                                     // under the changer's mutex
    std::vector<std::unique_ptr<TapeDrive>> drives;  // LUN 1…
    std::unique_ptr<MediumChanger> changer;          // LUN 0

    struct Count {
        std::uint64_t commands = 0;  // since the plan was set
        bool gone = false;
    };
    std::mutex fault_mutex;
    std::vector<CommandFault> command_faults;
    std::vector<Count> counts;

    DeviceServer* unit(std::uint8_t lun);  // nullptr: there is none
    std::optional<CommandFault::Kind> next_fault(std::uint8_t lun);
    std::string name_of(std::uint8_t lun);  // "virtual drive CAPVTL0001D1"
    static scsi::ScsiReply no_such_unit(const scsi::Cdb& cdb, MutableBytes data_in);
    // With the changer's mutex held: an error that names the cartridge unless it may be handled by a person now.
    Result<void> in_reach(const std::string& cartridge) const;
};

}  // namespace capstan::virtual_library
