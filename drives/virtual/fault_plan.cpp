#include "drives/virtual/fault_plan.hpp"

#include "config/base/clock.hpp"

#include <algorithm>

namespace capstan::virtual_library {

FaultPlan draw_faults(std::uint64_t seed, const FaultDice& dice) {
    SeededEntropy entropy(seed);
    auto below = [&](std::uint64_t limit) { return entropy.next() % std::max<std::uint64_t>(limit, 1); };
    FaultPlan plan;
    for (unsigned i = 0; i < dice.medium_faults && !dice.cartridges.empty(); ++i) {
        MediumFault fault;
        fault.cartridge = dice.cartridges[below(dice.cartridges.size())];
        fault.block = BlockNumber{below(dice.blocks_max)};
        fault.when = below(2) == 0 ? MediumFault::When::read : MediumFault::When::write;
        plan.medium.push_back(std::move(fault));
    }
    for (unsigned i = 0; i < dice.jams; ++i) {
        RobotJam jam{1 + below(dice.moves_max)};
        jam.where = below(2) == 0 ? RobotJam::Where::at_source : RobotJam::Where::in_picker;
        plan.jams.push_back(jam);
    }
    for (unsigned i = 0; i < dice.command_faults; ++i) {
        CommandFault fault;
        fault.lun = static_cast<std::uint8_t>(below(dice.luns));
        fault.command = 1 + below(dice.commands_max);
        fault.kind = static_cast<CommandFault::Kind>(below(3));
        plan.commands.push_back(fault);
    }
    return plan;
}

}  // namespace capstan::virtual_library
