// What a drive can read and write, cartridges that are made blank or shorter, and the warning before early warning. What a device
// does not offer it leaves out of its list of commands; the test says so and is skipped.
#include "conformance.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace capstan::conformance {

using namespace virtual_library;
using scsi::Opcode;
using Extension = scsi::DeviceConfigurationExtensionPage;

#define CAPSTAN_NEEDS(opcode) \
    if (!offers(opcode)) GTEST_SKIP() << "the drive's list of commands has no " #opcode

TEST_P(TapeConformance, DensitiesAreReportedAscending) {
    settle(drive());
    CAPSTAN_NEEDS(Opcode::report_density_support);
    const auto all = scsi::report_densities(drive());
    ASSERT_TRUE(all) << to_text(all.error());
    ASSERT_FALSE(all->empty());
    for (std::size_t i = 1; i < all->size(); ++i) EXPECT_LE((*all)[i - 1].primary_code, (*all)[i].primary_code);
    EXPECT_TRUE(std::ranges::any_of(*all, &scsi::Density::writable));
    EXPECT_EQ(told(run(drive(), scsi::ReportDensityCdb{.flags = 0x80, .allocation_length = BigEndian<2>{100}})), "05/24/00");
    EXPECT_EQ(scsi::report_densities(drive(), scsi::DensityScope::medium).error().sense->code.asc, 0x3A) << "no cartridge is in it";
    load();
    const auto here = scsi::report_densities(drive(), scsi::DensityScope::medium);
    ASSERT_TRUE(here) << to_text(here.error());
    const auto modes = scsi::mode_sense(drive(), scsi::DeviceConfigurationPage::kPage);
    ASSERT_TRUE(modes && modes->block_descriptor);
    EXPECT_TRUE(std::ranges::any_of(*here, [&](const auto& each) { return each.primary_code == modes->block_descriptor->density_code; }));
    // Cut by the allocation length: whole entries, and the length of all.
    std::vector<std::uint8_t> cut(4 + 52 - 1);
    const auto reply = run(drive(), scsi::ReportDensityCdb{.allocation_length = BigEndian<2>{cut.size()}}, cut);
    EXPECT_EQ(reply.transferred, cut.size());
    EXPECT_EQ(*Reader(Bytes(cut)).big<2>(), 2 + 52 * all->size());
}

TEST_P(TapeConformance, FormattingMakesTheMediumBlank) {
    settle(drive());
    CAPSTAN_NEEDS(Opcode::format_medium);
    load();
    ASSERT_EQ(told(write(drive(), block(1, 1000))), "GOOD");
    auto refused = scsi::format_medium(drive());
    ASSERT_FALSE(refused) << "not at the beginning";
    EXPECT_EQ(to_text(refused.error().sense->code), "05/3B/0C");
    ASSERT_TRUE(scsi::rewind(drive()));
    EXPECT_EQ(told(run(drive(), scsi::FormatMediumCdb{.format = 7})), "05/24/00");
    ASSERT_TRUE(scsi::format_medium(drive()));
    std::vector<std::uint8_t> space(1000);
    EXPECT_EQ(told(read(drive(), space)), "08/00/05");
    ASSERT_EQ(told(write(drive(), block(2, 1000))), "GOOD");
}

TEST_P(TapeConformance, ACartridgeIsMadeShorterAndLongAgain) {
    settle(drive());
    CAPSTAN_NEEDS(Opcode::set_capacity);
    load();
    const auto capacity = [&] {
        auto all = scsi::read_attributes(drive());
        EXPECT_TRUE(all) << to_text(all.error());
        const auto* found = all ? scsi::find_attribute(*all, scsi::AttributeId::maximum_capacity) : nullptr;
        return found ? scsi::number_of(*found).value_or(0) : 0;
    };
    const auto whole = capacity();
    ASSERT_GT(whole, 1U);
    ASSERT_EQ(told(write(drive(), block(1, 1000))), "GOOD");
    EXPECT_EQ(to_text(scsi::set_capacity(drive(), 0x8000).error().sense->code), "05/3B/0C");
    ASSERT_TRUE(scsi::rewind(drive()));
    ASSERT_TRUE(scsi::set_capacity(drive(), 0x8000));
    EXPECT_NEAR(static_cast<double>(capacity()), static_cast<double>(whole) / 2, 1);
    std::vector<std::uint8_t> space(1000);
    EXPECT_EQ(told(read(drive(), space)), "08/00/05");
    ASSERT_TRUE(scsi::unload(drive()));
    ASSERT_EQ(move(at.drive, at.slot), "GOOD");
    load();
    EXPECT_LT(capacity(), whole) << "it stays with the cartridge";
    ASSERT_TRUE(scsi::set_capacity(drive(), scsi::SetCapacityCdb::kWhole));
    EXPECT_EQ(capacity(), whole);
}

TEST_P(TapeConformance, ProgrammableEarlyWarningIsToldOnce) {
    settle(drive());
    const auto page = scsi::mode_sense(drive(), Extension::kPage, scsi::PageControl::current, Extension::kSubpage);
    if (!page || !scsi::find_page<Extension>(*page)) GTEST_SKIP() << "the drive has no mode page 10h/01h";
    if (rig->capacity() == 0) GTEST_SKIP() << "this transport's cartridges are too large to be filled";
    load();
    scsi::ModeData data;
    data.device_specific = scsi::kModeBuffered;
    data.pages.push_back(scsi::to_page(Extension{.programmable_early_warning = BigEndian<2>{1}}));
    auto set = scsi::mode_select(drive(), data);
    ASSERT_TRUE(set) << to_text(set.error());
    const auto back = scsi::mode_sense(drive(), Extension::kPage, scsi::PageControl::current, Extension::kSubpage);
    ASSERT_TRUE(back && scsi::find_page<Extension>(*back));
    EXPECT_EQ(scsi::find_page<Extension>(*back)->programmable_early_warning.value(), 1U);
    const auto content = block(5, 65536);
    std::uint64_t hints = 0, hinted_at = 0, warned_at = 0, written = 0;
    while (warned_at == 0) {
        ASSERT_LE(written, rig->capacity());
        auto outcome = scsi::write_block(drive(), content);
        ASSERT_TRUE(outcome) << to_text(outcome.error());
        ASSERT_TRUE(outcome->written);
        written += content.size();
        if (outcome->programmable_early_warning) ++hints, hinted_at = written;
        if (outcome->early_warning) warned_at = written;
        if (hints > 0) {
            EXPECT_TRUE(scsi::read_position(drive(), scsi::PositionForm::long_form)->beyond_early_warning);
        }
    }
    EXPECT_EQ(hints, 1U);
    EXPECT_NEAR(static_cast<double>(warned_at - hinted_at), 1e6, 65536 * 2);
    ASSERT_TRUE(scsi::rewind(drive()));
    EXPECT_FALSE(scsi::read_position(drive(), scsi::PositionForm::long_form)->beyond_early_warning);
    std::vector<std::uint8_t> space(content.size());
    for (std::uint64_t i = 0; i < written; i += space.size()) {
        ASSERT_EQ(told(read(drive(), space)), "GOOD");
        ASSERT_EQ(space, content);
    }
}

}  // namespace capstan::conformance
