// A changer owner over the virtual library.
#pragma once

#include "changer/changer_owner.hpp"
#include "tests/drives/simulated_library.hpp"

namespace capstan::changer {

namespace vl = virtual_library;
using namespace std::chrono_literals;

struct ChangerFixture {
    explicit ChangerFixture(vl::LibraryGeometry geometry = {}, std::string serial = {}, config::ForeignSettings foreign = {})
        : sim(std::move(geometry)), owner(sim.loop, sim.clock, sim.device(0, "library LIB1"),
                                          {.name = LibraryName{"LIB1"}, .serial = std::move(serial), .foreign = std::move(foreign)}) {
        owner.on_stale = [this](StaleReason reason) { reasons.push_back(reason); };
    }
    Inventory inventory() {
        auto taken = sim.run(owner.inventory());
        EXPECT_TRUE(taken) << to_text(taken.error());
        reasons.clear();
        return taken ? *taken : Inventory{};
    }
    MoveOutcome move(ElementAddress source, ElementAddress destination) { return sim.run(owner.move(source, destination)); }
    void command_fault(std::uint64_t command, vl::CommandFault::Kind kind) {
        vl::FaultPlan faults;
        faults.commands.push_back({.lun = 0, .command = command, .kind = kind});
        sim.library->set_faults(faults);
    }

    test::SimulatedLibrary sim;
    ChangerOwner owner;
    std::vector<StaleReason> reasons;
};

}  // namespace capstan::changer
