#include "drives/scsi/smc.hpp"
#include "drives/scsi/text.hpp"
#include "scsi/scripted_transport.hpp"

namespace capstan::scsi {
namespace {

using Buffer = std::vector<std::uint8_t>;

Designator drive_designator(std::string_view text) {
    const Bytes bytes = bytes_of(text);
    return {.code_set = Designator::CodeSet::ascii,
            .type = Designator::Type::t10_vendor_id,
            .bytes = {bytes.begin(), bytes.end()}};
}

std::vector<ElementStatus> small_library() {
    std::vector<ElementStatus> all(5);
    all[0] = {.address = ElementAddress{0}, .type = ElementType::medium_transport};
    all[1] = {.address = ElementAddress{0x1000}, .type = ElementType::storage, .full = true, .medium_type = 1};
    all[1].volume_tag.text = "A00001L8";
    all[1].source = ElementAddress{0x1000};
    all[2] = {.address = ElementAddress{0x1001}, .type = ElementType::storage, .exception = true, .accessible = false};
    all[2].asc = 0x83, all[2].ascq = 0x02;
    all[3] = {.address = ElementAddress{0x10}, .type = ElementType::import_export, .full = true};
    all[3].placed_by_operator = all[3].export_enabled = all[3].import_enabled = true;
    all[3].volume_tag.text = "CLN001CU";
    all[3].volume_sequence = 7;
    all[4] = {.address = ElementAddress{0x100}, .type = ElementType::data_transfer, .full = true};
    all[4].source = ElementAddress{0x1001};
    all[4].inverted = true;
    all[4].volume_tag.text = "A00002L8";
    all[4].device = drive_designator("IBM     ULT3580-TD8     1097001234");
    return all;
}

TEST(ElementStatus, GoldenBytesOfOneStorageElement) {
    std::vector<ElementStatus> one{small_library()[1]};
    Buffer expected{0x10, 0x00, 0x00, 0x01, 0, 0x00, 0x00, 0x3C,  // header: one element from 1000h, 60 bytes
                    0x02, 0x80, 0x00, 0x34, 0, 0x00, 0x00, 0x34,  // page: storage, tags, 52 bytes each, 52 in all
                    0x10, 0x00, 0x09, 0,    0, 0,    0,    0,    0, 0x81, 0x10, 0x00};
    append_padded(expected, "A00001L8", 32);
    expected.insert(expected.end(), 8, 0);  // reserved, sequence, no designator
    EXPECT_EQ(encode_element_status(one, {.volume_tags = true}), expected);
}

TEST(ElementStatus, RoundTripsWithTagsAndDriveSerialNumbers) {
    const auto library = small_library();
    const auto bytes = encode_element_status(library, {.volume_tags = true, .device_identifier = true});
    const auto report = decode_element_status(bytes);
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->complete());
    EXPECT_EQ(report->first, ElementAddress{0});
    EXPECT_EQ(report->bytes_needed, bytes.size());
    EXPECT_EQ(report->elements, library);
    EXPECT_EQ(serial_number_of(*report->elements[4].device), "1097001234");
    EXPECT_EQ(decode_element_status(with_trailing_bytes(bytes))->elements, library);
}

TEST(ElementStatus, LeavesOutWhatWasNotAskedFor) {
    const auto report = decode_element_status(encode_element_status(small_library(), {}));
    ASSERT_TRUE(report && report->complete());
    for (const auto& status : report->elements) {
        EXPECT_TRUE(status.volume_tag.empty());
        EXPECT_FALSE(status.device);
    }
    EXPECT_TRUE(report->elements[3].placed_by_operator);
    EXPECT_EQ(report->elements[2].asc, 0x83);
}

TEST(ElementStatus, AlternateTagsMakeLongerDescriptors) {
    auto library = small_library();
    library[1].alternate_volume_tag = "SIDE-B";
    const auto report = decode_element_status(encode_element_status(library, {.volume_tags = true}));
    ASSERT_TRUE(report && report->complete());
    EXPECT_EQ(report->elements[1].alternate_volume_tag, "SIDE-B");
    EXPECT_EQ(report->elements[1].volume_tag.text, "A00001L8");
    EXPECT_EQ(report->elements[2].alternate_volume_tag, "");
}

TEST(ElementStatus, CutAtEveryLengthGivesWholeElements) {
    const auto library = small_library();
    const auto bytes = encode_element_status(library, {.volume_tags = true, .device_identifier = true});
    std::size_t most = 0;
    cut_at_every_length(bytes, [&](const Buffer& cut) {
        const auto report = decode_element_status(cut);
        ASSERT_EQ(report.has_value(), cut.size() >= 8);
        if (!report) return;
        ASSERT_GE(report->elements.size(), most);
        most = report->elements.size();
        for (std::size_t i = 0; i < most; ++i) EXPECT_EQ(report->elements[i], library[i]);
        EXPECT_EQ(report->complete(), most == library.size());
    });
    EXPECT_EQ(most, library.size());
}

TEST(ElementStatus, ALyingDescriptorLengthIsRefused) {
    auto bytes = encode_element_status({small_library()[1]}, {.volume_tags = true});
    bytes[11] = 47;  // shorter than head and volume tag
    EXPECT_FALSE(decode_element_status(bytes));
    bytes[11] = 0;
    EXPECT_FALSE(decode_element_status(bytes)) << "must not loop for ever";
}

TEST(ElementStatus, MoreElementsThanPromisedAreNotBelieved) {
    auto bytes = encode_element_status(small_library(), {.volume_tags = true});
    bytes[3] = 2;
    EXPECT_EQ(decode_element_status(bytes)->elements.size(), 2U);
    bytes[3] = 6;
    EXPECT_FALSE(decode_element_status(bytes)->complete());
}

TEST(ElementStatus, EmptyAndUnknownPagesArePassedOver) {
    auto bytes = encode_element_status({small_library()[1]}, {.volume_tags = true});
    bytes[8] = 0x07;
    auto report = decode_element_status(bytes);
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->elements.empty());
    EXPECT_EQ(report->unknown, 1);
    EXPECT_TRUE(report->complete());
    // An empty page: type 3, descriptor length 0, no bytes.
    const Buffer empty_page{0, 0, 0, 0, 0, 0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0};
    ASSERT_TRUE(decode_element_status(empty_page));
    EXPECT_TRUE(decode_element_status(empty_page)->complete());
}

TEST(ElementStatus, AnUnreadVolumeTagIsNoTag) {
    auto bytes = encode_element_status({small_library()[1]}, {.volume_tags = true});
    std::fill_n(bytes.begin() + 28, 32, std::uint8_t{0xFF});
    EXPECT_TRUE(decode_element_status(bytes)->elements.at(0).volume_tag.empty());
    std::fill_n(bytes.begin() + 28, 32, std::uint8_t{0});
    EXPECT_TRUE(decode_element_status(bytes)->elements.at(0).volume_tag.empty());
}

TEST(ElementStatus, NoElementsAtAll) {
    const auto report = decode_element_status(encode_element_status({}, {}));
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->complete());
}

}  // namespace
}  // namespace capstan::scsi
