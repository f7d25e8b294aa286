// The writer against the decoder: random sets, any cut of the input, a stingy output, and a set that goes on on the next
// medium at each of its blocks.
#include "tests/mtf/support.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace capstan::mtf::test {
namespace {

constexpr std::size_t kBlock = 16384;

Buffer padded(const auto& block, std::size_t size = kBlock) {
    Buffer bytes(size);
    EXPECT_TRUE(encode_padded(block, {}, bytes));
    return bytes;
}

void feed(Decoder& decoder, const std::vector<KeptBlock>& blocks) {
    for (const auto& block : blocks) {
        if (block.kind == BlockKind::filemark) decoder.filemark();
        else decoder.feed(block.bytes);
    }
}

std::vector<SeenObject> without_pads(std::vector<SeenObject> objects) {
    std::erase_if(objects, [](const auto& o) { return o.kind == "ESPB"; });
    return objects;
}

std::string streams_of(const SeenObject& object) {
    std::string text;
    for (const auto& stream : object.streams) text += fmt::format("{} {} ", name_of(stream.id), stream.data.size());
    return text;
}

void expect_same(const std::vector<SeenObject>& seen, const std::vector<SeenObject>& expected, const std::string& where) {
    for (std::size_t i = 0; i < std::min(seen.size(), expected.size()); ++i) {
        ASSERT_EQ(seen[i].kind, expected[i].kind) << where << ", object " << i;
        ASSERT_EQ(seen[i].name, expected[i].name) << where << ", object " << i;
        ASSERT_EQ(seen[i].streams.size(), expected[i].streams.size())
            << where << ", object " << i << ": " << streams_of(seen[i]) << "instead of " << streams_of(expected[i]);
        for (std::size_t s = 0; s < seen[i].streams.size(); ++s)
            ASSERT_TRUE(seen[i].streams[s] == expected[i].streams[s])
                << where << ", object " << i << " " << seen[i].kind << " stream " << s << " " << name_of(seen[i].streams[s].id) << " checksum "
                << int(seen[i].streams[s].checksum) << " size " << seen[i].streams[s].data.size();
    }
    ASSERT_EQ(seen.size(), expected.size()) << where;
}

struct Written {
    std::vector<KeptBlock> blocks;
    std::vector<SeenObject> expected;
    std::vector<std::uint64_t> file_addresses;
};

Written write_random(std::uint32_t seed, int objects, std::size_t size_max, bool stingy = false) {
    KeptOutput output(kBlock, stingy);
    SetWriter writer(output, {.output_size = kBlock});
    RandomSet set(writer, output, seed, objects, size_max);
    EXPECT_TRUE(writer.at_block_start());
    return {std::move(output.blocks), std::move(set.expected), std::move(set.file_addresses)};
}

TEST(Writer, IsReadBackFromTape) {
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
        const auto written = write_random(seed, 40, 30000);
        Recorder recorder;
        Decoder decoder(recorder, {.names = NameRule::escaped});
        feed(decoder, written.blocks);
        EXPECT_FALSE(decoder.end_of_medium());
        decoder.finish();
        EXPECT_EQ(recorder.damages, std::vector<std::string>{}) << seed;
        expect_same(without_pads(recorder.objects), written.expected, fmt::format("seed {}", seed));
        EXPECT_EQ(recorder.file_addresses, written.file_addresses);
        for (const auto& block : written.blocks) EXPECT_TRUE(block.kind == BlockKind::filemark || block.bytes.size() == kBlock);
    }
}

TEST(Writer, IsReadBackFromBytesCutAnywhere) {
    for (const std::size_t cut : {1U, 21U, 22U, 51U, 511U, 1023U, 1025U, 40000U}) {
        const auto written = write_random(5, 20, 9000);
        Buffer image;
        for (const auto& block : written.blocks) image.insert(image.end(), block.bytes.begin(), block.bytes.end());
        Recorder recorder;
        Decoder decoder(recorder, {.names = NameRule::escaped, .medium_size = image.size()});
        for (std::size_t at = 0; at < image.size(); at += cut) {
            const Buffer piece(image.begin() + static_cast<std::ptrdiff_t>(at),
                               image.begin() + static_cast<std::ptrdiff_t>(std::min(image.size(), at + cut)));
            decoder.feed(piece);  // a copy that goes away: nothing may point into it later
        }
        decoder.end_of_medium();
        decoder.finish();
        EXPECT_EQ(recorder.damages, std::vector<std::string>{}) << cut;
        expect_same(without_pads(recorder.objects), written.expected, fmt::format("cut {}", cut));
    }
}

