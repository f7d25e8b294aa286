// Write sessions: permits, checkpoints, the end of the medium, and what goes wrong in the midst.
#include "tests/drives/write_support.hpp"

#include "drives/scsi/attentions.hpp"
#include "drives/scsi/commands.hpp"
#include "drives/virtual/virtual_transport.hpp"

namespace capstan::drives {
namespace {

using Reason = StreamReport::Reason;

TEST(BlockWriter, StreamsARingAndProvesItAtTheCheckpoint) {
    DriveFixture drive;
    auto writer = drive.writer_at_bot();
    ASSERT_TRUE(writer);
    auto ring = make_ring();
    fill(*ring, 0, 10);
    auto starved = drive.stream(*writer, ring);
    EXPECT_EQ(starved.reason, Reason::starved);
    EXPECT_EQ(starved.position, BlockNumber{10});
    EXPECT_EQ(starved.proven_position, BlockNumber{0});
    EXPECT_EQ(starved.proven_sequence, 0U);
    EXPECT_EQ(starved.blocks, 10U);
    EXPECT_EQ(starved.bytes, 10 * kBlock);
    EXPECT_EQ(drive.owner.state(), DriveState::writing);

    fill(*ring, 10, 1, RingEntry::Kind::end_block);
    ring->push(RingEntry::Kind::filemark, 0);
    ring->push(RingEntry::Kind::checkpoint, 0);
    fill(*ring, 11, 5);
    auto checkpoint = drive.stream(*writer, ring);
    EXPECT_EQ(checkpoint.reason, Reason::checkpoint);
    EXPECT_EQ(checkpoint.proven_position, BlockNumber{12});
    EXPECT_EQ(checkpoint.proven_sequence, 13U);
    EXPECT_EQ(checkpoint.next_sequence, 13U);
    EXPECT_EQ(objects_on(drive), 12U);
    EXPECT_EQ(block_on(drive, 10), block_of(10, kBlock));

    ring->push(RingEntry::Kind::end, 0);
    auto ended = drive.stream(*writer, ring);
    EXPECT_EQ(ended.reason, Reason::ended);
    EXPECT_EQ(ended.proven_position, BlockNumber{17});
    EXPECT_EQ(ring->proven(), ring->pushed());
    auto finished = drive.sim.run(writer->finish());
    ASSERT_TRUE(finished) << to_text(finished.error());
    EXPECT_EQ(*finished, BlockNumber{17});
    EXPECT_EQ(drive.owner.state(), DriveState::ready);
    EXPECT_EQ(drive.owner.counters().blocks_written, 16U);
    EXPECT_EQ(objects_on(drive), 17U);
}

// A set without checkpoints is longer than any ring: blocks that are proven make room, without anybody asking for it.
TEST(BlockWriter, AStreamLongerThanTheRingGoesOn) {
    DriveFixture drive;
    auto writer = drive.writer_at_bot();
    ASSERT_TRUE(writer);
    auto ring = make_ring(16);
    std::uint64_t pushed = 0;
    for (int round = 0; round < 200 && pushed < 500; ++round) {
        for (; pushed < 500 && !ring->full(); ++pushed) fill(*ring, pushed, 1);
        auto report = drive.stream(*writer, ring);
        ASSERT_EQ(report.reason, Reason::starved);
        EXPECT_EQ(report.position, BlockNumber{pushed});
    }
    EXPECT_EQ(pushed, 500U);
    EXPECT_GE(objects_on(drive), 480U);  // all but what the ring still holds
}

// Valid as long as nothing is written behind it, whoever writes.
TEST(BlockWriter, LeavesANoteInTheCartridgesMemory) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    ASSERT_TRUE(drive.sim.run(drive.owner.identify()));
    drive.make_ready();
    auto writer = drive.writer_at(BlockNumber{0});
    ASSERT_TRUE(writer);
    auto ring = make_ring();
    fill(*ring, 0, 3);
    EXPECT_EQ(drive.stream(*writer, ring).reason, Reason::starved);
    ASSERT_TRUE(drive.sim.run(writer->remember({"three", 3, 1, MemoryEntry::Texts{"label", "CAP001L8", "pool"}})));
    EXPECT_EQ(objects_on(drive), 3U) << "synchronised before it is noted";
    ASSERT_TRUE(drive.sim.run(writer->finish()));
    const auto note = [&] { return drive.sim.run(drive.owner.read_memory()).value(); };
    ASSERT_TRUE(note());
    EXPECT_EQ(note()->note, "three");
    EXPECT_TRUE(note()->current);

