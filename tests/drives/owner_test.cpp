// Loading, preparing, the first record, positions: a drive's life without writing.
#include "tests/drives/drive_fixture.hpp"

namespace capstan::drives {
namespace {

TEST(DriveOwner, TellsWhoItIs) {
    DriveFixture drive;
    auto identity = drive.sim.run(drive.owner.identify());
    ASSERT_TRUE(identity) << to_text(identity.error());
    EXPECT_EQ(identity->vendor, "CAPSTAN");
    EXPECT_EQ(identity->serial, drive.sim.library->drive_serial(1));
    EXPECT_GT(identity->block_size_max, 0U);
    EXPECT_TRUE(identity->timeouts_known);
}

TEST(DriveOwner, RefusesADriveWithAnotherSerialNumber) {
    test::SimulatedLibrary sim;
    DriveOwner owner(sim.loop, sim.clock, sim.device(1, "drive D1"), {.name = DriveName{"D1"}, .serial = "SOMEBODY"});
    auto identity = sim.run(owner.identify());
    ASSERT_FALSE(identity);
    EXPECT_EQ(identity.error().recovery, Recovery::stop_device);
    DriveOwner robot(sim.loop, sim.clock, sim.device(0, "drive D1"), {.name = DriveName{"D1"}, .serial = {}});
    EXPECT_FALSE(sim.run(robot.identify())) << "a robot is no drive";
}

// Switched off and on it may be another drive: it is asked again before it is used.
TEST(DriveOwner, ThatWasReplacedIsAskedAgainByItself) {
    DriveFixture drive;
    std::vector<std::string> serials;
    drive.owner.on_identified = [&](const DriveIdentity& identity) { serials.push_back(identity.serial); };
    ASSERT_TRUE(drive.sim.run(drive.owner.identify()));
    drive.insert();
    drive.make_ready();
    EXPECT_EQ(serials.size(), 1U) << "nothing has happened to it";
    ASSERT_TRUE(drive.sim.library->replace_drive(1, "OTHER42"));
    auto prepared = drive.sim.run(drive.owner.prepare());
    while (!prepared && drive.owner.state() != DriveState::faulted) {  // what is in it has to be loaded again
        drive.make_ready();
        prepared = drive.sim.run(drive.owner.prepare());
    }
    ASSERT_TRUE(prepared) << to_text(prepared.error());
    ASSERT_EQ(serials.size(), 2U);
    EXPECT_EQ(serials.back(), "OTHER42");
    EXPECT_EQ(drive.owner.identity().serial, "OTHER42");
}

TEST(DriveOwner, ThatIsNotTheOneOfTheConfigurationAnyMoreIsNotUsed) {
    test::SimulatedLibrary sim;
    const auto serial = sim.library->drive_serial(1);
    DriveOwner owner(sim.loop, sim.clock, sim.device(1, "drive D1"), {.name = DriveName{"D1"}, .serial = serial, .key = scsi::ReservationKey{42}});
    ASSERT_TRUE(sim.run(owner.identify()));
    ASSERT_TRUE(sim.run(owner.claim()));
    ASSERT_TRUE(sim.library->replace_drive(1, "OTHER42"));
    auto claimed = sim.run(owner.claim());
    ASSERT_FALSE(claimed);
    EXPECT_NE(claimed.error().happened.find("its serial number is OTHER42"), std::string::npos) << claimed.error().happened;
    EXPECT_FALSE(sim.run(owner.claim())) << "and it stays so";
}

TEST(DriveOwner, WaitsForALoadOfFourMinutes) {
    auto times = std::make_shared<vl::FixedTime>();
    times->set(vl::Activity::load, 4min);
    DriveFixture drive({}, times);
    drive.insert();
    EXPECT_EQ(drive.owner.state(), DriveState::loading);
    auto begin = drive.sim.clock.now();
    auto ready = drive.sim.run(drive.owner.wait_until_ready(600s));
    ASSERT_TRUE(ready) << to_text(ready.error());
    EXPECT_GE(drive.sim.clock.now() - begin, 3min);
    EXPECT_LE(drive.sim.clock.now() - begin, 5min);
    EXPECT_EQ(drive.owner.state(), DriveState::ready);
    EXPECT_GT(drive.owner.counters().unit_attentions, 0U) << "noted, not swallowed";
}

TEST(DriveOwner, TellsHowFarALongLoadIs) {
    vl::LibraryGeometry geometry;
    geometry.models = {"lto-9"};
    DriveFixture drive(geometry);
    auto identity = drive.sim.run(drive.owner.identify());
    ASSERT_TRUE(identity) << to_text(identity.error());
    EXPECT_EQ(identity->kind, "LTO-9");
    EXPECT_EQ(identity->densities, (std::vector<DensityAbility>{{0x5E, true}, {0x60, true}}));
    EXPECT_TRUE(identity->not_offered.empty());
    EXPECT_GE(identity->load_limit, 2h);
    drive.insert();
    std::vector<int> seen;
    for (auto after = 5min; after <= 55min; after += 10min)
        drive.sim.clock.at(drive.sim.clock.now() + after, [&] {
            ASSERT_TRUE(drive.owner.loading());
            ASSERT_TRUE(drive.owner.loading()->percent) << drive.owner.loading()->what;
            seen.push_back(*drive.owner.loading()->percent);
        });
    auto ready = drive.sim.run(drive.owner.wait_until_ready(identity->load_limit));
    ASSERT_TRUE(ready) << to_text(ready.error());
    ASSERT_EQ(seen.size(), 6U);
    EXPECT_NEAR(seen.front(), 8, 3);
    EXPECT_NEAR(seen.back(), 92, 3);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_FALSE(drive.owner.loading());
}

TEST(DriveOwner, SaysWhatADriveDoesNotOffer) {
    vl::LibraryGeometry geometry;
    geometry.models = {"old"};
    DriveFixture drive(geometry);
    auto identity = drive.sim.run(drive.owner.identify());
    ASSERT_TRUE(identity) << to_text(identity.error());
    EXPECT_TRUE(identity->counts_position);
    EXPECT_TRUE(identity->densities.empty()) << "it does not tell, and its name says nothing";
    EXPECT_EQ(identity->not_offered, (std::vector<std::string>{"LOCATE", "long READ POSITION", "cartridge memory (MAM)", "density report",
                                                               "SET CAPACITY", "FORMAT MEDIUM", "append-only mode", "encryption",
                                                               "programmable early warning"}));
    drive.insert();
    drive.make_ready();
    auto writer = drive.writer_at(BlockNumber{0});
    ASSERT_TRUE(writer);
    auto ring = std::make_shared<BlockRing>(65536, 16);
    fill(*ring, 0, 5);
    ring->push(RingEntry::Kind::end, 0);
    auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, StreamReport::Reason::ended);
    EXPECT_EQ(report.proven_position, BlockNumber{5}) << "counted";
}

TEST(DriveOwner, GivesUpWaitingAtTheLimit) {
    auto times = std::make_shared<vl::FixedTime>();
    times->set(vl::Activity::load, 4min);
    DriveFixture drive({}, times);
    drive.insert();
    auto ready = drive.sim.run(drive.owner.wait_until_ready(60s));
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().recovery, Recovery::ask_operator);
    EXPECT_TRUE(ready.error().sense);
    EXPECT_FALSE(drive.owner.loading());
    auto later = drive.sim.run(drive.owner.wait_until_ready(600s));
    EXPECT_TRUE(later) << "it may be asked again";
}

