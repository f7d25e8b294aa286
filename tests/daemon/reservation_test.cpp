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
    void take_drive() { take(1); }
    void take(std::uint8_t lun) {
        plane.library->name_nexus(kTheirNexus, "iqn.other-host,i,0x01");
        vl::VirtualTransport theirs(plane.library, kTheirNexus, lun);
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
    void give_it_back() { give_back(1); }
    void give_back(std::uint8_t lun) {
        vl::VirtualTransport theirs(plane.library, kTheirNexus, lun);
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
    const auto cut = plane.finish(id);
    EXPECT_EQ(cut.state, pools::JobState::complete) << "in the other drive: " << cut.message;
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

TEST_F(OtherHost, WhatItHasIsAskedAboutUntilItGivesItBack) {
    auto requests = [&] { return plane.state_requests(); };
    plane.cut_power();
    plane.start();
    take_drive();
    auto job = plane.backup(tree);
    EXPECT_EQ(job.state, pools::JobState::complete) << "in the other drive: " << job.message;
    EXPECT_NE(drives()[0].trouble.find("has reserved it"), std::string::npos) << "found before anything was put into it";
    EXPECT_FALSE(drives()[0].cartridge);
    ASSERT_EQ(requests().size(), 1U);
    EXPECT_TRUE(requests()[0].starts_with("drive D1 is reserved by another host: drive D1: iqn.other-host,i,0x01 has reserved it (key "
                                          "0x0000000000000bad). End what uses it there."))
        << requests()[0];
    const auto minutes = plane.clock.now() + std::chrono::minutes{5};
    plane.until([&] { return plane.clock.now() > minutes; });
    EXPECT_EQ(requests().size(), 1U) << "not once a minute";
    give_it_back();
    EXPECT_TRUE(plane.until([&] { return requests().empty(); }, std::chrono::minutes{3}));
    EXPECT_EQ(drives()[0].trouble, "");
    EXPECT_EQ(drives()[0].owner->identity().claim, scsi::Claim::held);
}

// What `--no-wait` asks: is it a person that the job waits for?
TEST_F(OtherHost, WhoHasEveryDriveIsWhatAJobWaitsFor) {
    plane.cut_power();
    plane.start();
    take(1);
    auto id = plane.start_backup(tree);
    ASSERT_TRUE(plane.until([&] { return !plane.state_requests().empty(); }));
    EXPECT_EQ(plane.finish(id).state, pools::JobState::complete) << "in the other drive";
    take(2);
    EXPECT_FALSE(plane.enable(1));
    id = plane.start_backup(tree);
    ASSERT_TRUE(plane.until([&] { return plane.plane->jobs().info(id)->state == api::JobState::waiting; }));
    EXPECT_TRUE(plane.until([&] { return plane.plane->jobs().info(id)->request != 0; }));
    give_back(2);
    EXPECT_EQ(plane.finish(id).state, pools::JobState::complete);
}

TEST_F(OtherHost, TheRobotToo) {
    plane.cut_power();
    plane.start();
    take(0);
    EXPECT_FALSE(plane.inventory(false));
    EXPECT_TRUE(plane.until([&] { return !plane.state_requests().empty(); }, std::chrono::minutes{3}));
    EXPECT_TRUE(plane.state_requests()[0].starts_with("library LIB1 is reserved by another host: "));
    give_back(0);
    EXPECT_TRUE(plane.until([&] { return plane.state_requests().empty(); }, std::chrono::minutes{3}));
    EXPECT_EQ(plane.plane->libraries().front()->state(), "ready");
    EXPECT_EQ(plane.backup(tree).state, pools::JobState::complete);
}

TEST_F(OtherHost, MayTakeOverAfterAnOrderlyEnd) {
    ASSERT_EQ(plane.backup(tree).state, pools::JobState::complete);
    plane.let_go();
    for (std::uint8_t lun = 0; lun <= 2; ++lun) {
        vl::VirtualTransport look(plane.library, kTheirNexus, lun);
        ASSERT_TRUE(scsi::take_attentions(look));
        const auto held = scsi::read_reservation(look);
        ASSERT_TRUE(held);
        EXPECT_FALSE(held->reservation) << int(lun);
    }
    EXPECT_FALSE(plane.inventory(false)) << "nothing is moved any more";
}

TEST_F(OtherHost, AnEndWhileADriveIsInUseIsBounded) {
    (void)plane.start_backup(plane.make_tree("long", 30, 60000), "cut");
    ASSERT_TRUE(plane.until([&] { return drives()[0].activity == "writing"; }));
    drives()[1].leased_by = "somebody who never ends";
    const auto begun = plane.clock.now();
    plane.let_go();
    EXPECT_LE(plane.clock.now() - begun, std::chrono::seconds{11});
    EXPECT_EQ(drives()[1].owner->identity().claim, scsi::Claim::held);
}

TEST_F(OtherHost, AnotherDomainIdKeepsTheReservation) {  // catalog rebuild adopts the id of the installation that wrote the media
    {
        auto transaction = pools::WriteTransaction::begin(plane.state());
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(plane.state().adopt_domain(*transaction, Uuid{"11111111-2222-4333-8444-555555555555"}));
        ASSERT_TRUE(transaction->commit());
    }
    plane.cut_power();
    plane.start();
    for (const auto& drive : drives()) EXPECT_EQ(drive.trouble, "");
}

TEST_F(OtherHost, OurOwnLeftOverIsTakenOver) {
    plane.cut_power();
    plane.start();
    for (const auto& drive : drives()) EXPECT_EQ(drive.trouble, "");
    EXPECT_EQ(plane.backup(tree).state, pools::JobState::complete);
}

}  // namespace
}  // namespace capstan::daemon
