#include "tools/vtl/text_keys.hpp"

#include <gtest/gtest.h>

namespace capstan::iscsi {
namespace {

using namespace std::string_view_literals;

TEST(TextKeys, ComeBack) {
    const TextKeys keys{{"InitiatorName", "iqn.a"}, {"AuthMethod", "CHAP,None"}, {"Empty", ""}};
    const auto bytes = encode_text(keys);
    EXPECT_EQ(text_of(bytes), "InitiatorName=iqn.a\0AuthMethod=CHAP,None\0Empty=\0"sv);
    EXPECT_EQ(decode_text(bytes), keys);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto cut = decode_text(Bytes(bytes).first(size));
        const bool whole = size == 0 || bytes[size - 1] == 0;
        EXPECT_EQ(cut.has_value(), whole) << size;
    }
}

TEST(TextKeys, WhatIsNoPairIsRefused) {
    EXPECT_FALSE(decode_text(bytes_of("=value\0"sv)));
    EXPECT_FALSE(decode_text(bytes_of("novalue\0"sv)));
    EXPECT_FALSE(decode_text(bytes_of("key=unterminated"sv)));
    EXPECT_FALSE(decode_text(bytes_of(std::string(64, 'k') + "=v" + '\0')));
    EXPECT_EQ(decode_text(bytes_of("a=1\0\0\0"sv)), (TextKeys{{"a", "1"}})) << "padding that was counted";
}

TEST(TextKeys, NumbersAndBinaries) {
    EXPECT_EQ(number_of("262144", 1 << 24), 262144U);
    EXPECT_EQ(number_of("0x1F", 100), 31U);
    for (auto bad : {"", "0x", "-1", "12a", "101", "99999999999999999999"}) EXPECT_FALSE(number_of(bad, 100)) << bad;
    using Binary = std::vector<std::uint8_t>;
    EXPECT_EQ(binary_of("0x0aFF"), (Binary{0x0A, 0xFF}));
    EXPECT_EQ(binary_of("0xaff"), (Binary{0x0A, 0xFF}));
    EXPECT_EQ(binary_of("0bCv8="), (Binary{0x0A, 0xFF}));
    for (auto bad : {"", "0x", "0b", "0xg0", "0bC", "0b!v8=", "1x00"}) EXPECT_FALSE(binary_of(bad)) << bad;
    EXPECT_FALSE(binary_of("0x" + std::string(2050, '0')));
    EXPECT_EQ(binary_of(in_hexadecimal(Binary{0, 1, 254})), (Binary{0, 1, 254}));
}

}  // namespace
}  // namespace capstan::iscsi