TEST(DriveOwner, SaysThatNoCartridgeCame) {
    DriveFixture drive;
    auto presence = drive.sim.run(drive.owner.probe());
    ASSERT_TRUE(presence) << to_text(presence.error());
    EXPECT_EQ(*presence, Presence::absent);
    auto ready = drive.sim.run(drive.owner.wait_until_ready(30s));
    ASSERT_FALSE(ready);
    EXPECT_NE(ready.error().happened.find("does not see a cartridge"), std::string::npos) << to_text(ready.error());
}

TEST(DriveOwner, RefusesWorkOutOfTurn) {
    DriveFixture drive;
    EXPECT_EQ(drive.sim.run(drive.owner.prepare()).error().recovery, Recovery::change_request);
    drive.insert();
    drive.make_ready();
    EXPECT_EQ(drive.owner.state(), DriveState::ready);
    EXPECT_EQ(drive.owner.position(), BlockNumber{0});
    auto unloaded = drive.sim.run(drive.owner.unload());
    ASSERT_TRUE(unloaded) << to_text(unloaded.error());
    EXPECT_EQ(drive.owner.state(), DriveState::unloading);
    EXPECT_FALSE(drive.sim.run(drive.owner.read_first_record()));
    drive.sim.robot_moves(drive.sim.drive(1), drive.sim.slot(1));
    drive.owner.cartridge_removed();
    EXPECT_EQ(drive.owner.state(), DriveState::empty);
    EXPECT_FALSE(drive.owner.cartridge());
}

TEST(DriveOwner, PreventsRemovalWhilePrepared) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    EXPECT_THROW(drive.sim.robot_moves(drive.sim.drive(1), drive.sim.slot(1)), std::runtime_error);
    ASSERT_TRUE(drive.sim.run(drive.owner.unload()));
    EXPECT_NO_THROW(drive.sim.robot_moves(drive.sim.drive(1), drive.sim.slot(1)));
}

TEST(FirstRecord, ANewCartridgeIsBlank) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    auto first = drive.sim.run(drive.owner.read_first_record());
    ASSERT_TRUE(first) << to_text(first.error());
    EXPECT_EQ(first->kind, FirstRecord::Kind::blank);
    ASSERT_TRUE(first->sense);
    EXPECT_EQ(first->sense->code.key, 8);
    EXPECT_EQ(drive.owner.position(), BlockNumber{0});
}

