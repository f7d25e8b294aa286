// Cartridges in doubt, and full ones: what is proven before they are written again (design rules 2 and 3).
#include "tests/daemon/plane.hpp"

#include <fmt/format.h>

namespace capstan::daemon {
namespace {

struct Ground {
    explicit Ground(PlaneOptions options = {}) : plane(options) {
        plane.start();
        plane.label_all(2);
        tree = plane.make_tree("tree", 6, 20000);
    }
    void doubt(const std::string& tag) {
        auto cartridge = plane.cartridge(tag);
        auto transaction = pools::WriteTransaction::begin(plane.state()).value();
        pools::AuditNote note{"test", "a doubt", plane.clock.wall()};
        ASSERT_TRUE(pools::Cartridges(plane.state()).set_suspect(transaction, cartridge.id, true, note));
        ASSERT_TRUE(transaction.commit());
    }
    void keep_out(const std::string& tag) {  // by an operator's hold
        auto transaction = pools::WriteTransaction::begin(plane.state()).value();
        pools::AuditNote note{"test", "test", plane.clock.wall()};
        ASSERT_TRUE(pools::Cartridges(plane.state()).set_hold(transaction, plane.cartridge(tag).id, "test", note));
        ASSERT_TRUE(transaction.commit());
    }
    void set_recorded_end(std::uint64_t end) {  // the tape holds something else than the state says
        pools::FoundSet found;
        found.set = plane.set(2);
        found.extent = pools::Sets(plane.state()).extents(SetNumber{2})->front();
        found.recorded_end = BlockNumber{end};
        found.why = "test";
        ASSERT_TRUE(pools::take_in_found(plane.state(), found, {"test", "test", plane.clock.wall()}));
    }
    std::string last_audit(const std::string& tag, const std::string& what) {
        auto rows = pools::Audit(plane.state()).of(plane.cartridge(tag).id).value();
        for (const auto& row : rows)
            if (row.what == what) return row.after + ": " + row.note.why;
        return {};
    }
    Plane plane;
    std::string tree;
};

TEST(Suspect, IsProvenWhenItIsMountedForWriting) {
    Ground ground;
    ASSERT_EQ(ground.plane.backup(ground.tree).state, pools::JobState::complete);
    ground.doubt("CAP001L8");
    ASSERT_EQ(ground.plane.backup(ground.tree).state, pools::JobState::complete);
    EXPECT_FALSE(ground.plane.cartridge("CAP001L8").suspect);
    EXPECT_EQ(ground.plane.cartridge("CAP002L8").side.state, pools::SideState::available);
    EXPECT_NE(ground.last_audit("CAP001L8", "suspect").find("no: its label and its end of data"), std::string::npos);
}

TEST(Suspect, IsProvenByAFullInventory) {
    Ground ground;
    ASSERT_EQ(ground.plane.backup(ground.tree).state, pools::JobState::complete);
    ground.doubt("CAP001L8");
    ASSERT_TRUE(ground.plane.inventory());
    EXPECT_FALSE(ground.plane.cartridge("CAP001L8").suspect);
}

TEST(Suspect, StaysSoAndIsClosedWhenItHoldsLessThanIsRecorded) {
    Ground ground;
    ASSERT_EQ(ground.plane.backup(ground.tree).state, pools::JobState::complete);
    ground.set_recorded_end(500);
    ground.doubt("CAP001L8");
    auto read = ground.plane.inventory();
    ASSERT_FALSE(read);
    EXPECT_NE(to_text(read.error()).find("holds less than is recorded"), std::string::npos) << to_text(read.error());
    EXPECT_TRUE(ground.plane.cartridge("CAP001L8").suspect);
    EXPECT_EQ(ground.plane.cartridge("CAP001L8").side.state, pools::SideState::complete);
    EXPECT_NE(ground.last_audit("CAP001L8", "suspect").find("holds less"), std::string::npos);
    // The next job takes another one.
    ASSERT_EQ(ground.plane.backup(ground.tree).state, pools::JobState::complete);
    EXPECT_EQ(ground.plane.cartridge("CAP002L8").side.state, pools::SideState::allocated);
}

TEST(Suspect, AFailedWriteIsAppendedToAgainAfterItsEndWasProven) {
    Ground ground;
    auto& plane = ground.plane;
    ASSERT_EQ(plane.backup(ground.tree).state, pools::JobState::complete);
    auto long_tree = plane.make_tree("long", 30, 60000);
    auto id = plane.start_backup(long_tree);
    auto& drive = plane.plane->libraries().front()->drives().front();
    ASSERT_TRUE(plane.until([&] { return drive.owner->state() == drives::DriveState::writing; }));
    vl::FaultPlan faults;  // the drive is gone in the midst of a set that is not to go on elsewhere
    faults.commands.push_back({1, 4, vl::CommandFault::Kind::gone});
    plane.library->set_faults(faults);
    ASSERT_TRUE(plane.plane->jobs().cancel(id, "test"));
    EXPECT_NE(plane.finish(id).state, pools::JobState::complete);
    EXPECT_TRUE(plane.cartridge("CAP001L8").suspect);
    plane.cut_power();
    plane.start();
    auto again = plane.backup(long_tree);
    ASSERT_EQ(again.state, pools::JobState::complete) << again.message;
    EXPECT_FALSE(plane.cartridge("CAP001L8").suspect);
    EXPECT_EQ(plane.cartridge("CAP002L8").side.state, pools::SideState::available);
}

TEST(Drive, ThatWasSwitchedOffAndOnTakesItsCartridgeAgain) {
    Ground ground;
    auto& plane = ground.plane;
    ASSERT_EQ(plane.backup(ground.tree).state, pools::JobState::complete);
    ASSERT_TRUE(plane.library->power_cycle(1));
    auto again = plane.backup(ground.tree);
    ASSERT_EQ(again.state, pools::JobState::complete) << again.message;
    EXPECT_FALSE(plane.cartridge("CAP001L8").suspect);
    EXPECT_EQ(plane.cartridge("CAP002L8").side.state, pools::SideState::available);
}

// The robot could not take it away: it is unloaded in the drive, which is then used again.
TEST(Drive, LoadsWhatWasUnloadedInIt) {
    Ground ground;
    auto& plane = ground.plane;
    ASSERT_EQ(plane.backup(ground.tree).state, pools::JobState::complete);
    auto& drives = plane.plane->libraries().front()->drives();
    vl::FaultPlan faults;
    faults.jams.push_back({.move = 1, .where = vl::RobotJam::Where::at_source});
    plane.library->set_faults(faults);
    ASSERT_TRUE(plane.until([&] { return !drives[0].trouble.empty(); }, std::chrono::hours{2}));
    plane.library->set_faults({});
    plane.library->clear_jam();
    auto enabled = plane.enable(0);
    ASSERT_TRUE(enabled) << to_text(enabled.error());
    drives[1].trouble = "the other one is not to be used";
    auto again = plane.backup(ground.tree);
    ASSERT_EQ(again.state, pools::JobState::complete) << again.message;
    EXPECT_EQ(plane.cartridge("CAP002L8").side.state, pools::SideState::available);
}

TEST(Library, ThatDidNotAnswerAtStartIsReadyAfterAnInventory) {
    Ground ground;
    auto& plane = ground.plane;
    plane.cut_power();
    vl::FaultPlan faults;
    faults.commands.push_back({0, 1, vl::CommandFault::Kind::gone});
    plane.faults = faults;
    plane.start();
    EXPECT_EQ(plane.plane->libraries().front()->state(), "needs_service");
    EXPECT_NE(to_text(plane.enable(0).error()).find("has not been inventoried"), std::string::npos);
    plane.library->bring_back(0);
    auto seen = plane.inventory(false);
    ASSERT_TRUE(seen) << to_text(seen.error());
    for (const auto& drive : plane.plane->libraries().front()->drives()) EXPECT_EQ(drive.trouble, "");
    auto job = plane.backup(ground.tree);
    ASSERT_EQ(job.state, pools::JobState::complete) << job.message;
}

TEST(Drive, IsUsedAgainAfterARepairWithoutARestart) {
    Ground ground;
    auto& plane = ground.plane;
    auto& drives = plane.plane->libraries().front()->drives();
    auto id = plane.start_backup(plane.make_tree("long", 30, 60000));
    ASSERT_TRUE(plane.until([&] { return drives[0].activity == "writing"; }));
    EXPECT_NE(to_text(plane.enable(0).error()).find("in use by job"), std::string::npos);
    vl::FaultPlan faults;
    faults.commands.push_back({1, 4, vl::CommandFault::Kind::gone});
    plane.library->set_faults(faults);
    ASSERT_EQ(plane.finish(id).state, pools::JobState::complete);  // in the other drive
    ASSERT_FALSE(drives[0].owner->why_faulted().empty() && drives[0].trouble.empty());
    EXPECT_FALSE(plane.enable(0));  // it does not answer yet
    EXPECT_FALSE(drives[0].trouble.empty());
    plane.library->set_faults({});
    plane.library->bring_back(1);
    auto enabled = plane.enable(0);
    ASSERT_TRUE(enabled) << to_text(enabled.error());
    EXPECT_EQ(drives[0].trouble, "");
    EXPECT_EQ(drives[0].owner->why_faulted(), "");
    auto again = plane.backup(ground.tree);
    ASSERT_EQ(again.state, pools::JobState::complete) << again.message;
    auto restored = plane.restore(1, plane.scratch / "restored");
    EXPECT_EQ(restored.state, pools::JobState::complete) << restored.message;
}

TEST(Suspect, AMediumErrorWhileWritingClosesTheCartridge) {
    Ground ground;
    auto& plane = ground.plane;
    ASSERT_EQ(plane.backup(ground.tree).state, pools::JobState::complete);
    auto end = plane.cartridge("CAP001L8").side.recorded_end;
    vl::FaultPlan faults;
    faults.medium.push_back({"CAP001L8", end + 3, vl::MediumFault::When::write});
    plane.library->set_faults(faults);
    auto job = plane.backup(plane.make_tree("long", 30, 60000));
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
    EXPECT_EQ(plane.cartridge("CAP001L8").side.state, pools::SideState::complete);
    EXPECT_NE(ground.last_audit("CAP001L8", "state").find("closed for writing"), std::string::npos);
    EXPECT_EQ(plane.cartridge("CAP002L8").side.state, pools::SideState::allocated);
}

// A full medium ends with EOTM, not with the end of a set. Once all on it has expired it is used again like any other.
TEST(Reuse, AFullMediumOfASpanningSetComesBack) {
    Ground ground({.capacity = 2'000'000, .early_warning = 400'000});
    auto& plane = ground.plane;
    ASSERT_EQ(plane.backup(ground.tree).state, pools::JobState::complete);  // ends on the first medium
    auto job = plane.backup(plane.make_tree("long", 30, 60000));
    ASSERT_EQ(job.state, pools::JobState::complete) << job.message;
    ASSERT_EQ(plane.cartridge("CAP001L8").side.state, pools::SideState::complete);
    plane.cut_power();
    plane.clock.pass(std::chrono::days{80});
    plane.start();
    ASSERT_TRUE(plane.plane->context().guard.confirm("test", "it is that late"));
    ASSERT_TRUE(plane.until([&] { return plane.cartridge("CAP001L8").side.state == pools::SideState::available; }, std::chrono::hours{3}));
    ground.keep_out("CAP002L8");
    auto again = plane.backup(ground.tree);
    ASSERT_EQ(again.state, pools::JobState::complete) << again.message;
    EXPECT_EQ(pools::Sets(plane.state()).extents(plane.sets().front().number)->front().cartridge, plane.cartridge("CAP001L8").id);
}

}  // namespace
}  // namespace capstan::daemon
