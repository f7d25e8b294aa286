// Stories of a virtual library: nexuses, doors, ports, barcodes, power, time, faults, and what a restart finds.
#include "support.hpp"

#include "config/base/clock.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace capstan::virtual_library {
namespace {

constexpr ElementAddress kPicker{1}, kPort{0x10}, kDrive1{0x100}, kSlot1{0x3E8}, kSlot2{0x3E9}, kSlotFree{0x3F7};

struct Story : testing::Test {
    Scratch scratch;
    LibraryGeometry geometry;
    LibraryOptions options;
    std::shared_ptr<VirtualLibrary> library;
    std::unique_ptr<VirtualTransport> robot, drive, other_robot, other_drive;

    void SetUp() override {
        geometry.medium.capacity = 8 << 20;
        geometry.medium.early_warning = 1 << 20;
        open();
    }
    void open() {
        library.reset();
        auto opened = VirtualLibrary::open(scratch / "library", geometry, options);
        ASSERT_TRUE(opened) << to_text(opened.error());
        library = *opened;
        robot = unit(1, 0), drive = unit(1, 1), other_robot = unit(2, 0), other_drive = unit(2, 1);
        for (auto* each : {robot.get(), drive.get(), other_robot.get(), other_drive.get()}) settle(*each);
    }
    void reopen() {
        robot.reset(), drive.reset(), other_robot.reset(), other_drive.reset();
        open();
    }
    std::unique_ptr<VirtualTransport> unit(std::uint64_t nexus, std::uint8_t lun) {
        return std::make_unique<VirtualTransport>(library, NexusId{nexus}, lun);
    }
    std::string move(ElementAddress from, ElementAddress to) {
        auto reply = try_run(*robot, move_cdb(from, to));
        return reply ? told(*reply) : "error";
    }
    static scsi::MoveMediumCdb move_cdb(ElementAddress from, ElementAddress to) {
        return {.picker = scsi::on_wire(kPicker), .source = scsi::on_wire(from), .destination = scsi::on_wire(to)};
    }
    scsi::ElementStatus element(ElementAddress address) {
        auto report = scsi::read_element_status(*robot, {.first = address, .count = 1});
        EXPECT_TRUE(report) << to_text(report.error());
        return report && !report->elements.empty() ? report->elements.front() : scsi::ElementStatus{};
    }
    void load() {
        ASSERT_EQ(move(kSlot1, kDrive1), "GOOD");
        ASSERT_EQ(settle(*drive), "GOOD");
        settle(*other_drive);
    }
};

TEST_F(Story, UnitAttentionsAreForEachNexus) {
    auto fresh = unit(9, 1);
    EXPECT_EQ(ready(*fresh), "06/29/00");
    EXPECT_EQ(ready(*fresh), "02/3A/00");
    ASSERT_EQ(move(kSlot1, kDrive1), "GOOD");
    EXPECT_EQ(ready(*drive), "06/28/00");
    EXPECT_EQ(ready(*drive), "GOOD");
    EXPECT_EQ(ready(*other_drive), "06/28/00");
    ASSERT_TRUE(library->power_cycle(1));
    EXPECT_EQ(ready(*drive), "06/29/00");
    EXPECT_EQ(ready(*other_drive), "06/29/00");
    EXPECT_EQ(ready(*drive), "GOOD");
    ASSERT_TRUE(scsi::set_medium_removal(*drive, scsi::Removal::prevent));
    library->lose_nexus(NexusId{1});
    EXPECT_EQ(ready(*drive), "06/29/07");
    EXPECT_EQ(ready(*other_drive), "GOOD");
    EXPECT_TRUE(scsi::unload(*other_drive)) << "a lost nexus prevents nothing";
    settle(*drive);
}

TEST_F(Story, ModeChangesAreToldToTheOthers) {
    load();
    scsi::ModeData data;
    data.block_descriptor = scsi::BlockDescriptor{.block_length = BigEndian<3>{512}};
    data.device_specific = scsi::kModeBuffered;
    ASSERT_TRUE(scsi::mode_select(*drive, data));
    EXPECT_EQ(ready(*drive), "GOOD");
    EXPECT_EQ(ready(*other_drive), "06/2A/01");
}

TEST_F(Story, AResetLeavesTheTapeWhereItIs) {
    load();
    scsi::ModeData data;
    data.block_descriptor = scsi::BlockDescriptor{.block_length = BigEndian<3>{512}};
    ASSERT_TRUE(scsi::mode_select(*drive, data));
    settle(*other_drive);
    ASSERT_TRUE(scsi::set_medium_removal(*other_drive, scsi::Removal::prevent));
    ASSERT_EQ(told(marks(*drive, 3)), "GOOD");
    library->reset_unit(1);
    EXPECT_EQ(ready(*drive), "06/29/03");
    EXPECT_EQ(ready(*other_drive), "06/29/03");
    EXPECT_EQ(scsi::current_block(*drive), BlockNumber{3});
    auto modes = scsi::mode_sense(*drive, scsi::DeviceConfigurationPage::kPage);
    ASSERT_TRUE(modes && modes->block_descriptor);
    EXPECT_EQ(modes->block_descriptor->block_length.value(), 0U);
    EXPECT_TRUE(scsi::unload(*drive)) << "a reset ends every PREVENT";
}

TEST_F(Story, TheImportPort) {
    MediumInfo info = geometry.medium;
    info.volume_tag = VolumeTag{"NEW001L8"};
    auto id = library->add_cartridge(info);
    ASSERT_TRUE(id) << to_text(id.error());
    ASSERT_TRUE(library->put_into_port(*id, kPort));
    EXPECT_EQ(ready(*robot), "06/28/01");
    EXPECT_EQ(ready(*other_robot), "06/28/01");
    auto port = element(kPort);
    EXPECT_TRUE(port.full && port.placed_by_operator && port.import_enabled);
    EXPECT_EQ(port.volume_tag.text, "NEW001L8");
    EXPECT_FALSE(library->put_into_port(*id, kPort));
    EXPECT_EQ(move(kPort, kSlotFree), "GOOD");
    EXPECT_EQ(move(kSlot1, kPort), "GOOD");
    EXPECT_FALSE(element(kPort).placed_by_operator);
    ASSERT_TRUE(scsi::set_medium_removal(*robot, scsi::Removal::prevent));
    EXPECT_FALSE(library->take_from_port(kPort));
    ASSERT_TRUE(scsi::set_medium_removal(*robot, scsi::Removal::allow));
    EXPECT_EQ(library->take_from_port(kPort).value_or(""), "CAP001L8");
    reopen();
    EXPECT_EQ(element(kSlotFree).volume_tag.text, "NEW001L8");
    EXPECT_FALSE(element(kPort).full);
}

TEST_F(Story, HandsInTheLibrary) {
    ASSERT_TRUE(library->swap_by_hand(kSlot1, kSlot2, VirtualLibrary::Noticed::no));
    EXPECT_EQ(ready(*robot), "GOOD");
    EXPECT_EQ(element(kSlot1).volume_tag.text, "CAP001L8") << "the robot did not look";
    ASSERT_TRUE(scsi::initialize_element_status(*robot));
    EXPECT_EQ(element(kSlot1).volume_tag.text, "CAP002L8");
    library->open_door();
    EXPECT_EQ(ready(*robot), "02/04/03");
    EXPECT_EQ(move(kSlot1, kDrive1), "02/04/03");
    library->close_door();
    EXPECT_EQ(ready(*robot), "06/28/00");
    EXPECT_EQ(ready(*robot), "GOOD");
    ASSERT_TRUE(library->swap_by_hand(kSlot1, kSlotFree, VirtualLibrary::Noticed::by_the_door));
    EXPECT_EQ(ready(*robot), "06/28/00");
    EXPECT_FALSE(element(kSlot1).full);
    EXPECT_EQ(element(kSlotFree).volume_tag.text, "CAP002L8");
}

TEST_F(Story, BarcodesThatAreMissingUnreadableOrDouble) {
    ASSERT_TRUE(library->set_barcode("CAP001L8", MediumInfo::Barcode::missing, {}));
    ASSERT_TRUE(library->set_barcode("CAP002L8", MediumInfo::Barcode::unreadable, VolumeTag{"CAP002L8"}));
    ASSERT_TRUE(library->set_barcode("CAP004L8", MediumInfo::Barcode::readable, VolumeTag{"CAP003L8"}));
    ASSERT_TRUE(scsi::initialize_element_status(*robot));
    auto report = scsi::read_element_status(*robot, {.first = kSlot1, .count = 4});
    ASSERT_TRUE(report && report->elements.size() == 4);
    EXPECT_TRUE(report->elements[0].full && report->elements[0].volume_tag.empty());
    EXPECT_FALSE(report->elements[0].exception);
    EXPECT_TRUE(report->elements[1].full && report->elements[1].volume_tag.empty() && report->elements[1].exception);
    EXPECT_EQ(report->elements[2].volume_tag, report->elements[3].volume_tag);
}

TEST_F(Story, TheTab) {
    ASSERT_TRUE(library->set_write_protect("CAP001L8", true));
    load();
    EXPECT_EQ(told(write(*drive, block(1, 100))), "07/27/00");
    EXPECT_EQ(told(marks(*drive, 1)), "07/27/00");
    EXPECT_EQ(told(run(*drive, scsi::Erase6Cdb{})), "07/27/00");
    EXPECT_TRUE(scsi::mode_sense(*drive, 0x10)->write_protected());
    EXPECT_FALSE(library->set_write_protect("CAP001L8", false)) << "it is in a drive";
}

TEST_F(Story, PowerLostByTheDriveCostsTheBuffer) {
    load();
    write(*drive, block(1, 500));
    marks(*drive, 1);
    write(*drive, block(2, 500));
    marks(*drive, 1, true);
    EXPECT_EQ(scsi::read_position(*drive, scsi::PositionForm::extended)->objects_in_buffer, 2u);
    ASSERT_TRUE(library->power_cycle(1));
    EXPECT_EQ(ready(*drive), "06/29/00");
    EXPECT_EQ(ready(*drive), "GOOD");
    ASSERT_TRUE(scsi::locate_end_of_data(*drive));
    EXPECT_EQ(*scsi::current_block(*drive), BlockNumber{2});
    reopen();
    EXPECT_TRUE(element(kDrive1).full) << "the cartridge is where it was";
    ASSERT_TRUE(scsi::locate_end_of_data(*drive));
    EXPECT_EQ(*scsi::current_block(*drive), BlockNumber{2});
}

TEST_F(Story, TheBufferIsNeverLargerThanItIs) {
    options.drive_buffer = 100'000;
    reopen();
    load();
    std::uint64_t most = 0;
    for (int i = 0; i < 100; ++i) {
        write(*drive, block(static_cast<std::uint64_t>(i), 9'000));
        most = std::max(most, *scsi::read_position(*drive, scsi::PositionForm::extended)->bytes_in_buffer);
    }
    EXPECT_GT(most, 50'000u);
    EXPECT_LT(most, 100'000u);
}

TEST_F(Story, ABufferedBlockThatIsLostIsADeferredError) {
    ASSERT_TRUE(library->set_defects(
        "CAP001L8", {{BlockNumber{2}, MediumFault::When::write}, {BlockNumber{0}, MediumFault::When::read}}));
    load();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(told(write(*drive, block(static_cast<std::uint64_t>(i), 500))), "GOOD");
    auto reply = marks(*drive, 0);
    ASSERT_TRUE(reply.sense);
    EXPECT_EQ(told(reply), "03/0C/00");
    EXPECT_TRUE(reply.sense->deferred);
    EXPECT_EQ(*scsi::current_block(*drive), BlockNumber{2});
    ASSERT_TRUE(scsi::rewind(*drive));
    std::vector<std::uint8_t> space(500);
    EXPECT_EQ(told(read(*drive, space)), "03/11/00");
    EXPECT_EQ(told(read(*drive, space)), "GOOD");
    EXPECT_EQ(space, block(1, 500));
    EXPECT_EQ(told(read(*drive, space)), "08/00/05");
    // Without the buffer the command itself fails.
    scsi::ModeData data;
    data.block_descriptor.emplace();
    ASSERT_TRUE(scsi::mode_select(*drive, data));
    reply = write(*drive, block(9, 500));
    EXPECT_EQ(told(reply), "03/0C/00");
    EXPECT_FALSE(reply.sense->deferred);
}

TEST_F(Story, ADeferredErrorStandsInForTheNextCommand) {
    options.drive_buffer = 1000;
    FaultPlan plan;
    plan.medium.push_back({"CAP001L8", BlockNumber{1}, MediumFault::When::write});
    options.faults = plan;
    reopen();
    load();
    EXPECT_EQ(told(write(*drive, block(0, 400))), "GOOD");
    EXPECT_EQ(told(write(*drive, block(1, 700))), "GOOD");  // the buffer runs over, the drive notices
    auto reply = write(*drive, block(2, 400));
    ASSERT_TRUE(reply.sense);
    EXPECT_TRUE(reply.sense->deferred);
    EXPECT_EQ(*scsi::current_block(*drive), BlockNumber{1}) << "block 2 was not taken";
}

TEST_F(Story, LoadingTakesItsTime) {
    SimClock clock(Wall{});
    options.timing = {TimeMode::simulated, std::make_shared<FixedTime>(), [&] { return clock.now(); }, {}};
    reopen();
    auto reply = run(*robot, move_cdb(kSlot1, kDrive1));
    EXPECT_EQ(reply.took, std::chrono::seconds(10));
    EXPECT_EQ(ready(*drive), "02/04/01");
    clock.pass(std::chrono::seconds(26));
    EXPECT_EQ(ready(*drive), "02/04/01");
    clock.pass(std::chrono::seconds(1));
    EXPECT_EQ(ready(*drive), "06/28/00");
    EXPECT_EQ(ready(*drive), "GOOD");
    EXPECT_EQ(run(*drive, scsi::RewindCdb{}).took, std::chrono::seconds(55));
    EXPECT_EQ(run(*drive, scsi::LoadUnloadCdb{}).took, std::chrono::seconds(30));
    auto late = drive->execute(scsi::to_cdb(scsi::LoadUnloadCdb{.flags = 1}), {}, {}, std::chrono::milliseconds(10));
    ASSERT_FALSE(late) << "longer than the limit of the command";
    EXPECT_EQ(late.error().recovery, Recovery::stop_device);
}

TEST_F(Story, RealTimeReallyWaits) {
    std::chrono::microseconds slept{};
    options.timing = {TimeMode::real, std::make_shared<FixedTime>(),
                      [] { return std::chrono::steady_clock::time_point{}; },
                      [&](std::chrono::microseconds time) { slept += time; }};
    reopen();
    slept = {};
    auto reply = robot->execute(scsi::to_cdb(move_cdb(kSlot1, kSlotFree)), {}, {}, std::chrono::minutes(5));
    ASSERT_TRUE(reply);
    EXPECT_EQ(slept, std::chrono::seconds(10));
    options.timing.sleep = {};
    EXPECT_FALSE(VirtualLibrary::open(scratch / "third", geometry, options));
}

TEST_F(Story, ARobotThatJams) {
    FaultPlan plan;
    plan.jams = {{2, RobotJam::Where::in_picker}, {3, RobotJam::Where::at_source}};
    library->set_faults(plan);
    EXPECT_EQ(move(kSlot1, kSlotFree), "GOOD");
    EXPECT_EQ(move(kSlot2, kSlot1), "04/15/01");
    EXPECT_EQ(ready(*robot), "02/04/03");
    library->clear_jam();
    EXPECT_TRUE(element(kPicker).full);
    EXPECT_FALSE(element(kSlot2).full);
    EXPECT_EQ(move(kPicker, kSlot1), "04/15/01");
    library->clear_jam();
    EXPECT_EQ(move(kPicker, kSlot1), "GOOD");
    EXPECT_EQ(element(kSlot1).volume_tag.text, "CAP002L8");
}

TEST_F(Story, RepliesThatAreLostAndDevicesThatGoAway) {
    load();
    FaultPlan plan;
    plan.commands = {
        {1, 2, CommandFault::Kind::lost_reply}, {1, 4, CommandFault::Kind::hung}, {1, 6, CommandFault::Kind::gone}};
    library->set_faults(plan);
    EXPECT_EQ(told(write(*drive, block(1, 100))), "GOOD");
    auto data = block(2, 100);
    auto lost = try_run(*drive, scsi::Write6Cdb{.transfer_length = BigEndian<3>{100}}, {}, data);
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().recovery, Recovery::stop_device);
    EXPECT_EQ(*scsi::current_block(*drive), BlockNumber{2}) << "it was carried out";
    EXPECT_FALSE(try_run(*drive, scsi::Write6Cdb{.transfer_length = BigEndian<3>{100}}, {}, data));
    EXPECT_EQ(*scsi::current_block(*drive), BlockNumber{2}) << "it was not carried out";
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(try_run(*drive, scsi::TestUnitReadyCdb{}));
    EXPECT_TRUE(try_run(*robot, scsi::TestUnitReadyCdb{}));
    library->bring_back(1);
    EXPECT_EQ(ready(*drive), "06/29/00");
}

TEST(FaultPlans, AreDrawnFromTheirSeed) {
    FaultDice dice{.cartridges = {"A", "B"}, .luns = 3, .medium_faults = 5, .jams = 2, .command_faults = 4};
    auto one = draw_faults(7, dice), same = draw_faults(7, dice), other = draw_faults(8, dice);
    ASSERT_EQ(one.medium.size(), 5u);
    auto numbers = [](const FaultPlan& plan) {
        std::vector<std::uint64_t> list;
        for (const auto& each : plan.medium) list.push_back(raw(each.block));
        for (const auto& each : plan.commands) list.push_back(each.command * 16 + each.lun);
        return list;
    };
    EXPECT_EQ(numbers(one), numbers(same));
    EXPECT_NE(numbers(one), numbers(other));
}

TEST_F(Story, OneProcessAtATime) {
    auto second = VirtualLibrary::open(scratch / "library", geometry);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().recovery, Recovery::change_request);
}

TEST_F(Story, ACartridgeWithDamagedFilesCannotBeRead) {
    auto list = list_cartridges(scratch / "library");
    ASSERT_TRUE(list && list->size() == 12);
    EXPECT_EQ(list->front().element, kSlot1);
    ASSERT_TRUE(replace_file(list->front().directory + "/medium", bytes_of("nonsense\n")));
    ASSERT_EQ(move(kSlot1, kDrive1), "GOOD");
    EXPECT_EQ(settle(*drive), "03/30/00");
    EXPECT_EQ(move(kDrive1, kSlot1), "GOOD");
    reopen();
    EXPECT_TRUE(element(kSlot1).full && element(kSlot1).exception);
}

TEST_F(Story, ATapeMustBeUnloadedWhereTheLibraryDoesNotDoIt) {
    geometry.auto_unload = false;
    auto strict = VirtualLibrary::open(scratch / "strict", geometry);
    ASSERT_TRUE(strict);
    VirtualTransport changer(*strict, NexusId{1}, 0), tape(*strict, NexusId{1}, 1);
    settle(changer);
    EXPECT_EQ(told(run(changer, move_cdb(kSlot1, kDrive1))), "GOOD");
    ASSERT_EQ(settle(tape), "GOOD");
    EXPECT_EQ(told(run(changer, move_cdb(kDrive1, kSlot1))), "05/53/02");
    ASSERT_TRUE(scsi::unload(tape));
    EXPECT_EQ(told(run(changer, move_cdb(kDrive1, kSlot1))), "GOOD");
}

TEST_F(Story, WrittenTapesAreNotTakenForAnUnfinishedLibrary) {
    load();
    write(*drive, block(1, 100));
    marks(*drive, 1);
    robot.reset(), drive.reset(), other_robot.reset(), other_drive.reset(), library.reset();
    std::filesystem::remove(scratch / "library/geometry");
    auto again = VirtualLibrary::open(scratch / "library", geometry);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().recovery, Recovery::change_request);
    EXPECT_TRUE(std::filesystem::exists(scratch / "library/media/CAP001L8/index"));
}

TEST_F(Story, EveryLogicalUnitHasItsOwnThread) {
    ASSERT_EQ(move(kSlot1, kDrive1), "GOOD");
    ASSERT_EQ(move(kSlot2, ElementAddress{0x101}), "GOOD");
    auto stream = [&](std::uint8_t lun) {
        auto tape = unit(1, lun);
        settle(*tape);
        for (std::uint64_t i = 0; i < 300; ++i) EXPECT_EQ(told(write(*tape, block(i, 5000))), "GOOD");
        EXPECT_EQ(told(marks(*tape, 1)), "GOOD");
    };
    std::thread first(stream, 1), second(stream, 2), hands([&] {
        for (int i = 0; i < 50; ++i) {
            EXPECT_EQ(library->cartridges().size(), 12u);
            library->lose_nexus(NexusId{2});
        }
    });
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(element(kDrive1).full);
        EXPECT_EQ(move(i % 2 == 0 ? ElementAddress{0x3EA} : kSlotFree, i % 2 == 0 ? kSlotFree : ElementAddress{0x3EA}),
                  "GOOD");
    }
    first.join(), second.join(), hands.join();
    EXPECT_EQ(move(kDrive1, kSlot1), "GOOD");
}

TEST_F(Story, AnUnknownLogicalUnit) {
    auto nobody = unit(1, 9);
    EXPECT_EQ(ready(*nobody), "05/25/00");
    auto who = scsi::inquiry(*nobody);
    ASSERT_TRUE(who);
    EXPECT_EQ(who->peripheral_qualifier, 3);
}

}  // namespace
}  // namespace capstan::virtual_library
