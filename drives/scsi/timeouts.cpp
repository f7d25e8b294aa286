#include "drives/scsi/timeouts.hpp"

namespace capstan::scsi {
namespace {

using namespace std::chrono_literals;

struct Default {
    Opcode opcode;
    std::chrono::seconds limit;
};
// Longer than any healthy device of the last five LTO generations needs, so that only a hung one meets them.
constexpr Default kDefaults[] = {
    {Opcode::rewind, 20min},  // the whole tape, once more when the servo has to search
    {Opcode::read_6, 30min},  // all retries of a bad block
    {Opcode::write_6, 30min},
    {Opcode::write_filemarks_6, 30min},  // a full buffer with rewrites
    {Opcode::space_6, 3h},               // block by block where the drive has no directory of its tape
    {Opcode::space_16, 3h},
    {Opcode::locate_10, 3h},
    {Opcode::locate_16, 3h},
    {Opcode::load_unload, 150min},  // LTO-9 optimises a new cartridge for up to two hours
    {Opcode::erase_6, 24h},         // long erase: the whole tape at writing speed
    {Opcode::mode_select_6, 5min},
    {Opcode::mode_select_10, 5min},
    {Opcode::initialize_element_status, 4h},  // bar codes of 10,000 slots
    {Opcode::initialize_element_status_with_range, 4h},
    {Opcode::read_element_status, 60min},  // a robot may scan first when its own picture is stale
    {Opcode::move_medium, 15min},          // with retries and, in some libraries, the unload of the drive
    {Opcode::prevent_allow_medium_removal, 5min},
    {Opcode::read_attribute, 10min},  // LTO-9 names two minutes
    {Opcode::write_attribute, 10min},
};
constexpr std::chrono::milliseconds kOther = 2min;

}  // namespace

Timeouts::Timeouts() {
    limits_.fill(kOther);
    for (const auto& entry : kDefaults) set(entry.opcode, entry.limit);
}

void Timeouts::take(const std::vector<SupportedCommand>& commands) {
    std::array<std::chrono::milliseconds, 256> reported{};
    for (const auto& command : commands) {
        if (!command.timeouts) continue;
        auto& longest = reported[command.opcode];
        const auto seconds = std::max(command.timeouts->recommended, command.timeouts->nominal);
        longest = std::max<std::chrono::milliseconds>(longest, seconds);
    }
    for (std::size_t opcode = 0; opcode < reported.size(); ++opcode) {
        if (reported[opcode].count() > 0) limits_[opcode] = reported[opcode];
    }
}

const Timeouts& default_timeouts() {
    static const Timeouts defaults;
    return defaults;
}

}  // namespace capstan::scsi
