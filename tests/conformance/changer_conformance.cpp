#include "conformance.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace capstan::conformance {

using namespace virtual_library;

TEST_P(ChangerConformance, SaysWhoItIs) {
    auto who = scsi::inquiry(changer());
    ASSERT_TRUE(who);
    EXPECT_EQ(who->device_type, scsi::DeviceType::changer);
    EXPECT_TRUE(scsi::vpd_serial_number(changer()));
}

TEST_P(ChangerConformance, LogicalUnitsAreListedBeforeUnitAttentions) {
    std::vector<std::uint8_t> list(8 + 8 * 256);
    scsi::ReportLunsCdb cdb{.allocation_length = BigEndian<4>{list.size()}};
    auto reply = virtual_library::run(drive(), cdb, list);
    ASSERT_EQ(virtual_library::told(reply), "GOOD");
    ASSERT_GE(reply.transferred, 8U);
    const auto length = *Reader(Bytes(list)).big<4>();
    EXPECT_EQ(length % 8, 0U);
    EXPECT_GE(length / 8, 3U) << "a changer and two drives";
    EXPECT_EQ(reply.transferred, 8 + length);
    cdb.allocation_length = BigEndian<4>{15};
    EXPECT_EQ(virtual_library::told(virtual_library::run(drive(), cdb, MutableBytes(list).first(15))), "05/24/00");
}

TEST_P(ChangerConformance, ElementStatusAgreesWithTheModePage) {
    auto data = scsi::mode_sense(changer(), scsi::ElementAddressPage::kPage);
    auto page = *scsi::find_page<scsi::ElementAddressPage>(*data);
    auto report = scsi::read_element_status(changer(), {});
    ASSERT_TRUE(report) << to_text(report.error());
    EXPECT_TRUE(report->complete());
    auto count = [&](scsi::ElementType type) {
        return static_cast<std::uint64_t>(std::ranges::count(report->elements, type, &scsi::ElementStatus::type));
    };
    EXPECT_EQ(count(scsi::ElementType::medium_transport), page.picker_count.value());
    EXPECT_EQ(count(scsi::ElementType::storage), page.storage_count.value());
    EXPECT_EQ(count(scsi::ElementType::import_export), page.import_export_count.value());
    EXPECT_EQ(count(scsi::ElementType::data_transfer), page.drive_count.value());
    for (auto type : {scsi::ElementType::storage, scsi::ElementType::data_transfer}) {
        auto some = scsi::read_element_status(changer(), {.type = type});
        ASSERT_TRUE(some);
        EXPECT_EQ(some->elements.size(), count(type));
    }
    auto slot = element(at.slot);
    EXPECT_TRUE(slot.full);
    EXPECT_FALSE(slot.volume_tag.empty());
}

TEST_P(ChangerConformance, ACutReplyTellsItsFullLength) {
    std::vector<std::uint8_t> whole(65536);
    scsi::ReadElementStatusCdb cdb{.type_and_flags = 0x10, .count = BigEndian<2>{0xFFFF}, .allocation_length = BigEndian<3>{65536}};
    auto size = run(changer(), cdb, whole).transferred;
    auto full = scsi::decode_element_status(Bytes(whole).first(size));
    ASSERT_TRUE(full);
    EXPECT_EQ(full->bytes_needed, size);
    for (std::size_t cut : {std::size_t{8}, std::size_t{16}, size / 2, size - 1}) {
        cdb.allocation_length = BigEndian<3>{cut};
        std::vector<std::uint8_t> part(cut);
        EXPECT_EQ(run(changer(), cdb, part).transferred, cut);
        EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin()));
    }
}

TEST_P(ChangerConformance, DrivesAreNamedBySerialNumber) {
    auto report = scsi::read_element_status(changer(), {.type = scsi::ElementType::data_transfer, .device_identifier = true});
    ASSERT_TRUE(report) << to_text(report.error());
    ASSERT_GE(report->elements.size(), 2u);
    for (unsigned i = 0; i < 2; ++i) {
        ASSERT_TRUE(report->elements[i].device);
        EXPECT_EQ(scsi::serial_number_of(*report->elements[i].device), scsi::vpd_serial_number(rig->drive(i)).value_or("?"));
    }
}

TEST_P(ChangerConformance, AMoveIsSeen) {
    auto tag = element(at.slot).volume_tag;
    ASSERT_EQ(move(at.slot, at.drive), "GOOD");
    EXPECT_FALSE(element(at.slot).full);
    auto there = element(at.drive);
    EXPECT_TRUE(there.full);
    EXPECT_EQ(there.volume_tag, tag);
    EXPECT_EQ(there.source, at.slot);
    ASSERT_EQ(settle(rig->drive(0)), "GOOD");
    EXPECT_TRUE(scsi::unload(drive()));
    ASSERT_EQ(move(at.drive, at.slot), "GOOD");
    EXPECT_TRUE(element(at.slot).full);
    EXPECT_FALSE(element(at.drive).full);
    EXPECT_EQ(settle(drive()), "02/3A/00");
}

