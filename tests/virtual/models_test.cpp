// Models of drives: which cartridges they take, cleaning, the long first load of a new one, and a drive that lacks much.
#include "support.hpp"

#include "config/base/clock.hpp"
#include "drives/scsi/counted_position.hpp"
#include "drives/virtual/models/model.hpp"

#include <algorithm>
#include <vector>

namespace capstan::virtual_library {
namespace {

using namespace std::chrono_literals;

struct Models : testing::Test {
    Scratch scratch;
    SimClock clock{Wall{std::chrono::seconds{1'700'000'000}}};
    LibraryGeometry geometry;
    LibraryOptions options;
    std::shared_ptr<VirtualLibrary> library;
    std::unique_ptr<VirtualTransport> robot, drive;

    void open(std::vector<std::string> models, std::string media, bool in_time = false) {
        robot.reset(), drive.reset(), library.reset();
        geometry.models = std::move(models);
        geometry.media = std::move(media);
        geometry.medium.capacity = 8 << 20;
        geometry.medium.early_warning = 1 << 20;
        if (in_time) {
            options.timing.mode = TimeMode::simulated;
            options.timing.now = [this] { return clock.now(); };
        }
        auto opened = VirtualLibrary::open(scratch / "library", geometry, options);
        ASSERT_TRUE(opened) << to_text(opened.error());
        library = *opened;
        robot = std::make_unique<VirtualTransport>(library, NexusId{1}, std::uint8_t{0});
        drive = std::make_unique<VirtualTransport>(library, NexusId{1}, std::uint8_t{1});
        settle(*robot);
        settle(*drive);
    }
    static ElementAddress slot(unsigned number) { return ElementAddress{static_cast<std::uint16_t>(0x3E8 + number - 1)}; }
    std::string move(ElementAddress from, ElementAddress to) {
        return told(run(*robot, scsi::MoveMediumCdb{.source = scsi::on_wire(from), .destination = scsi::on_wire(to)}));
    }
    // The answer of the drive once the cartridge of that slot is in it.
    std::string put_in(unsigned number) {
        EXPECT_EQ(move(slot(number), kDrive), "GOOD");
        return settle(*drive);
    }
    void put_back(unsigned number) { EXPECT_EQ(move(kDrive, slot(number)), "GOOD"); }
    std::vector<std::uint8_t> alerts() {
        auto page = scsi::log_sense(*drive, scsi::LogPageCode::tape_alert);
        EXPECT_TRUE(page) << to_text(page.error());
        return page ? scsi::set_alerts(*page) : std::vector<std::uint8_t>{};
    }
    static constexpr ElementAddress kDrive{0x100};
};

TEST_F(Models, ADriveTakesWhatItsGenerationTakes) {
    open({"lto-8"}, "L8:1,L7:1,M8:1,L6:1,L9:1");
    EXPECT_EQ(scsi::inquiry(*drive)->product, "VIRTUAL LTO-8");
    const char* said[] = {"GOOD", "GOOD", "GOOD", "03/30/02", "03/30/01"};  // LTO-6: too old; LTO-9: it does not know the format
    for (unsigned number = 1; number <= 5; ++number) {
        EXPECT_EQ(put_in(number), said[number - 1]) << number;
        const bool usable = number <= 3;
        const auto modes = scsi::mode_sense(*drive, scsi::DeviceConfigurationPage::kPage);
        const std::uint8_t density[] = {0x5E, 0x5C, 0x5D, 0x5A, 0x60};
        EXPECT_EQ(modes->block_descriptor->density_code, density[number - 1]);
        EXPECT_EQ(told(write(*drive, block(1, 1000))), said[number - 1]);
        EXPECT_EQ(told(run(*drive, scsi::LoadUnloadCdb{.flags = scsi::LoadUnloadCdb::kLoad})), said[number - 1]);
        EXPECT_EQ(alerts(), usable ? std::vector<std::uint8_t>{} : std::vector<std::uint8_t>{12});
        put_back(number);
    }
    const auto densities = scsi::report_densities(*drive);
    ASSERT_TRUE(densities);
    std::vector<std::uint8_t> codes;
    for (const auto& each : *densities) codes.push_back(each.primary_code);
    EXPECT_EQ(codes, (std::vector<std::uint8_t>{0x5C, 0x5D, 0x5E}));
    EXPECT_EQ(densities->back().capacity_mb, 12'000'000U);
}

TEST_F(Models, TheOldestGenerationIsOnlyRead) {
    open({"lto-6"}, "L6:1,L4:1");
    ASSERT_EQ(put_in(2), "GOOD");
    EXPECT_EQ(told(write(*drive, block(1, 1000))), "07/30/05");
    EXPECT_EQ(told(marks(*drive, 1)), "07/30/05");
    EXPECT_EQ(told(run(*drive, scsi::Erase6Cdb{})), "07/30/05");
    EXPECT_EQ(to_text(scsi::format_medium(*drive).error().sense->code), "07/30/05");
    EXPECT_TRUE(scsi::mode_sense(*drive, scsi::DeviceConfigurationPage::kPage)->write_protected());
    std::vector<std::uint8_t> space(100);
    EXPECT_EQ(told(read(*drive, space)), "08/00/05") << "it can be read";
    EXPECT_EQ(alerts(), (std::vector<std::uint8_t>{17}));
    const auto here = scsi::report_densities(*drive, scsi::DensityScope::medium);
    ASSERT_TRUE(here && here->size() == 1);
    EXPECT_FALSE(here->front().writable);
}

TEST_F(Models, GenerationsStayWithTheCartridge) {
    open({"lto-8"}, "L8:1,L6:1");
    open({}, "");  // what the library was made with counts
    EXPECT_EQ(library->geometry().models, std::vector<std::string>{"lto-8"});
    ASSERT_TRUE(library->set_barcode("CAP002L6", MediumInfo::Barcode::readable, VolumeTag{"CAP002L8"}));
    EXPECT_EQ(put_in(2), "03/30/02") << "another label does not make it another cartridge";
    put_back(2);
    MediumInfo brought;
    brought.volume_tag.text = "NEW001L9";
    auto id = library->add_cartridge(brought);
    ASSERT_TRUE(id && library->put_into_port(*id, ElementAddress{0x10}));
    settle(*robot);
    ASSERT_EQ(move(ElementAddress{0x10}, kDrive), "GOOD");
    EXPECT_EQ(settle(*drive), "03/30/01");
}

TEST_F(Models, DrivesOfOneLibraryMayDiffer) {
    open({"lto-9", "lto-6"}, "L9:1,L6:1");
    VirtualTransport second(library, NexusId{1}, 2);
    settle(second);
    EXPECT_EQ(scsi::inquiry(*drive)->product, "VIRTUAL LTO-9");
    EXPECT_EQ(scsi::inquiry(second)->product, "VIRTUAL LTO-6");
    EXPECT_EQ(put_in(2), "03/30/02");
    ASSERT_EQ(move(kDrive, ElementAddress{0x101}), "GOOD");
    EXPECT_EQ(settle(second), "GOOD");
}

TEST_F(Models, ANewCartridgeIsMeasuredOnce) {
    open({"lto-9"}, "L9:1,L8:1", true);
    ASSERT_EQ(move(slot(1), kDrive), "GOOD");
    EXPECT_EQ(settle(*drive), "02/04/01");
    clock.pass(30min);
    auto half = scsi::test_unit_ready(*drive);
    ASSERT_TRUE(half && *half);
    ASSERT_TRUE((*half)->progress);
    EXPECT_NEAR(static_cast<double>(*(*half)->progress) / 65536, 0.5, 0.02);
    EXPECT_EQ(scsi::request_sense(*drive)->progress, (*half)->progress);
    EXPECT_EQ(told(run(*drive, scsi::LoadUnloadCdb{})), "02/04/01") << "it does not let go of it";
    EXPECT_EQ(told(run(*drive, scsi::LoadUnloadCdb{.flags = scsi::LoadUnloadCdb::kLoad})), "02/04/01");
    EXPECT_EQ(move(kDrive, slot(1)), "05/53/02");
    ASSERT_TRUE(library->power_cycle(1));
    EXPECT_EQ(settle(*drive), "02/04/01") << "it begins again";
    clock.pass(61min);
    EXPECT_EQ(settle(*drive), "GOOD");
    put_back(1);
    ASSERT_EQ(move(slot(1), kDrive), "GOOD");
    clock.pass(1min);
    EXPECT_EQ(settle(*drive), "GOOD") << "never again";
    put_back(1);
    ASSERT_EQ(move(slot(2), kDrive), "GOOD");
    clock.pass(1min);
    EXPECT_EQ(settle(*drive), "GOOD") << "a cartridge of another generation is not measured";
    const auto limits = scsi::supported_commands(*drive);
    const auto load = std::ranges::find(*limits, raw(scsi::Opcode::load_unload), &scsi::SupportedCommand::opcode);
    EXPECT_GE(load->timeouts->recommended, 2h);
}

TEST_F(Models, ACleaningCartridgeCleansAndIsUsedUp) {
    open({"lto-8"}, "L8:1,CU:1", true);
    const auto elements = scsi::read_element_status(*robot, {.first = slot(2), .count = 1});
    EXPECT_EQ(elements->elements.front().volume_tag.text, "CLN002CU");
    // A drive that met many errors asks for it.
    ASSERT_TRUE(library->set_defects("CAP001L8", {{BlockNumber{0}, MediumFault::When::read}}));
    ASSERT_EQ(move(slot(1), kDrive), "GOOD");
    clock.pass(1min);
    ASSERT_EQ(settle(*drive), "GOOD");
    ASSERT_EQ(told(write(*drive, block(1, 100))), "GOOD");
    std::vector<std::uint8_t> space(100);
    for (int i = 0; i < 8; ++i) {
        run(*drive, scsi::RewindCdb{});
        EXPECT_EQ(told(read(*drive, space)), "03/11/00");
    }
    EXPECT_TRUE(std::ranges::count(alerts(), 20)) << "clean now";
    put_back(1);
    for (unsigned use = 1; use <= 50; ++use) {
        ASSERT_EQ(move(slot(2), kDrive), "GOOD");
        EXPECT_EQ(settle(*drive), "02/30/03") << use;
        EXPECT_EQ(move(kDrive, slot(2)), "05/53/02");
        clock.pass(3min);
        EXPECT_EQ(settle(*drive), "02/3A/00") << "it let go of it";
        put_back(2);
    }
    EXPECT_EQ(alerts(), (std::vector<std::uint8_t>{11}));
    open({}, "", true);
    ASSERT_EQ(move(slot(2), kDrive), "GOOD");
    EXPECT_EQ(settle(*drive), "02/30/13");
    EXPECT_EQ(alerts(), (std::vector<std::uint8_t>{11, 22}));
    put_back(2);
}

TEST_F(Models, AnOldDriveLacksWhatItsListLacks) {
    open({"old"}, "");
    EXPECT_EQ(scsi::read_element_status(*robot, {.first = slot(1), .count = 1})->elements.front().volume_tag.text, "CAP001");
    const auto all = scsi::supported_commands(*drive);
    ASSERT_TRUE(all);
    for (auto opcode : {scsi::Opcode::locate_16, scsi::Opcode::read_attribute, scsi::Opcode::report_density_support})
        EXPECT_FALSE(std::ranges::count(*all, raw(opcode), &scsi::SupportedCommand::opcode)) << int(raw(opcode));
    ASSERT_EQ(put_in(1), "GOOD");
    EXPECT_EQ(to_text(scsi::locate(*drive, BlockNumber{1}).error().sense->code), "05/20/00");
    EXPECT_FALSE(scsi::read_position(*drive, scsi::PositionForm::short_block)->block);
    EXPECT_FALSE(scsi::read_position(*drive, scsi::PositionForm::long_form));
    EXPECT_EQ(scsi::read_block_limits(*drive)->size_max, 262144U);
    EXPECT_EQ(told(write(*drive, block(1, 262145))), "05/24/00");
    scsi::TapeCount count;
    scsi::CountedPosition counted(*drive, count);
    ASSERT_TRUE(scsi::rewind(counted));
    for (unsigned i = 0; i < 3; ++i) ASSERT_TRUE(scsi::write_block(counted, block(i, 1000)));
    ASSERT_TRUE(scsi::locate(counted, BlockNumber{1}));
    std::vector<std::uint8_t> space(1000);
    ASSERT_TRUE(scsi::read_block(counted, space));
    EXPECT_EQ(space, block(1, 1000));
}

TEST_F(Models, WishesThatCannotBeAreRefused) {
    geometry.models = {"lto-5"};
    auto refused = VirtualLibrary::open(scratch / "other", geometry, {});
    ASSERT_FALSE(refused);
    EXPECT_NE(to_text(refused.error()).find("lto-6, lto-8, lto-9, lto-10, old"), std::string::npos) << to_text(refused.error());
    geometry.models = {"lto-8"};
    for (const auto* media : {"L8:17", "XX:1", "L8:x", "L8:1,", ":3", "L8:99999999999"}) {
        geometry.media = media;
        EXPECT_FALSE(VirtualLibrary::open(scratch / "other", geometry, {})) << media;
    }
}

}  // namespace
}  // namespace capstan::virtual_library