    writer = drive.writer_at(BlockNumber{3});
    EXPECT_FALSE(drive.sim.run(drive.owner.read_memory())) << "nothing else is asked while a session is open";
    fill(*ring, 3, 1);
    EXPECT_EQ(drive.stream(*writer, ring).reason, Reason::starved);
    ASSERT_TRUE(drive.sim.run(writer->finish()));
    EXPECT_EQ(note()->note, "three");
    EXPECT_FALSE(note()->current) << "a fourth block is there";
    // Also with a drive whose reference stays the same: our own writing voids the note first.
    vl::VirtualTransport look(drive.sim.library, vl::NexusId{5}, 1);
    ASSERT_TRUE(scsi::take_attentions(look));
    const auto attributes = scsi::read_attributes(look).value();
    const auto* found = scsi::find_attribute(attributes, scsi::AttributeId::coherency);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(scsi::decode_coherency(found->value)->change_reference, 0U);

    writer = drive.writer_at(BlockNumber{4});
    ASSERT_TRUE(drive.sim.run(writer->remember({"nothing was written", 4, 2, {}})));
    ASSERT_TRUE(drive.sim.run(writer->finish()));
    EXPECT_EQ(note()->note, "three");
}

TEST(BlockWriter, NeedsAPermitForJustThis) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    auto refusal = [&](const WritePermit& permit) {
        auto writer = drive.sim.run(drive.owner.start_writing(permit));
        EXPECT_FALSE(writer);
        EXPECT_EQ(drive.owner.state(), DriveState::ready);
        return writer ? std::string{} : writer.error().happened;
    };
    EXPECT_NE(refusal(drive.permit(BlockNumber{0})).find("label was not read"), std::string::npos);
    ASSERT_TRUE(drive.sim.run(drive.owner.read_first_record()));
    EXPECT_NE(refusal(drive.permit(BlockNumber{0}, 1, "D2")).find("for drive D2"), std::string::npos);
    EXPECT_NE(refusal(drive.permit(BlockNumber{0}, 2)).find("not known to be in the drive"), std::string::npos);
    EXPECT_NE(refusal(drive.permit(BlockNumber{7})).find("begins at block 7"), std::string::npos);
    auto ended = drive.permit(BlockNumber{0});
    ended.invalidate("the lease ended");
    EXPECT_NE(refusal(ended).find("the lease ended"), std::string::npos);
    auto older = drive.permit(BlockNumber{0});
    auto newer = drive.permit(BlockNumber{0});
    EXPECT_FALSE(older.valid()) << "one permit at a time";
    EXPECT_TRUE(drive.sim.run(drive.owner.start_writing(newer)));
}

TEST(BlockWriter, DoesNotWriteOnAProtectedCartridge) {
    DriveFixture drive;
    ASSERT_TRUE(drive.sim.library->set_write_protect(drive.sim.cartridge_in(drive.sim.slot(1)), true));
    drive.insert();
    drive.make_ready();
    ASSERT_TRUE(drive.sim.run(drive.owner.read_first_record()));
    auto writer = drive.sim.run(drive.owner.start_writing(drive.permit(BlockNumber{0})));
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().recovery, Recovery::ask_operator);
}

