// Every step failed in turn: a clean run counts the commands that each device gets, then the story is told again for
// each of them, and that one fails. CAPSTAN_SIMULATION_STRIDE=1 takes all of them; by default each 61st, from a place
// that the seed chooses.
#include "simulation/story.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace capstan::simulation {

namespace vl = virtual_library;

using namespace std::chrono_literals;

namespace {

using Kind = vl::CommandFault::Kind;
using Work = void (*)(Story& story, const std::string& tree);

void mount_everything(Story& story, const std::string&) {
    auto labels = story.start_label();
    auto inventory = story.start_inventory(true);
    story.wait_items(labels);
    story.wait_item(inventory);
}

void save(Story& story, const std::string& tree) {
    story.wait_items(story.start_label({story.tags()[0], story.tags()[1]}));
    if (story.backup(tree, "failed")) (void)story.restore(tree);
}

// The work with one failure; then the device is in order again, and what follows succeeds.
void with_failure(Story& story, Work work, const vl::CommandFault& fault) {
    auto tree = story.make_tree("tree", 8, 90000);
    story.machine.boot();
    story.machine.library().set_faults({.commands = {fault}});
    work(story, tree);
    story.settle();
    story.oracle.check(true);
    story.machine.library().set_faults({});
    story.machine.library().bring_back(fault.lun);
    story.machine.stop();
    story.machine.boot();
    story.wait_item(story.start_inventory(true));
    story.label_all();
    story.must_go_on(tree);
}

void fail_each(Work work) {
    std::vector<std::uint64_t> counts;
    auto settings = small_machine();
    auto seed = number_from("CAPSTAN_SIMULATION_FIRST", 1);
    tell_one(seed, settings, [&](Story& story) {
        auto tree = story.make_tree("tree", 8, 90000);
        story.machine.boot();
        std::vector<std::uint64_t> before;
        for (unsigned lun = 0; lun <= settings.geometry.drives.count; ++lun)
            before.push_back(story.machine.commands(static_cast<std::uint8_t>(lun)));
        work(story, tree);
        story.settle();
        story.oracle.check();
        for (std::size_t lun = 0; lun < before.size(); ++lun)
            counts.push_back(story.machine.commands(static_cast<std::uint8_t>(lun)) - before[lun]);
    });
    auto stride = number_from("CAPSTAN_SIMULATION_STRIDE", 61);
    std::uint64_t told = 0;
    for (std::size_t lun = 0; lun < counts.size(); ++lun) {
        for (auto command = 1 + seed % stride; command <= counts[lun] && !testing::Test::HasFailure();
             command += stride) {
            vl::CommandFault fault{static_cast<std::uint8_t>(lun), command, static_cast<Kind>((command / stride + seed) % 3)};
            SCOPED_TRACE(fmt::format("unit {}, command {} of {}, fault {} of lost reply, gone, hung", lun, command,
                                     counts[lun], static_cast<int>(fault.kind)));
            tell_one(seed, settings, [&](Story& story) { with_failure(story, work, fault); });
            ++told;
        }
    }
    ASSERT_EQ(counts.size(), 3U) << "the robot and two drives";
    EXPECT_GE(told, 1U) << "no step was failed: the stride is longer than the work";
    fmt::print("{} of {} steps failed\n", told, counts.empty() ? 0 : counts[0] + counts[1] + counts[2]);
}

TEST(Simulation, EachStepOfMountsFails) { fail_each(mount_everything); }
TEST(Simulation, EachStepOfABackupFails) { fail_each(save); }

}  // namespace
}  // namespace capstan::simulation
