// Stories with faults of the hardware: a jammed robot, a drive that fails during a backup. Something says what is
// wrong, somebody repairs it, and the work goes on.
#include "simulation/story.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace capstan::simulation {

namespace vl = virtual_library;

using namespace std::chrono_literals;

namespace {

// What the status screen says is wrong; empty: nothing.
std::string trouble(Story& story) {
    auto status = story.machine.ask(api::kStatus);
    if (!status) return to_text(status.error());
    std::string text;
    for (const auto& library : status->libraries) text += library.trouble;
    for (const auto& drive : status->drives) text += drive.trouble;
    for (const auto& request : status->requests) text += request.message;
    return text;
}

// After a repair: the operator takes an inventory, what waited goes on, and new work succeeds.
void repaired(Story& story, const std::string& tree) {
    story.wait_item(story.start_inventory(false));
    story.must_go_on(tree);
    story.machine.stop();  // what was in a drive that failed comes back with the next start
    story.machine.boot();
    story.verify_all();
    story.settle();
    story.oracle.check();
}

void robot_jam(Story& story) {
    auto tree = story.make_tree("tree", 10, 90000);
    auto& chance = story.machine.chance();
    story.machine.boot();
    story.label_all();
    story.must_backup(tree, "before");
    vl::FaultPlan faults;
    using Where = vl::RobotJam::Where;
    faults.jams.push_back({1 + chance.below(4), chance.below(2) == 0 ? Where::at_source : Where::in_picker});
    story.machine.library().set_faults(faults);
    auto one = story.start_backup(tree, "one"), other = story.start_backup(tree, "other");
    auto inventory = story.start_inventory(true);
    story.machine.run_for(2h);
    story.oracle.check(true);
    auto one_now = story.machine.ask(api::kJob, {std::to_string(one)});
    bool waits = one_now && !api::finished(one_now->state);
    if (waits && trouble(story).empty())
        story.oracle.violation("a job waits for a jammed robot, and nothing tells the operator");
    story.machine.library().clear_jam();
    story.wait_item(story.start_inventory(false));
    story.wait_item(inventory);
    (void)story.finish_backup(one, tree, "one");
    (void)story.finish_backup(other, tree, "other");
    repaired(story, tree);
}
TEST(Simulation, RobotJam) { tell(3, small_machine(), robot_jam); }

// One thing goes wrong in a drive while two jobs write and one reads.
void drive_faults(Story& story) {
    auto tree = story.make_tree("tree", 20, 90000);
    auto& chance = story.machine.chance();
    story.machine.boot();
    story.label_all();
    story.must_backup(tree, "before");
    vl::FaultPlan faults;
    auto lun = static_cast<std::uint8_t>(1 + chance.below(2));
    auto kind = chance.below(4);
    if (kind == 0) {
        for (const auto& tag : story.tags())
            faults.medium.push_back({tag, BlockNumber{3 + chance.below(40)}, vl::MediumFault::When::write});
    } else {
        using Kind = vl::CommandFault::Kind;
        faults.commands.push_back({lun, 1 + chance.below(120),
                                   kind == 1   ? Kind::lost_reply
                                   : kind == 2 ? Kind::gone
                                               : Kind::hung});
    }
    story.machine.library().set_faults(faults);
    auto one = story.start_backup(tree, "one"), other = story.start_backup(tree, "other");
    story.machine.run_for(std::chrono::seconds(chance.below(400)));
    (void)story.restore(tree);
    story.machine.run_for(2h);
    story.oracle.check(true);
    story.machine.library().set_faults({});  // repaired
    story.machine.library().bring_back(lun);
    (void)story.finish_backup(one, tree, "one");
    (void)story.finish_backup(other, tree, "other");
    repaired(story, tree);
}
TEST(Simulation, DriveFaults) { tell(4, small_machine(), drive_faults); }

}  // namespace
}  // namespace capstan::simulation
