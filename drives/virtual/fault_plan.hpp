// What goes wrong in a virtual library, and when: named explicitly, or drawn from a seed. A plan is a value; the
// library counts commands and moves from the moment it gets one.
#pragma once

#include "config/base/ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace capstan::virtual_library {

// A medium error at one logical object of one cartridge, for as long as the plan is in force. (A defect that belongs to
// the cartridge itself is MediumInfo::defects.)
struct MediumFault {
    std::string cartridge;  // its id (CartridgeInfo::id), whatever its barcode says
    BlockNumber block{};
    enum class When : std::uint8_t {
        read,
        write,          // accepted where the drive buffers: told later, as a deferred error
        write_at_once,  // the WRITE of it fails, and takes nothing
        memory,         // at block 0: the chip in the cartridge does not answer
    } when = When::read;
};

// The robot jams during its nth MOVE MEDIUM, from 1. It answers 02/04/03 until VirtualLibrary::clear_jam.
struct RobotJam {
    std::uint64_t move = 1;
    enum class Where : std::uint8_t { at_source, in_picker } where = Where::at_source;
};

// Something happens to the nth command to one logical unit, from 1.
struct CommandFault {
    std::uint8_t lun = 0;
    std::uint64_t command = 1;
    enum class Kind : std::uint8_t {
        lost_reply,  // carried out, but the answer is an Error with outcome unknown
        gone,        // not carried out; this and every later command is an Error until VirtualLibrary::bring_back
        hung,        // not carried out; the answer is an Error once the command's time limit has passed
        recovered,   // carried out with more effort: where all is well the answer says RECOVERED ERROR
    } kind = Kind::lost_reply;
};

struct FaultPlan {
    std::vector<MediumFault> medium;
    std::vector<RobotJam> jams;
    std::vector<CommandFault> commands;

    bool empty() const { return medium.empty() && jams.empty() && commands.empty(); }
};

// How much shall go wrong in a plan drawn from a seed.
struct FaultDice {
    std::vector<std::string> cartridges;  // those that may get medium faults
    std::uint64_t blocks_max = 1000;      // medium faults fall on objects below this number
    std::uint64_t moves_max = 50;         // jams fall on moves up to this one
    std::uint64_t commands_max = 5000;    // command faults fall on commands up to this one, per logical unit
    std::uint8_t luns = 1;                // logical units, the changer included
    unsigned medium_faults = 0, jams = 0, command_faults = 0;
};
// The same seed and dice give the same plan, on every machine.
FaultPlan draw_faults(std::uint64_t seed, const FaultDice& dice);

}  // namespace capstan::virtual_library
