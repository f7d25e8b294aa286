// The operator's hands while the library serves: by the words, and through the socket in its directory.
#include "support.hpp"

#include "drives/scsi/claim.hpp"
#include "drives/scsi/iscsi/iscsi_transport.hpp"
#include "tools/vtl/control_door.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <future>
#include <thread>

namespace capstan::iscsi {
namespace {

using namespace virtual_library;
using namespace std::chrono_literals;

constexpr const char* kName = "iqn.2026-11.org.example:library";

class Hands : public testing::Test {
  protected:
    Hands() {
        LibraryGeometry geometry;
        geometry.medium.capacity = 64 << 20;
        geometry.medium.early_warning = 1 << 20;
        auto opened = VirtualLibrary::open(scratch / "library", geometry);
        if (!opened) throw std::runtime_error(to_text(opened.error()));
        library = *opened;
        TargetOptions options;
        options.settings.name = kName;
        options.portal = "127.0.0.1:0";
        target = std::make_shared<Target>(library, options);
        if (auto started = target->start(); !started) throw std::runtime_error(to_text(started.error()));
        control.emplace(target);
    }
    ~Hands() override { target->stop(); }
    std::unique_ptr<scsi::IscsiTransport> initiator(std::uint16_t lun) {
        scsi::IscsiOptions options;
        return std::make_unique<scsi::IscsiTransport>(scsi::IscsiAddress{target->address(), kName, lun}, options);
    }
    std::string done(std::string_view line) {
        auto answer = control->obey(line);
        if (!answer) return to_text(answer.error());
        return "ok" + (answer->empty() ? "" : " " + *answer);
    }
    void load() {
        auto changer = initiator(0);
        ASSERT_EQ(settle(*changer), "GOOD");
        ASSERT_EQ(told(run(*changer, scsi::MoveMediumCdb{.source = BigEndian<2>{0x03E8}, .destination = BigEndian<2>{0x0100}})), "GOOD");
    }

