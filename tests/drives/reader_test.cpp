// Reading into memory and into a ring; the end of data against a read error; the same over a real thread.
#include "drives/scsi/thread_device.hpp"
#include "tests/drives/drive_fixture.hpp"

namespace capstan::drives {
namespace {

constexpr std::size_t kBlock = 65536;

// Blocks 0-4, a filemark (5), blocks 6-8.
void record(DriveFixture& drive) {
    auto writer = drive.writer_at_bot();
    ASSERT_TRUE(writer);
    std::vector<WriteItem> items(9);
    for (std::uint64_t i = 0; i < items.size(); ++i) {
        if (i == 5) {
            items[i].filemark = true;
        } else {
            items[i].bytes = block_of(i, kBlock);
        }
    }
    ASSERT_TRUE(drive.sim.run(writer->write_blocks(std::move(items))));
    ASSERT_TRUE(drive.sim.run(writer->finish()));
}

TEST(Reading, FindsTheEndOfData) {
    DriveFixture drive;
    record(drive);
    auto end = drive.sim.run(drive.owner.find_end_of_data());
    ASSERT_TRUE(end) << to_text(end.error());
    EXPECT_EQ(end->block, BlockNumber{9});
    EXPECT_EQ(end->filemarks, FilemarkCount{1});
    EXPECT_EQ(drive.owner.position(), BlockNumber{9});
}

TEST(Reading, LocatesAndSaysWhereTheDataEnd) {
    DriveFixture drive;
    record(drive);
    EXPECT_TRUE(drive.sim.run(drive.owner.locate(BlockNumber{7})));
    EXPECT_EQ(drive.owner.position(), BlockNumber{7});
    auto beyond = drive.sim.run(drive.owner.locate(BlockNumber{100}));
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().recovery, Recovery::replace_medium);
    EXPECT_FALSE(drive.owner.position());
}

TEST(Reading, PassesFilemarksWithoutReadingWhatIsBetween) {
    DriveFixture drive;
    record(drive);
    auto behind = drive.sim.run(drive.owner.pass_filemark(BlockNumber{1}));
    ASSERT_TRUE(behind) << to_text(behind.error());
    EXPECT_EQ(*behind, BlockNumber{6});
    EXPECT_EQ(drive.owner.position(), BlockNumber{6});
    EXPECT_EQ(*drive.sim.run(drive.owner.pass_filemark(BlockNumber{5})), BlockNumber{6});
    auto none = drive.sim.run(drive.owner.pass_filemark(BlockNumber{6}));
    ASSERT_TRUE(none) << to_text(none.error());
    EXPECT_FALSE(*none);
    EXPECT_FALSE(drive.owner.position());
}

TEST(Reading, ReadsAFewObjectsIntoMemory) {
    DriveFixture drive;
    record(drive);
    auto objects = drive.sim.run(drive.owner.read_objects(BlockNumber{4}, 20));
    ASSERT_TRUE(objects) << to_text(objects.error());
    ASSERT_EQ(objects->size(), 6U);
    EXPECT_EQ((*objects)[0].bytes, block_of(4, kBlock));
    EXPECT_EQ((*objects)[1].kind, TapeObject::Kind::filemark);
    EXPECT_EQ((*objects)[2].number, BlockNumber{6});
    EXPECT_EQ((*objects)[5].kind, TapeObject::Kind::end_of_data);
    EXPECT_EQ((*objects)[5].number, BlockNumber{9});
    EXPECT_EQ(drive.owner.position(), BlockNumber{9});
}

TEST(Reading, StreamsIntoARing) {
    DriveFixture drive;
    record(drive);
    auto ring = std::make_shared<BlockRing>(kBlock, 3);
    auto first = drive.sim.run(drive.owner.read_into(ring, BlockNumber{0}, 100, 0ms));
    EXPECT_EQ(first.reason, ReadReport::Reason::no_room);
    EXPECT_EQ(first.position, BlockNumber{3});
    for (std::uint64_t i = 0; i < 3; ++i) {
        ASSERT_NE(ring->front(), nullptr);
        auto bytes = ring->front()->bytes();
        EXPECT_EQ(std::vector<std::uint8_t>(bytes.begin(), bytes.end()), block_of(i, kBlock));
        ring->pop();
        ring->prove(i + 1);
    }
    auto second = drive.sim.run(drive.owner.read_into(ring, first.position, 100, 0ms));
    EXPECT_EQ(second.reason, ReadReport::Reason::filemark);
    EXPECT_EQ(second.position, BlockNumber{6});
    EXPECT_EQ(second.blocks, 2U);
    ring->pop();
    ring->pop();
    ring->prove(5);
    auto third = drive.sim.run(drive.owner.read_into(ring, second.position, 2, 0ms));
    EXPECT_EQ(third.reason, ReadReport::Reason::count_reached);
    ring->pop();
    ring->prove(6);
    auto last = drive.sim.run(drive.owner.read_into(ring, third.position, 100, 0ms));
    EXPECT_EQ(last.reason, ReadReport::Reason::end_of_data);
    EXPECT_EQ(last.position, BlockNumber{9});
    EXPECT_EQ(drive.owner.state(), DriveState::ready);
}

TEST(Reading, AReadErrorIsNeverTheEndOfTheData) {
    DriveFixture drive;
    record(drive);
    vl::FaultPlan faults;
    faults.medium.push_back({drive.sim.cartridge_in(drive.sim.drive(1)), BlockNumber{8}, vl::MediumFault::When::read});
    drive.sim.library->set_faults(faults);
    auto ring = std::make_shared<BlockRing>(kBlock, 8);
    auto report = drive.sim.run(drive.owner.read_into(ring, BlockNumber{6}, 100, 0ms));
    EXPECT_EQ(report.reason, ReadReport::Reason::failed);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.position, BlockNumber{8});
    EXPECT_EQ(report.blocks, 2U);
    EXPECT_EQ(drive.owner.state(), DriveState::ready);
    auto objects = drive.sim.run(drive.owner.read_objects(BlockNumber{7}, 5));
    EXPECT_FALSE(objects);
}

