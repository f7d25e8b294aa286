// What the memory of a cartridge (MAM) is good for (design rule 2), and errors that are counted for cartridges and drives.
#include "daemon/describe.hpp"
#include "drives/scsi/attentions.hpp"
#include "drives/scsi/commands.hpp"
#include "drives/virtual/virtual_transport.hpp"
#include "pools/store/error_counts.hpp"
#include "tests/daemon/plane.hpp"

namespace capstan::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t kSpace = 0x11;

struct Reused {
    Reused() {
        plane.start();
        plane.label_all(1);
        tree = plane.make_tree("tree", 6, 20000);
    }
    void backup() {
        auto job = plane.backup(tree);
        ASSERT_EQ(job.state, pools::JobState::complete) << job.message;
    }
    // The power is off for so long that every set has expired; `meanwhile` is done to the library by somebody else.
    template <class Act>
    void expire(Act meanwhile) {
        plane.cut_power();
        plane.clock.pass(std::chrono::days{80});
        meanwhile();
        plane.start();
        ASSERT_TRUE(plane.plane->context().guard.confirm("test", "it is that late"));
        ASSERT_TRUE(plane.until([&] { return row().side.state == pools::SideState::available; }, 3h));
    }
    void expire() {
        expire([] {});
    }
    // Mounts and labels it again, as a job does that needs it. How often the drive was sent to the end of the data.
    Result<unsigned> use_again() {
        auto free = pools::Pools(plane.state()).get(pools::kFreePool).value();
        const auto before = plane.asked[kSpace];
        CAPSTAN_TRY(auto item, start_label(*plane.plane, row(), free, std::nullopt));
        CAPSTAN_CHECK(plane.finish_work(item));
        return plane.asked[kSpace] - before;
    }
    pools::Cartridge row() { return plane.cartridge("CAP001L8"); }
    void keep(std::uint64_t set, Wall until) {
        auto transaction = pools::WriteTransaction::begin(plane.state()).value();
        ASSERT_TRUE(pools::Sets(plane.state()).set_keep_until(transaction, SetNumber{set}, until, {"test", "test", plane.clock.wall()}));
        ASSERT_TRUE(transaction.commit());
    }
    std::string last_permit() {
        const auto rows = pools::Audit(plane.state()).of(row().id).value();
        for (const auto& each : rows)
            if (each.what == "permit") return each.after;
        return {};
    }
    // As another program does: the robot loads the cartridge, something is done, and it is put back.
    template <class Act>
    void by_another_program(Act act) {
        vl::LibraryGeometry geometry;
        auto library = vl::VirtualLibrary::open(plane.scratch / "library", geometry).value();
        vl::VirtualTransport robot_door(library, vl::NexusId{9}, 0), drive_door(library, vl::NexusId{9}, 1);
        const scsi::Target robot(robot_door, "robot"), drive(drive_door, "drive");
        ASSERT_TRUE(scsi::take_attentions(robot));
        ASSERT_TRUE(scsi::take_attentions(drive));
        act(drive);
    }
    Plane plane;
    std::string tree;
};

TEST(Memory, SparesTheWayToTheEndWhileNothingOnTheTapeHasChanged) {
    Reused site;
    site.backup();
    site.expire();
    const auto before = raw(site.row().side.generation);
    auto used = site.use_again();
    ASSERT_TRUE(used) << to_text(used.error());
    EXPECT_EQ(*used, 0U);
    EXPECT_EQ(raw(site.row().side.generation), before + 1);
    site.backup();  // and what was labelled by it is a medium like any other
}

TEST(Memory, OfACartridgeWithoutSetsIsTrueToo) {
    Reused site;
    auto used = site.use_again();
    ASSERT_TRUE(used) << to_text(used.error());
    EXPECT_EQ(*used, 0U);
}

TEST(Memory, IsNotBelievedAfterTheTapeChanged) {
    Reused site;
    site.backup();
    site.backup();
    const auto end = site.row().side.recorded_end;
    site.expire([&] {
        site.by_another_program([&](const scsi::Target& drive) {  // the cartridge is still in the drive
            ASSERT_TRUE(scsi::locate(drive, end));
            const std::vector<std::uint8_t> block(65536, 7);
            ASSERT_TRUE(scsi::write_block(drive, block));
            ASSERT_TRUE(scsi::write_filemarks(drive, 2, scsi::Wait::until_done));
        });
    });
    auto used = site.use_again();
    ASSERT_FALSE(used) << "somebody's data lie behind ours";
    EXPECT_NE(site.last_permit().find("it holds more than is recorded"), std::string::npos) << site.last_permit();
}

// The database forgot how long a set is kept; the end of the last set says nothing of those before it.
TEST(Memory, KeepsWhatTheDatabaseWouldGiveAway) {
    Reused site;
    site.backup();
    site.keep(1, site.plane.clock.wall() + std::chrono::days{200});
    site.backup();
    site.keep(1, site.plane.clock.wall() + std::chrono::days{20});
    site.expire();
    auto used = site.use_again();
    ASSERT_FALSE(used);
    EXPECT_NE(site.last_permit().find("the memory of the cartridge says that a set on it has not expired"), std::string::npos)
        << site.last_permit();
}

TEST(Memory, ThatIsLostCostsTheWayToTheEnd) {
    Reused site;
    site.backup();
    site.expire([&] {
        site.by_another_program([&](const scsi::Target& drive) {
            const scsi::Attribute none{scsi::AttributeId::coherency, scsi::AttributeFormat::binary, false, {}};
            ASSERT_TRUE(scsi::write_attributes(drive, std::span(&none, 1)));
        });
    });
    auto used = site.use_again();
    ASSERT_TRUE(used) << to_text(used.error());
    EXPECT_GT(*used, 0U);
}