    Scratch scratch;
    std::shared_ptr<VirtualLibrary> library;
    std::shared_ptr<Target> target;
    std::optional<Control> control;
};

TEST_F(Hands, CartridgesComeAndGo) {
    auto changer = initiator(0);
    ASSERT_EQ(settle(*changer), "GOOD");
    EXPECT_NE(done("list").find("CAP001L8 CAP001L8 slot1\n"), std::string::npos) << done("list");
    EXPECT_EQ(done("new NEW001L8"), "ok");
    EXPECT_NE(done("list").find("NEW001L8 NEW001L8 outside\n"), std::string::npos);
    EXPECT_EQ(done("insert NEW001L8"), "ok");
    EXPECT_EQ(ready(*changer), "06/28/01");
    EXPECT_NE(done("list").find("NEW001L8 NEW001L8 port1\n"), std::string::npos);
    EXPECT_NE(done("insert CAP001L8").find("in the library already"), std::string::npos);
    EXPECT_EQ(done("remove port1"), "ok NEW001L8\n");
    EXPECT_EQ(done("swap slot1 slot2 unseen"), "ok");
    EXPECT_NE(done("list").find("CAP001L8 CAP001L8 slot2\n"), std::string::npos);
    EXPECT_EQ(done("door open"), "ok");
    EXPECT_EQ(settle(*changer), "02/04/03");
    EXPECT_EQ(done("door close"), "ok");
    EXPECT_EQ(settle(*changer), "GOOD");
}

TEST_F(Hands, WhatIsNoActIsRefusedWithAReason) {
    for (const char* line : {"",
                             "   ",
                             "fly",
                             "door",
                             "door ajar",
                             "insert",
                             "insert NONE",
                             "insert CAP001L8 port9",
                             "insert CAP001L8 slot1",
                             "remove",
                             "swap slot1",
                             "swap slot1 drive1",
                             "swap slot1 slot2 seen",
                             "swap slot0 slot2",
                             "power-cycle drive3",
                             "power-cycle robot",
                             "hang drive1 x",
                             "hang drive1 0",
                             "hang",
                             "replace changer X",
                             "locate changer 0",
                             "locate drive1 0",
                             "locate drive1 far",
                             "reserve drive1",
                             "reserve drive1 yes",
                             "replace drive1 a-b",
                             "medium-fault CAP001L8 -1 read",
                             "medium-fault CAP001L8 1 melt",
                             "command-fault drive1 odd",
                             "jam 0",
                             "jam 1 slot",
                             "command-fault drive1 gone 99999999999999999999",
                             "list all"}) {
        auto answer = control->obey(line);
        ASSERT_FALSE(answer) << line;
        EXPECT_EQ(answer.error().recovery, Recovery::change_request) << line;
        EXPECT_FALSE(answer.error().happened.empty()) << line;
    }
    EXPECT_NE(done("help").find("medium-fault"), std::string::npos);
}

TEST_F(Hands, BlocksThatFail) {
    load();
    auto drive = initiator(1);
    ASSERT_EQ(settle(*drive), "GOOD");
    EXPECT_EQ(done("medium-fault CAP001L8 1 write"), "ok");
    EXPECT_EQ(done("medium-fault CAP001L8 2 deferred"), "ok");
    ASSERT_EQ(told(write(*drive, block(1, 4096))), "GOOD");
    auto failed = write(*drive, block(2, 4096));
    EXPECT_EQ(told(failed), "03/0C/00");
    EXPECT_FALSE(failed.sense->deferred);
    auto position = scsi::read_position(*drive, scsi::PositionForm::long_form);
    ASSERT_TRUE(position);
    EXPECT_EQ(position->block, BlockNumber{1}) << "nothing of it was taken";
    EXPECT_EQ(done("clear-faults"), "ok");
    EXPECT_EQ(done("medium-fault CAP001L8 2 deferred"), "ok");
    ASSERT_EQ(told(write(*drive, block(2, 4096))), "GOOD");
    ASSERT_EQ(told(write(*drive, block(3, 4096))), "GOOD") << "accepted";
    auto late = marks(*drive, 0);
    EXPECT_EQ(told(late), "03/0C/00");
    EXPECT_TRUE(late.sense->deferred);
    EXPECT_EQ(done("medium-fault CAP001L8 0 read"), "ok");
    ASSERT_EQ(told(scsi::ScsiReply{run(*drive, scsi::RewindCdb{})}), "GOOD");
    std::vector<std::uint8_t> space(4096);
    EXPECT_EQ(told(read(*drive, space)), "03/11/00");
}

TEST_F(Hands, ADriveThatHangsGoesOnWhenItIsLet) {
    auto drive = initiator(1);
    settle(*drive);
    EXPECT_EQ(done("hang drive1"), "ok");
    auto hung = std::async(std::launch::async, [&] { return told(run(*drive, scsi::TestUnitReadyCdb{})); });
    EXPECT_EQ(hung.wait_for(300ms), std::future_status::timeout);
    auto other = initiator(2);
    EXPECT_EQ(settle(*other), "02/3A/00") << "the others answer";
    EXPECT_EQ(done("resume drive1"), "ok");
    EXPECT_EQ(hung.get(), "02/3A/00");
    EXPECT_EQ(done("hang drive1 1"), "ok");
    EXPECT_EQ(ready(*drive), "02/3A/00") << "the time is over by itself";
}

TEST_F(Hands, WhatWasSentToAHungDriveAndGivenUpIsNotDoneLater) {
    load();
    auto drive = initiator(1);
    ASSERT_EQ(settle(*drive), "GOOD");
    ASSERT_EQ(told(write(*drive, block(1, 4096))), "GOOD");
    EXPECT_EQ(done("hang drive1"), "ok");
    const auto lost = drive->execute(scsi::to_cdb(scsi::RewindCdb{}), {}, {}, 200ms);
    ASSERT_FALSE(lost);
    EXPECT_FALSE(drive->connection_ended()) << "it was silent";
    EXPECT_EQ(done("drop-sessions").substr(0, 3), "ok ") << "the target may not have noticed yet that it is gone";
    EXPECT_EQ(done("resume drive1"), "ok");
    EXPECT_EQ(settle(*drive), "GOOD");
    auto position = scsi::read_position(*drive, scsi::PositionForm::long_form);
    ASSERT_TRUE(position);
    EXPECT_EQ(position->block, BlockNumber{1});
}

TEST_F(Hands, CommandsWithoutAnAnswerAreCountedFromNow) {
    auto drive = initiator(1);
    settle(*drive);
    EXPECT_EQ(done("command-fault drive1 no-answer 2"), "ok");
    EXPECT_EQ(ready(*drive), "02/3A/00");
    EXPECT_FALSE(drive->execute(scsi::to_cdb(scsi::TestUnitReadyCdb{}), {}, {}, 200ms));
    EXPECT_EQ(settle(*drive), "02/3A/00");
    EXPECT_EQ(done("command-fault drive1 gone"), "ok");
    EXPECT_FALSE(drive->execute(scsi::to_cdb(scsi::TestUnitReadyCdb{}), {}, {}, 200ms));
    EXPECT_EQ(ready(*drive), "06/29/07") << "the session's own word";
    EXPECT_FALSE(drive->execute(scsi::to_cdb(scsi::TestUnitReadyCdb{}), {}, {}, 200ms)) << "it stays away";
    EXPECT_EQ(done("clear-faults"), "ok");
    EXPECT_EQ(settle(*drive), "02/3A/00");
}

TEST_F(Hands, ADriveIsReplacedByAnother) {
    auto drive = initiator(1);
    settle(*drive);
    EXPECT_EQ(done("replace drive1 OTHER42"), "ok");
    auto serial = scsi::vpd_serial_number(*drive);
    ASSERT_TRUE(serial) << to_text(serial.error());
    EXPECT_EQ(*serial, "OTHER42");
    EXPECT_EQ(ready(*drive), "06/29/00");
}

TEST_F(Hands, ATapeIsMovedUnderItsUser) {
    load();
    auto drive = initiator(1);
    ASSERT_EQ(settle(*drive), "GOOD");
    for (unsigned i = 0; i < 3; ++i) ASSERT_EQ(told(write(*drive, block(i, 4096))), "GOOD");
    EXPECT_EQ(done("locate drive1 1"), "ok");
    EXPECT_EQ(scsi::current_block(*drive), BlockNumber{1});
    EXPECT_NE(done("locate drive1 4").find("08/00/05"), std::string::npos) << "three blocks are on it";
    EXPECT_EQ(scsi::current_block(*drive), BlockNumber{3});
}

TEST_F(Hands, AnotherHostTakesADriveAndGivesItBack) {
    constexpr scsi::ReservationKey kOurs{42};
    auto drive = initiator(1);
    settle(*drive);
    ASSERT_TRUE(scsi::claim(*drive, kOurs));
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(done("reserve drive1 on"), "ok");
        EXPECT_FALSE(drive->execute(scsi::to_cdb(scsi::RewindCdb{}), {}, {}, 1s)) << "RESERVATION CONFLICT";
        auto refused = scsi::claim(*drive, kOurs);
        ASSERT_FALSE(refused);
        EXPECT_EQ(to_text(refused.error().sense.value_or(Sense{}).code), "06/2A/05") << "registrations preempted";
        refused = scsi::claim(*drive, kOurs);
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().happened.find("another-host"), std::string::npos) << refused.error().happened;
        EXPECT_EQ(done("reserve drive1 off"), "ok");
        settle(*drive);
        EXPECT_EQ(scsi::claim(*drive, kOurs), scsi::Claim::held);
    }
    EXPECT_EQ(done("reserve changer on"), "ok");
    EXPECT_EQ(done("reserve changer on"), "ok") << "as it is";
    EXPECT_EQ(done("reserve changer off"), "ok");
    EXPECT_EQ(done("reserve changer off"), "ok");
}

