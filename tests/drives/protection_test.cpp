// What another program left in a drive: a CRC behind each block, an encryption key.
#include "drives/scsi/attentions.hpp"
#include "tests/drives/between.hpp"

namespace capstan::drives {
namespace {

using Reason = StreamReport::Reason;
using Protection = scsi::ControlDataProtectionPage;

constexpr Protection kBothWays{.method = Protection::kCrc32c, .information_length = 4, .flags = Protection::kOnWrite | Protection::kOnRead};

std::shared_ptr<scsi::Transport> other_program(DriveFixture& drive) {
    auto transport = drive.sim.transport(1, vl::NexusId{7});
    EXPECT_TRUE(scsi::take_attentions(*transport));
    return transport;
}

void protect_blocks(DriveFixture& drive) {
    scsi::ModeData data;
    data.device_specific = scsi::kModeBuffered;
    data.pages.push_back(scsi::to_page(kBothWays));
    const auto selected = scsi::mode_select(*other_program(drive), data);
    ASSERT_TRUE(selected) << to_text(selected.error());
}

Protection protection(DriveFixture& drive) {
    const auto data = scsi::mode_sense(*other_program(drive), Protection::kPage, scsi::PageControl::current, Protection::kSubpage);
    EXPECT_TRUE(data && scsi::find_page<Protection>(*data));
    return data && scsi::find_page<Protection>(*data) ? *scsi::find_page<Protection>(*data) : Protection{};
}

bool selects_protection(const scsi::Cdb& cdb, scsi::DataOut out) {
    const auto opcode = scsi::opcode_of(cdb);
    if ((opcode != scsi::Opcode::mode_select_10 && opcode != scsi::Opcode::mode_select_6) || out.empty()) return false;
    const auto form = opcode == scsi::Opcode::mode_select_10 ? scsi::ModeForm::ten : scsi::ModeForm::six;
    const auto data = scsi::decode_mode_data(form, scsi::ModeUse::select, out.front());
    return data && scsi::find_page<Protection>(*data);
}

TEST(BlockProtection, IsSwitchedOffBeforeAnythingIsReadOrWritten) {
    DriveFixture drive;
    protect_blocks(drive);
    ASSERT_EQ(protection(drive).method, Protection::kCrc32c);
    start_with(drive, 4);
    EXPECT_TRUE(protection(drive).is_off());
    EXPECT_EQ(block_on(drive, 2), block_of(2, kBlock));
}

TEST(BlockProtection, SwitchedOnInTheMidstItEndsTheTrustAndIsSwitchedOffAgain) {
    DriveFixture drive;
    start_with(drive, 4);
    auto writer = drive.writer_at(BlockNumber{4});
    ASSERT_TRUE(writer);
    protect_blocks(drive);
    EXPECT_EQ(stream_two(drive, *writer, 10).reason, Reason::failed);
    writer.reset();
    EXPECT_EQ(objects_on(drive), 4U);
    const auto prepared = drive.sim.run(drive.owner.prepare());
    ASSERT_TRUE(prepared) << to_text(prepared.error());
    EXPECT_TRUE(protection(drive).is_off());
}

TEST(BlockProtection, ADriveThatDoesNotStopItIsNotUsed) {
    DriveFixture drive;
    protect_blocks(drive);
    put_between(drive, [](const scsi::Cdb& cdb, scsi::DataOut out, MutableBytes) -> std::optional<scsi::ScsiReply> {
        return selects_protection(cdb, out) ? std::optional(scsi::ScsiReply{}) : std::nullopt;
    });
    drive.insert();
    const auto ready = drive.sim.run(drive.owner.wait_until_ready(std::chrono::seconds{60}));
    ASSERT_TRUE(ready) << to_text(ready.error());
    const auto prepared = drive.sim.run(drive.owner.prepare());
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().recovery, Recovery::ask_operator);
    EXPECT_NE(prepared.error().happened.find("logical block protection, method 02h"), std::string::npos) << to_text(prepared.error());
}

TEST(Encryption, WithAProgramsKeyTheDriveOnlyReads) {
    DriveFixture drive;
    start_with(drive, 4);
    EXPECT_EQ(drive.owner.why_only_read(), "");
    ASSERT_TRUE(drive.sim.library->set_key(1, true));
    const auto prepared = drive.sim.run(drive.owner.prepare());
    ASSERT_TRUE(prepared) << to_text(prepared.error());
    EXPECT_NE(drive.owner.why_only_read(), "");
    const auto first = drive.sim.run(drive.owner.read_first_record());
    ASSERT_TRUE(first) << "reading goes on: " << to_text(first.error());
    EXPECT_EQ(first->bytes, block_of(0, kBlock));
    ASSERT_TRUE(drive.sim.run(drive.owner.locate(BlockNumber{4})));
    const auto writer = drive.sim.run(drive.owner.start_writing(drive.permit(BlockNumber{4})));
    ASSERT_FALSE(writer);
    EXPECT_NE(writer.error().happened.find("a key that another program put there"), std::string::npos) << to_text(writer.error());
    EXPECT_EQ(objects_on(drive), 4U);
}

TEST(Encryption, AKeyThatComesInTheMidstEndsTheTrust) {
    DriveFixture drive;
    start_with(drive, 4);
    auto writer = drive.writer_at(BlockNumber{4});
    ASSERT_TRUE(writer);
    ASSERT_TRUE(drive.sim.library->set_key(1, true));
    EXPECT_EQ(stream_two(drive, *writer, 10).reason, Reason::failed);
    EXPECT_EQ(objects_on(drive), 4U);
}

TEST(Encryption, ClaimLooksWhetherTheKeyIsGone) {
    DriveFixture drive;
    start_with(drive, 1);
    ASSERT_TRUE(drive.sim.library->set_key(1, true));
    ASSERT_TRUE(drive.sim.run(drive.owner.prepare()));
    ASSERT_TRUE(drive.sim.run(drive.owner.claim()));
    EXPECT_NE(drive.owner.why_only_read(), "") << "it is still there";
    ASSERT_TRUE(drive.sim.library->set_key(1, false));
    ASSERT_TRUE(drive.sim.run(drive.owner.claim()));
    EXPECT_EQ(drive.owner.why_only_read(), "");
    ASSERT_TRUE(drive.sim.run(drive.owner.prepare()));
    write_objects(drive, BlockNumber{1}, 1, 2);
    EXPECT_EQ(objects_on(drive), 3U);
}

TEST(Encryption, TheLibrarysKeyIsItsOwnersWill) {
    DriveFixture drive;
    ASSERT_TRUE(drive.sim.library->set_key(1, true, scsi::EncryptionControl::library));
    start_with(drive, 4);
    ASSERT_TRUE(drive.owner.encryption());
    EXPECT_EQ(drive.owner.encryption()->control, scsi::EncryptionControl::library);
    EXPECT_EQ(drive.owner.why_only_read(), "");
}

TEST(Encryption, AKeyThatTheConfigurationExpectsIsWrittenWith) {
    auto settings = DriveFixture::settings();
    settings.expects_key = true;
    DriveFixture drive({}, nullptr, settings);
    ASSERT_TRUE(drive.sim.library->set_key(1, true, scsi::EncryptionControl::not_reported));
    start_with(drive, 4);
    EXPECT_EQ(drive.owner.why_only_read(), "");
    EXPECT_EQ(objects_on(drive), 4U);
}

TEST(Encryption, WhatIsKnownOfTheKeyOutlivesAResetUntilItIsAskedForAgain) {
    DriveFixture drive;
    start_with(drive, 4);
    ASSERT_TRUE(drive.sim.library->set_key(1, true));
    ASSERT_TRUE(drive.sim.run(drive.owner.prepare()));
    drive.sim.library->reset_unit(1);
    ASSERT_TRUE(drive.sim.run(drive.owner.identify()));
    EXPECT_NE(drive.owner.why_only_read(), "");
}

// A list without the command: it is not sent. One that refuses it all the same does not encrypt.
TEST(Encryption, ADriveThatRefusesTheQuestionIsUsed) {
    DriveFixture drive;
    int asked = 0;
    put_between(drive, [&](const scsi::Cdb& cdb, scsi::DataOut, MutableBytes) -> std::optional<scsi::ScsiReply> {
        if (scsi::opcode_of(cdb) != scsi::Opcode::security_protocol_in) return std::nullopt;
        ++asked;
        return refusal({0x5, 0x20, 0x00});
    });
    start_with(drive, 4);
    EXPECT_GT(asked, 0);
    EXPECT_FALSE(drive.owner.encryption());
    EXPECT_EQ(objects_on(drive), 4U);
}

}  // namespace
}  // namespace capstan::drives
