#include "changer/operations.hpp"
#include "tests/changer/changer_fixture.hpp"

namespace capstan::changer {
namespace {

TEST(Changer, TellsWhatItIs) {
    ChangerFixture changer;
    auto identity = changer.sim.run(changer.owner.identify());
    ASSERT_TRUE(identity) << to_text(identity.error());
    EXPECT_EQ(identity->product, "VIRTUAL LIBRARY");
    EXPECT_EQ(identity->serial, "CAPVTL0001");
    ChangerFixture other({}, "SOMEBODYELSE");
    EXPECT_EQ(other.sim.run(other.owner.identify()).error().recovery, Recovery::ask_operator);
    ChangerOwner drive(changer.sim.loop, changer.sim.clock, changer.sim.device(1, "library LIB1"), {.name = LibraryName{"LIB1"}, .serial = {}});
    EXPECT_FALSE(changer.sim.run(drive.identify())) << "a drive is no robot";
}

TEST(Changer, NumbersElementsFromOneAcrossGaps) {
    vl::LibraryGeometry geometry;
    geometry.slots = {0x03E8, 16, 3};
    geometry.drives = {0x0100, 2, 16};
    ChangerFixture changer(geometry);
    auto inventory = changer.inventory();
    EXPECT_EQ(inventory.count(ElementKind::slot), 16U);
    EXPECT_EQ(inventory.count(ElementKind::drive), 2U);
    EXPECT_EQ(inventory.count(ElementKind::ie_port), 1U);
    EXPECT_EQ(inventory.count(ElementKind::picker), 1U);
    const auto* slot = inventory.find(ElementKind::slot, 5);
    ASSERT_NE(slot, nullptr);
    EXPECT_EQ(slot->address, ElementAddress{0x03E8 + 4 * 3});
    EXPECT_TRUE(slot->full);
    EXPECT_EQ(slot->volume_tag.text, "CAP005L8");
    EXPECT_FALSE(inventory.find(ElementKind::slot, 13)->full);
    EXPECT_EQ(inventory.find(ElementKind::slot, 17), nullptr);
    EXPECT_EQ(inventory.find(VolumeTag{"CAP003L8"})->number, 3U);
    const auto* drive = inventory.drive_with_serial(changer.sim.library->drive_serial(2));
    ASSERT_NE(drive, nullptr);
    EXPECT_EQ(drive->number, 2U);
    EXPECT_EQ(drive->address, ElementAddress{0x0110});
    EXPECT_EQ(inventory.generation, 1U);
    EXPECT_FALSE(changer.owner.stale());
}

TEST(Changer, ReportsMissingAndDoubleBarcodes) {
    ChangerFixture changer;
    auto& library = *changer.sim.library;
    using Barcode = vl::MediumInfo::Barcode;
    ASSERT_TRUE(library.set_barcode(changer.sim.cartridge_in(changer.sim.slot(2)), Barcode::readable, VolumeTag{"CAP001L8"}));
    ASSERT_TRUE(library.set_barcode(changer.sim.cartridge_in(changer.sim.slot(3)), Barcode::missing, VolumeTag{}));
    library.open_door();
    library.close_door();  // the robot looks again
    auto inventory = changer.inventory();
    EXPECT_EQ(inventory.duplicate_tags(), std::vector{VolumeTag{"CAP001L8"}});
    EXPECT_EQ(inventory.without_tag(), std::vector{changer.sim.slot(3)});
}

TEST(Changer, AnOpenDoorNeedsAPerson) {
    ChangerFixture changer;
    changer.inventory();
    changer.sim.library->open_door();
    auto probed = changer.sim.run(changer.owner.probe());
    ASSERT_FALSE(probed);
    EXPECT_EQ(probed.error().recovery, Recovery::ask_operator);
    changer.sim.library->close_door();
    EXPECT_TRUE(changer.sim.run(changer.owner.probe()));
    EXPECT_EQ(changer.owner.stale(), StaleReason::door_or_hand);
    changer.inventory();
    EXPECT_FALSE(changer.owner.stale());
}

TEST(Changer, NoticesAnImport) {
    ChangerFixture changer;
    changer.inventory();
    vl::MediumInfo medium;
    medium.volume_tag = VolumeTag{"NEW001L8"};
    auto cartridge = changer.sim.library->add_cartridge(medium);
    ASSERT_TRUE(cartridge) << to_text(cartridge.error());
    ASSERT_TRUE(changer.sim.library->put_into_port(*cartridge, changer.sim.port(1)));
    EXPECT_TRUE(changer.sim.run(changer.owner.probe()));
    EXPECT_EQ(changer.reasons, std::vector{StaleReason::ie_port_used});
    auto inventory = changer.inventory();
    const auto* port = inventory.find(ElementKind::ie_port, 1);
    ASSERT_NE(port, nullptr);
    EXPECT_TRUE(port->full);
    EXPECT_TRUE(port->put_by_operator);
    EXPECT_EQ(port->volume_tag.text, "NEW001L8");
    EXPECT_EQ(changer.move(port->address, changer.sim.slot(13)).kind, MoveOutcome::Kind::moved);
    EXPECT_EQ(changer.sim.cartridge_in(changer.sim.slot(13)), *cartridge);
}

TEST(Changer, TheRobotLooksAgainWhenAsked) {
    ChangerFixture changer;
    changer.inventory();
    ASSERT_TRUE(changer.sim.library->swap_by_hand(changer.sim.slot(1), changer.sim.slot(14), vl::VirtualLibrary::Noticed::no));
    EXPECT_TRUE(changer.inventory().find(ElementKind::slot, 1)->full) << "no robot sees this";
    auto looked = changer.sim.run(changer.owner.init_element_status());
    ASSERT_TRUE(looked) << to_text(looked.error());
    EXPECT_FALSE(looked->find(ElementKind::slot, 1)->full);
    EXPECT_EQ(looked->find(ElementKind::slot, 14)->volume_tag.text, "CAP001L8");
}

TEST(ElementFacts, SortsAndForgetsTheTagOfWhatIsGone) {
    std::vector<scsi::ElementStatus> elements(3);
    elements[0].address = ElementAddress{30};
    elements[0].full = true;
    elements[0].volume_tag = VolumeTag{"B"};
    elements[1].address = ElementAddress{20};
    elements[1].volume_tag = VolumeTag{"GONE"};
    elements[2].address = ElementAddress{1};
    elements[2].type = scsi::ElementType::medium_transport;
    auto facts = operations::facts_of(elements);
    ASSERT_EQ(facts.size(), 3U);
    EXPECT_EQ(facts[0].kind, ElementKind::picker);
    EXPECT_EQ(facts[1].address, ElementAddress{20});
    EXPECT_EQ(facts[1].number, 1U);
    EXPECT_TRUE(facts[1].volume_tag.empty());
    EXPECT_EQ(facts[2].number, 2U);
}

}  // namespace
}  // namespace capstan::changer