TEST(Writer, WritesTheSameWhenTheOutputIsFullAtEveryStep) {
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
        const auto free = write_random(seed, 40, 30000), stingy = write_random(seed, 40, 30000, true);
        ASSERT_EQ(free.blocks.size(), stingy.blocks.size());
        for (std::size_t i = 0; i < free.blocks.size(); ++i) {
            const auto &a = free.blocks[i], &b = stingy.blocks[i];
            EXPECT_EQ(a.kind, b.kind);
            EXPECT_TRUE(a.bytes == b.bytes) << seed << " block " << i;
            EXPECT_EQ(a.resume.inside, b.resume.inside);
            EXPECT_EQ(a.resume.remaining, b.resume.remaining);
            EXPECT_EQ(a.resume.address, b.resume.address);
            EXPECT_TRUE(std::equal(a.resume.directory.begin(), a.resume.directory.begin() + a.resume.directory_size, b.resume.directory.begin()));
            EXPECT_TRUE(std::equal(a.resume.file.begin(), a.resume.file.begin() + a.resume.file_size, b.resume.file.begin()));
        }
    }
}

// Every structure in one set, written so that it lies at every place relative to the end of a block.
TEST(Writer, PutsNoHeaderAcrossTheEndOfABlock) {
    for (std::size_t shift = 0; shift < 1200; shift += 3) {
        for (const bool unknown : {false, true}) {
            KeptOutput output(kBlock);
            SetWriter writer(output, {.output_size = kBlock});
            until_ready(writer, output);
            writer.begin_set(some_set());
            writer.volume(some_volume());
            writer.directory({.path = ""});
            writer.end_object();
            writer.file({.name = "a"});
            const std::size_t size = kBlock - 4 * 1024 - 1000 + shift;
            const Buffer data(size, 0x5A);
            if (unknown) writer.begin_stream_of_unknown_length(StreamId::data);
            else writer.begin_stream(StreamId::data, size);
            for (std::size_t at = 0; at < size;) {
                auto space = writer.data_space();
                const auto n = std::min(space.size(), size - at);
                std::memset(space.data(), 0x5A, n);
                writer.advance(n);
                at += n;
            }
            writer.end_stream();
            const Buffer hash(32, 1);
            writer.small_stream({StreamId::object_hash, hash});
            writer.end_object();
            writer.end_set({.number = 7});
            Recorder recorder;
            Decoder decoder(recorder);
            feed(decoder, output.blocks);
            decoder.finish();
            ASSERT_EQ(recorder.damages, std::vector<std::string>{}) << shift;
            const auto& file = recorder.objects.at(3);
            ASSERT_EQ(file.streams.size(), 2U);
            ASSERT_TRUE((file.streams[0] == SeenStream{StreamId::data, data, ChecksumState::good, true})) << shift;
            // Walk the first block's streams by hand: each header lies in one block.
            const auto& first = output.blocks.at(0).bytes;
            for (std::size_t at = 3072 + 120; at + 4 <= first.size(); at += 4) {
                const auto id = text_of(Bytes(first).subspan(at, 4));
                if (id == "STAN" || id == "CSUM" || id == "CHSH" || id == "SPAD" || id == "CPAD") {
                    ASSERT_LE(at, kBlock - kStreamHeaderSize) << shift << id;
                }
            }
        }
    }
}

struct Spanned {
    Recorder recorder;
    bool went_on = false;
};

