// What a crash leaves on a medium beyond its recorded end (design rule 3).
#include "tests/daemon/plane.hpp"

#include "drives/virtual/cartridge_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace capstan::daemon {
namespace {

// A backup of which the medium has everything and the state nothing, as if the power had gone between tape and commit.
struct LostCommit {
    explicit LostCommit(PlaneOptions options = {}) : plane(options) {
        plane.start();
        plane.label_all(2);
        tree = plane.make_tree("tree", 12, 20000);
        EXPECT_EQ(plane.backup(tree, "first").state, pools::JobState::complete);
        plane.cut_power();
        plane.scratch.copy("state", "before");
        plane.start();
    }
    void go_back() {
        plane.cut_power();
        plane.forget_state();
        plane.scratch.copy("before", "state");
        plane.start();
    }
    Plane plane;
    std::string tree;
};

TEST(TakeIn, BackupWorksOnThisGround) {
    LostCommit ground;
    auto& plane = ground.plane;
    EXPECT_EQ(plane.set(1).state, pools::SetState::complete);
    EXPECT_EQ(plane.set(2).type, "catalog");
    EXPECT_EQ(plane.restore(1, plane.scratch / "restored").state, pools::JobState::complete);
}

TEST(TakeIn, CompleteSetsThatTheStateDoesNotKnowAreTakenInAndStopOverwriting) {
    LostCommit ground;
    auto& plane = ground.plane;
    auto second = plane.make_tree("second", 7, 100000);
    ASSERT_EQ(plane.backup(second, "second").state, pools::JobState::complete);
    auto listing = plane.listing(3);
    auto was = plane.set(3);
    ground.go_back();
    auto third = plane.make_tree("third", 2, 10);
    ASSERT_EQ(plane.backup(third, "third").state, pools::JobState::complete);
    auto now = plane.set(3);
    EXPECT_EQ(now.uuid, was.uuid);
    EXPECT_EQ(now.name, "second");
    EXPECT_EQ(now.state, pools::SetState::complete);
    EXPECT_EQ(now.objects, was.objects);
    EXPECT_EQ(now.bytes, was.bytes);
    EXPECT_EQ(std::chrono::floor<std::chrono::seconds>(now.keep_until), std::chrono::floor<std::chrono::seconds>(was.keep_until));
    EXPECT_EQ(plane.listing(3), listing);
    EXPECT_EQ(plane.set(4).type, "catalog");
    EXPECT_EQ(plane.set(5).name, "third");
    EXPECT_EQ(plane.cartridge("CAP001L8").side.state, pools::SideState::allocated);
    EXPECT_FALSE(pools::Meta(plane.state()).overwrite_stop()->empty());
    EXPECT_EQ(plane.restore(3, plane.scratch / "restored").state, pools::JobState::complete);
    EXPECT_TRUE(std::filesystem::exists(plane.scratch / ("restored" + second + "/d0/file-0")));
}

// Ends of sets on a tape, by the codec alone.
struct EndOnTape {
    std::uint64_t set = 0;
    bool aborted = false;
    bool whole = false;  // with its filemark
};
std::vector<EndOnTape> ends_on(const TapeObjects& tape) {
    std::vector<EndOnTape> ends;
    for (std::size_t i = 0; i < tape.objects.size(); ++i) {
        auto record = end_record_in(tape.objects[i].bytes);
        if (!record) continue;
        ends.push_back({raw(record->number), record->aborted, i + 1 < tape.objects.size() && tape.objects[i + 1].filemark});
    }
    return ends;
}

// The state as it was at any event of a backup, and the tape as it is in the end: what checkpoints committed is known, the rest is
// read from the tape, from the last object that is known on.
TEST(TakeIn, AnyStateOfABackupAndTheWholeTape) {
    LostCommit ground({.checkpoint_bytes = 200'000});
    auto& plane = ground.plane;
    auto tree = plane.make_tree("long", 30, 30000);
    auto id = plane.start_backup(tree, "long");
    std::vector<std::string> states;
    std::uint64_t recorded = 0;
    for (plane.poll(); !pools::is_finished(plane.job(id).state); plane.poll()) {
        ASSERT_TRUE(plane.clock.advance());
        auto end = raw(plane.cartridge("CAP001L8").side.recorded_end);
        if (end == recorded && !states.empty()) continue;
        recorded = end;
        states.push_back(fmt::format("state-{}", states.size()));
        plane.scratch.copy("state", states.back());
    }
    auto reference = plane.listing(3);
    auto was = plane.set(3);
    auto segments = pools::Sets(plane.state()).segments(SetNumber{3})->size();
    plane.cut_power();
    plane.scratch.copy("library", "library-0");
    ASSERT_GT(states.size(), 4U);
    bool inside = false;
    for (const auto& state : states) {
        SCOPED_TRACE(state);
        plane.scratch.copy(state, "state");
        plane.scratch.copy("library-0", "library");
        plane.start();
        auto before = pools::Sets(plane.state()).segments(SetNumber{3})->size();
        ASSERT_TRUE(plane.until([&] { return plane.plane->jobs().running().empty(); }));  // the job that was cut off runs once more
        ASSERT_EQ(plane.backup(plane.scratch / "tree", "after").state, pools::JobState::complete);
        auto now = plane.set(3);
        EXPECT_EQ(now.state, pools::SetState::complete);
        EXPECT_EQ(std::tuple(now.uuid, now.objects, now.bytes, now.end_written), std::tuple(was.uuid, was.objects, was.bytes, true));
        EXPECT_EQ(plane.listing(3), reference);
        auto after = pools::Sets(plane.state()).segments(SetNumber{3})->size();
        inside = inside || (before > 0 && before < segments && after == before + 1);
        EXPECT_EQ(plane.set(4).state, pools::SetState::complete);
        EXPECT_EQ(plane.restore(3, plane.scratch / ("restored-" + state)).state, pools::JobState::complete);
        EXPECT_EQ(plane.cartridge("CAP002L8").side.state, pools::SideState::available);
        plane.cut_power();
    }
    EXPECT_TRUE(inside);
}

bool is_complete_on(const TapeObjects& tape, std::uint64_t set) {
    const auto ends = ends_on(tape);
    return std::any_of(ends.begin(), ends.end(), [set](const auto& end) { return end.set == set && !end.aborted; });
}

// The power is cut after any number of events of a backup with checkpoints inside the set. Whatever the tape holds then is taken in
// or closed: the next job appends to the same cartridge, and a set whose end was on the tape is as if nothing had happened.
TEST(TakeIn, AnyMomentOfABackup) {
    LostCommit ground({.checkpoint_bytes = 200'000});
    auto& plane = ground.plane;
    auto tree = plane.make_tree("long", 30, 30000);
    plane.cut_power();
    plane.scratch.copy("state", "state-0");
    plane.scratch.copy("library", "library-0");
    auto begin = [&] {
        plane.scratch.copy("state-0", "state");
        plane.scratch.copy("library-0", "library");
        plane.start();
        return plane.start_backup(tree, "long");
    };
    // Without a crash: how many events there are, and what the set's catalog is.
    auto id = begin();
    int events = 0;
    for (plane.poll(); !pools::is_finished(plane.job(id).state); plane.poll(), ++events) ASSERT_TRUE(plane.clock.advance());
    auto reference = plane.listing(3);
    ASSERT_GT(pools::Sets(plane.state()).segments(SetNumber{3})->size(), 2U);
    plane.cut_power();

    int complete = 0, aborted = 0, longer = 0;
    for (int stop = 1; stop < events; stop += 2) {
        SCOPED_TRACE(fmt::format("cut after {} of {} events", stop, events));
        begin();
        plane.poll();
        for (int i = 0; i < stop; ++i, plane.poll()) ASSERT_TRUE(plane.clock.advance());
        plane.cut_power();
        auto tape = read_tape(plane.scratch / "library/media/CAP001L8");
        auto crashed = plane.clock.wall();
        plane.clock.pass(std::chrono::seconds{1});
        plane.start();  // the job that was cut off runs once more
        auto recorded = raw(plane.cartridge("CAP001L8").side.recorded_end);
        if (tape.objects.size() > recorded) ++longer;
        ASSERT_TRUE(plane.until([&] { return plane.plane->jobs().running().empty(); }));
        auto after = plane.backup(plane.scratch / "tree", "after");
        ASSERT_EQ(after.state, pools::JobState::complete) << after.message;
        ASSERT_TRUE(plane.until([&] { return plane.plane->jobs().running().empty(); }));
        auto cartridge = plane.cartridge("CAP001L8");
        EXPECT_EQ(cartridge.side.state, pools::SideState::allocated);
        EXPECT_EQ(plane.cartridge("CAP002L8").side.state, pools::SideState::available) << "the cartridge was turned down";
        EXPECT_EQ(raw(cartridge.side.recorded_end), read_tape(plane.scratch / "library/media/CAP001L8").objects.size());
        EXPECT_EQ(*pools::Meta(plane.state()).overwrite_stop(), "");
        for (const auto& set : plane.sets()) {
            if (set.name != "long" || raw(set.number) != 3 || set.started > crashed) continue;
            EXPECT_EQ(set.state == pools::SetState::complete, is_complete_on(tape, 3));
            if (set.state == pools::SetState::complete) {
                ++complete;
                auto listing = plane.listing(3);
                EXPECT_EQ(listing, reference);
                EXPECT_EQ(plane.restore(3, plane.scratch / fmt::format("restored-{}", stop)).state, pools::JobState::complete);
            } else {
                ++aborted;
            }
        }
        for (const auto& end : ends_on(read_tape(plane.scratch / "library/media/CAP001L8"))) EXPECT_TRUE(end.whole);
        plane.cut_power();
    }
    fmt::print("{} events; complete {}, aborted {}, the tape held more than was recorded {} times\n", events, complete, aborted, longer);
    EXPECT_GT(complete, 0);
    EXPECT_GT(aborted, 0);
    EXPECT_GT(longer, 0);
}

}  // namespace
}  // namespace capstan::daemon