TEST(BlockWriter, AUnitAttentionInTheMidstVoidsThePermit) {
    DriveFixture drive;
    std::optional<WritePermit> permit;
    auto writer = drive.writer_at_bot(&permit);
    auto ring = make_ring();
    fill(*ring, 0, 8);
    EXPECT_EQ(drive.stream(*writer, ring).reason, Reason::starved);
    drive.sim.library->lose_nexus(vl::NexusId{1});
    fill(*ring, 8, 8);
    auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::failed);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.proven_position, BlockNumber{0});
    EXPECT_EQ(report.next_sequence, 0U) << "nothing of it is proven";
    EXPECT_FALSE(report.ring_in_use);
    EXPECT_FALSE(permit->valid());
    EXPECT_NE(permit->why_void().find("06/29"), std::string::npos) << permit->why_void();
    EXPECT_EQ(drive.owner.state(), DriveState::ready);
    EXPECT_FALSE(drive.owner.position());
    EXPECT_EQ(drive.reasons.size(), 1U);

    auto again = drive.stream(*writer, ring);
    EXPECT_EQ(again.reason, Reason::failed) << "the session is over";
    EXPECT_FALSE(drive.sim.run(writer->finish()));
    EXPECT_FALSE(drive.sim.run(drive.owner.start_writing(*permit)));
    EXPECT_EQ(ring->front()->sequence, 0U) << "all of it is still there for the next attempt";
    drive.make_ready();
    auto renewed = drive.writer_at(BlockNumber{0});
    ring->push(RingEntry::Kind::checkpoint, 0);
    EXPECT_EQ(drive.stream(*renewed, ring).reason, Reason::checkpoint);
    EXPECT_EQ(objects_on(drive), 16U);
}

TEST(BlockWriter, APowerCycleOfTheDriveProvesNothingThatWasBuffered) {
    DriveFixture drive;
    std::optional<WritePermit> permit;
    auto writer = drive.writer_at_bot(&permit);
    auto ring = make_ring();
    fill(*ring, 0, 4);
    ring->push(RingEntry::Kind::checkpoint, 0);
    fill(*ring, 4, 4);
    EXPECT_EQ(drive.stream(*writer, ring).reason, Reason::checkpoint);
    EXPECT_EQ(drive.stream(*writer, ring).reason, Reason::starved);
    ASSERT_TRUE(drive.sim.library->power_cycle(1));
    ring->push(RingEntry::Kind::checkpoint, 0);
    auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::failed);
    EXPECT_EQ(report.proven_position, BlockNumber{4});
    EXPECT_EQ(report.proven_sequence, 5U);
    EXPECT_FALSE(permit->valid());
    EXPECT_EQ(objects_on(drive), 4U);
}

TEST(BlockWriter, AnotherProgramThatMovesTheTapeOverwritesNothing) {
    DriveFixture drive;
    std::optional<WritePermit> permit;
    auto writer = drive.writer_at_bot(&permit);
    auto ring = make_ring();
    fill(*ring, 0, 6);
    EXPECT_EQ(drive.stream(*writer, ring).reason, Reason::starved);
    auto intruder = drive.sim.transport(1, vl::NexusId{7});
    for (int i = 0; i < 8; ++i) {
        auto sense = scsi::test_unit_ready(*intruder);
        if (sense && !*sense) break;
    }
    ASSERT_TRUE(scsi::locate(*intruder, BlockNumber{2}));
    fill(*ring, 6, 1);
    ring->push(RingEntry::Kind::checkpoint, 0);
    auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::failed);
    ASSERT_TRUE(report.error);
    EXPECT_NE(report.error->happened.find("refuses to write over what lies at block 2, where it stands"), std::string::npos) << to_text(*report.error);
    EXPECT_EQ(report.error->recovery, Recovery::replace_medium);
    EXPECT_EQ(report.proven_position, BlockNumber{0});
    EXPECT_FALSE(permit->valid());
    EXPECT_EQ(objects_on(drive), 6U);
}

