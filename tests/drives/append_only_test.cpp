// The drive itself keeps what is on the tape, even from us: a permit lets one write go over something, and only at the beginning.
#include "drives/scsi/inline_device.hpp"
#include "tests/drives/write_support.hpp"

#include <algorithm>

namespace capstan::drives {
namespace {

using Reason = StreamReport::Reason;
using Extension = scsi::DeviceConfigurationExtensionPage;

void write_objects(DriveFixture& drive, BlockNumber from, std::uint64_t first, std::uint64_t count) {
    auto writer = drive.writer_at(from);
    ASSERT_TRUE(writer);
    auto ring = make_ring();
    fill(*ring, first, count);
    ring->push(RingEntry::Kind::checkpoint, 0);
    const auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::checkpoint) << (report.error ? to_text(*report.error) : "");
    const auto finished = drive.sim.run(writer->finish());
    EXPECT_TRUE(finished);
}

std::uint8_t write_mode(DriveFixture& drive) {
    const auto transport = drive.sim.transport(1, vl::NexusId{7});
    for (int i = 0; i < 8; ++i) {
        auto sense = scsi::test_unit_ready(*transport);
        if (sense && !*sense) break;
    }
    const auto data = scsi::mode_sense(*transport, Extension::kPage, scsi::PageControl::current, Extension::kSubpage);
    EXPECT_TRUE(data && scsi::find_page<Extension>(*data));
    return data && scsi::find_page<Extension>(*data) ? scsi::find_page<Extension>(*data)->write_and_erase_mode : 0xFF;
}

TEST(AppendOnly, ANewWriteFromTheBeginningGoesOverWhatLiesThere) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    EXPECT_EQ(write_mode(drive), Extension::kAppendOnly);
    write_objects(drive, BlockNumber{0}, 0, 6);
    EXPECT_EQ(objects_on(drive), 6U);
    write_objects(drive, BlockNumber{0}, 10, 2);
    EXPECT_EQ(objects_on(drive), 2U);
    EXPECT_EQ(block_on(drive, 1), block_of(11, kBlock));
    write_objects(drive, BlockNumber{2}, 20, 2);
    EXPECT_EQ(objects_on(drive), 4U);
}

TEST(AppendOnly, SingleItemsGoOverWhatLiesAtTheBeginning) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    write_objects(drive, BlockNumber{0}, 0, 6);
    auto writer = drive.writer_at(BlockNumber{0});
    ASSERT_TRUE(writer);
    std::vector<WriteItem> items(2);
    items[0].bytes = block_of(1, kBlock);
    items[1].filemark = true;
    const auto written = drive.sim.run(writer->write_blocks(std::move(items)));
    ASSERT_TRUE(written) << to_text(written.error());
    EXPECT_TRUE(drive.sim.run(writer->finish()));
    EXPECT_EQ(objects_on(drive), 2U);
}

// A record of where the data end that is too small, whatever made it so: the drive turns the append down.
TEST(AppendOnly, AnAppendBeforeTheEndOfDataIsRefusedByTheDrive) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    write_objects(drive, BlockNumber{0}, 0, 6);
    {
        auto writer = drive.writer_at(BlockNumber{3});
        ASSERT_TRUE(writer);
        auto ring = make_ring();
        fill(*ring, 10, 2);
        const auto report = drive.stream(*writer, ring);
        EXPECT_EQ(report.reason, Reason::failed);
        ASSERT_TRUE(report.error);
        EXPECT_NE(report.error->happened.find("refuses to write over"), std::string::npos) << to_text(*report.error);
        EXPECT_EQ(report.next_sequence, 0U) << "for the next cartridge";
        EXPECT_FALSE(drive.owner.position()) << "trust is lost";
    }
    EXPECT_EQ(drive.owner.state(), DriveState::ready) << "the drive is not to blame";
    EXPECT_EQ(objects_on(drive), 6U);
    EXPECT_EQ(block_on(drive, 3), block_of(3, kBlock));
}

TEST(AppendOnly, TheModeEndsWithTheCartridge) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    write_objects(drive, BlockNumber{0}, 0, 6);
    ASSERT_TRUE(drive.sim.run(drive.owner.unload()));
    EXPECT_EQ(write_mode(drive), Extension::kOverwriteAllowed) << "other programs write as they are used to";
}

TEST(AppendOnly, AResetInTheMidstOfPreparingBeginsItAgain) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    drive.sim.library->reset_unit(1);
    EXPECT_EQ(write_mode(drive), Extension::kOverwriteAllowed);
    const auto prepared = drive.sim.run(drive.owner.prepare());
    ASSERT_TRUE(prepared) << to_text(prepared.error());
    EXPECT_TRUE(prepared->append_only);
    EXPECT_EQ(write_mode(drive), Extension::kAppendOnly);
}

// Lists ALLOW OVERWRITE, and then refuses the mode or forgets it.
class WithoutTheMode final : public scsi::Transport {
  public:
    enum class How : std::uint8_t { refuses, forgets };
    WithoutTheMode(std::shared_ptr<scsi::Transport> drive, How how) : drive_(std::move(drive)), how_(how) {}
    Result<scsi::ScsiReply> execute(const scsi::Cdb& cdb, scsi::DataOut out, MutableBytes in, std::chrono::milliseconds limit) override {
        const bool selects = scsi::opcode_of(cdb) == scsi::Opcode::mode_select_10 || scsi::opcode_of(cdb) == scsi::Opcode::mode_select_6;
        constexpr std::size_t kLongestWithoutThePage = 16 + 16;
        if (!selects || out.empty() || out.front().size() < kLongestWithoutThePage) return drive_->execute(cdb, out, in, limit);
        if (how_ == How::forgets) return scsi::ScsiReply{};
        return scsi::ScsiReply{Sense{.code = {0x5, 0x26, 0x00}, .information = {}}, 0, {}};
    }

  private:
    std::shared_ptr<scsi::Transport> drive_;
    How how_;
};

class WithoutAppendOnly : public testing::TestWithParam<WithoutTheMode::How> {};

TEST_P(WithoutAppendOnly, ADriveIsUsedAsItIs) {
    DriveFixture drive;
    auto transport = std::make_shared<WithoutTheMode>(drive.sim.transport(1), GetParam());
    ASSERT_TRUE(drive.owner.replace_device(std::make_shared<scsi::InlineDevice>(drive.sim.loop, drive.sim.clock, transport, "drive D1")));
    drive.insert();
    drive.make_ready();
    const auto prepared = drive.sim.run(drive.owner.prepare());
    ASSERT_TRUE(prepared) << to_text(prepared.error());
    EXPECT_FALSE(prepared->append_only);
    EXPECT_TRUE(drive.owner.identity().has_append_only);
    write_objects(drive, BlockNumber{0}, 0, 6);
    write_objects(drive, BlockNumber{0}, 10, 2);
    EXPECT_EQ(objects_on(drive), 2U);
}
INSTANTIATE_TEST_SUITE_P(Drives, WithoutAppendOnly, testing::Values(WithoutTheMode::How::refuses, WithoutTheMode::How::forgets));

}  // namespace
}  // namespace capstan::drives
