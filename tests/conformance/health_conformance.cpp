// What a drive and its cartridge know of themselves, and who may use the drive.
#include "conformance.hpp"

#include <cstdint>
#include <vector>

namespace capstan::conformance {

using namespace virtual_library;

TEST_P(TapeConformance, TheCartridgeRemembers) {
    load();
    const auto number = [&](scsi::AttributeId id) {
        auto all = scsi::read_attributes(drive());
        EXPECT_TRUE(all) << to_text(all.error());
        const auto* found = all ? scsi::find_attribute(*all, id) : nullptr;
        return found ? scsi::number_of(*found).value_or(~0ull) : ~0ull;
    };
    const auto loads = number(scsi::AttributeId::load_count), changes = number(scsi::AttributeId::volume_change_reference);
    const std::vector ours{scsi::ascii_attribute(scsi::AttributeId::application_vendor, "CAPSTAN", 8),
                           scsi::ascii_attribute(scsi::AttributeId::barcode, "A1", 32)};
    ASSERT_TRUE(scsi::write_attributes(drive(), ours));
    EXPECT_EQ(number(scsi::AttributeId::volume_change_reference), changes) << "the tape has not changed";
    for (std::uint64_t i = 0; i < 2; ++i) ASSERT_EQ(told(write(drive(), block(i, 1 << 20))), "GOOD");
    const auto changed = number(scsi::AttributeId::volume_change_reference);
    EXPECT_NE(changed, changes);
    ASSERT_EQ(told(marks(drive(), 1)), "GOOD");
    EXPECT_EQ(number(scsi::AttributeId::volume_change_reference), changed) << "once for each load";
    // Asked for by its own name it speaks of what is there now: the next change is another one.
    auto asked = scsi::read_attributes(drive(), scsi::AttributeId::volume_change_reference);
    ASSERT_TRUE(asked) << to_text(asked.error());
    EXPECT_EQ(scsi::number_of(*scsi::find_attribute(*asked, scsi::AttributeId::volume_change_reference)), changed);
    ASSERT_EQ(told(marks(drive(), 1)), "GOOD");
    const auto again = number(scsi::AttributeId::volume_change_reference);
    EXPECT_NE(again, changed);
    EXPECT_NE(again, changes);
    EXPECT_LT(number(scsi::AttributeId::remaining_capacity), number(scsi::AttributeId::maximum_capacity));
    ASSERT_TRUE(scsi::unload(drive()));
    ASSERT_EQ(move(at.drive, at.slot), "GOOD");
    load();
    auto all = scsi::read_attributes(drive());
    ASSERT_TRUE(all);
    EXPECT_EQ(scsi::text_of(*scsi::find_attribute(*all, scsi::AttributeId::barcode)), "A1");
    EXPECT_EQ(number(scsi::AttributeId::load_count), loads + 1);
    EXPECT_EQ(number(scsi::AttributeId::volume_change_reference), again);
    EXPECT_GE(number(scsi::AttributeId::written_in_life), 2U);
    // An empty value takes one away; what the drive keeps is not ours to write.
    const scsi::Attribute none{scsi::AttributeId::barcode, scsi::AttributeFormat::ascii, false, {}};
    ASSERT_TRUE(scsi::write_attributes(drive(), {&none, 1}));
    all = scsi::read_attributes(drive());
    EXPECT_EQ(scsi::find_attribute(*all, scsi::AttributeId::barcode), nullptr);
    const auto theirs = scsi::number_attribute(scsi::AttributeId::load_count, 0, 8);
    auto refused = scsi::write_attributes(drive(), {&theirs, 1});
    ASSERT_FALSE(refused);
    EXPECT_EQ(to_text(refused.error().sense->code), "05/26/00");
}

TEST_P(TapeConformance, LogPagesCountWhatPasses) {
    load();
    auto pages = scsi::supported_log_pages(drive());
    ASSERT_TRUE(pages) << to_text(pages.error());
    for (auto code : *pages) {
        if (code == scsi::LogPageCode::supported_pages) continue;
        EXPECT_TRUE(scsi::log_sense(drive(), code)) << int(raw(code));
    }
    const auto written = [&] {
        return scsi::number_of(*scsi::find_parameter(*scsi::log_sense(drive(), scsi::LogPageCode::write_errors), 5)).value_or(0);
    };
    const auto before = written();
    ASSERT_EQ(told(write(drive(), block(1, 5000))), "GOOD");
    EXPECT_EQ(written(), before + 5000);
    auto alerts = scsi::log_sense(drive(), scsi::LogPageCode::tape_alert);
    ASSERT_TRUE(alerts);
    EXPECT_EQ(alerts->parameters.size(), 64U);
    EXPECT_TRUE(scsi::set_alerts(*alerts).empty());
    auto statistics = scsi::log_sense(drive(), scsi::LogPageCode::volume_statistics);
    ASSERT_TRUE(statistics);
    EXPECT_EQ(scsi::number_of(*scsi::find_parameter(*statistics, 0)), 1U);
    EXPECT_EQ(told(run(drive(), scsi::LogSenseCdb{.page = 0x3E, .allocation_length = BigEndian<2>{100}})), "05/24/00");
}

TEST_P(TapeConformance, AReservationIsKeptAndGivenBack) {
    settle(drive());
    const scsi::ReservationKey ours{0x1122334455667788}, next{0x99};
    auto refused = scsi::reserve_exclusively(drive(), ours);
    ASSERT_FALSE(refused) << "nobody is registered";
    EXPECT_EQ(refused.error().recovery, Recovery::ask_operator);
    EXPECT_TRUE(scsi::read_registered_keys(drive())->keys.empty());
    ASSERT_TRUE(scsi::register_key(drive(), ours));
    EXPECT_EQ(scsi::read_registered_keys(drive())->keys, std::vector{ours});
    ASSERT_TRUE(scsi::reserve_exclusively(drive(), ours));
    ASSERT_TRUE(scsi::reserve_exclusively(drive(), ours)) << "once more is no conflict";
    const scsi::Reservation wanted{ours, scsi::ReservationType::exclusive_access};
    EXPECT_EQ(scsi::read_reservation(drive())->reservation, wanted);
    auto all = scsi::read_full_status(drive());
    ASSERT_TRUE(all && all->size() == 1);
    EXPECT_TRUE(all->front().holds);
    EXPECT_EQ(all->front().key, ours);
    ASSERT_TRUE(scsi::register_key(drive(), next)) << "the key changes, the reservation stays";
    EXPECT_EQ(scsi::read_reservation(drive())->reservation->key, next);
    EXPECT_EQ(ready(drive()), "02/3A/00");
    ASSERT_TRUE(scsi::release(drive(), next));
    EXPECT_FALSE(scsi::read_reservation(drive())->reservation);
    ASSERT_TRUE(scsi::register_key(drive(), {}));
    EXPECT_TRUE(scsi::read_registered_keys(drive())->keys.empty());
}

}  // namespace capstan::conformance