// More than the host adapter moves in one command: nothing was sent, so nothing is wrong with the drive.
TEST(BlockWriter, WhatTheTransportCannotSendIsNoFaultOfTheDrive) {
    class SmallAdapter final : public scsi::Transport {
      public:
        explicit SmallAdapter(std::shared_ptr<scsi::Transport> drive) : drive_(std::move(drive)) {}
        Result<scsi::ScsiReply> execute(const scsi::Cdb& cdb, scsi::DataOut out, MutableBytes in, std::chrono::milliseconds limit) override {
            if (scsi::opcode_of(cdb) != scsi::Opcode::write_6) return drive_->execute(cdb, out, in, limit);
            return fail(Recovery::change_request, "65536 bytes in one command", "Give the pool a smaller block size.");
        }

      private:
        std::shared_ptr<scsi::Transport> drive_;
    };
    DriveFixture drive;
    auto adapter = std::make_shared<SmallAdapter>(drive.sim.transport(1));
    ASSERT_TRUE(drive.owner.replace_device(std::make_shared<scsi::InlineDevice>(drive.sim.loop, drive.sim.clock, adapter, "drive D1")));
    auto writer = drive.writer_at_bot();
    ASSERT_TRUE(writer);
    auto ring = make_ring();
    fill(*ring, 0, 2);
    const auto report = drive.stream(*writer, ring);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->recovery, Recovery::change_request);
    EXPECT_EQ(report.proven_position, BlockNumber{0});
    EXPECT_EQ(drive.owner.state(), DriveState::ready);
}

TEST(BlockWriter, ALostReplyFaultsTheDrive) {
    DriveFixture drive;
    std::optional<WritePermit> permit;
    auto writer = drive.writer_at_bot(&permit);
    vl::FaultPlan faults;
    faults.commands.push_back({.lun = 1, .command = 3, .kind = vl::CommandFault::Kind::lost_reply});
    drive.sim.library->set_faults(faults);
    auto ring = make_ring();
    fill(*ring, 0, 8);
    auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::failed);
    EXPECT_EQ(report.proven_position, BlockNumber{0});
    EXPECT_FALSE(permit->valid());
    EXPECT_EQ(drive.owner.state(), DriveState::faulted);
    EXPECT_FALSE(drive.sim.run(drive.owner.unload()));
    ASSERT_TRUE(drive.owner.replace_device(drive.sim.device(1, "drive D1")));
    drive.make_ready();
    EXPECT_EQ(drive.owner.state(), DriveState::ready);
}

TEST(BlockWriter, ASessionThatIsLeftOpenVoidsItsPermit) {
    DriveFixture drive;
    std::optional<WritePermit> permit;
    auto writer = drive.writer_at_bot(&permit);
    writer.reset();
    EXPECT_FALSE(permit->valid());
    EXPECT_EQ(drive.owner.state(), DriveState::ready);
    EXPECT_FALSE(drive.owner.position());
}

vl::LibraryGeometry small_cartridges() {
    vl::LibraryGeometry geometry;
    geometry.medium.capacity = 40 * kBlock;
    geometry.medium.early_warning = 8 * kBlock;
    return geometry;
}

