// Values and bytes: published figures, the NTBackup sample byte for byte, frozen golden files, cuts at every length.
#include "backup/mtf/private_streams.hpp"
#include "backup/mtf/set_map.hpp"
#include "tests/mtf/samples.hpp"
#include "tests/mtf/support.hpp"

#include <gtest/gtest.h>

namespace capstan::mtf::test {
namespace {

static_assert(pack({1996, 12, 31, 20, 7, 30}) == DateTimeBytes{0x1F, 0x33, 0x3F, 0x41, 0xDE});
static_assert(pack({2012, 11, 19, 13, 5, 40}) == DateTimeBytes{0x1F, 0x72, 0xE6, 0xD1, 0x68});
static_assert(unpack({0x1E, 0xC8, 0x42, 0, 0}) == DateTime{1970, 1, 1, 0, 0, 0});
static_assert(!unpack({}).known());

TEST(DateTimes, GoThereAndBack) {
    for (std::int64_t t : {std::int64_t{0}, std::int64_t{951782400}, std::int64_t{1709164799}, std::int64_t{-1}, std::int64_t{4102444800}})
        for (int quarters : {0, -20, 32}) EXPECT_EQ(to_unix(from_unix(t, quarters), quarters), t);
    EXPECT_EQ(to_text(from_unix(1353330340)), "2012-11-19 13:05:40");
    EXPECT_FALSE(from_unix(INT64_MAX).known());
}

TEST(Checksums, MatchThePublishedFigures) {
    auto sum = [](std::string_view text) {
        DataChecksum checksum;
        checksum.add(bytes_of(text));
        return checksum.value();
    };
    EXPECT_EQ(sum("ABCDEFG"), 0x44040404U);
    EXPECT_EQ(sum("123456789"), 0x0C04043DU);
}

TEST(Checksums, DoNotDependOnTheCut) {
    std::mt19937 random(1);
    Buffer data(1000);
    for (auto& b : data) b = static_cast<std::uint8_t>(random());
    DataChecksum whole;
    whole.add(data);
    for (int round = 0; round < 200; ++round) {
        DataChecksum parts;
        for (std::size_t at = 0; at < data.size();) {
            const auto size = std::min<std::size_t>(random() % 130, data.size() - at);
            parts.add(Bytes(data).subspan(at, size));
            at += size;
        }
        ASSERT_EQ(parts.value(), whole.value());
    }
}

TEST(Names, OfAnyBytesComeBack) {
    std::mt19937 random(2);
    for (int round = 0; round < 20000; ++round) {
        std::string name;
        for (std::size_t i = random() % 20 + 1; i > 0; --i) {
            const char c = static_cast<char>(random());
            if (round % 2) name.push_back(c);
            else name += std::vector<std::string>{"a", "\xC3\xA9", "\xEF\x80\xAF", "\xF0\x9F\x98\x80", "\xEF\x80\x80", "\\", ":", "\x7F"}[random() % 8];
        }
        std::erase_if(name, [](char c) { return c == '/' || c == '\0'; });
        Buffer stored;
        append_name(name, stored);
        ASSERT_EQ(decode_name(stored, StringType::utf16, NameRule::escaped), name);
        for (std::size_t i = 0; i < stored.size(); i += 2) {  // nothing that a Windows reader stumbles over
            const unsigned unit = stored[i] | stored[i + 1] << 8;
            ASSERT_TRUE(unit >= 0x20 && unit != '\\' && unit != ':' && unit != '*' && unit != '?') << unit;
        }
    }
}

TEST(Names, OfOthersNeverMakeASecondComponent) {
    const Buffer slash{'a', 0, '/', 0, '.', 0, '.', 0};
    EXPECT_EQ(decode_name(slash, StringType::utf16, NameRule::plain), "a\xEF\x80\xAF..");
    const Buffer escaped_slash{0x2F, 0xF0, 0x00, 0xF0, 'x', 0};
    EXPECT_EQ(decode_name(escaped_slash, StringType::utf16, NameRule::escaped), "\xEF\x80\xAF\xEF\x80\x80x");
    const Buffer lone{0x00, 0xD8, 'x', 0, 0x01};
    EXPECT_EQ(decode_name(lone, StringType::utf16, NameRule::plain), "\xEF\xBF\xBDx");
    const Buffer ansi{'a', 0xE9, 0};
    EXPECT_EQ(decode_name(ansi, StringType::ansi, NameRule::plain), "a\xC3\xA9");
    const Buffer path{'a', 0, 0, 0, 'b', 0};
    EXPECT_EQ(decode_path(path, StringType::utf16, NameRule::plain), "a/b");
    EXPECT_EQ(printable("a\x01\xFF\\b\xC3\xA9"), "a\\x01\\xFF\\x5Cb\xC3\xA9");
}

// A block of the sample, decoded and encoded again. `ignore`: offsets of fields that NTBackup fills where they mean nothing.
void expect_same_block(Bytes stored, Bytes encoded, std::size_t size, std::vector<std::size_t> ignore) {
    ASSERT_LE(size, stored.size());
    ignore.insert(ignore.end(), {50, 51});  // the checksum differs with them
    for (std::size_t i = 0; i < size; ++i) {
        if (std::ranges::find(ignore, i) == ignore.end()) {
            EXPECT_EQ(stored[i], encoded[i]) << "offset " << i;
        }
    }
}

TEST(Sample, BlocksAreEncodedAsNtbackupDoes) {
    CAPSTAN_SAMPLE(bytes, "ntbackup-2003-boot-ini.bkf");
    const Bytes file(*bytes);
    Buffer space(kFlbSize);
    const auto medium = decode_media_header(file.first(1024));
    ASSERT_TRUE(medium);
    EXPECT_EQ(encode(*medium, space), 536U);
    expect_same_block(file.first(1024), space, 536, {78, 79});
    const auto set = decode_set(file.subspan(0x800, 1024));
    ASSERT_TRUE(set);
    EXPECT_EQ(encode(*set, space), 224U);
    expect_same_block(file.subspan(0x800, 1024), space, 224, {70, 71, 74, 75});
    const auto volume = decode_volume(file.subspan(0xC00, 1024));
    ASSERT_TRUE(volume);
    EXPECT_EQ(volume->device, "C:");
    EXPECT_EQ(volume->file_system_flags, 0x000700FFU);
    EXPECT_EQ(encode(*volume, space), 116U);
    expect_same_block(file.subspan(0xC00, 1024), space, 116, {62, 63});
    const auto directory = decode_directory(file.subspan(0x1000, 1024), NameRule::plain);
    ASSERT_TRUE(directory);
    EXPECT_EQ(encode(*directory, space), 100U);
    expect_same_block(file.subspan(0x1000, 1024), space, 100, {});
    const auto object = decode_file(file.subspan(0x6400, 1024), NameRule::plain);
    ASSERT_TRUE(object);
    EXPECT_EQ(object->name, "boot.ini");
    EXPECT_EQ(object->attributes, object_attribute::hidden | object_attribute::system);
    EXPECT_EQ(encode(*object, space), 128U);
    expect_same_block(file.subspan(0x6400, 1024), space, 128, {});
    const auto end = decode_end_of_set(file.subspan(0x7800, 1024));
    ASSERT_TRUE(end);
    EXPECT_EQ(end->catalog_address_1, 30U);
    EXPECT_EQ(end->catalog_address_2, 29U);
    const std::vector<std::uint32_t> marks{26, 1};
    encode_soft_filemark(31, 4, marks, space);
    EXPECT_TRUE(std::ranges::equal(space, file.subspan(0x7C00, 1024)));
    const auto map = decode_set_map(file.subspan(0x7400 + 22, 318));
    ASSERT_TRUE(map) << to_text(map.error());
    ASSERT_EQ(map->sets.size(), 1U);
    EXPECT_EQ(map->sets[0].files, 1U);
    ASSERT_EQ(map->sets[0].volumes.size(), 1U);
    EXPECT_EQ(map->sets[0].volumes[0].device, "C:");
    const auto details = decode_fdd(file.subspan(0x7000 + 22, 1002));
    ASSERT_TRUE(details) << to_text(details.error());
    ASSERT_EQ(details->size(), 3U);
    EXPECT_EQ(details->back().name, "boot.ini");
    EXPECT_EQ(details->back().address, 23U);
}

TEST(Sample, SoftFilemarksOfAllWriters) {
    struct Case {
        const char* file;
        std::size_t offset, size;
        SoftFilemark::Form form;
        std::uint32_t capacity;
    };
    for (const auto& c : {Case{"ntbackup-2003-boot-ini.bkf", 0x400, 1024, SoftFilemark::Form::numbers_32, 241},
                          Case{"sqlserver-sw9-512sector-northwind.bak", 0, 512, SoftFilemark::Form::offsets_64, 56},
                          Case{"sqlserver-sw12-4096sector-northwind.bak", 0, 4096, SoftFilemark::Form::offsets_64_far, 503}}) {
        CAPSTAN_SAMPLE(bytes, c.file);
        auto at = c.offset;
        while (at == 0 || text_of(Bytes(*bytes).subspan(at, 4)) != "SFMB") at += 512;
        const auto mark = decode_soft_filemark(Bytes(*bytes).subspan(at, c.size));
        ASSERT_TRUE(mark) << c.file << to_text(mark.error());
        EXPECT_EQ(mark->form, c.form) << c.file;
        EXPECT_EQ(mark->capacity, c.capacity) << c.file;
    }
}

TEST(Decoding, SurvivesACutAtEveryLength) {
    Buffer space(kFlbSize);
    auto cut = [&](auto&& encode_block, auto&& decode) {
        std::ranges::fill(space, std::uint8_t{0});
        const auto size = encode_block();
        for (std::size_t length = 0; length < size; ++length) {
            const Buffer exact(space.begin(), space.begin() + static_cast<std::ptrdiff_t>(length));  // a sanitizer sees one byte too many
            decode(exact);
        }
        EXPECT_TRUE(decode(space));
    };
    cut([&] { return encode(some_medium(), space); }, [](Bytes b) { return decode_media_header(b).has_value(); });
    cut([&] { return encode(some_set(), space); }, [](Bytes b) { return decode_set(b).has_value(); });
    cut([&] { return encode(some_volume(), space); }, [](Bytes b) { return decode_volume(b).has_value(); });
    cut([&] { return encode(DirectoryBlock{.path = "a/b"}, space); }, [](Bytes b) { return decode_directory(b, NameRule::escaped).has_value(); });
    cut([&] { return encode(FileBlock{.name = "a"}, space); }, [](Bytes b) { return decode_file(b, NameRule::escaped).has_value(); });
    cut([&] { return encode(CorruptBlock{}, space); }, [](Bytes b) { return decode_corrupt(b).has_value(); });
    cut([&] { return encode(EndOfSetBlock{}, space); }, [](Bytes b) { return decode_end_of_set(b).has_value(); });
    cut([&] { return encode(EndOfTapeBlock{}, space); }, [](Bytes b) { return decode_end_of_tape(b).has_value(); });
    const std::vector<std::uint32_t> marks{9, 5, 1};
    cut([&] { return encode_soft_filemark(12, 4, marks, space), kFlbSize; }, [](Bytes b) { return decode_soft_filemark(b).has_value(); });
}

TEST(Decoding, RefusesStringsOutsideTheBlock) {
    Buffer space(kFlbSize);
    encode(FileBlock{.name = "abc"}, space);
    space[86] = 0xFF, space[87] = 0x03;  // the name's offset: 1023
    EXPECT_FALSE(decode_file(space, NameRule::plain));
}

TEST(Encoding, CutsTextsButNeverNames) {
    Buffer space(kFlbSize);
    SetBlock set{.name = std::string(5000, 'x'), .description = std::string(4000, '\xC3'), .user = "user"};
    for (int i = 0; i < 1000; ++i) set.description += "\xC3\xA9";
    EXPECT_LE(encode(set, space), 1000U);
    const auto back = decode_set(space);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->user, "user");
    EXPECT_EQ(back->name, std::string(128, 'x'));
    encode(DirectoryBlock{.path = std::string(2000, 'x')}, space);
    const auto directory = decode_directory(space, NameRule::escaped);
    ASSERT_TRUE(directory);
    EXPECT_TRUE(directory->attributes & object_attribute::name_in_stream);
    encode(FileBlock{.name = std::string(255, '\xFF')}, space);  // the longest name of a Linux file system fits
    const auto file = decode_file(space, NameRule::escaped);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->name, std::string(255, '\xFF'));
}

