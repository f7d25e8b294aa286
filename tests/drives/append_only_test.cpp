// The drive itself keeps what is on the tape, even from us: a permit lets one write go over something, and only at the beginning.
#include "drives/scsi/sense_table.hpp"
#include "tests/drives/between.hpp"

#include <algorithm>
#include <optional>

namespace capstan::drives {
namespace {

using Reason = StreamReport::Reason;
using Extension = scsi::DeviceConfigurationExtensionPage;

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
    start_with(drive, 6);
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
    start_with(drive, 6);
    {
        auto writer = drive.writer_at(BlockNumber{3});
        ASSERT_TRUE(writer);
        const auto report = stream_two(drive, *writer, 10);
        EXPECT_EQ(report.reason, Reason::failed);
        ASSERT_TRUE(report.error);
        EXPECT_NE(report.error->happened.find("refuses to write over what is recorded at block 3 already"), std::string::npos)
            << to_text(*report.error);
        EXPECT_EQ(report.next_sequence, 0U) << "for the next cartridge";
        EXPECT_FALSE(drive.owner.position()) << "trust is lost";
    }
    EXPECT_EQ(drive.owner.state(), DriveState::ready) << "the drive is not to blame";
    EXPECT_EQ(objects_on(drive), 6U);
    EXPECT_EQ(block_on(drive, 3), block_of(3, kBlock));
}

TEST(AppendOnly, TheModeEndsWithTheCartridge) {
    DriveFixture drive;
    start_with(drive, 6);
    ASSERT_TRUE(drive.sim.run(drive.owner.unload()));
    EXPECT_EQ(write_mode(drive), Extension::kOverwriteAllowed) << "other programs write as they are used to";
}

// The tape stays where it is, the mode does not: it is set again, at the beginning.
TEST(AppendOnly, AResetTakesTheModeAndPreparingSetsItAgain) {
    DriveFixture drive;
    start_with(drive, 6);
    drive.sim.library->reset_unit(1);
    EXPECT_EQ(write_mode(drive), Extension::kOverwriteAllowed);
    const auto prepared = drive.sim.run(drive.owner.prepare());
    ASSERT_TRUE(prepared) << to_text(prepared.error());
    EXPECT_TRUE(prepared->append_only);
    EXPECT_EQ(write_mode(drive), Extension::kAppendOnly);
}

bool selects_write_mode(const scsi::Cdb& cdb, scsi::DataOut out) {
    const auto opcode = scsi::opcode_of(cdb);
    constexpr std::size_t kLongestWithoutThePage = 16 + 16;
    const bool selects = opcode == scsi::Opcode::mode_select_10 || opcode == scsi::Opcode::mode_select_6;
    return selects && !out.empty() && out.front().size() >= kLongestWithoutThePage;
}

TEST(AppendOnly, AnAttentionInTheMidstOfPreparingBeginsItAgain) {
    DriveFixture drive;
    int left = 1;
    put_between(drive, [&](const scsi::Cdb& cdb, scsi::DataOut out, MutableBytes) -> std::optional<scsi::ScsiReply> {
        if (!selects_write_mode(cdb, out) || left-- <= 0) return std::nullopt;
        return refusal({0x6, 0x2A, 0x01});
    });
    drive.insert();
    drive.make_ready();
    EXPECT_LT(left, 0) << "it was tried again";
    EXPECT_EQ(write_mode(drive), Extension::kAppendOnly);
}

// The tab, a key, write-once media: what the drive says of them is told as it is.
TEST(AppendOnly, OtherProtectionIsNotTakenForIt) {
    for (const SenseCode code : {SenseCode{0x7, 0x27, 0x02}, SenseCode{0x7, 0x74, 0x00}, SenseCode{0x7, 0x30, 0x0C}}) {
        DriveFixture drive;
        put_between(drive, [&](const scsi::Cdb& cdb, scsi::DataOut, MutableBytes) -> std::optional<scsi::ScsiReply> {
            if (scsi::opcode_of(cdb) != scsi::Opcode::write_6) return std::nullopt;
            return refusal(code);
        });
        auto writer = drive.writer_at_bot();
        ASSERT_TRUE(writer);
        const auto report = stream_two(drive, *writer, 0);
        ASSERT_TRUE(report.error && report.error->sense);
        EXPECT_EQ(report.error->sense->code, code);
        EXPECT_EQ(report.error->happened.find("refuses to write over"), std::string::npos) << to_text(*report.error);
        EXPECT_EQ(report.error->recovery, scsi::rule_for(code).recovery);
    }
}

// The drive does not say what lies on the medium, so one block behind the last checkpoint counts as lost and is written over.
TEST(AppendOnly, TheMarkBehindABadSpotGoesOverWhatIsNotProven) {
    DriveFixture drive;
    bool vague = false;
    put_between(drive, [&](const scsi::Cdb& cdb, scsi::DataOut, MutableBytes in) -> std::optional<scsi::ScsiReply> {
        const auto asked = scsi::from_cdb<scsi::ReadPositionCdb>(cdb);
        if (!vague || !asked || asked->service_action != raw(scsi::PositionForm::short_block)) return std::nullopt;
        std::ranges::fill(in, std::uint8_t{0});
        in[0] = scsi::ShortPositionData::kLocationUnknown;
        return scsi::ScsiReply{std::nullopt, in.size(), {}};
    });
    start_with(drive, 3);
    auto writer = drive.writer_at(BlockNumber{3});
    ASSERT_TRUE(writer);
    vl::FaultPlan faults;
    faults.medium.push_back({drive.sim.cartridge_in(drive.sim.drive(1)), BlockNumber{6}, vl::MediumFault::When::write});
    drive.sim.library->set_faults(faults);
    auto ring = make_ring();
    fill(*ring, 10, 2);
    ring->push(RingEntry::Kind::checkpoint, 0);
    EXPECT_EQ(drive.stream(*writer, ring).reason, Reason::checkpoint);
    vague = true;
    fill(*ring, 12, 4);
    ring->push(RingEntry::Kind::checkpoint, 0);
    const auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::failed);
    EXPECT_EQ(report.proven_position, BlockNumber{5});
    EXPECT_EQ(objects_on(drive), 6U) << "more than is proven";
    drive.sim.library->set_faults({});
    std::vector<WriteItem> mark(1);
    mark[0].bytes = block_of(77, kBlock);
    const auto marked = drive.sim.run(writer->mark_end(std::move(mark)));
    ASSERT_TRUE(marked) << to_text(marked.error());
    EXPECT_EQ(objects_on(drive), 6U);
    EXPECT_EQ(block_on(drive, 5), block_of(77, kBlock));
    EXPECT_EQ(block_on(drive, 2), block_of(2, kBlock)) << "the session before";
}

