#include "backup/posix/metadata.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace capstan::backup {
namespace {

Metadata everything() {
    Metadata m;
    m.mode = 0104755, m.uid = 1000, m.gid = 4294967294, m.user = "someone", m.group = "staff";
    m.accessed = {1700000000, 1}, m.modified = {-1, 999999999}, m.changed = {1700000002, 3};
    m.born = FileTime{1600000000, 5};
    m.size = 0x123456789, m.device_major = 8, m.device_minor = 300, m.device = 2049, m.inode = 77, m.links = 3;
    m.inode_flags = 0x80040, m.inode_flags_known = true, m.path_only = true;
    m.name = "na\nme\xff", m.whole_path = "a/\xfe/na\nme\xff", m.target = "../x", m.first_name = "a/first";
    m.attributes = {{"user.a", std::string("v\0w", 3)}, {"system.posix_acl_access", ""}};
    return m;
}

std::vector<std::uint8_t> encoded(const Metadata& metadata) {
    std::vector<std::uint8_t> bytes;
    encode(metadata, bytes);
    return bytes;
}

TEST(Metadata, ReturnsWhatWasEncoded) {
    for (const auto& metadata : {Metadata{}, everything()}) {
        auto decoded = decode_metadata(encoded(metadata));
        ASSERT_TRUE(decoded) << decoded.error().happened;
        EXPECT_EQ(*decoded, metadata);
    }
}

// The format is frozen: a change of these bytes makes every tape written before unreadable.
TEST(Metadata, HasItsGoldenBytes) {
    std::ifstream file(CAPSTAN_TESTS_BACKUP "/golden/metadata_v1.bin", std::ios::binary);
    std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(std::vector<std::uint8_t>(text.begin(), text.end()), encoded(everything()));
    auto small = encoded(Metadata{.mode = 0100644, .size = 5});
    EXPECT_EQ(small.size(), 112u);
    EXPECT_EQ(small[0], 1);
    EXPECT_EQ(small[4], 0xA4);
    EXPECT_EQ(small[5], 0x81);
    EXPECT_EQ(small[56], 5);
}

TEST(Metadata, IsRefusedWhenItIsCut) {
    auto bytes = encoded(everything());
    std::size_t good = 0;
    for (std::size_t size = 0; size < bytes.size(); ++size) good += decode_metadata(Bytes(bytes).first(size)) ? 1 : 0;
    EXPECT_EQ(good, 9u);  // exactly where one of its ten fields ends, it is a shorter record
}

TEST(Metadata, SkipsUnknownFieldsAndRefusesANewerVersion) {
    auto bytes = encoded(everything());
    for (int i : {0x77, 0x07, 0, 0, 2, 0, 0, 0, 1, 2}) bytes.push_back(static_cast<std::uint8_t>(i));
    ASSERT_TRUE(decode_metadata(bytes));
    EXPECT_EQ(*decode_metadata(bytes), everything());
    bytes[0] = 2;
    EXPECT_FALSE(decode_metadata(bytes));
}

struct Bad {
    const char* name;
    std::size_t offset;
    std::uint8_t value;
};
class BadMetadata : public testing::TestWithParam<Bad> {};
TEST_P(BadMetadata, IsRefused) {
    auto bytes = encoded(everything());
    bytes[GetParam().offset] = GetParam().value;
    EXPECT_FALSE(decode_metadata(bytes));
}
INSTANTIATE_TEST_SUITE_P(Fields, BadMetadata,
                         testing::Values(Bad{"Mode", 6, 1}, Bad{"Nanoseconds", 43, 0xFF}, Bad{"Size", 63, 0xFF},
                                         Bad{"NulInName", 121, 0}, Bad{"SlashInName", 121, '/'},
                                         Bad{"FieldBeyondTheEnd", 119, 0x7F}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace capstan::backup
