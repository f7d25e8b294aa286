// Elements and cartridges that are declared foreign: never moved, loaded, labelled, counted or written.
#include "daemon/describe.hpp"
#include "daemon/plane.hpp"

#include "drives/virtual/virtual_transport.hpp"

#include "drives/scsi/attentions.hpp"

namespace capstan::daemon {
namespace {

class ForeignCartridges : public testing::Test {
  protected:
    ForeignCartridges() { plane.start(); }
    std::vector<pools::Cartridge> ours() { return pools::Cartridges(plane.state()).in_library(LibraryName{"LIB1"}).value(); }
    Library& library() { return *plane.plane->libraries().front(); }

    Plane plane{PlaneOptions{.foreign = {.slots = {{1, 1}, {5, 5}, {90, 95}}, .barcodes = {"CAP002*"}}}};
};

TEST_F(ForeignCartridges, AreNotOurs) {
    ASSERT_TRUE(plane.inventory(true));
    const auto here = ours();
    ASSERT_EQ(here.size(), 2U);
    for (const auto& cartridge : here) EXPECT_GE(cartridge.volume_tag.text, "CAP003L8");
    ASSERT_TRUE(plane.until([&] { return !library().drives()[0].cartridge && !library().drives()[1].cartridge; })) << "put away";
    const auto info = describe(*plane.plane, library());
    EXPECT_EQ(info.foreign, 3U);
    EXPECT_EQ(info.slots, 13U);
    EXPECT_EQ(info.slots_full, 2U);
    ASSERT_EQ(library().remarks().size(), 1U);
    EXPECT_EQ(library().remarks()[0], "library LIB1: slots 90-95 are declared foreign, but it has only 16: correct `foreign` in its configuration");
    EXPECT_EQ(library().free_slot()->id, "6");
}

TEST_F(ForeignCartridges, OneInADriveOfOursIsLeftAlone) {
    plane.label("CAP003L8");
    auto put = [&](std::uint16_t slot, std::uint16_t drive) {  // by another program
        vl::VirtualTransport robot(plane.library, vl::NexusId{1}, 0);
        ASSERT_TRUE(scsi::take_attentions(robot));
        auto moved = scsi::move_medium(robot, ElementAddress{}, ElementAddress(0x3E8 + slot - 1), ElementAddress(0x100 + drive - 1));
        ASSERT_TRUE(moved) << to_text(moved.error());
    };
    plane.until([&] { return !library().drives()[0].cartridge; });
    put(2, 1);
    ASSERT_TRUE(plane.inventory(false));
    EXPECT_EQ(library().drives()[0].foreign, "CAP002L8 is declared foreign");
    EXPECT_FALSE(library().drives()[0].cartridge);
    EXPECT_EQ(ours().size(), 2U);
    auto job = plane.backup(plane.make_tree("tree", 6, 20000));
    EXPECT_EQ(job.state, pools::JobState::complete) << "in the other drive: " << job.message;
    ASSERT_TRUE(plane.until([&] { return !library().drives()[1].cartridge; })) << "put away";
    put(1, 2);
    ASSERT_TRUE(plane.inventory(false));
    EXPECT_EQ(library().drives()[1].foreign, "CAP001L8 is from slot 1, which is declared foreign");
    const auto untouched = read_tape(plane.scratch / "library/media/CAP002L8");
    EXPECT_TRUE(untouched.objects.empty());
}

TEST_F(ForeignCartridges, DeclaredLaterTheyAreOursNoMore) {
    plane.label("CAP003L8");
    plane.cut_power();
    plane.options.foreign.barcodes = {"CAP003*"};
    plane.start();
    EXPECT_EQ(plane.cartridge("CAP003L8").place.kind, pools::PlaceKind::offline) << "known, but not to be had here";
    EXPECT_EQ(plane.cartridge("CAP002L8").place.kind, pools::PlaceKind::slot);
}

}  // namespace
}  // namespace capstan::daemon
