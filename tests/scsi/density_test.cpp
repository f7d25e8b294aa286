// REPORT DENSITY SUPPORT: golden bytes, round trips, cut at every length, and what a device may say instead.
#include "drives/scsi/commands.hpp"
#include "drives/scsi/models.hpp"
#include "scsi/scripted_transport.hpp"

namespace capstan::scsi {
namespace {

using namespace std::chrono_literals;
using Buffer = std::vector<std::uint8_t>;

Density lto8() {
    return {.primary_code = 0x5E,
            .secondary_code = 0x5E,
            .writable = true,
            .is_default = true,
            .bits_per_mm = 0x50A4,
            .media_width = 127,
            .tracks = 6656,
            .capacity_mb = 12'000'000,
            .organization = "LTO-CVE",
            .name = "U-832",
            .description = "Ultrium 8/32T"};
}
// As a drive sends it: DLV is 0, so that all entries have 52 bytes.
Buffer golden() {
    Buffer bytes{0, 54, 0, 0, 0x5E, 0x5E, 0xA0, 0, 0, 0, 0x50, 0xA4, 0, 127, 0x1A, 0x00, 0x00, 0xB7, 0x1B, 0x00};
    for (const auto* text : {"LTO-CVE ", "U-832   ", "Ultrium 8/32T       "})
        for (const char* c = text; *c != 0; ++c) bytes.push_back(static_cast<std::uint8_t>(*c));
    return bytes;
}

TEST(Density, GoldenBytesAndRoundTrip) {
    const std::vector<Density> one{lto8()};
    EXPECT_EQ(encode_densities(one), golden());
    EXPECT_EQ(decode_densities(golden()), one);
    EXPECT_EQ(decode_densities(with_trailing_bytes(golden())), one) << "what follows the list is not ours";
    EXPECT_EQ(decode_densities(Buffer{0, 2, 0, 0}), std::vector<Density>{});
    std::vector<Density> two{lto8(), lto8()};
    two[1].primary_code = 0x60;
    two[1].writable = false;
    two[1].duplicate = true;
    EXPECT_EQ(decode_densities(encode_densities(two)), two);
}

TEST(Density, CutAtEveryLengthGivesWholeEntries) {
    const std::vector<Density> two{lto8(), lto8()};
    cut_at_every_length(encode_densities(two), [](const Buffer& cut) {
        const auto decoded = decode_densities(cut);
        ASSERT_EQ(decoded.has_value(), cut.size() >= 4);
        if (decoded) {
            EXPECT_EQ(decoded->size(), (cut.size() - 4) / 52);
        }
    });
}

TEST(Density, EntriesOfOtherLengths) {
    auto longer = golden();
    longer[6] |= DensityDescriptor::kLengthValid;
    longer[8] = 47 + 8;
    longer.insert(longer.end(), 8, 0xEE);
    const auto second = golden();
    longer.insert(longer.end(), second.begin() + 4, second.end());
    longer[1] = static_cast<std::uint8_t>(longer.size() - 2);
    EXPECT_EQ(decode_densities(longer), (std::vector<Density>{lto8(), lto8()})) << "what an entry has more is passed over";
    auto shorter = golden();
    shorter[6] |= DensityDescriptor::kLengthValid;
    shorter[8] = 10;
    EXPECT_EQ(decode_densities(shorter), std::vector<Density>{}) << "an entry shorter than its fields";
    auto nothing = golden();
    nothing[1] = 1;
    EXPECT_EQ(decode_densities(nothing), std::vector<Density>{}) << "a length that does not even count the header";
}

TEST(Density, CommandsAskAndAreRefused) {
    ScriptedTransport device;
    device.answer_data(golden());
    const auto found = report_densities(device, DensityScope::medium);
    ASSERT_TRUE(found) << to_text(found.error());
    EXPECT_EQ(found->front(), lto8());
    EXPECT_EQ(device.asked[0].cdb.bytes[0], 0x44);
    EXPECT_EQ(device.asked[0].cdb.bytes[1], 1);
    device.answer_sense({.code = {0x5, 0x20, 0x00}});
    EXPECT_FALSE(report_densities(device));
    ASSERT_TRUE(set_capacity(device, 0x8000));
    EXPECT_EQ(device.asked[2].cdb.bytes[3], 0x80);
    ASSERT_TRUE(format_medium(device, Wait::immediate));
    EXPECT_EQ(device.asked[3].cdb.bytes[0], 0x04);
    EXPECT_EQ(device.asked[3].cdb.bytes[1], 1);
}

TEST(Models, GenerationsAreReadFromProductNames) {
    EXPECT_EQ(find_model("IBM", "ULT3580-TD8").lto_generation, 8U);
    EXPECT_EQ(find_model("IBM", "ULTRIUM-HH9").lto_generation, 9U);
    EXPECT_EQ(find_model("HP", "Ultrium 6-SCSI").lto_generation, 6U);
    EXPECT_EQ(find_model("HP", "Ultrium 1760").lto_generation, 0U) << "a product number, no generation";
    EXPECT_EQ(find_model("CAPSTAN", "VIRTUAL LTO-10").lto_generation, 10U);
    EXPECT_EQ(find_model("IET", "VIRTUAL TAPE").lto_generation, 0U);
    EXPECT_TRUE(find_model("IET", "VIRTUAL-CHANGER").narrow_element_status);
    EXPECT_FALSE(find_model("CAPSTAN", "VIRTUAL LIBRARY").narrow_element_status);
}

TEST(Models, LoadsTakeAsLongAsTheDriveSaysAndNeverLessThanItsModelNeeds) {
    EXPECT_EQ(load_limit(find_model("IBM", "ULT3580-TD8"), 0s), 15min);
    EXPECT_EQ(load_limit(find_model("IBM", "ULT3580-TD8"), 1800s), 30min);
    EXPECT_EQ(load_limit(find_model("IBM", "ULT3580-TD9"), 800s), 135min);
    EXPECT_EQ(load_limit(find_model("ACME", "TAPE"), 0s), 135min) << "nobody knows";
}

}  // namespace
}  // namespace capstan::scsi