TEST(FirstRecord, AReadErrorIsNotBlank) {
    DriveFixture drive;
    {
        auto writer = drive.writer_at_bot();
        std::vector<WriteItem> items(1);
        items[0].bytes = block_of(1, 65536);
        ASSERT_TRUE(drive.sim.run(writer->write_blocks(std::move(items))));
        ASSERT_TRUE(drive.sim.run(writer->finish()));
    }
    vl::FaultPlan faults;
    faults.medium.push_back({drive.sim.cartridge_in(drive.sim.drive(1)), BlockNumber{0}, vl::MediumFault::When::read});
    drive.sim.library->set_faults(faults);
    auto first = drive.sim.run(drive.owner.read_first_record());
    ASSERT_TRUE(first) << to_text(first.error());
    EXPECT_EQ(first->kind, FirstRecord::Kind::unreadable);
    ASSERT_TRUE(first->sense);
    EXPECT_EQ(first->sense->code.key, 3);
    EXPECT_FALSE(drive.owner.position()) << "where it stands after an error is not known";
    EXPECT_EQ(drive.owner.counters().medium_errors, 1U);
}

TEST(FirstRecord, TellsBlocksAndFilemarksApart) {
    DriveFixture drive;
    {
        auto writer = drive.writer_at_bot();
        std::vector<WriteItem> items(2);
        items[0].bytes = block_of(1, 65536);
        items[1].filemark = true;
        ASSERT_TRUE(drive.sim.run(writer->write_blocks(std::move(items))));
        ASSERT_TRUE(drive.sim.run(writer->finish()));
    }
    auto whole = drive.sim.run(drive.owner.read_first_record());
    ASSERT_TRUE(whole) << to_text(whole.error());
    EXPECT_EQ(whole->kind, FirstRecord::Kind::block);
    EXPECT_EQ(whole->bytes, block_of(1, 65536));
    EXPECT_EQ(drive.owner.position(), BlockNumber{1});
    auto cut = drive.sim.run(drive.owner.read_first_record(1024));
    ASSERT_TRUE(cut) << to_text(cut.error());
    EXPECT_EQ(cut->kind, FirstRecord::Kind::block);
    EXPECT_EQ(cut->bytes.size(), 1024U);
    EXPECT_EQ(cut->size, 65536U);
}

TEST(FirstRecord, AFilemarkFirstIsNotBlank) {
    DriveFixture drive;
    {
        auto writer = drive.writer_at_bot();
        std::vector<WriteItem> items(1);
        items[0].filemark = true;
        ASSERT_TRUE(drive.sim.run(writer->write_blocks(std::move(items))));
        ASSERT_TRUE(drive.sim.run(writer->finish()));
    }
    auto first = drive.sim.run(drive.owner.read_first_record());
    ASSERT_TRUE(first) << to_text(first.error());
    EXPECT_EQ(first->kind, FirstRecord::Kind::filemark_first);
}

TEST(DriveOwner, AHungCommandFaultsTheDriveUntilItIsReplaced) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    vl::FaultPlan faults;
    faults.commands.push_back({.lun = 1, .command = 1, .kind = vl::CommandFault::Kind::hung});
    drive.sim.library->set_faults(faults);
    EXPECT_FALSE(drive.sim.run(drive.owner.locate(BlockNumber{0})));
    EXPECT_EQ(drive.owner.state(), DriveState::faulted);
    EXPECT_FALSE(drive.owner.why_faulted().empty());
    EXPECT_FALSE(drive.reasons.empty());
    auto refused = drive.sim.run(drive.owner.prepare());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().recovery, Recovery::stop_device);
    ASSERT_TRUE(drive.owner.replace_device(drive.sim.device(1, "drive D1")));
    EXPECT_EQ(drive.owner.state(), DriveState::loading);
    drive.make_ready();
    EXPECT_EQ(drive.owner.state(), DriveState::ready);
}

TEST(DriveOwner, APowerCycleNeedsTheCartridgeToBeIdentifiedAgain) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    ASSERT_TRUE(drive.sim.library->power_cycle(1));
    EXPECT_FALSE(drive.sim.run(drive.owner.locate(BlockNumber{0})));
    EXPECT_FALSE(drive.owner.position());
    ASSERT_EQ(drive.reasons.size(), 1U);
    EXPECT_NE(drive.reasons[0].find("06/29"), std::string::npos) << drive.reasons[0];
    drive.make_ready();
    EXPECT_EQ(drive.owner.position(), BlockNumber{0});
}

Task<void> ask_first(DriveOwner& owner, int number, std::vector<int>& order) {
    auto there = co_await owner.locate(BlockNumber{0});
    order.push_back(there ? number : -number);
}

TEST(DriveOwner, TakesRequestsInOrderOfAsking) {
    DriveFixture drive;
    drive.insert();
    drive.make_ready();
    std::vector<int> order;
    for (int i = 1; i <= 5; ++i) drive.sim.loop.spawn(ask_first(drive.owner, i, order));
    while (order.size() < 5) {
        drive.sim.poll();
        if (order.size() < 5 && !drive.sim.clock.advance()) break;
    }
    EXPECT_EQ(order, (std::vector{1, 2, 3, 4, 5}));
}

}  // namespace
}  // namespace capstan::drives
