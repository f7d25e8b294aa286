// A write that fails at every block of a small set and of the catalog set behind it: the job goes on on the next cartridge, and
// what came out is read by the decoder behind `capstan mtf`, without daemon and database.
#include "tests/daemon/plane.hpp"
#include "tests/simulation/oracle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace capstan::daemon {
namespace {

constexpr std::uint64_t kBlock = 65536;

std::string wrong_with(const simulation::Tapes& tapes, const std::map<std::string, simulation::FileOnTape>& source, std::size_t wanted) {
    std::string text;
    std::set<std::string> sets;
    for (const auto& set : tapes.sets) {
        if (set.name != "job" && set.name != "next") continue;
        sets.insert(set.name);
        // What a drive that failed had taken, and did not confirm, is there again on another cartridge.
        const bool again = std::ranges::any_of(
            tapes.sets, [&](const auto& other) { return &other != &set && other.name == set.name && other.files == source && other.closed; });
        if (again) continue;
        for (const auto& fault : set.faults) text += set.name + ": " + fault + "; ";
        if (!set.closed || set.aborted) text += set.name + (set.closed ? " is aborted; " : " has no end; ");
        if (set.files != source)
            text += fmt::format("{} has {} files, the source {}, or their contents differ; ", set.name, set.files.size(), source.size());
    }
    if (sets.size() != wanted) text += fmt::format("{} sets are on the tapes; ", sets.size());
    return text;
}

struct Ground {
    explicit Ground(std::uint64_t checkpoint_bytes = 64ULL << 30)
        : plane({.capacity = 256 * kBlock, .early_warning = 4 * kBlock, .cartridges = 8, .checkpoint_bytes = checkpoint_bytes}) {
        plane.start();
        plane.label_all(8);
        tree = plane.make_tree("tree", 5, 50000);
    }
    void restores(SetNumber set) {
        auto restored = plane.restore(raw(set), plane.scratch / fmt::format("restored-{}", raw(set)));
        EXPECT_EQ(restored.state, pools::JobState::complete) << restored.message;
    }
    // The state is lost; what the media hold is enough.
    void comes_back_from_the_media() {
        plane.cut_power();
        plane.forget_state();
        plane.start();
        ASSERT_TRUE(plane.inventory());
        auto rebuilt = plane.finish(plane.plane->jobs().start_rebuild({}, "test"));
        EXPECT_TRUE(rebuilt.state == pools::JobState::complete || rebuilt.state == pools::JobState::complete_with_issues) << rebuilt.message;
        for (const auto& set : plane.sets())
            if (set.type != "catalog" && set.state == pools::SetState::complete) restores(set.number);
        EXPECT_FALSE(plane.sets().empty());
    }
    Plane plane;
    std::string tree;
};

// The drive holds some blocks in its buffer and tells of the bad spot later; mark: the cartridge still takes its end.
TEST(FailedWrite, AtEveryBlockOfASetGoesOnOnTheNextCartridge) {
    for (std::uint64_t block = 2; block <= 30; block += 3) {
        SCOPED_TRACE(fmt::format("bad spot at block {}", block));
        Ground ground;
        auto& plane = ground.plane;
        vl::FaultPlan faults;
        faults.medium.push_back({"CAP001L8", BlockNumber{block}, vl::MediumFault::When::write});
        plane.library->set_faults(faults);
        auto job = plane.backup(ground.tree, "job");
        ASSERT_EQ(job.state, pools::JobState::complete) << job.message;
        auto next = plane.backup(ground.tree, "next");
        ASSERT_EQ(next.state, pools::JobState::complete) << next.message;
        EXPECT_EQ(plane.cartridge("CAP001L8").side.state, pools::SideState::complete);
        for (const auto& set : plane.sets())
            if (set.type != "catalog" && set.state == pools::SetState::complete) ground.restores(set.number);
        EXPECT_EQ(wrong_with(simulation::read_tapes(plane.scratch / "library"), simulation::files_of(ground.tree), 2), "");
        if (testing::Test::HasFailure()) return;
    }
}

// The drive is gone, or an answer of it is lost, at any command of the job: the other drive goes on.
// With a lost answer near the end the first cartridge holds the set whole, and the next one a part of it once more: `steps` is small
// enough to meet that.
void drive_fails_at_every_command(vl::CommandFault::Kind kind, std::uint64_t steps) {
    unsigned on_two_media = 0;
    for (std::uint64_t command = 30; command <= 120; command += steps) {
        SCOPED_TRACE(fmt::format("fault at command {}", command));
        Ground ground(2 * kBlock);
        auto& plane = ground.plane;
        auto id = plane.start_backup(ground.tree, "job");
        vl::FaultPlan faults;
        faults.commands.push_back({1, command, kind});
        plane.library->set_faults(faults);
        auto job = plane.finish(id);
        plane.library->set_faults({});
        ASSERT_EQ(job.state, pools::JobState::complete) << job.message;
        std::size_t wanted = 0;
        for (const auto& set : plane.sets()) {
            if (set.type == "catalog" || set.state != pools::SetState::complete) continue;
            ++wanted;
            auto extents = pools::Sets(plane.state()).extents(set.number).value();
            on_two_media += extents.size() > 1 ? 1 : 0;
            plane.library->bring_back(1);
            if (!plane.plane->libraries().front()->drives().front().owner->why_faulted().empty()) {
                ASSERT_TRUE(plane.enable(0));
            }
            ground.restores(set.number);
        }
        EXPECT_EQ(wanted, 1U);
        EXPECT_EQ(wrong_with(simulation::read_tapes(plane.scratch / "library"), simulation::files_of(ground.tree), 1), "");
        if (command % 18 == 12 || (steps == 2 && command > 70)) ground.comes_back_from_the_media();
        if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(on_two_media, 0U);
}
TEST(FailedWrite, ALostAnswerAtEveryCommandGoesOnInTheOtherDrive) { drive_fails_at_every_command(vl::CommandFault::Kind::lost_reply, 2); }
TEST(FailedWrite, ADriveThatIsGoneAtEveryCommand) { drive_fails_at_every_command(vl::CommandFault::Kind::gone, 9); }
TEST(FailedWrite, ADriveThatHangsAtEveryCommand) { drive_fails_at_every_command(vl::CommandFault::Kind::hung, 9); }

// What was read is not in a ring: the whole job is run again, in the other drive.
TEST(FailedRead, OfALostDriveIsRunAgain) {
    Ground ground;
    auto& plane = ground.plane;
    ASSERT_EQ(plane.backup(ground.tree, "job").state, pools::JobState::complete);
    auto id = plane.start_restore(1, plane.scratch / "restored");
    vl::FaultPlan faults;
    faults.commands.push_back({1, 12, vl::CommandFault::Kind::gone});
    plane.library->set_faults(faults);
    auto failed = plane.finish(id);
    EXPECT_EQ(failed.state, pools::JobState::failed);
    ASSERT_NE(failed.message.find("It runs again as job 3."), std::string::npos) << failed.message;
    EXPECT_FALSE(plane.until([&] { return !plane.plane->jobs().is_running(JobId{3}); }, std::chrono::minutes{5}));
    const auto& requests = plane.plane->queue().open_requests();  // the cartridge is stuck in the drive
    ASSERT_EQ(requests.size(), 1U);
    const auto& text = requests.begin()->second.text;
    EXPECT_NE(text.find("CAP001L8 is in drive D1, which cannot be used"), std::string::npos) << text;
    plane.library->bring_back(1);
    ASSERT_TRUE(plane.enable(0));
    EXPECT_EQ(plane.finish(JobId{3}).state, pools::JobState::complete) << plane.job(JobId{3}).message;
}

}  // namespace
}  // namespace capstan::daemon
