// Another host and the reservation of a drive: before the daemon starts, while it is idle, and in the midst of writing.
#include "daemon/plane.hpp"

#include "drives/scsi/attentions.hpp"
#include "drives/scsi/claim.hpp"
#include "drives/virtual/virtual_transport.hpp"

#include <string>

namespace capstan::daemon {
namespace {

constexpr scsi::ReservationKey kTheirs{0xBAD};
constexpr vl::NexusId kTheirNexus{77};

class OtherHost : public testing::Test {
  protected:
    OtherHost() {
        plane.start();
        plane.label_all(4);
        tree = plane.make_tree("tree", 6, 20000);
    }
    std::vector<Library::Drive>& drives() { return plane.plane->libraries().front()->drives(); }
    // Takes the first drive, from whoever has it.
    void take_drive() {
        plane.library->name_nexus(kTheirNexus, "iqn.other-host,i,0x01");
        vl::VirtualTransport theirs(plane.library, kTheirNexus, 1);
        ASSERT_TRUE(scsi::take_attentions(theirs));
        ASSERT_TRUE(scsi::register_key(theirs, kTheirs));
        const auto holder = scsi::read_reservation(theirs);
        ASSERT_TRUE(holder);
        if (holder->reservation) {
            ASSERT_TRUE(scsi::preempt(theirs, kTheirs, holder->reservation->key));
        } else {
            ASSERT_TRUE(scsi::reserve_exclusively(theirs, kTheirs));
        }
    }
    void give_it_back() {
        vl::VirtualTransport theirs(plane.library, kTheirNexus, 1);
        ASSERT_TRUE(scsi::take_attentions(theirs));
        ASSERT_TRUE(scsi::unclaim(theirs, kTheirs));
    }

    Plane plane;
    std::string tree;
};

TEST_F(OtherHost, EverythingIsReservedFromTheStart) {
    for (std::uint8_t lun = 0; lun <= 2; ++lun) {
        vl::VirtualTransport look(plane.library, kTheirNexus, lun);
        ASSERT_TRUE(scsi::take_attentions(look));
        const auto held = scsi::read_reservation(look);
        ASSERT_TRUE(held && held->reservation) << int(lun);
        EXPECT_EQ(held->reservation->type, scsi::ReservationType::exclusive_access);
    }
    for (const auto& drive : drives()) EXPECT_EQ(drive.owner->identity().claim, scsi::Claim::held);
    EXPECT_EQ(plane.plane->libraries().front()->changer().identity().claim, scsi::Claim::held);
}

TEST_F(OtherHost, ADriveThatIsTakenIsNotUsedAndSaysByWhom) {
    ASSERT_EQ(plane.backup(tree).state, pools::JobState::complete);
    take_drive();
    EXPECT_FALSE(plane.enable(0));
    EXPECT_NE(drives()[0].trouble.find("iqn.other-host,i,0x01 has reserved it"), std::string::npos) << drives()[0].trouble;
    auto job = plane.backup(tree);
    EXPECT_EQ(job.state, pools::JobState::complete) << "in the other drive: " << job.message;
    give_it_back();
    auto enabled = plane.enable(0);
    ASSERT_TRUE(enabled) << to_text(enabled.error());
    EXPECT_EQ(drives()[0].trouble, "");
    drives()[1].trouble = "the other one is not to be used";
    job = plane.backup(tree);
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
}

TEST_F(OtherHost, InTheMidstOfWritingNothingThatWasSavedIsLost) {
    ASSERT_EQ(plane.backup(tree, "before").state, pools::JobState::complete);
    auto id = plane.start_backup(plane.make_tree("long", 30, 60000), "cut");
    ASSERT_TRUE(plane.until([&] { return drives()[0].activity == "writing"; }));
    take_drive();
    EXPECT_NE(plane.finish(id).state, pools::JobState::complete);
    const auto tape = read_tape(plane.scratch / "library/media/CAP001L8");
    give_it_back();
    auto enabled = plane.enable(0);
    ASSERT_TRUE(enabled) << to_text(enabled.error());
    auto restored = plane.restore(1, plane.scratch / "restored");
    EXPECT_EQ(restored.state, pools::JobState::complete) << restored.message;
    auto again = plane.backup(tree, "after");
    EXPECT_EQ(again.state, pools::JobState::complete) << again.message;
    const auto later = read_tape(plane.scratch / "library/media/CAP001L8");
    ASSERT_GE(later.objects.size(), tape.objects.size()) << "what was on the tape stays";
}

TEST_F(OtherHost, OurOwnLeftOverIsTakenOver) {
    plane.cut_power();
    plane.start();
    for (const auto& drive : drives()) EXPECT_EQ(drive.trouble, "");
    EXPECT_EQ(plane.backup(tree).state, pools::JobState::complete);
}

}  // namespace
}  // namespace capstan::daemon