TEST(EndOfMedium, EarlyWarningLeavesRoomForTheEndOfASet) {
    DriveFixture drive(small_cartridges());
    auto writer = drive.writer_at_bot();
    auto ring = make_ring();
    fill(*ring, 0, 50);
    auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::early_warning);
    EXPECT_TRUE(report.early_warning);
    EXPECT_EQ(report.position, report.proven_position);
    EXPECT_EQ(report.next_sequence, report.proven_sequence);
    EXPECT_EQ(objects_on(drive), raw(report.proven_position));
    EXPECT_GE(raw(report.position), 31U);
    EXPECT_LE(raw(report.position), 34U);

    auto again = drive.stream(*writer, ring);
    EXPECT_EQ(again.reason, Reason::early_warning) << "the next block belongs on the next medium";
    EXPECT_EQ(again.next_sequence, report.next_sequence);
    EXPECT_EQ(again.blocks, 0U);

    std::vector<WriteItem> end(3);
    end[0].filemark = true;
    end[1].bytes = block_of(1000, kBlock);
    end[2].filemark = true;
    auto ended = drive.sim.run(writer->write_blocks(std::move(end)));
    ASSERT_TRUE(ended) << to_text(ended.error());
    EXPECT_EQ(ended->outcome, WriteReport::Outcome::early_warning);
    EXPECT_EQ(ended->written, 3U);
    auto finished = drive.sim.run(writer->finish());
    ASSERT_TRUE(finished) << to_text(finished.error());
    EXPECT_EQ(objects_on(drive), raw(report.position) + 3);
}

// Somebody set a programmable early warning in the drive: it is a hint, and neither ends a set nor costs a block.
TEST(EndOfMedium, ProgrammableEarlyWarningEndsNothing) {
    auto geometry = small_cartridges();
    geometry.medium.capacity = 80 * kBlock;
    DriveFixture drive(geometry);
    drive.insert();
    drive.make_ready();
    auto other = drive.sim.transport(1);
    scsi::ModeData modes;
    modes.device_specific = scsi::kModeBuffered;
    modes.pages.push_back(scsi::to_page(scsi::DeviceConfigurationExtensionPage{
        .write_and_erase_mode = scsi::DeviceConfigurationExtensionPage::kAppendOnly, .programmable_early_warning = BigEndian<2>{2}}));
    ASSERT_TRUE(scsi::mode_select(*other, modes));
    auto writer = drive.writer_at(BlockNumber{0});
    ASSERT_TRUE(writer);
    auto ring = make_ring(100);
    fill(*ring, 0, 60);
    ring->push(RingEntry::Kind::filemark, 0);
    ring->push(RingEntry::Kind::checkpoint, 0);
    auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::checkpoint) << "the zone begins about 30 blocks before early warning";
    EXPECT_FALSE(report.early_warning);
    EXPECT_EQ(report.proven_position, BlockNumber{61});
    EXPECT_EQ(objects_on(drive), 61U);
    EXPECT_EQ(block_on(drive, 59), block_of(59, kBlock));
    fill(*ring, 60, 30);
    report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::early_warning);
    EXPECT_EQ(objects_on(drive), raw(report.proven_position));
}

TEST(EndOfMedium, EndBlocksAreStillWrittenAfterEarlyWarning) {
    DriveFixture drive(small_cartridges());
    auto writer = drive.writer_at_bot();
    auto ring = make_ring();
    fill(*ring, 0, 35);
    auto report = drive.stream(*writer, ring);
    ASSERT_EQ(report.reason, Reason::early_warning);
    // An engine that wants to close here encodes no more blocks: give those back, then the end of the set.
    auto closing = make_ring();
    fill(*closing, 100, 2, RingEntry::Kind::end_block);
    closing->push(RingEntry::Kind::filemark, 0);
    closing->push(RingEntry::Kind::end, 0);
    auto closed = drive.stream(*writer, closing);
    EXPECT_EQ(closed.reason, Reason::ended);
    EXPECT_EQ(closed.proven_position, report.position + 3);
}

