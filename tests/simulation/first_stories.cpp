// Stories without accidents: mounts, backup and restore, a set that goes on on the next cartridge, a stop in order.
#include "simulation/story.hpp"

#include <gtest/gtest.h>

namespace capstan::simulation {

using namespace std::chrono_literals;

namespace {

// Labels and a full inventory mount every cartridge, two jobs want a drive meanwhile.
void mounts(Story& story) {
    auto tree = story.make_tree("small", 6, 20000);
    story.machine.boot();
    auto labels = story.start_label({story.tags()[0], story.tags()[1], story.tags()[2]});
    auto inventory = story.start_inventory(true);
    story.wait_items(labels);
    if (story.wait_item(inventory) != "completed") story.oracle.violation("the full inventory failed");
    auto one = story.start_backup(tree, "one"), other = story.start_backup(tree, "other");
    if (!story.finish_backup(one, tree, "one") || !story.finish_backup(other, tree, "other"))
        story.oracle.violation("a backup failed");
    story.machine.run_for(1h);  // idle cartridges go back to their slots
    story.settle();
    story.oracle.check();
}
TEST(Simulation, Mounts) { tell(2, small_machine(), mounts); }

void backup_and_restore(Story& story) {
    auto tree = story.make_tree("home", 40, 90000);
    story.machine.boot();
    story.label_all();
    story.must_backup(tree, "home");
    story.oracle.note_media();
    story.must_restore(tree);
    auto more = story.make_tree("more", 10, 90000);
    story.must_backup(more, "more");
    story.must_restore(more);
    story.settle();
    story.oracle.check();
}
TEST(Simulation, BackupAndRestore) { tell(2, small_machine(), backup_and_restore); }

void spanning(Story& story) {
    auto tree = story.make_tree("large", 30, 400000);
    story.machine.boot();
    story.label_all();
    story.must_backup(tree, "large");
    story.must_restore(tree);
    story.settle();
    story.oracle.check();
    if (read_tapes(story.machine.library_directory()).sets.empty()) story.oracle.violation("no set was written");
}
TEST(Simulation, Spanning) { tell(2, small_machine(3 << 20), spanning); }

// SIGTERM while two jobs run: what was committed stays, and the next start goes on.
void stop_in_order(Story& story) {
    auto tree = story.make_tree("tree", 20, 90000);
    story.machine.boot();
    story.label_all();
    story.must_backup(tree, "before");
    auto one = story.start_backup(tree, "one");
    story.start_restore(tree);
    story.machine.run_for(std::chrono::seconds(story.machine.chance().below(600)));
    auto job = story.machine.ask(api::kJob, {std::to_string(one)});
    if (job && job->state == api::JobState::completed) story.finish_backup(one, tree, "one");
    story.machine.stop();
    story.machine.boot();
    story.must_go_on(tree);
}
TEST(Simulation, StopInOrder) { tell(3, small_machine(), stop_in_order); }

}  // namespace
}  // namespace capstan::simulation