Spanned read_spanned(const Written& written, std::size_t split, bool as_images) {
    const auto eotm = padded(EndOfTapeBlock{.header = {.type = BlockType::end_of_tape, .attributes = block_attribute::eotm_no_eset, .string_type = StringType::none}});
    Buffer continuation(kBlock, 0xEE);
    encode_continuation(written.blocks[split].resume, some_set(), some_volume(), continuation);
    const std::vector<KeptBlock> tail(written.blocks.begin() + static_cast<std::ptrdiff_t>(split), written.blocks.end());
    const std::vector<KeptBlock> head(written.blocks.begin(), written.blocks.begin() + static_cast<std::ptrdiff_t>(split));
    auto second = some_medium();
    second.header.attributes = block_attribute::continuation;
    second.sequence = 2;
    const auto header = padded(some_medium()), second_header = padded(second);
    Spanned result;
    auto& recorder = result.recorder;
    if (as_images) {
        Buffer first_image = header, second_image = second_header;
        for (const auto& block : head) first_image.insert(first_image.end(), block.bytes.begin(), block.bytes.end());
        first_image.insert(first_image.end(), eotm.begin(), eotm.end());
        second_image.insert(second_image.end(), continuation.begin(), continuation.end());
        for (const auto& block : tail) second_image.insert(second_image.end(), block.bytes.begin(), block.bytes.end());
        Decoder decoder(recorder, {.medium_size = first_image.size()});
        decoder.feed(first_image);
        result.went_on = decoder.end_of_medium();
        decoder.next_medium(second_image.size());
        decoder.feed(second_image);
        EXPECT_FALSE(decoder.end_of_medium());
        decoder.finish();
        return result;
    }
    Decoder decoder(recorder);
    decoder.feed(header);
    decoder.filemark();
    feed(decoder, head);
    decoder.filemark();
    decoder.feed(eotm);
    decoder.filemark();
    result.went_on = decoder.end_of_medium();
    decoder.next_medium();
    decoder.feed(second_header);
    decoder.filemark();
    decoder.feed(continuation);
    feed(decoder, tail);
    EXPECT_FALSE(decoder.end_of_medium());
    decoder.finish();
    return result;
}

TEST(Spanning, GoesOnAtEveryBlock) {
    std::map<ResumePoint::Inside, int> covered;
    for (std::uint32_t seed = 100; seed < 130; ++seed) {
        const auto written = write_random(seed, 60, seed % 2 ? 3000 : 40000);
        for (std::size_t split = 1; split < written.blocks.size(); ++split) {
            const auto& block = written.blocks[split];
            if (block.kind != BlockKind::block || block.resume.inside == ResumePoint::Inside::nothing) continue;
            ++covered[block.resume.inside];
            for (const bool as_images : {false, true}) {
                const auto where = fmt::format("seed {} split {} images {}", seed, split, as_images);
                const auto spanned = read_spanned(written, split, as_images);
                ASSERT_EQ(spanned.recorder.damages, std::vector<std::string>{}) << where;
                ASSERT_TRUE(spanned.went_on) << where;
                ASSERT_EQ(spanned.recorder.end_of_tapes, 1) << where;
                expect_same(without_pads(spanned.recorder.objects), written.expected, where);
                if (testing::Test::HasFatalFailure()) return;
            }
        }
    }
    EXPECT_GT(covered[ResumePoint::Inside::stream], 100);
    EXPECT_GT(covered[ResumePoint::Inside::object], 5);
    EXPECT_GT(covered[ResumePoint::Inside::between], 20);
}

TEST(Spanning, TheNextMediumAloneIsReadable) {
    const auto written = write_random(103, 60, 40000);
    for (std::size_t split = 1; split < written.blocks.size(); ++split) {
        const auto& resume = written.blocks[split].resume;
        if (written.blocks[split].kind != BlockKind::block || resume.inside == ResumePoint::Inside::nothing) continue;
        Buffer continuation(kBlock);
        encode_continuation(resume, some_set(), some_volume(), continuation);
        Recorder recorder;
        Decoder decoder(recorder, {.names = NameRule::escaped});
        decoder.feed(continuation);
        for (std::size_t i = split; i < written.blocks.size(); ++i) feed(decoder, {written.blocks[i]});
        decoder.finish();
        EXPECT_EQ(recorder.damages, std::vector<std::string>{}) << split;
        // Addresses go on where the medium before ended.
        const auto header = decode_header(continuation);
        ASSERT_TRUE(header);
        EXPECT_EQ(header->header.address, resume.address - kBlock / kFlbSize);
        EXPECT_TRUE(header->header.continuation());
    }
}

