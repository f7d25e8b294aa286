// What is not ours: the rule, and that the robot is not asked to move it.
#include "changer_fixture.hpp"

#include "changer/foreign.hpp"

namespace capstan::changer {
namespace {

constexpr ElementAddress kSlot1{1000}, kSlot5{1004};

Inventory library_of(std::vector<ElementFact> more) {
    Inventory inventory;
    for (std::uint32_t number = 1; number <= 8; ++number)
        inventory.elements.push_back({.kind = ElementKind::slot, .number = number, .address = ElementAddress(999 + number)});
    inventory.elements.push_back({.kind = ElementKind::ie_port, .number = 1, .address = ElementAddress{16}});
    inventory.elements.push_back({.kind = ElementKind::ie_port, .number = 2, .address = ElementAddress{17}});
    inventory.elements.insert(inventory.elements.end(), more.begin(), more.end());
    return inventory;
}
ElementFact drive_with(std::string tag, std::optional<ElementAddress> source) {
    return {.kind = ElementKind::drive, .number = 1, .address = ElementAddress{256}, .full = true, .volume_tag = {std::move(tag)}, .source = source};
}
ElementFact slot_with(std::uint32_t number, std::string tag) {
    return {.kind = ElementKind::slot, .number = number, .address = ElementAddress(999 + number), .full = true, .volume_tag = {std::move(tag)}};
}

TEST(Foreign, TheRule) {
    const config::ForeignSettings foreign{.slots = {{2, 3}, {5, 5}}, .ports = {{2, 2}}, .barcodes = {"ABC*", "[X-Z]?????L8"}};
    struct Case {
        ElementFact element;
        std::string why;
    };
    const ElementFact port1{.kind = ElementKind::ie_port, .number = 1}, port2{.kind = ElementKind::ie_port, .number = 2};
    const ElementFact drive2{.kind = ElementKind::drive, .number = 2}, empty5{.kind = ElementKind::slot, .number = 5};
    for (const auto& c : std::initializer_list<Case>{
             {slot_with(1, "CAP001L8"), ""},
             {slot_with(2, "CAP002L8"), "slot 2 is declared foreign"},
             {slot_with(3, ""), "slot 3 is declared foreign"},
             {slot_with(4, ""), ""},
             {empty5, "slot 5 is declared foreign"},
             {port1, ""},
             {port2, "IE port 2 is declared foreign"},
             {drive2, ""},
             {slot_with(1, "ABC001L8"), "ABC001L8 is declared foreign"},
             {slot_with(1, "AB0001L8"), ""},
             {slot_with(1, "Y00001L8"), "Y00001L8 is declared foreign"},
             {slot_with(1, "Y00001L7"), ""},
             {drive_with("ABC001L8", std::nullopt), "ABC001L8 is declared foreign"},
             {drive_with("CAP001L8", kSlot1), ""},
             {drive_with("CAP001L8", kSlot5), "CAP001L8 is from slot 5, which is declared foreign"},
             {drive_with("", kSlot5), "the cartridge in it is from slot 5, which is declared foreign"},
             {drive_with("", std::nullopt), ""},
         })
        EXPECT_EQ(why_foreign(foreign, c.element, library_of({c.element})), c.why) << c.element.volume_tag.text;
    EXPECT_EQ(why_foreign({}, slot_with(2, "ABC001L8"), library_of({})), "") << "nothing is declared";
}

TEST(Foreign, WhatTheLibraryDoesNotHaveIsSaid) {
    const config::ForeignSettings foreign{.slots = {{2, 3}, {7, 12}}, .ports = {{2, 2}}};
    EXPECT_EQ(beyond_library(foreign, {"LIB1"}, library_of({})),
              std::vector<std::string>{"library LIB1: slots 7-12 are declared foreign, but it has only 8: correct `foreign` in its configuration"});
}

TEST(Foreign, IsNotMovedAndNothingIsPutThere) {
    ChangerFixture changer({}, {}, {.slots = {{14, 14}}, .barcodes = {"CAP002*"}});
    changer.inventory();
    const auto theirs = changer.move(changer.sim.slot(2), changer.sim.drive(1));
    EXPECT_EQ(theirs.kind, MoveOutcome::Kind::refused);
    ASSERT_TRUE(theirs.error);
    EXPECT_EQ(theirs.error->happened, "library LIB1: nothing is moved from slot 2 to drive 1: CAP002L8 is declared foreign");
    EXPECT_EQ(changer.move(changer.sim.slot(1), changer.sim.slot(14)).kind, MoveOutcome::Kind::refused);
    EXPECT_EQ(changer.move(changer.sim.slot(1), changer.sim.slot(13)).kind, MoveOutcome::Kind::moved);
}

}  // namespace
}  // namespace capstan::changer
