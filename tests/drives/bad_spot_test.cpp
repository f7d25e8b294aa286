// A medium that takes no more behind some block: what is proven then, and how the medium is ended.
#include "tests/drives/write_support.hpp"

namespace capstan::drives {
namespace {

using Reason = StreamReport::Reason;

// A session that met a bad spot at block 5: four blocks and a checkpoint before it were proven, one more had reached the medium.
struct BadSpot {
    BadSpot() {
        vl::FaultPlan faults;
        faults.medium.push_back({drive.sim.cartridge_in(drive.sim.drive(1)), BlockNumber{5}, vl::MediumFault::When::write});
        drive.sim.library->set_faults(faults);
        fill(*ring, 0, 4);
        ring->push(RingEntry::Kind::checkpoint, 0);
        fill(*ring, 4, 4);
        ring->push(RingEntry::Kind::checkpoint, 0);
        EXPECT_EQ(drive.stream(*writer, ring).reason, Reason::checkpoint);
        report = drive.stream(*writer, ring);
    }
    DriveFixture drive;
    std::optional<WritePermit> permit;
    std::unique_ptr<BlockWriter> writer = drive.writer_at_bot(&permit);
    std::shared_ptr<BlockRing> ring = make_ring();
    StreamReport report;
};

std::vector<WriteItem> end_of_medium() {
    std::vector<WriteItem> items(3);
    items[0].filemark = items[2].filemark = true;
    items[1].bytes.assign(kBlock, 0x55);
    return items;
}

TEST(BlockWriter, AMediumErrorProvesWhatTheDriveNamesAndKeepsTheRest) {
    BadSpot spot;
    EXPECT_EQ(spot.report.reason, Reason::failed);
    ASSERT_TRUE(spot.report.error && spot.report.error->sense);
    EXPECT_EQ(spot.report.error->sense->code.key, 3);
    EXPECT_EQ(spot.report.error->recovery, Recovery::replace_medium);
    EXPECT_EQ(spot.report.proven_position, BlockNumber{5});
    EXPECT_EQ(spot.report.proven_sequence, 6U);
    EXPECT_EQ(spot.report.next_sequence, 6U);
    EXPECT_EQ(spot.ring->front()->sequence, 6U) << "for the next cartridge";
    EXPECT_EQ(spot.drive.stream(*spot.writer, spot.ring).reason, Reason::failed) << "nothing more is taken";
    EXPECT_FALSE(spot.drive.sim.run(spot.writer->finish()));
    spot.writer.reset();
    EXPECT_FALSE(spot.permit->valid());
    EXPECT_EQ(spot.drive.owner.state(), DriveState::ready) << "the drive is not to blame";
    EXPECT_TRUE(spot.drive.sim.run(spot.drive.owner.unload()));
}

TEST(BlockWriter, BehindABadSpotTheEndIsMarkedIfTheMediumTakesIt) {
    BadSpot spot;
    spot.drive.sim.library->set_faults({});
    auto marked = spot.drive.sim.run(spot.writer->mark_end(end_of_medium()));
    ASSERT_TRUE(marked) << to_text(marked.error());
    EXPECT_EQ(*marked, BlockNumber{8});
    EXPECT_FALSE(spot.permit->valid());
    EXPECT_EQ(spot.drive.owner.state(), DriveState::ready);
    EXPECT_FALSE(spot.drive.sim.run(spot.writer->mark_end(end_of_medium()))) << "once only";
    EXPECT_EQ(objects_on(spot.drive), 8U);
}

TEST(BlockWriter, ABadSpotThatStaysLeavesWhatIsProven) {
    BadSpot spot;
    EXPECT_FALSE(spot.drive.sim.run(spot.writer->mark_end(end_of_medium())));
    EXPECT_FALSE(spot.permit->valid());
    EXPECT_EQ(spot.drive.owner.state(), DriveState::ready);
    EXPECT_EQ(objects_on(spot.drive), 5U);
}

TEST(BlockWriter, NothingIsMarkedAfterAUnitAttention) {
    BadSpot spot;
    spot.drive.sim.library->set_faults({});
    spot.drive.sim.library->lose_nexus(vl::NexusId{1});
    EXPECT_FALSE(spot.drive.sim.run(spot.writer->mark_end(end_of_medium())));
    EXPECT_FALSE(spot.permit->valid());
    EXPECT_EQ(objects_on(spot.drive), 5U);
}

// Trust may end between two calls, too: what the drive had taken until then is the first that goes elsewhere.
TEST(BlockWriter, APermitThatEndsBetweenTwoCallsGivesBackWhatWasTaken) {
    DriveFixture drive;
    std::optional<WritePermit> permit;
    auto writer = drive.writer_at_bot(&permit);
    auto ring = make_ring();
    fill(*ring, 0, 8);
    ASSERT_EQ(drive.stream(*writer, ring).reason, Reason::starved);
    ASSERT_EQ(ring->taken(), 8U);
    permit->invalidate("somebody looked into the drive");
    const auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, Reason::failed);
    EXPECT_FALSE(report.ring_in_use);
    EXPECT_EQ(report.next_sequence, 0U);
    EXPECT_EQ(ring->front()->sequence, 0U);
}

}  // namespace
}  // namespace capstan::drives