TEST(Reading, ABlockLongerThanTheRingsIsAnError) {
    DriveFixture drive;
    record(drive);
    auto ring = std::make_shared<BlockRing>(kBlock / 2, 8);
    auto report = drive.sim.run(drive.owner.read_into(ring, BlockNumber{0}, 100, 0ms));
    EXPECT_EQ(report.reason, ReadReport::Reason::failed);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->recovery, Recovery::change_request);
    EXPECT_EQ(ring->pushed(), 0U);
}

template <class T>
Task<void> keep(Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
}

// The daemon's way: the drive on its own thread, a producer on another, nothing simulated.
TEST(Threads, WriteAndReadBackThroughRings) {
    test::ScratchDirectory directory;
    auto library = vl::VirtualLibrary::open(directory.path(), {});
    ASSERT_TRUE(library) << to_text(library.error());
    asio::io_context context;
    Loop loop(context);
    SimClock clock{Wall{}};  // no timer of it is ever needed
    auto device = scsi::ThreadDevice::create(loop, std::make_unique<vl::VirtualTransport>(*library, vl::NexusId{1}, 1), "drive D1");
    DriveOwner owner(loop, clock, device, {.name = DriveName{"D1"}, .serial = {}});
    auto run = [&](auto task) {
        using T = typename decltype(task)::value_type;
        std::optional<T> result;
        loop.spawn(keep(std::move(task), result));
        auto end = std::chrono::steady_clock::now() + 60s;
        while (!result && std::chrono::steady_clock::now() < end) {
            context.restart();
            context.run_for(std::chrono::milliseconds{5});
        }
        return std::move(result.value());
    };
    {
        vl::VirtualTransport robot(*library, vl::NexusId{2}, 0);
        for (int i = 0; i < 8; ++i) (void)scsi::test_unit_ready(robot);
        ASSERT_TRUE(scsi::move_medium(robot, ElementAddress{0}, ElementAddress{0x03E8}, ElementAddress{0x0100}));
    }
    owner.cartridge_inserted(CartridgeId{1}, VolumeTag{"CAP001L8"});
    ASSERT_TRUE(run(owner.wait_until_ready(60s)));
    ASSERT_TRUE(run(owner.prepare()));
    ASSERT_TRUE(run(owner.read_first_record()));
    auto permit = pools::PermitOffice::grant({.cartridge = CartridgeId{1}, .drive = DriveName{"D1"}, .first_block = BlockNumber{0}});
    owner.hold(permit);
    auto writer = run(owner.start_writing(permit));
    ASSERT_TRUE(writer) << to_text(writer.error());

    constexpr std::uint64_t kBlocks = 2000;
    auto ring = std::make_shared<BlockRing>(kBlock, 32);
    std::thread producer([&] {
        for (std::uint64_t i = 0; i < kBlocks; ++i) {
            if (i % 16 == 15) {
                while (ring->wait_room(1s).empty()) {}
                ring->push(RingEntry::Kind::checkpoint, 0);
            }
            while (ring->wait_room(1s).empty()) {}
            fill(*ring, i, 1);
        }
        while (ring->wait_room(1s).empty()) {}
        ring->push(RingEntry::Kind::end, 0);
    });
    StreamReport report;
    do report = run((*writer)->write_from(ring, 100ms));
    while (report.reason == StreamReport::Reason::checkpoint || report.reason == StreamReport::Reason::starved);
    producer.join();
    ASSERT_EQ(report.reason, StreamReport::Reason::ended) << (report.error ? to_text(*report.error) : "");
    EXPECT_EQ(report.proven_position, BlockNumber{kBlocks});
    ASSERT_TRUE(run((*writer)->finish()));

    auto back = std::make_shared<BlockRing>(kBlock, 32);
    std::uint64_t same = 0;
    std::thread consumer([&] {
        for (std::uint64_t i = 0; i < kBlocks;) {
            const auto* entry = back->wait_front(1s);
            if (entry == nullptr) continue;
            auto bytes = entry->bytes();
            if (std::ranges::equal(bytes, block_of(i, kBlock))) ++same;
            back->pop();
            back->prove(++i);
        }
    });
    ReadReport read;
    read.position = BlockNumber{0};
    do read = run(owner.read_into(back, read.position, kBlocks - raw(read.position), 100ms));
    while (read.reason == ReadReport::Reason::no_room);
    consumer.join();
    EXPECT_EQ(read.reason, ReadReport::Reason::count_reached) << (read.error ? to_text(*read.error) : "");
    EXPECT_EQ(same, kBlocks);
    ASSERT_TRUE(run(owner.unload()));
    EXPECT_TRUE(device->close(5s));
}

}  // namespace
}  // namespace capstan::drives
