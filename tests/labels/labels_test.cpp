// First records of ours and of others; our label is believed only as a whole.
#include "backup/labels/labels.hpp"

#include "tests/mtf/samples.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace capstan::labels {
namespace {

using Buffer = std::vector<std::uint8_t>;

MediaLabel some_label() {
    return {.media_id = Uuid{"01234567-89ab-cdef-0123-456789abcdef"},
            .domain_id = Uuid{"fedcba98-7654-3210-fedc-ba9876543210"},
            .family = MediaFamilyId{0xCAFE0001},
            .sequence = 3,
            .generation = WriteGeneration{12},
            .block_size = 65536,
            .pool = PoolName{"Daily/\xC3\xA9 | 1"},
            .volume_tag = VolumeTag{"A00001L8"},
            .created = 1700000000,
            .appendable_until = 1701000000,
            .keep_until = 1800000000,
            .continued_family = true};
}

Buffer record_of(const MediaLabel& label) {
    Buffer block(label.block_size);
    const auto encoded = encode_label(label, block);
    EXPECT_TRUE(encoded) << to_text(encoded.error());
    return block;
}

Buffer text_record(std::string_view text, std::size_t size, std::size_t at = 0) {
    Buffer record(size);
    std::copy(text.begin(), text.end(), record.begin() + static_cast<std::ptrdiff_t>(at));
    return record;
}

TEST(OurLabel, ComesBack) {
    const auto recognition = recognise(record_of(some_label()));
    ASSERT_TRUE(std::holds_alternative<MediaLabel>(recognition)) << describe(recognition);
    EXPECT_EQ(std::get<MediaLabel>(recognition), some_label());
    EXPECT_NE(describe(recognition).find("A00001L8"), std::string::npos);
    auto file = some_label();
    file.block_size = 1024;
    EXPECT_EQ(std::get<MediaLabel>(recognise(record_of(file))), file);
}

TEST(OurLabel, UsesOnlyAllowedCharacters) {
    for (char c : to_media_header(some_label()).label)
        EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) ||
                    std::string_view("+-_:/.{}| ").find(c) != std::string_view::npos)
            << c;
}

TEST(OurLabel, IsFrozen) {
    auto label = some_label();
    label.block_size = 1024;
    const auto record = record_of(label);
    const auto path = std::string(CAPSTAN_SOURCE_DIR) + "/tests/mtf/golden/label-1.bin";
    if (std::getenv("CAPSTAN_FREEZE") != nullptr) {
        ASSERT_TRUE(replace_file(path, record, 0644));
    }
    const auto stored = read_file(path, 4096);
    ASSERT_TRUE(stored);
    EXPECT_EQ(*stored, record);
}

TEST(OurLabel, IsNeverTakenForAnotherWhenDamaged) {
    const auto record = record_of(some_label());
    for (std::size_t at = 0; at < 700; ++at) {
        auto damaged = record;
        damaged[at] ^= 0x04;
        const auto recognition = recognise(damaged);
        // Strings are covered by no checksum: a changed digit reads as another label. A changed header is never
        // believed.
        if (at < 52) {
            EXPECT_FALSE(std::holds_alternative<MediaLabel>(recognition)) << at;
        }
    }
    for (std::size_t size = 0; size < 700; ++size) {
        const Buffer exact(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(size));
        const auto recognition = recognise(exact);
        if (size < 400) {
            EXPECT_FALSE(std::holds_alternative<MediaLabel>(recognition)) << size;
        }
    }
}

TEST(OurLabel, RefusesWhatItCouldNotReadBack) {
    auto label = some_label();
    label.pool.text = std::string(300, 'p');
    Buffer block(label.block_size);
    EXPECT_FALSE(encode_label(label, block));
    label = some_label();
    label.media_id.text = "nonsense";
    EXPECT_FALSE(encode_label(label, block));
    label = some_label();
    EXPECT_FALSE(encode_label(label, std::span(block).first(1024)));
}

TEST(Foreign, IsNamed) {
    Buffer bacula(1024);
    auto put = [&](std::size_t at, std::string_view text) {
        std::copy(text.begin(), text.end(), bacula.begin() + static_cast<std::ptrdiff_t>(at));
    };
    put(12, "BB02");
    put(36, "Bacula 1.0 immortal\n");
    put(36 + 21 + 4 + 32, "Full-0001");
    EXPECT_EQ(describe(recognise(bacula)), "Bacula volume Full-0001");
    put(36, "Bareos 2.0 immortal\n");
    EXPECT_EQ(describe(recognise(bacula)), "Bareos volume Full-0001");
    auto vol1 = text_record("VOL1TAPE01", 80);
    EXPECT_EQ(describe(recognise(vol1)), "ANSI labelled tape TAPE01");
    std::copy_n("LTFS", 4, vol1.begin() + 24);
    EXPECT_EQ(describe(recognise(vol1)), "LTFS volume TAPE01");
    EXPECT_EQ(describe(recognise(text_record("\xE5\xD6\xD3\xF1\xE3\xC1\xD7\xC5\xF0\xF1", 80))),
              "EBCDIC labelled tape (IBM) TAPE01");
    EXPECT_EQ(describe(recognise(text_record("AMANDA: TAPESTART DATE 20260101 TAPE DAILY-7\n\014\n", 32768))),
              "Amanda tape DAILY-7");
    EXPECT_EQ(describe(recognise(text_record("\xDC\xBD\xAF\xCA\xEB\xA0\xA5\x28"
                                             "xx{\"label-text\":\"PBS01\"}",
                                             4096))),
              "Proxmox Backup Server tape PBS01");
    auto tar = text_record("some/file", 10240);
    std::copy_n("ustar", 5, tar.begin() + 257);
    EXPECT_EQ(describe(recognise(tar)), "tar archive some/file");
    EXPECT_EQ(std::get<OtherFormat>(recognise(text_record("070701", 512))).format, Format::cpio);
    EXPECT_EQ(std::get<OtherFormat>(recognise(text_record("\x6C\xEA", 1024, 24))).format, Format::dump);
    EXPECT_EQ(std::get<OtherFormat>(recognise(Buffer(512))).format, Format::zeros);
    EXPECT_EQ(std::get<OtherFormat>(recognise(text_record("whatever", 512))).format, Format::unknown);
    EXPECT_EQ(std::get<OtherFormat>(recognise({})).format, Format::unknown);
}

TEST(Foreign, MtfOfOthers) {
    const auto bytes = mtf::test::sample("ntbackup-2003-boot-ini.bkf");
    if (!bytes) GTEST_SKIP() << "no samples: set CAPSTAN_SAMPLES";
    const auto recognition = recognise(Bytes(*bytes).first(1024));
    ASSERT_TRUE(std::holds_alternative<ForeignMtf>(recognition));
    EXPECT_NE(describe(recognition).find("NTBACKUP"), std::string::npos);
    EXPECT_TRUE(std::holds_alternative<ForeignMtf>(recognise(Bytes(*bytes).subspan(2048, 1024))));
}

}  // namespace
}  // namespace capstan::labels
