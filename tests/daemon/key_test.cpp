// An encryption key that another program left in a drive: nothing is written with it, and that is said.
#include "daemon/plane.hpp"

#include <string>

namespace capstan::daemon {
namespace {

class AnothersKey : public testing::Test {
  protected:
    AnothersKey() {
        plane.start();
        plane.label_all(4);
        tree = plane.make_tree("tree", 6, 20000);
    }
    std::vector<Library::Drive>& drives() { return plane.plane->libraries().front()->drives(); }
    void key(std::uint8_t lun, bool there, scsi::EncryptionControl control = scsi::EncryptionControl::not_exclusive) {
        ASSERT_TRUE(plane.library->set_key(lun, there, control));
    }
    std::size_t requests() { return plane.state_requests().size(); }
    std::uint64_t written(std::size_t drive) { return drives()[drive].owner->counters().blocks_written; }

    Plane plane{{.cartridges = 5}};
    std::string tree;
};

TEST_F(AnothersKey, AnotherDriveIsUsedAndTheKeyIsAskedAbout) {
    const auto unused = written(0);
    ASSERT_EQ(plane.backup(tree, "before").state, pools::JobState::complete);
    const std::size_t keyed = written(0) > unused ? 0 : 1;
    const auto before = written(keyed);
    key(static_cast<std::uint8_t>(keyed + 1), true);
    const auto job = plane.backup(tree);
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
    EXPECT_EQ(written(keyed), before);
    ASSERT_TRUE(plane.until([&] { return requests() == 1; }));
    const auto request = plane.state_requests()[0];
    EXPECT_TRUE(request.starts_with("drive D" + std::to_string(keyed + 1) +
                                    " encrypts what is written, with a key that another program put there. Take the key away"))
        << request;
    EXPECT_EQ(drives()[keyed].trouble, "") << "it is not broken";
    EXPECT_EQ(plane.restore(1, plane.scratch / "restored").state, pools::JobState::complete);
}

TEST_F(AnothersKey, InEveryDriveTheJobWaitsUntilOneIsGone) {
    const auto before = written(0) + written(1);
    key(1, true);
    key(2, true);
    const auto id = plane.start_backup(tree);
    ASSERT_TRUE(plane.until([&] { return requests() == 2; }));
    const auto minutes = plane.clock.now() + std::chrono::minutes{5};
    plane.until([&] { return plane.clock.now() > minutes; });
    const auto waiting = plane.plane->jobs().info(id);
    ASSERT_TRUE(waiting);
    EXPECT_EQ(waiting->state, api::JobState::waiting);
    EXPECT_NE(waiting->reason.find("with a key that another program put there"), std::string::npos) << waiting->reason;
    EXPECT_NE(waiting->request, 0U) << "--no-wait: a person is waited for";
    EXPECT_EQ(requests(), 2U) << "not once a minute";
    EXPECT_EQ(written(0) + written(1), before);
    key(2, false);
    EXPECT_EQ(plane.finish(id).state, pools::JobState::complete);
    EXPECT_EQ(requests(), 1U);
    key(1, false);
    EXPECT_TRUE(plane.until([&] { return requests() == 0; }, std::chrono::minutes{3}));
}

TEST_F(AnothersKey, WhatIsRestoredIsReadWithTheKeyInTheDrive) {
    ASSERT_EQ(plane.backup(tree).state, pools::JobState::complete);
    key(1, true);
    key(2, true);
    const auto restored = plane.restore(1, plane.scratch / "restored");
    EXPECT_EQ(restored.state, pools::JobState::complete) << restored.message;
}

TEST_F(AnothersKey, InTheMidstOfWritingTheSetGoesOnInAnotherDrive) {
    ASSERT_EQ(plane.backup(tree, "before").state, pools::JobState::complete);
    const auto id = plane.start_backup(plane.make_tree("long", 30, 60000), "long");
    ASSERT_TRUE(plane.until([&] { return drives()[0].activity == "writing" || drives()[1].activity == "writing"; }));
    const std::size_t keyed = drives()[0].activity == "writing" ? 0 : 1;
    key(static_cast<std::uint8_t>(keyed + 1), true);
    const auto job = plane.finish(id);
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
    const auto then = written(keyed);
    EXPECT_GT(written(1 - keyed), 0U);
    EXPECT_EQ(plane.backup(tree, "after").state, pools::JobState::complete);
    EXPECT_EQ(written(keyed), then);
    for (const std::uint64_t set : {1, 3, 5}) {  // between them their catalogs
        const auto restored = plane.restore(set, plane.scratch / ("restored" + std::to_string(set)));
        EXPECT_EQ(restored.state, pools::JobState::complete) << restored.message;
    }
}

TEST_F(AnothersKey, LabellingTakesAnotherDriveToo) {
    const auto before = written(0);
    key(1, true);
    plane.label("CAP005L8");
    EXPECT_FALSE(plane.cartridge("CAP005L8").side.media_id.empty());
    EXPECT_EQ(written(0), before);
}

TEST_F(AnothersKey, TheLibrarysOwnKeyIsNobodysBusiness) {
    key(1, true, scsi::EncryptionControl::library);
    key(2, true, scsi::EncryptionControl::library);
    EXPECT_EQ(plane.backup(tree).state, pools::JobState::complete);
    EXPECT_EQ(requests(), 0U);
}

}  // namespace
}  // namespace capstan::daemon