// It helps, and no more: everything goes on as with a drive that has none.
TEST(Memory, ThatDoesNotAnswerIsNoTrouble) {
    Reused site;
    vl::FaultPlan faults;
    faults.medium.push_back({"CAP001L8", BlockNumber{0}, vl::MediumFault::When::memory});
    site.plane.faults = faults;
    site.plane.library->set_faults(faults);
    site.backup();
    site.backup();
    EXPECT_EQ(site.plane.sets().size(), 4U) << "two jobs, their catalogs behind them";
    EXPECT_FALSE(site.row().suspect);
    EXPECT_EQ(site.row().side.state, pools::SideState::allocated);
    auto& drive = site.plane.plane->libraries().front()->drives()[0];
    EXPECT_EQ(drive.trouble, "");
    site.expire();
    auto used = site.use_again();
    ASSERT_TRUE(used) << to_text(used.error());
    EXPECT_GT(*used, 0U);
}

// Whoever reads the memory without Capstan sees whose the cartridge is.
TEST(Memory, NamesTheCartridgeForOtherPrograms) {
    Reused site;
    site.backup();
    site.plane.cut_power();
    site.by_another_program([&](const scsi::Target& drive) {
        auto all = scsi::read_attributes(drive).value();
        EXPECT_EQ(scsi::text_of(*scsi::find_attribute(all, scsi::AttributeId::application_vendor)), "CAPSTAN");
        EXPECT_EQ(scsi::text_of(*scsi::find_attribute(all, scsi::AttributeId::barcode)), "CAP001L8");
        EXPECT_EQ(scsi::text_of(*scsi::find_attribute(all, scsi::AttributeId::media_pool)), "Nightly");
    });
    site.plane.start();
}

TEST(Drives, ThatWereReplacedAreToldAndRemembered) {
    Reused site;
    auto& plane = site.plane;
    const auto shown = [&] {
        auto& library = *plane.plane->libraries().front();
        return describe(*plane.plane, library, library.drives()[0]);
    };
    site.backup();
    const auto before = shown();
    EXPECT_FALSE(before.serial.empty());
    EXPECT_EQ(before.replaced_serial, "");
    ASSERT_TRUE(plane.library->replace_drive(1, "OTHER42"));
    site.backup();
    EXPECT_EQ(shown().serial, "OTHER42");
    EXPECT_EQ(shown().replaced_serial, before.serial);
    EXPECT_GT(shown().serial_since->seconds, before.serial_since->seconds);
    plane.cut_power();
    plane.start();  // the first drive is back in its place
    EXPECT_EQ(shown().serial, before.serial);
    EXPECT_EQ(shown().replaced_serial, "OTHER42");
}

// With its serial number in the configuration the new drive is not used: jobs go on in the other one, and no cartridge is blamed.
TEST(Drives, ThatAreNotTheConfiguredOnesAreLeftOut) {
    PlaneOptions options;
    options.serials = {"CAPVTL0001D1", "CAPVTL0001D2"};
    Plane plane(options);
    plane.start();
    plane.label_all(2);
    const auto tree = plane.make_tree("tree", 6, 20000);
    ASSERT_EQ(plane.backup(tree).state, pools::JobState::complete);
    plane.until([&] { return !plane.plane->libraries().front()->drives()[0].cartridge; }, 1h);
    ASSERT_TRUE(plane.library->replace_drive(1, "OTHER42"));
    for (int i = 0; i < 2; ++i) {
        const auto job = plane.backup(tree);
        EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
    }
    EXPECT_EQ(plane.cartridge("CAP002L8").side.state, pools::SideState::available) << "the family goes on on its own cartridge";
    const auto& drive = plane.plane->libraries().front()->drives()[0];
    EXPECT_NE(drive.trouble.find("its serial number is OTHER42, the configuration says CAPVTL0001D1"), std::string::npos) << drive.trouble;
    EXPECT_FALSE(drive.cartridge);
    vl::VirtualTransport look(plane.library, vl::NexusId{77}, 1);
    ASSERT_TRUE(scsi::take_attentions(look));
    const auto held = scsi::read_reservation(look);
    ASSERT_TRUE(held);
    EXPECT_FALSE(held->reservation) << "it is somebody else's drive, perhaps";
}

TEST(ErrorCounts, TellTheCartridgeFromTheDrive) {
    Reused site;
    auto& plane = site.plane;
    site.backup();
    for (auto kind : {vl::CommandFault::Kind::recovered, vl::CommandFault::Kind::recovered}) {
        plane.library->add_fault(vl::CommandFault{1, 12, kind});
        site.backup();
    }
    pools::ErrorCounts counts(plane.state());
    auto of = counts.of(site.row().id).value();
    ASSERT_EQ(of.size(), 1U);
    EXPECT_EQ(of[0].drive.text, "D1");
    EXPECT_EQ(of[0].recovered, 2U);
    EXPECT_EQ(of[0].hard, 0U);
    plane.cut_power();
    plane.start();
    auto& library = *plane.plane->libraries().front();
    EXPECT_EQ(describe(*plane.plane, library, library.drives()[0]).recovered_errors, 2U);
    EXPECT_EQ(describe(*plane.plane, library, library.drives()[0]).cartridges_with_errors, 1U);
    EXPECT_EQ(describe(*plane.plane, library, library.drives()[1]).recovered_errors, 0U);
}

}  // namespace
}  // namespace capstan::daemon