SetBeginRecord begin_record() {
    return {Uuid{"01234567-89ab-cdef-0123-456789abcdef"}, SetNumber{42}, SetType::incremental, 0, 1800000000, 1700000000123456789, "nightly", "Daily"};
}
SetEndRecord end_record() {
    return {Uuid{"01234567-89ab-cdef-0123-456789abcdef"}, SetNumber{42}, 10, 1 << 20, 1, 2, 3, 1800000000, 1700000099000000000, true};
}
ObjectHash hash_record() {
    ObjectHash hash{.bytes_read = 123456, .state = ObjectState::shrunk};
    for (std::size_t i = 0; i < 16; ++i) hash.hash[i] = static_cast<std::uint8_t>(i * 16 + 1);
    return hash;
}

// CAPSTAN_FREEZE=1 writes the files anew: only for a new version of a format, beside the old one.
void expect_golden(const std::string& name, Bytes bytes) {
    const auto path = std::string(CAPSTAN_SOURCE_DIR) + "/tests/mtf/golden/" + name;
    if (std::getenv("CAPSTAN_FREEZE") != nullptr) {
        ASSERT_TRUE(replace_file(path, bytes, 0644));
    }
    const auto stored = read_file(path, 1 << 20);
    ASSERT_TRUE(stored) << to_text(stored.error());
    EXPECT_TRUE(std::ranges::equal(*stored, bytes)) << name;
}