// A tape that is moved before the label is written: ALLOW OVERWRITE is for another place, and nothing is appended there instead.
TEST(AppendOnly, WhatIsForTheBeginningIsNotWrittenBehindOtherData) {
    DriveFixture drive;
    start_with(drive, 6);
    auto writer = drive.writer_at(BlockNumber{0});
    ASSERT_TRUE(writer);
    ASSERT_TRUE(drive.sim.library->move_tape(1, BlockNumber{6}));
    std::vector<WriteItem> items(1);
    items[0].bytes = block_of(77, kBlock);
    const auto written = drive.sim.run(writer->write_blocks(std::move(items)));
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().happened.find("stands at block 6, not at block 0"), std::string::npos) << to_text(written.error());
    EXPECT_EQ(objects_on(drive), 6U);
}

// Lists ALLOW OVERWRITE, and then refuses the mode or forgets it.
enum class How : std::uint8_t { refuses, forgets };
class WithoutAppendOnly : public testing::TestWithParam<How> {};

TEST_P(WithoutAppendOnly, ADriveIsUsedAsItIs) {
    DriveFixture drive;
    put_between(drive, [](const scsi::Cdb& cdb, scsi::DataOut out, MutableBytes) -> std::optional<scsi::ScsiReply> {
        if (!selects_write_mode(cdb, out)) return std::nullopt;
        return GetParam() == How::forgets ? scsi::ScsiReply{} : refusal({0x5, 0x26, 0x00});
    });
    drive.insert();
    drive.make_ready();
    const auto prepared = drive.sim.run(drive.owner.prepare());
    ASSERT_TRUE(prepared) << to_text(prepared.error());
    EXPECT_FALSE(prepared->append_only);
    EXPECT_NE(drive.owner.identity().not_offered.back().find("append-only"), std::string::npos) << "the operator sees it";
    write_objects(drive, BlockNumber{0}, 0, 6);
    write_objects(drive, BlockNumber{0}, 10, 2);
    EXPECT_EQ(objects_on(drive), 2U);
}
INSTANTIATE_TEST_SUITE_P(Drives, WithoutAppendOnly, testing::Values(How::refuses, How::forgets));

}  // namespace
}  // namespace capstan::drives
