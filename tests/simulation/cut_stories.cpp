// Power cuts at seeded moments, and every step failed in turn. Afterwards the daemon starts again and the invariants
// hold: what was reported as saved is on the media, places agree with the robot, nothing hangs, nothing was
// overwritten.
#include "simulation/story.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace capstan::simulation {

namespace vl = virtual_library;

using namespace std::chrono_literals;

namespace {

// One or three cuts in the middle of labels, inventory, two backups and a restore; some fall into the start after the
// cut before.
void power_cuts(Story& story) {
    auto& chance = story.machine.chance();
    auto tree = story.make_tree("tree", 20, 90000);
    story.machine.boot();
    story.wait_items(story.start_label({story.tags()[0], story.tags()[1], story.tags()[2]}));
    story.must_backup(tree, "before");
    auto cuts = chance.below(2) == 0 ? 1U : 3U;
    for (unsigned cut = 1; cut <= cuts; ++cut) {
        story.oracle.note_media();
        if (chance.below(2) == 0)
            story.machine.cut_at_command(1 + chance.below(400));
        else
            story.machine.cut_at_event(1 + chance.below(1500));
        auto again = fmt::format("cut-{}", cut);
        story.with_cut([&] {
            if (cut > 1 && chance.below(2) == 0) {  // the start is cut, too
                story.machine.stop();
                story.machine.boot();
            }
            auto one = story.start_backup(tree, again + "-one"), other = story.start_backup(tree, again + "-other");
            auto labels = story.start_label({story.tags()[2 + cut]});
            auto inventory = story.start_inventory(chance.below(2) == 0);
            (void)story.restore(tree);
            (void)story.finish_backup(one, tree, again + "-one");
            (void)story.finish_backup(other, tree, again + "-other");
            story.wait_items(labels);
            story.wait_item(inventory);
        });
        story.settle();
        story.oracle.check();
    }
    story.must_backup(tree, "after");
    story.must_restore(tree);
    story.verify_all();
    story.settle();
    story.oracle.check();
}
TEST(Simulation, PowerCuts) { tell(4, small_machine(), power_cuts); }

void power_cut_while_spanning(Story& story) {
    auto& chance = story.machine.chance();
    auto large = story.make_tree("large", 30, 400000), small = story.make_tree("small", 5, 50000);
    story.machine.boot();
    story.label_all();
    story.must_backup(small, "before");
    story.machine.cut_at_command(1 + chance.below(700));
    story.with_cut([&] { (void)story.backup(large, "large"); });
    story.settle();
    story.oracle.check();
    story.must_backup(small, "after");
    story.must_restore(small);
    story.verify_all();
    story.settle();
    story.oracle.check();
}
TEST(Simulation, PowerCutWhileSpanning) { tell(2, small_machine(4 << 20), power_cut_while_spanning); }

}  // namespace
}  // namespace capstan::simulation
