// The codecs by themselves: numbers, patterns, header, page; golden, cut at every length, with bytes behind.
#include "catalog/glob.hpp"
#include "catalog/page.hpp"
#include "catalog/segment_samples.hpp"

namespace capstan::catalog {
namespace {

TEST(Varint, KeepsEveryNumber) {
    for (std::uint64_t value : {0ULL, 1ULL, 127ULL, 128ULL, 16383ULL, 16384ULL, 1ULL << 32, ~0ULL}) {
        ByteVector bytes;
        put_varint(bytes, value);
        NumberReader in(bytes);
        EXPECT_EQ(in.varint(), value);
        EXPECT_TRUE(in.at_end());
        NumberReader cut(Bytes(bytes).first(bytes.size() - 1));
        cut.varint();
        EXPECT_FALSE(cut.good());
    }
    for (std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, INT64_MIN, INT64_MAX})
        EXPECT_EQ(unzigzag(zigzag(value)), value);
}

TEST(Varint, RefusesMoreThan64Bits) {
    ByteVector bytes(9, 0xFF);
    bytes.push_back(2);
    NumberReader in(bytes);
    in.varint();
    EXPECT_FALSE(in.good());
}

struct GlobCase {
    const char *pattern, *text;
    bool matches;
};

TEST(Glob, FollowsFind) {
    for (const auto& c : std::initializer_list<GlobCase>{
             {"*", "", true},           {"", "", true},          {"", "a", false},      {"*.txt", "a.txt", true},
             {"*.txt", "a.txt~", false}, {"a?c", "abc", true},   {"a?c", "ac", false},  {"[a-c]x", "bx", true},
             {"[!a-c]x", "bx", false},  {"[]]", "]", true},      {"[", "[", true},      {"[a", "[a", true},
             {"\\*", "*", true},        {"\\*", "a", false},     {"a*b*c", "aXbYbZc", true},
             {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
             {"etc/*", "etc/a/b", true}, {"[\x80-\xff]", "\xf3", true}, {"a-[0-]", "a--", true}})
        EXPECT_EQ(capstan::glob_match(c.pattern, c.text), c.matches) << c.pattern << " on " << c.text;
    EXPECT_TRUE(matches_object("*.conf", "etc/apt/apt.conf"));
    EXPECT_FALSE(matches_object("apt/*.conf", "etc/apt/apt.conf"));
    EXPECT_TRUE(matches_object("*/apt/*.conf", "etc/apt/apt.conf"));
}

TEST(Paths, HaveRules) {
    for (const char* good : {"", "a", "a/b", "a\nb", "..", "\xff\xfe"}) EXPECT_TRUE(valid_path(good)) << good;
    for (const char* bad : {"/", "/a", "a/", "a//b"}) EXPECT_FALSE(valid_path(bad)) << bad;
    EXPECT_FALSE(valid_path(std::string_view("a\0b", 3)));
    EXPECT_FALSE(valid_name(std::string(kNameMax + 1, 'x')));
    EXPECT_TRUE(is_within("a/b", "a") && is_within("a", "a") && is_within("a", "") && !is_within("ab", "a"));
}

TEST(Header, RoundTripsAndIsCutNowhere) {
    auto header = sample_header();
    header.objects = 5;
    auto bytes = encode_header(header);
    auto decoded = decode_header(bytes);
    ASSERT_TRUE(ok(decoded));
    EXPECT_EQ(*decoded, header);
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_header(Bytes(bytes).first(size))) << size;
    bytes.push_back(0);
    EXPECT_FALSE(decode_header(bytes));
    bytes.front() = 2;
    EXPECT_EQ(decode_header(bytes).error().recovery, Recovery::change_request);
}

TEST(Header, LocatesAddresses) {
    auto extents = sample_header().extents;
    EXPECT_EQ(locate(extents, 0)->block, BlockNumber{5});
    auto inside = locate(extents, 257);  // 257 KiB behind the start: block 6, 1024 bytes in
    EXPECT_EQ(inside->block, BlockNumber{6});
    EXPECT_EQ(inside->offset, 1024U);
    auto second = locate(extents, 1000);
    EXPECT_EQ(second->volume_tag.text, "A00002L8");
    EXPECT_EQ(second->block, BlockNumber{3});
    EXPECT_EQ(locate(extents, 1065)->block, BlockNumber{4});
    EXPECT_FALSE(locate(extents, 2000));
    auto later = sample_header();
    later.extents[1].end_fla = 5000;
    auto early = sample_header();
    early.extents.pop_back();
    auto sample = sample_header();
    EXPECT_EQ(merge_extents({&early, &later, &sample}), later.extents);
}

PageBlobs sample_page(std::uint64_t number) {
    Sampler sampler(7);
    PageEncoder encoder;
    auto own = sampler.directory();
    encoder.begin_directory("usr/lib", &own);
    encoder.add("liba.so", sampler.file());
    encoder.add("liba.so.1", sampler.facts(ObjectKind::symlink));
    encoder.add("z\n\xff", sampler.file());
    encoder.begin_directory("usr/share", nullptr);
    encoder.add("a", sampler.file());
    auto blobs = encoder.finish(number, true);
    EXPECT_TRUE(ok(blobs));
    return std::move(*blobs);
}

TEST(Page, RoundTrips) {
    auto blobs = sample_page(3);
    auto page = decode_names(blobs.names, 3);
    ASSERT_TRUE(ok(page));
    EXPECT_TRUE(page->goes_on);
    ASSERT_EQ(page->directories.size(), 2U);
    EXPECT_EQ(page->directories[1].path, "usr/share");
    EXPECT_EQ(page->name(3), "z\n\xff");
    ASSERT_TRUE(ok(decode_facts(*page, blobs.numbers, blobs.noise)));
    Sampler sampler(7);
    EXPECT_EQ(page->facts[0], sampler.directory());
    EXPECT_EQ(page->facts[1], sampler.file());
}

TEST(Page, EveryCutAndEveryChangedByteIsAnError) {
    auto blobs = sample_page(3);
    for (std::size_t size = 0; size < blobs.names.size(); ++size) EXPECT_FALSE(decode_names(Bytes(blobs.names).first(size), 3));
    EXPECT_FALSE(decode_names(blobs.names, 4)) << "a page in another's place";
    auto page = decode_names(blobs.names, 3);
    ASSERT_TRUE(ok(page));
    for (auto* column : {&blobs.numbers, &blobs.noise}) {
        for (std::size_t i = 0; i < column->size(); ++i) {
            auto whole = *column;
            (*column)[i] ^= 0x10;
            EXPECT_FALSE(decode_facts(*page, blobs.numbers, blobs.noise));
            column->resize(i);
            EXPECT_FALSE(decode_facts(*page, blobs.numbers, blobs.noise));
            *column = whole;
        }
    }
}

}  // namespace
}  // namespace capstan::catalog