TEST(Writer, ReadsFromTheMiddleAtARecordedAddress) {
    const auto written = write_random(9, 40, 30000);
    Buffer image;
    for (const auto& block : written.blocks) image.insert(image.end(), block.bytes.begin(), block.bytes.end());
    std::vector<SeenObject> files;
    for (const auto& object : written.expected) if (object.kind == "FILE") files.push_back(object);
    ASSERT_EQ(files.size(), written.file_addresses.size());
    for (std::size_t i = 0; i < files.size(); ++i) {
        const auto at = written.file_addresses[i] * kFlbSize;
        Recorder recorder;
        Decoder decoder(recorder, {.names = NameRule::escaped, .starts_at_block = true, .offset = at});
        decoder.feed(Bytes(image).subspan(at));
        ASSERT_FALSE(recorder.objects.empty());
        EXPECT_TRUE(recorder.objects[0] == files[i]) << i;
    }
}

TEST(SoftFilemarks, AreLaidOutAsNtbackupDoes) {
    KeptOutput output(65536);
    SetWriter writer(output, {.output_size = 65536, .soft_filemarks = true});
    until_ready(writer, output);
    writer.media_header(some_medium());
    std::vector<SeenObject> expected;
    for (std::uint32_t seed = 0; seed < 3; ++seed) {
        const RandomSet set(writer, output, seed, 20, 20000);
        expected.insert(expected.end(), set.expected.begin(), set.expected.end());
    }
    writer.finish();
    Buffer image;
    for (const auto& block : output.blocks) image.insert(image.end(), block.bytes.begin(), block.bytes.end());
    EXPECT_EQ(image.size() % 1024, 0U);
    Recorder recorder;
    Decoder decoder(recorder, {.medium_size = image.size()});
    decoder.feed(image);
    EXPECT_FALSE(decoder.end_of_medium());
    decoder.finish();
    EXPECT_EQ(recorder.damages, std::vector<std::string>{});
    expect_same(without_pads(recorder.objects), expected, "bkf");
    EXPECT_EQ(recorder.soft_filemarks, 7);
    // TAPE, SFMB, SSET in blocks 0, 1, 2; the last SFMB ends the file and names all others.
    const auto mark = decode_soft_filemark(Bytes(image).subspan(1024, 1024));
    ASSERT_TRUE(mark);
    EXPECT_EQ(mark->header.address, 1U);
    EXPECT_EQ(mark->header.control_block_id, 2U);
    EXPECT_EQ(mark->capacity, 241U);
    const auto set = decode_set(Bytes(image).subspan(2048, 1024));
    ASSERT_TRUE(set);
    EXPECT_EQ(set->physical_address, 3U);
    const auto last = decode_soft_filemark(Bytes(image).last(1024));
    ASSERT_TRUE(last);
    EXPECT_EQ(last->marks.size(), 6U);
    EXPECT_EQ(last->marks.back(), 1U);
    EXPECT_EQ(last->header.address, image.size() / 1024 - 1);
    for (auto block : last->marks) EXPECT_TRUE(decode_soft_filemark(Bytes(image).subspan(block * 1024, 1024)));
}

TEST(Spanning, EndedSetsAreAnnouncedOnTheNextMedium) {  // cases g to j
    auto set = some_set();
    set.header.attributes = block_attribute::continuation | block_attribute::eos_at_eom;
    const auto set_block = padded(set), end_block = padded(EndOfSetBlock{.number = 7});
    const auto written = write_random(3, 5, 100);
    Recorder recorder;
    Decoder decoder(recorder, {.names = NameRule::escaped});
    for (const auto& block : written.blocks) if (block.kind == BlockKind::block) decoder.feed(block.bytes);
    decoder.filemark();
    decoder.feed(padded(EndOfTapeBlock{}));
    decoder.filemark();
    ASSERT_TRUE(decoder.end_of_medium());
    decoder.next_medium();
    decoder.feed(padded(some_medium()));
    decoder.filemark();
    decoder.feed(set_block);
    decoder.filemark();
    decoder.feed(end_block);
    decoder.filemark();
    EXPECT_FALSE(decoder.end_of_medium());
    decoder.finish();
    EXPECT_EQ(recorder.damages, std::vector<std::string>{});
}

}  // namespace
}  // namespace capstan::mtf::test