TEST(EndOfMedium, WhatDidNotFitGoesOnTheNextMedium) {
    DriveFixture drive(small_cartridges());
    auto writer = drive.writer_at_bot();
    auto ring = make_ring();
    fill(*ring, 0, 60, RingEntry::Kind::end_block);  // an engine that never stops at early warning
    auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::early_warning);
    while (report.reason == Reason::early_warning) report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::volume_overflow);
    EXPECT_EQ(report.next_sequence, report.proven_sequence) << "entries that are not proven are at the front again";
    EXPECT_EQ(raw(report.proven_position), report.proven_sequence);
    EXPECT_LE(raw(report.proven_position), 40U);
    EXPECT_EQ(objects_on(drive), raw(report.proven_position));
    auto fitted = report.proven_sequence;
    writer.reset();

    ASSERT_TRUE(drive.sim.run(drive.owner.unload()));
    drive.sim.robot_moves(drive.sim.drive(1), drive.sim.slot(1));
    drive.owner.cartridge_removed();
    drive.insert(2);
    drive.make_ready();
    ASSERT_TRUE(drive.sim.run(drive.owner.read_first_record()));
    ASSERT_TRUE(drive.sim.run(drive.owner.locate(BlockNumber{0})));
    auto second = drive.sim.run(drive.owner.start_writing(drive.permit(BlockNumber{0}, 2)));
    ASSERT_TRUE(second) << to_text(second.error());
    std::vector<WriteItem> label(1);
    label[0].bytes = block_of(5000, kBlock);
    ASSERT_TRUE(drive.sim.run((*second)->write_blocks(std::move(label))));
    ring->push(RingEntry::Kind::end, 0);
    auto rest = drive.stream(**second, ring);
    EXPECT_EQ(rest.reason, Reason::ended) << (rest.error ? to_text(*rest.error) : "");
    EXPECT_EQ(rest.proven_position, BlockNumber{1 + 60 - fitted});
    EXPECT_EQ(block_on(drive, 1), block_of(fitted, kBlock));
    EXPECT_EQ(block_on(drive, 60 - fitted), block_of(59, kBlock));
}

TEST(EndOfMedium, ALabelThatDoesNotFitSaysSo) {
    DriveFixture drive(small_cartridges());
    auto writer = drive.writer_at_bot();
    std::vector<WriteItem> items(60);
    for (auto& item : items) item.bytes = block_of(1, kBlock);
    auto report = drive.sim.run(writer->write_blocks(std::move(items)));
    ASSERT_TRUE(report) << to_text(report.error());
    EXPECT_EQ(report->outcome, WriteReport::Outcome::volume_overflow);
    EXPECT_LT(report->written, 60U);
    EXPECT_EQ(raw(report->position), report->written);
}

// Each command of a short session fails in turn: what was reported as proven is on the medium, and nothing else is claimed.
TEST(BlockWriter, ClaimsNothingThatIsNotThereWhicheverCommandIsLost) {
    for (auto kind : {vl::CommandFault::Kind::lost_reply, vl::CommandFault::Kind::gone, vl::CommandFault::Kind::hung}) {
        for (std::uint64_t command = 1; command <= 16; ++command) {
            DriveFixture drive;
            std::optional<WritePermit> permit;
            auto writer = drive.writer_at_bot(&permit);
            vl::FaultPlan faults;
            faults.commands.push_back({.lun = 1, .command = command, .kind = kind});
            drive.sim.library->set_faults(faults);
            auto ring = make_ring();
            for (int i = 0; i < 3; ++i) {
                fill(*ring, static_cast<std::uint64_t>(i) * 2, 2);
                ring->push(RingEntry::Kind::checkpoint, 0);
            }
            StreamReport report;
            do report = drive.stream(*writer, ring);
            while (report.reason == Reason::checkpoint);
            bool failed = report.reason == Reason::failed;
            EXPECT_EQ(failed, command <= 14) << "command " << command;
            EXPECT_EQ(failed, !permit->valid());
            EXPECT_EQ(raw(report.proven_position), report.proven_sequence / 3 * 2);
            EXPECT_GE(objects_on(drive), raw(report.proven_position));
            EXPECT_EQ(drive.owner.state(), failed ? DriveState::faulted : DriveState::writing);
        }
    }
}

}  // namespace
}  // namespace capstan::drives