TEST_F(Hands, SessionsAreDropped) {
    auto drive = initiator(1);
    settle(*drive);
    EXPECT_EQ(done("drop-sessions"), "ok 1\n");
    EXPECT_EQ(ready(*drive), "06/29/07");
}

TEST_F(Hands, TheRobotJams) {
    auto changer = initiator(0);
    ASSERT_EQ(settle(*changer), "GOOD");
    EXPECT_EQ(done("jam"), "ok");
    const scsi::MoveMediumCdb move{.source = BigEndian<2>{0x03E8}, .destination = BigEndian<2>{0x0100}};
    EXPECT_EQ(told(run(*changer, move)), "04/15/01");
    EXPECT_EQ(settle(*changer), "02/04/03");
    EXPECT_EQ(done("clear-faults"), "ok");
    EXPECT_EQ(settle(*changer), "GOOD");
    EXPECT_EQ(told(run(*changer, move)), "GOOD");
}

TEST_F(Hands, AreReachedThroughASocketOfTheOwner) {
    ControlDoor door(scratch / "library", *control);
    auto opened = door.open();
    ASSERT_TRUE(opened) << to_text(opened.error());
    struct stat found{};
    ASSERT_EQ(::stat((scratch / "library/control").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600U);
    auto answer = ask_control(scratch / "library", "list");
    ASSERT_TRUE(answer) << to_text(answer.error());
    EXPECT_NE(answer->find("CAP012L8 CAP012L8 slot12\n"), std::string::npos);
    auto no = ask_control(scratch / "library", "door ajar");
    ASSERT_FALSE(no);
    EXPECT_EQ(no.error().recovery, Recovery::change_request);
    EXPECT_FALSE(ask_control(scratch / "library", std::string(5000, 'x')));
    EXPECT_FALSE(ask_control(scratch / "library", "list\nlist"));
    EXPECT_FALSE(ask_control(scratch / "nowhere", "list"));
}

TEST_F(Hands, ALeftOverSocketIsTakenOver) {
    {
        ControlDoor door(scratch / "library", *control);
        ASSERT_TRUE(door.open());
    }
    EXPECT_FALSE(ask_control(scratch / "library", "list")) << "nobody serves";
    FileHandle left(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = scratch / "library/control";
    ASSERT_LT(path.size(), sizeof(address.sun_path));
    std::memcpy(address.sun_path, path.c_str(), path.size());
    ASSERT_EQ(::bind(left.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof(address)), 0);
    ControlDoor door(scratch / "library", *control);
    ASSERT_TRUE(door.open());
    EXPECT_TRUE(ask_control(scratch / "library", "list"));
}

}  // namespace
}  // namespace capstan::iscsi
