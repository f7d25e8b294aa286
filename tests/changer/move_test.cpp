// Moves: done, refused, and those of which nobody knows how they ended.
#include "changer/operations.hpp"
#include "tests/changer/changer_fixture.hpp"

namespace capstan::changer {
namespace {

using Kind = MoveOutcome::Kind;
using Fault = vl::CommandFault::Kind;

TEST(Move, KeepsThePictureUp) {
    ChangerFixture changer;
    changer.inventory();
    auto cartridge = changer.sim.cartridge_in(changer.sim.slot(1));
    EXPECT_EQ(changer.move(changer.sim.slot(1), changer.sim.drive(1)).kind, Kind::moved);
    EXPECT_EQ(changer.sim.cartridge_in(changer.sim.drive(1)), cartridge);
    auto believed = changer.owner.last_inventory();
    EXPECT_EQ(believed.find(changer.sim.drive(1))->volume_tag.text, "CAP001L8");
    EXPECT_EQ(believed.find(changer.sim.drive(1))->source, changer.sim.slot(1));
    auto seen = changer.inventory();
    ASSERT_EQ(believed.elements.size(), seen.elements.size());
    for (std::size_t i = 0; i < seen.elements.size(); ++i) {
        auto expected = seen.elements[i];
        expected.accessible = true;  // a threaded cartridge cannot be reached; that is the drive's doing, not the move's
        EXPECT_EQ(believed.elements[i], expected) << name_of(expected.kind) << " " << expected.number;
    }
}

TEST(Move, IsRefusedBeforeTheRobotIsAsked) {
    ChangerFixture changer;
    auto early = changer.move(changer.sim.slot(1), changer.sim.drive(1));
    EXPECT_EQ(early.kind, Kind::refused) << "no inventory yet";
    changer.inventory();
    auto full = changer.move(changer.sim.slot(1), changer.sim.slot(2));
    EXPECT_EQ(full.kind, Kind::refused);
    ASSERT_TRUE(full.error);
    EXPECT_EQ(full.error->happened, "library LIB1: cannot move CAP001L8 to slot 2: it holds CAP002L8");
    EXPECT_EQ(changer.move(changer.sim.slot(13), changer.sim.slot(14)).kind, Kind::refused) << "an empty slot";
    EXPECT_EQ(changer.move(changer.sim.slot(1), ElementAddress{0x7777}).kind, Kind::refused);
    EXPECT_FALSE(changer.owner.stale());
}

TEST(Move, AUnitAttentionComesFirst) {
    ChangerFixture changer;
    changer.inventory();
    ASSERT_TRUE(changer.sim.library->power_cycle());
    auto outcome = changer.move(changer.sim.slot(1), changer.sim.drive(1));
    EXPECT_EQ(outcome.kind, Kind::refused);
    EXPECT_EQ(outcome.error->recovery, Recovery::refresh_inventory);
    EXPECT_FALSE(changer.sim.cartridge_in(changer.sim.slot(1)).empty()) << "nothing was moved";
    EXPECT_EQ(changer.owner.stale(), StaleReason::reset);
    changer.inventory();
    EXPECT_EQ(changer.move(changer.sim.slot(1), changer.sim.drive(1)).kind, Kind::moved);
}

TEST(Move, ALostReplyIsLookedUpNotRepeated) {
    ChangerFixture changer;
    changer.inventory();
    auto cartridge = changer.sim.cartridge_in(changer.sim.slot(1));
    changer.command_fault(2, Fault::lost_reply);  // TEST UNIT READY is the first
    auto outcome = changer.move(changer.sim.slot(1), changer.sim.drive(1));
    EXPECT_EQ(outcome.kind, Kind::moved) << "the robot had done it";
    EXPECT_EQ(changer.sim.cartridge_in(changer.sim.drive(1)), cartridge);
    EXPECT_FALSE(changer.owner.stale());
    EXPECT_TRUE(changer.owner.last_inventory().find(changer.sim.drive(1))->full);
}

TEST(Move, AHungMoveLeftTheCartridgeWhereItWas) {
    ChangerFixture changer;
    changer.inventory();
    changer.command_fault(2, Fault::hung);
    auto outcome = changer.move(changer.sim.slot(1), changer.sim.drive(1));
    EXPECT_EQ(outcome.kind, Kind::refused);
    ASSERT_TRUE(outcome.error);
    EXPECT_FALSE(changer.sim.cartridge_in(changer.sim.slot(1)).empty());
}

TEST(Move, ARobotThatIsGoneLeavesTheMoveUnclear) {
    ChangerFixture changer;
    changer.inventory();
    changer.command_fault(2, Fault::gone);
    auto outcome = changer.move(changer.sim.slot(1), changer.sim.drive(1));
    EXPECT_EQ(outcome.kind, Kind::unclear);
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(changer.owner.stale(), StaleReason::move_unclear);
    EXPECT_FALSE(changer.reasons.empty());
    changer.sim.library->bring_back(0);
    auto seen = changer.inventory();
    EXPECT_TRUE(seen.find(changer.sim.slot(1))->full);
    EXPECT_EQ(changer.move(changer.sim.slot(1), changer.sim.drive(1)).kind, Kind::moved);
}

TEST(Move, AJamWithTheCartridgeInThePicker) {
    ChangerFixture changer;
    changer.inventory();
    vl::FaultPlan faults;
    faults.jams.push_back({.move = 1, .where = vl::RobotJam::Where::in_picker});
    changer.sim.library->set_faults(faults);
    auto outcome = changer.move(changer.sim.slot(1), changer.sim.drive(1));
    EXPECT_EQ(outcome.kind, Kind::unclear);
    EXPECT_EQ(changer.owner.stale(), StaleReason::move_unclear);
    EXPECT_EQ(changer.move(changer.sim.slot(2), changer.sim.drive(1)).kind, Kind::refused);
    changer.sim.library->clear_jam();
    auto seen = changer.inventory();
    const auto* picker = seen.find(ElementKind::picker, 1);
    ASSERT_TRUE(picker->full);
    EXPECT_EQ(picker->volume_tag.text, "CAP001L8");
    EXPECT_EQ(changer.move(picker->address, changer.sim.slot(1)).kind, Kind::moved) << "put back from the picker";
}

TEST(Move, ALockedDriveKeepsItsCartridge) {
    ChangerFixture changer;
    changer.inventory();
    ASSERT_EQ(changer.move(changer.sim.slot(1), changer.sim.drive(1)).kind, Kind::moved);
    auto host = changer.sim.transport(1, vl::NexusId{5});
    for (int i = 0; i < 8; ++i) (void)scsi::test_unit_ready(*host);
    ASSERT_TRUE(scsi::set_medium_removal(*host, scsi::Removal::prevent));
    auto outcome = changer.move(changer.sim.drive(1), changer.sim.slot(1));
    EXPECT_EQ(outcome.kind, Kind::refused);
    ASSERT_TRUE(outcome.error && outcome.error->sense);
    EXPECT_FALSE(changer.sim.cartridge_in(changer.sim.drive(1)).empty());
    EXPECT_FALSE(changer.owner.stale()) << "element status cleared it up";
}

TEST(Move, AnExportEndsInThePort) {
    ChangerFixture changer;
    changer.inventory();
    EXPECT_EQ(changer.move(changer.sim.slot(1), changer.sim.port(1)).kind, Kind::moved);
    auto taken = changer.sim.library->take_from_port(changer.sim.port(1));
    ASSERT_TRUE(taken);
    EXPECT_TRUE(changer.sim.run(changer.owner.probe()));
    EXPECT_EQ(changer.owner.stale(), StaleReason::ie_port_used);
    EXPECT_FALSE(changer.inventory().find(ElementKind::ie_port, 1)->full);
}

// Whichever command of a move goes wrong, and however: the owner's word is never contradicted by where the cartridge is.
TEST(Move, IsNeverReportedOtherwiseThanItEnded) {
    for (auto kind : {Fault::lost_reply, Fault::gone, Fault::hung}) {
        for (std::uint64_t command = 1; command <= 6; ++command) {
            ChangerFixture changer;
            changer.inventory();
            auto cartridge = changer.sim.cartridge_in(changer.sim.slot(1));
            changer.command_fault(command, kind);
            auto outcome = changer.move(changer.sim.slot(1), changer.sim.drive(1));
            bool there = changer.sim.cartridge_in(changer.sim.drive(1)) == cartridge;
            if (outcome.kind == Kind::moved) {
                EXPECT_TRUE(there) << command;
            }
            if (outcome.kind == Kind::refused) {
                EXPECT_FALSE(there) << command;
            }
            if (outcome.kind == Kind::unclear) {
                EXPECT_EQ(changer.owner.stale(), StaleReason::move_unclear);
            }
        }
    }
}

TEST(JudgeMove, GoesByBothEndsAndTheTag) {
    auto element = [](ElementKind kind, std::uint16_t address, const char* tag) {
        ElementFact fact;
        fact.kind = kind;
        fact.address = ElementAddress{address};
        fact.full = tag != nullptr;
        if (tag != nullptr) fact.volume_tag = VolumeTag{tag};
        return fact;
    };
    struct Case {
        const char *picker, *source, *destination;
        Kind expected;
        std::optional<ElementAddress> found;
    };
    const Case cases[] = {
        {nullptr, nullptr, "A", Kind::moved, {}},
        {nullptr, nullptr, "", Kind::moved, {}},
        {nullptr, "A", nullptr, Kind::refused, {}},
        {"A", nullptr, nullptr, Kind::unclear, ElementAddress{1}},
        {"", nullptr, nullptr, Kind::unclear, ElementAddress{1}},
        {nullptr, nullptr, nullptr, Kind::unclear, {}},
        {nullptr, nullptr, "B", Kind::unclear, {}},
        {nullptr, "B", nullptr, Kind::unclear, {}},
        {nullptr, "A", "B", Kind::unclear, ElementAddress{10}},
    };
    for (const auto& each : cases) {
        Inventory after;
        after.elements = {element(ElementKind::picker, 1, each.picker), element(ElementKind::slot, 10, each.source),
                          element(ElementKind::drive, 20, each.destination)};
        auto outcome = operations::judge_move(element(ElementKind::slot, 10, "A"), ElementAddress{20}, after, Error{});
        EXPECT_EQ(outcome.kind, each.expected);
        EXPECT_EQ(outcome.found_at, each.found);
        EXPECT_EQ(outcome.error.has_value(), each.expected != Kind::moved);
    }
}

}  // namespace
}  // namespace capstan::changer