TEST_P(ChangerConformance, ImpossibleMovesAreRefused) {
    ASSERT_EQ(move(at.slot, at.drive), "GOOD");
    EXPECT_EQ(move(at.slot, at.drive), "05/3B/0E");
    EXPECT_EQ(move(ElementAddress{static_cast<std::uint16_t>(raw(at.slot) + 1)}, at.drive), "05/3B/0D");
    EXPECT_EQ(move(at.drive, ElementAddress{0xFFF0}), "05/21/01");
    EXPECT_EQ(move(ElementAddress{0xFFF0}, at.drive), "05/21/01");
    auto turned =
        run(changer(), scsi::MoveMediumCdb{.source = scsi::on_wire(at.drive), .destination = scsi::on_wire(at.slot), .invert = 1});
    EXPECT_EQ(told(turned), "05/24/00");
}

TEST_P(ChangerConformance, ExchangesChangeBothPlaces) {
    const auto next = ElementAddress{static_cast<std::uint16_t>(raw(at.slot) + 1)},
               last = ElementAddress{static_cast<std::uint16_t>(raw(at.slot) + at.slots - 1)};
    const auto first_tag = element(at.slot).volume_tag, next_tag = element(next).volume_tag;
    ASSERT_TRUE(scsi::exchange_medium(changer(), at.picker, at.slot, next, at.slot));
    EXPECT_EQ(element(at.slot).volume_tag, next_tag);
    EXPECT_EQ(element(next).volume_tag, first_tag);
    ASSERT_EQ(move(at.slot, at.drive), "GOOD");
    ASSERT_EQ(settle(drive()), "GOOD");
    ASSERT_EQ(told(write(drive(), block(1, 100))), "GOOD");
    // The drive's cartridge goes to the last slot, the one that was written before comes into the drive, and back.
    ASSERT_TRUE(scsi::exchange_medium(changer(), at.picker, next, at.drive, last));
    EXPECT_EQ(element(at.drive).volume_tag, first_tag);
    EXPECT_EQ(element(at.drive).source, next);
    EXPECT_EQ(element(last).volume_tag, next_tag);
    EXPECT_FALSE(element(next).full);
    ASSERT_EQ(settle(drive()), "GOOD");
    ASSERT_TRUE(scsi::exchange_medium(changer(), at.picker, last, at.drive, next));
    ASSERT_EQ(settle(drive()), "GOOD");
    std::vector<std::uint8_t> space(100);
    EXPECT_EQ(told(read(drive(), space)), "GOOD");
    EXPECT_EQ(space, block(1, 100));
}

TEST_P(ChangerConformance, ImpossibleExchangesAreRefused) {
    const auto next = ElementAddress{static_cast<std::uint16_t>(raw(at.slot) + 1)};
    const auto exchange = [&](ElementAddress source, ElementAddress destination, ElementAddress second) {
        return told(run(changer(), scsi::ExchangeMediumCdb{.source = scsi::on_wire(source),
                                                           .destination = scsi::on_wire(destination),
                                                           .second_destination = scsi::on_wire(second)}));
    };
    EXPECT_EQ(exchange(at.drive, at.slot, at.drive), "05/3B/0E");
    EXPECT_EQ(exchange(at.slot, at.drive, at.slot), "05/3B/0E");
    EXPECT_EQ(exchange(at.slot, next, ElementAddress{static_cast<std::uint16_t>(raw(next) + 1)}), "05/3B/0D");
    EXPECT_EQ(exchange(at.slot, at.slot, at.slot), "05/21/01");
    EXPECT_EQ(exchange(at.slot, next, ElementAddress{0xFFF0}), "05/21/01");
    ASSERT_EQ(move(at.slot, at.drive), "GOOD");
    ASSERT_EQ(settle(drive()), "GOOD");
    ASSERT_TRUE(scsi::set_medium_removal(drive(), scsi::Removal::prevent));
    EXPECT_EQ(exchange(next, at.drive, next), "05/53/02");
    EXPECT_TRUE(scsi::set_medium_removal(drive(), scsi::Removal::allow));
    EXPECT_EQ(exchange(next, at.drive, next), "GOOD");
}

TEST_P(ChangerConformance, ThePickerGoesToAnElement) {
    EXPECT_TRUE(scsi::position_to_element(changer(), at.picker, at.slot));
    EXPECT_TRUE(scsi::position_to_element(changer(), at.picker, at.drive));
    EXPECT_EQ(told(run(changer(), scsi::PositionToElementCdb{.destination = BigEndian<2>{0xFFF0}})), "05/21/01");
    EXPECT_EQ(told(run(changer(), scsi::PositionToElementCdb{.picker = BigEndian<2>{0xFFF0}, .destination = scsi::on_wire(at.slot)})),
              "05/21/01");
    EXPECT_EQ(told(run(changer(), scsi::PositionToElementCdb{.destination = scsi::on_wire(at.slot), .invert = 1})), "05/24/00");
}

TEST_P(ChangerConformance, InventoryIsTaken) {
    EXPECT_TRUE(scsi::initialize_element_status(changer()));
    EXPECT_EQ(ready(changer()), "GOOD");
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ChangerConformance);

}  // namespace capstan::conformance
