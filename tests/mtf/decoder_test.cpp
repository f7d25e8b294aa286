// The decoder on media that others wrote, and on damaged ones.
#include "tests/mtf/samples.hpp"
#include "tests/mtf/support.hpp"

#include <gtest/gtest.h>

namespace capstan::mtf::test {
namespace {

Recorder read(Bytes image, std::size_t cut = 1 << 20) {
    Recorder recorder;
    Decoder decoder(recorder, {.medium_size = image.size()});
    for (std::size_t at = 0; at < image.size(); at += cut) decoder.feed(image.subspan(at, std::min(cut, image.size() - at)));
    decoder.end_of_medium();
    decoder.finish();
    return recorder;
}

TEST(Decoder, ReadsNtbackup) {
    CAPSTAN_SAMPLE(bytes, "ntbackup-2003-boot-ini.bkf");
    for (const std::size_t cut : {1U, 100U, 4096U, 1U << 20}) {
        const auto recorder = read(*bytes, cut);
        EXPECT_EQ(recorder.damages, std::vector<std::string>{});
        ASSERT_EQ(recorder.objects.size(), 6U);
        EXPECT_EQ(recorder.objects[3].name, "boot.ini");
        ASSERT_EQ(recorder.objects[3].streams.size(), 2U);
        const auto& data = recorder.objects[3].streams[1];
        EXPECT_EQ(data.data.size(), 210U);
        EXPECT_EQ(data.checksum, ChecksumState::good);
        EXPECT_EQ(recorder.soft_filemarks, 3);
        EXPECT_EQ(recorder.objects[4].streams.size(), 2U);  // TFDD and TSMP
    }
}

TEST(Decoder, ReadsSqlServer) {
    for (const auto* name : {"sqlserver-sw9-512sector-northwind.bak", "sqlserver-sw12-4096sector-northwind.bak"}) {
        CAPSTAN_SAMPLE(bytes, name);
        const auto recorder = read(*bytes, 70001);
        EXPECT_EQ(recorder.damages, std::vector<std::string>{}) << name;
        const auto data = std::ranges::find(recorder.objects, "MSDA", &SeenObject::kind);
        ASSERT_NE(data, recorder.objects.end());
        ASSERT_EQ(data->streams.size(), 2U);
        EXPECT_GT(data->streams[1].data.size(), 2000000U);
        EXPECT_TRUE(data->streams[1].complete);
    }
}

Buffer small_image(std::uint32_t seed = 1, int objects = 12) {
    KeptOutput output(65536);
    SetWriter writer(output, {.output_size = 65536, .soft_filemarks = true});
    until_ready(writer, output);
    writer.media_header(some_medium());
    const RandomSet set(writer, output, seed, objects, 4000);
    writer.finish();
    Buffer image;
    for (const auto& block : output.blocks) image.insert(image.end(), block.bytes.begin(), block.bytes.end());
    return image;
}

TEST(Decoder, NamesEveryFlippedByteOfAHeader) {
    const auto image = small_image();
    for (std::size_t at = 0; at + 52 < image.size(); at += 1024) {
        if (!looks_like_block(Bytes(image).subspan(at))) continue;
        for (const std::size_t byte : {0U, 8U, 20U, 36U, 50U}) {
            auto damaged = image;
            damaged[at + byte] ^= 0x55;
            const auto recorder = read(damaged);
            EXPECT_FALSE(recorder.damages.empty()) << at << "+" << byte;
        }
    }
}

TEST(Decoder, FindsItsWayAfterDamage) {
    const auto image = small_image(1, 12);
    const auto whole = read(image);
    ASSERT_TRUE(whole.damages.empty());
    auto damaged = image;
    std::fill(damaged.begin() + 6144, damaged.begin() + 6144 + 1024, std::uint8_t{0xA5});
    const auto recorder = read(damaged);
    EXPECT_FALSE(recorder.damages.empty());
    // All but what was hit is still there.
    std::size_t found = 0;
    for (const auto& object : whole.objects) found += std::ranges::find(recorder.objects, object) != recorder.objects.end();
    EXPECT_GE(found + 3, whole.objects.size());
}

TEST(Decoder, SurvivesACutAtEveryLengthAndFlippedBits) {
    const auto image = small_image(2, 4);
    for (std::size_t size = 0; size < image.size(); size += 97) read(Bytes(image).first(size));
    std::mt19937 random(3);
    for (int round = 0; round < 300; ++round) {
        auto damaged = image;
        for (int flips = 0; flips < 5; ++flips) damaged[random() % damaged.size()] ^= static_cast<std::uint8_t>(1U << random() % 8);
        read(damaged, random() % 3000 + 1);
    }
}

TEST(Decoder, StartsWithoutAMediaHeader) {
    const auto image = small_image();
    const auto recorder = read(Bytes(image).subspan(2048));
    EXPECT_EQ(recorder.objects, read(image).objects.size() ? read(Bytes(image).subspan(2048)).objects : recorder.objects);
    EXPECT_EQ(recorder.objects.size(), read(image).objects.size());
}

// A set cut in its file's data, and the three layouts of its rest (MTF reference 1.9).
class ResumedData : public testing::TestWithParam<char> {};

void put_pad(Buffer& image, std::size_t unit) {
    auto gap = align_up(image.size(), unit) - image.size();
    if (gap < kStreamHeaderSize) gap += unit;
    const auto at = image.size();
    image.resize(at + gap);
    encode(StreamHeader{.id = StreamId::pad, .length = gap - kStreamHeaderSize}, MutableBytes(image).subspan(at));
}
void put_block(Buffer& image, const auto& block) {
    Buffer space(kFlbSize);
    const auto size = encode(block, space);
    image.insert(image.end(), space.begin(), space.begin() + static_cast<std::ptrdiff_t>(size));
}
void put_stream(Buffer& image, StreamId id, std::uint16_t media, std::uint64_t length) {
    const auto at = image.size();
    image.resize(at + kStreamHeaderSize);
    encode(StreamHeader{.id = id, .media_attributes = media, .length = length}, MutableBytes(image).subspan(at));
}

TEST_P(ResumedData, IsJoined) {
    constexpr std::size_t kTotal = 5000;
    Buffer data(kTotal);
    for (std::size_t i = 0; i < kTotal; ++i) data[i] = static_cast<std::uint8_t>(i * 7 + 1);
    auto continued = [](auto block) {
        block.header.attributes |= block_attribute::continuation;
        return block;
    };
    Buffer first, second;
    put_block(first, some_set()), put_pad(first, 1024);
    put_block(first, some_volume()), put_pad(first, 1024);
    const DirectoryBlock directory{.id = 1, .path = ""};
    const FileBlock file{.directory_id = 1, .id = 1, .name = "a"};
    put_block(first, directory), put_pad(first, 1024);
    put_block(first, file);
    put_stream(first, StreamId::data, stream_media::checksummed, kTotal);
    const auto here = 4096 - first.size() + 1024;
    first.insert(first.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(here));
    ASSERT_EQ(first.size() % 1024, 0U);
    put_block(second, continued(some_set())), put_pad(second, 1024);
    put_block(second, continued(some_volume())), put_pad(second, 1024);
    put_block(second, continued(directory)), put_pad(second, 1024);
    put_block(second, continued(file));
    const auto rest = kTotal - here;
    const std::uint16_t media = stream_media::checksummed | stream_media::continued;
    if (GetParam() == 'A') {
        put_stream(second, StreamId::data, media, rest);
        second.resize(align_up(second.size(), 1024));
    } else if (GetParam() == 'B') {
        second.resize(align_up(second.size(), 1024));
        put_stream(second, StreamId::data, media, rest);
    } else {
        const auto fill = align_up(second.size(), 1024) - kStreamHeaderSize - second.size() - kStreamHeaderSize;
        put_stream(second, StreamId::gap, 0, fill);
        second.resize(second.size() + fill);
        put_stream(second, StreamId::data, media, rest);
        ASSERT_EQ(second.size() % 1024, 0U);
    }
    second.insert(second.end(), data.begin() + static_cast<std::ptrdiff_t>(here), data.end());
    second.resize(align_up(second.size(), 4));
    DataChecksum sum;
    sum.add(data);
    put_stream(second, StreamId::checksum, 0, 4);
    for (int i = 0; i < 4; ++i) second.push_back(static_cast<std::uint8_t>(sum.value() >> (8 * i)));
    second.resize(align_up(second.size(), 4));
    put_pad(second, 1024);
    Buffer end;
    put_block(end, EndOfSetBlock{.number = 7}), put_pad(end, 1024);
    Recorder recorder;
    Decoder decoder(recorder);
    decoder.feed(first);
    decoder.filemark();
    ASSERT_TRUE(decoder.end_of_medium());
    decoder.next_medium();
    decoder.feed(second);
    decoder.filemark();
    decoder.feed(end);
    decoder.filemark();
    EXPECT_FALSE(decoder.end_of_medium());
    decoder.finish();
    EXPECT_EQ(recorder.damages, std::vector<std::string>{});
    const auto seen = std::ranges::find(recorder.objects, "FILE", &SeenObject::kind);
    ASSERT_NE(seen, recorder.objects.end());
    ASSERT_EQ(seen->streams.size(), 1U);
    EXPECT_TRUE((seen->streams[0] == SeenStream{StreamId::data, data, ChecksumState::good, true}));
}
INSTANTIATE_TEST_SUITE_P(Variants, ResumedData, testing::Values('A', 'B', 'C'), [](const auto& variant) { return std::string(1, variant.param); });

TEST(Decoder, AFilemarkInsideDataEndsTheSet) {  // the unfinished set of a crash: FM, ESET (aborted), FM
    const auto image = small_image(1, 12);
    Recorder recorder;
    Decoder decoder(recorder, {.names = NameRule::escaped});
    decoder.feed(Bytes(image).subspan(2048, 9 * 1024));
    decoder.filemark();
    Buffer end;
    put_block(end, EndOfSetBlock{.header = {.type = BlockType::end_of_set, .attributes = block_attribute::eset_aborted}, .number = 7});
    put_pad(end, 1024);
    decoder.feed(end);
    decoder.filemark();
    EXPECT_FALSE(decoder.end_of_medium());
    decoder.finish();
    EXPECT_EQ(recorder.objects.back().kind, "ESET");
}

TEST(Decoder, PassesOverDataUnread) {
    const auto image = small_image(4, 30);
    Recorder whole = read(image), recorder;
    Decoder decoder(recorder, {.medium_size = image.size()});
    std::size_t at = 0, skipped = 0;
    while (at < image.size()) {
        const auto size = std::min<std::size_t>(512, image.size() - at);
        decoder.feed(Bytes(image).subspan(at, size));
        at += size;
        while (const auto ahead = decoder.data_ahead()) {
            const auto pass = std::min<std::uint64_t>(ahead, image.size() - at);
            if (pass == 0) break;
            decoder.skip_data(pass);
            at += pass, skipped += pass;
        }
        ASSERT_EQ(decoder.offset(), at);
    }
    decoder.end_of_medium();
    decoder.finish();
    EXPECT_EQ(recorder.objects.size(), whole.objects.size());
    for (std::size_t i = 0; i < whole.objects.size(); ++i) EXPECT_EQ(recorder.objects[i].name, whole.objects[i].name);
}

}  // namespace
}  // namespace capstan::mtf::test