TEST(Golden, PrivateStreamsAreFrozen) {
    Buffer bytes;
    encode(begin_record(), bytes);
    expect_golden("cset-1.bin", bytes);
    encode(end_record(), bytes);
    expect_golden("cend-1.bin", bytes);
    expect_golden("chsh-1.bin", encode(hash_record()));
}

TEST(Golden, ASmallFileIsFrozen) {
    KeptOutput output(65536);
    SetWriter writer(output, {.output_size = 65536, .soft_filemarks = true});
    until_ready(writer, output);
    writer.media_header(some_medium());
    const RandomSet written(writer, output, 1, 6, 700);
    writer.finish();
    Buffer image;
    for (const auto& block : output.blocks) image.insert(image.end(), block.bytes.begin(), block.bytes.end());
    expect_golden("small.bkf", image);
}

TEST(PrivateStreams, ComeBackAndSurviveCuts) {
    Buffer bytes;
    encode(begin_record(), bytes);
    EXPECT_EQ(decode_set_begin(bytes), begin_record());
    auto later_part = begin_record();
    later_part.part = 3;
    std::vector<std::uint8_t> other;
    encode(later_part, other);
    EXPECT_EQ(decode_set_begin(other), later_part);
    for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_set_begin(Bytes(bytes).first(n)));
    bytes.insert(bytes.end(), 7, 1);  // a later version adds fields
    EXPECT_EQ(decode_set_begin(bytes), begin_record());
    encode(end_record(), bytes);
    EXPECT_EQ(decode_set_end(bytes), end_record());
    for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_set_end(Bytes(bytes).first(n)));
    const auto hash = encode(hash_record());
    EXPECT_EQ(decode_object_hash(hash), hash_record());
    for (std::size_t n = 0; n < hash.size(); ++n) EXPECT_FALSE(decode_object_hash(Bytes(hash).first(n)));
}

}  // namespace
}  // namespace capstan::mtf::test
