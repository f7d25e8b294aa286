// Log pages and cartridge memory: golden bytes, round trips, cut at every length, and what a device may say instead.
#include "drives/scsi/commands.hpp"
#include "scsi/scripted_transport.hpp"

namespace capstan::scsi {
namespace {

using Buffer = std::vector<std::uint8_t>;

TEST(LogPages, GoldenBytesAndRoundTrip) {
    LogPage page{LogPageCode::volume_statistics, {number_parameter(0x0001, 300, 4), {0x0040, 0x01, {'A', ' '}}}};
    const Buffer expected{0x17, 0, 0, 14, 0, 1, 3, 4, 0, 0, 1, 0x2C, 0, 0x40, 1, 2, 'A', ' '};
    EXPECT_EQ(encode_log_page(page), expected);
    EXPECT_EQ(decode_log_page(expected), page);
    ASSERT_NE(find_parameter(page, 1), nullptr);
    EXPECT_EQ(number_of(*find_parameter(page, 1)), 300U);
    EXPECT_EQ(find_parameter(page, 2), nullptr);
    const LogPageCode all[] = {LogPageCode::supported_pages, LogPageCode::tape_alert};
    EXPECT_EQ(encode_supported_log_pages(all), (Buffer{0, 0, 0, 2, 0, 0x2E}));
    EXPECT_EQ(decode_supported_log_pages(Buffer{0, 0, 0, 2, 0, 0x2E})->size(), 2U);
    EXPECT_FALSE(decode_supported_log_pages(Buffer{0x2E, 0, 0, 0}));
}

TEST(LogPages, CutPagesGiveWhatIsWhole) {
    const LogPage page{LogPageCode::write_errors, {number_parameter(5, 77, 8), number_parameter(6, 1, 2)}};
    const auto bytes = encode_log_page(page);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const auto cut = decode_log_page(Bytes(bytes).first(size));
        ASSERT_EQ(cut.has_value(), size >= 4) << size;
        if (cut) {
            EXPECT_EQ(cut->parameters.size(), size < 16 ? 0U : size < 22 ? 1U : 2U) << size;
        }
    }
    EXPECT_FALSE(decode_log_page(Buffer{0x40 | 0x2E, 1, 0, 0})) << "a subpage";
}

TEST(LogPages, NumbersAreOfAnyLength) {
    EXPECT_EQ(number_of(LogParameter{1, 0, {}}), std::nullopt);
    EXPECT_EQ(number_of(LogParameter{1, 0, {1, 0}}), 256U);
    EXPECT_EQ(number_of(LogParameter{1, 0, Buffer(8, 0xFF)}), ~0ull);
    EXPECT_EQ(number_of(LogParameter{1, 0, Buffer(9, 0)}), std::nullopt);
}

TEST(LogPages, TapeAlertFlagsThatAreSet) {
    LogPage page{LogPageCode::tape_alert, {}};
    for (std::uint16_t flag = 0; flag <= 65; ++flag) page.parameters.push_back(number_parameter(flag, flag % 20 == 0 || flag == 65, 1));
    EXPECT_EQ(set_alerts(page), (Buffer{20, 40, 60}));
}

TEST(Attributes, GoldenBytesAndRoundTrip) {
    const std::vector<Attribute> attributes{number_attribute(AttributeId::volume_change_reference, 5, 4),
                                            ascii_attribute(AttributeId::application_vendor, "CAPSTAN", 8)};
    const Buffer expected{0, 0, 0, 22, 0, 9, 0x80, 0, 4, 0, 0, 0, 5, 8, 0, 1, 0, 8, 'C', 'A', 'P', 'S', 'T', 'A', 'N', ' '};
    EXPECT_EQ(encode_attributes(attributes), expected);
    EXPECT_EQ(decode_attributes(expected), attributes);
    EXPECT_EQ(text_of(attributes[1]), "CAPSTAN");
    EXPECT_EQ(number_of(attributes[0]), 5U);
    EXPECT_EQ(number_of(attributes[1]), std::nullopt) << "not binary";
    const AttributeId list[] = {AttributeId::load_count, AttributeId::barcode};
    EXPECT_EQ(encode_attribute_list(list), (Buffer{0, 0, 0, 4, 0, 3, 8, 6}));
    EXPECT_EQ(decode_attribute_list(encode_attribute_list(list))->size(), 2U);
    EXPECT_EQ(text_of(ascii_attribute(AttributeId::barcode, "TOO LONG", 3)), "TOO");
}

TEST(Attributes, CutListsGiveWhatIsWhole) {
    const std::vector<Attribute> attributes{number_attribute(AttributeId::load_count, 1, 8),
                                            ascii_attribute(AttributeId::barcode, "A", 32)};
    const auto bytes = encode_attributes(attributes);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const auto cut = decode_attributes(Bytes(bytes).first(size));
        ASSERT_EQ(cut.has_value(), size >= 4) << size;
        if (cut) {
            EXPECT_EQ(cut->size(), size < 17 ? 0U : size < bytes.size() ? 1U : 2U) << size;
        }
    }
}

TEST(HealthCommands, AreSentAsTheStandardSays) {
    ScriptedTransport device;
    device.answer_data(encode_log_page({LogPageCode::tape_alert, {number_parameter(5, 1, 1)}}));
    auto page = log_sense(device, LogPageCode::tape_alert);
    ASSERT_TRUE(page) << to_text(page.error());
    EXPECT_EQ(set_alerts(*page), Buffer{5});
    device.answer_data(encode_log_page({LogPageCode::write_errors, {}}));
    auto other = log_sense(device, LogPageCode::tape_alert);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().happened, "device: cannot read log page 2Eh: the reply is another page");
}

}  // namespace
}  // namespace capstan::scsi
