// A connection to robot or drive ends and comes back: nobody has to do anything, and nothing is written on trust.
#include "daemon/plane.hpp"

namespace capstan::daemon {
namespace {

using namespace std::chrono_literals;

class LostConnection : public testing::Test {
  protected:
    LostConnection() {
        plane.start();
        plane.label_all(4);
        tree = plane.make_tree("tree", 6, 20000);
    }
    Library& library() { return *plane.plane->libraries().front(); }
    std::vector<Library::Drive>& drives() { return library().drives(); }
    bool in_order() {
        if (library().state() != "ready") return false;
        for (const auto& drive : drives())
            if (!drive.trouble.empty() || !drive.owner->why_faulted().empty()) return false;
        return true;
    }

    Plane plane;
    std::string tree;
};

TEST_F(LostConnection, UnderAWriteTheJobGoesOnElsewhereAndTheDriveComesBackByItself) {
    ASSERT_EQ(plane.backup(tree, "before").state, pools::JobState::complete);
    auto id = plane.start_backup(plane.make_tree("long", 30, 60000), "cut");
    ASSERT_TRUE(plane.until([&] { return drives()[0].activity == "writing"; }));
    plane.down[1].commands = 2;
    const auto cut = plane.finish(id);
    EXPECT_EQ(cut.state, pools::JobState::complete) << "in the other drive: " << cut.message;
    EXPECT_FALSE(in_order());
    EXPECT_FALSE(plane.until([this] { return in_order(); }, 60s)) << "as long as nobody answers";
    plane.down.clear();
    ASSERT_TRUE(plane.until([this] { return in_order(); }, 120s)) << drives()[0].trouble;
    EXPECT_FALSE(drives()[0].prepared) << "label and position are to be read again";
    drives()[1].trouble = "the other one is not to be used";
    const auto job = plane.backup(tree, "after");
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
    const auto restored = plane.restore(1, plane.scratch / "restored");
    EXPECT_EQ(restored.state, pools::JobState::complete) << restored.message;
}

TEST_F(LostConnection, OfTheRobotIsTakenUpAgain) {
    plane.down[0].commands = 0;
    EXPECT_FALSE(plane.inventory(false));
    EXPECT_EQ(library().state(), "needs_service");
    plane.down.clear();
    ASSERT_TRUE(plane.until([this] { return in_order(); }, 60s)) << library().trouble();
    EXPECT_EQ(library().state(), "ready");
}

TEST_F(LostConnection, AtTheStartOfTheDaemonIsNoLastingTrouble) {
    plane.cut_power();
    plane.down[2].commands = 0;
    plane.start();
    EXPECT_FALSE(drives()[1].trouble.empty());
    plane.down.clear();
    EXPECT_TRUE(plane.until([this] { return in_order(); }, 60s)) << drives()[1].trouble;
}

TEST_F(LostConnection, ThatNeverComesBackIsLeftToTheOperatorInTheEnd) {
    plane.down[1].commands = 0;
    EXPECT_FALSE(plane.enable(0));
    EXPECT_FALSE(plane.until([this] { return in_order(); }, std::chrono::hours{2}));
    plane.down.clear();
    EXPECT_FALSE(plane.until([this] { return in_order(); }, std::chrono::hours{2})) << "tried often enough";
    EXPECT_TRUE(plane.enable(0));
    EXPECT_TRUE(in_order());
}

TEST_F(LostConnection, ATroubleOfAnotherKindStaysUntilSomebodyLooked) {
    plane.library->set_faults(
        {.medium = {}, .jams = {}, .commands = {{.lun = 1, .command = 1, .kind = vl::CommandFault::Kind::lost_reply}}});
    EXPECT_FALSE(plane.enable(0));
    EXPECT_FALSE(plane.until([this] { return in_order(); }, std::chrono::hours{1}));
    EXPECT_TRUE(plane.enable(0));
}

}  // namespace
}  // namespace capstan::daemon
