// The cartridge's files: what comes back, and what survives a crash at any instant.
#include "support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace capstan::virtual_library {
namespace {

namespace fs = std::filesystem;
using Opened = std::unique_ptr<CartridgeFile>;

MediumInfo example_info() {
    MediumInfo info;
    info.id = "CAP001L8";
    info.volume_tag = VolumeTag{"CAP001L8"};
    info.segment_size = 10'000;  // blocks cross files often
    info.capacity = 1 << 30;
    info.early_warning = 1 << 20;
    return info;
}
Opened open_or_fail(const std::string& path) {
    auto opened = CartridgeFile::open(path);
    EXPECT_TRUE(opened) << to_text(opened.error());
    return opened ? std::move(*opened) : nullptr;
}
void append(CartridgeFile& tape, std::uint64_t seed, std::size_t size) {
    auto data = block(seed, size);
    const Bytes pieces[] = {Bytes(data).first(size / 3), Bytes(data).subspan(size / 3)};
    auto done = tape.append_block(tape.end(), pieces);
    ASSERT_TRUE(done) << to_text(done.error());
}
// The whole truth of an example tape: every third object is a filemark.
bool is_mark(std::uint64_t n) { return n % 3 == 2; }
std::size_t size_at(std::uint64_t n) { return 1 + (n * 2654435761u) % 7000; }
void extend(CartridgeFile& tape, std::uint64_t to, std::uint64_t salt = 0) {
    while (raw(tape.end()) < to) {
        auto n = raw(tape.end());
        if (is_mark(n)) {
            ASSERT_TRUE(tape.append_filemarks(tape.end(), 1));
        } else {
            append(tape, n + salt, size_at(n));
        }
    }
}
void expect_example(CartridgeFile& tape, std::uint64_t objects, std::uint64_t salt = 0, std::uint64_t from = 0) {
    ASSERT_LE(objects, raw(tape.end()));
    for (std::uint64_t n = from; n < objects; ++n) {
        auto object = tape.object(BlockNumber{n});
        ASSERT_TRUE(object) << to_text(object.error());
        ASSERT_EQ(object->filemark, is_mark(n)) << n;
        if (object->filemark) continue;
        ASSERT_EQ(object->size, size_at(n));
        std::vector<std::uint8_t> space(object->size);
        auto got = tape.read(BlockNumber{n}, space);
        ASSERT_TRUE(got) << to_text(got.error());
        ASSERT_EQ(space, block(n + salt, size_at(n))) << n;
    }
}

TEST(CartridgeFormat, MediumInfoRoundTrips) {
    auto info = example_info();
    info.defects = {{BlockNumber{5}, MediumFault::When::write}, {BlockNumber{1ull << 40}, MediumFault::When::read}};
    info.write_protected = true;
    info.barcode = MediumInfo::Barcode::unreadable;
    info.volume_tag = {};
    auto text = encode(info);
    auto back = decode_medium_info(text);
    ASSERT_TRUE(back) << to_text(back.error());
    EXPECT_EQ(*back, info);
    for (std::size_t cut = 0; cut < text.size(); ++cut) EXPECT_FALSE(decode_medium_info(text.substr(0, cut))) << cut;
    EXPECT_FALSE(decode_medium_info(text + "x"));
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto damaged = text;
        damaged[i] = static_cast<char>(damaged[i] ^ 4);
        EXPECT_FALSE(decode_medium_info(damaged)) << i;
    }
}

TEST(CartridgeFormat, IndexRecordsAreOnlyGoodInTheirPlace) {
    IndexRecord record{IndexRecord::Kind::block, 262144, 1ull << 44, 3, 2};
    auto bytes = encode(record, BlockNumber{77});
    EXPECT_EQ(decode_index_record(bytes, BlockNumber{77}), record);
    EXPECT_FALSE(decode_index_record(bytes, BlockNumber{78}));
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
        EXPECT_FALSE(decode_index_record(Bytes(bytes).first(cut), BlockNumber{77}));
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        auto damaged = bytes;
        damaged[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
        EXPECT_FALSE(decode_index_record(damaged, BlockNumber{77})) << bit;
    }
    EXPECT_FALSE(decode_index_record(std::vector<std::uint8_t>(32), BlockNumber{0}));
}

TEST(CartridgeFormat, ChecksumIsCrc32c) { EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283u); }

// Aligned blocks go past the page cache, others through it: they lie beside each other, and some cross files.
TEST(CartridgeFile, AlignedAndOddBlocksComeBackTheSame) {
    constexpr std::size_t kSize = 256u << 10;
    Scratch scratch;
    auto info = example_info();
    info.segment_size = 5 * kSize / 2;
    ASSERT_TRUE(CartridgeFile::create(scratch / "c", info));
    auto* aligned = static_cast<std::uint8_t*>(std::aligned_alloc(4096, kSize));
    auto fill = [&](std::uint64_t n) {
        std::ranges::copy(block(n, kSize), aligned);
        return Bytes(aligned, n % 7 == 5 ? kSize - 100 : kSize);  // from there on nothing is aligned any more
    };
    std::vector<std::size_t> sizes;
    auto expect_all = [&](CartridgeFile& tape) {
        for (std::uint64_t n = 0; n < sizes.size(); ++n) {
            std::vector<std::uint8_t> space(sizes[n]);
            ASSERT_TRUE(tape.read(BlockNumber{n}, space));
            auto expected = block(n, kSize);
            expected.resize(sizes[n]);
            ASSERT_EQ(space, expected) << n;
        }
    };
    auto tape = open_or_fail(scratch / "c");
    for (std::uint64_t n = 0; n < 12; ++n) {
        const Bytes piece = fill(n);
        ASSERT_TRUE(tape->append_block(tape->end(), {&piece, 1}));
        sizes.push_back(piece.size());
    }
    expect_all(*tape);
    ASSERT_TRUE(tape->synchronise());
    tape = open_or_fail(scratch / "c");
    ASSERT_TRUE(tape->truncate(BlockNumber{3}));  // and written over, once more aligned
    sizes.resize(3);
    for (std::uint64_t n = 3; n < 5; ++n) {
        const Bytes piece = fill(n);
        ASSERT_TRUE(tape->append_block(tape->end(), {&piece, 1}));
        sizes.push_back(piece.size());
    }
    ASSERT_TRUE(tape->synchronise());
    expect_all(*open_or_fail(scratch / "c"));
    std::free(aligned);
}

// Long enough that its pages go to the disk and leave the cache while it is written and read: on a disk, not in memory.
TEST(CartridgeFile, ALongTapeComesBack) {
    constexpr std::uint64_t kBlocks = 110;
    constexpr std::size_t kSize = 1 << 20;
    std::string directory = (fs::temp_directory_path() / "capstan-long-XXXXXX").string();
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    auto info = example_info();
    info.segment_size = 40'000'000;  // steps end within a file and beyond it
    ASSERT_TRUE(CartridgeFile::create(directory + "/tape", info));
    auto tape = open_or_fail(directory + "/tape");
    ASSERT_TRUE(tape);
    for (std::uint64_t n = 0; n < kBlocks; ++n) {
        append(*tape, n, kSize);
        if (n == 70) {
            ASSERT_TRUE(tape->synchronise());
        }
    }
    ASSERT_TRUE(tape->synchronise());
    std::vector<std::uint8_t> space(kSize);
    auto comes_back = [&](std::uint64_t n) {
        auto got = tape->read(BlockNumber{n}, space);
        return got && *got == kSize && space == block(n, kSize);
    };
    for (std::uint64_t n = 0; n < kBlocks; ++n) ASSERT_TRUE(comes_back(n)) << n;
    for (std::uint64_t n : {60, 61, 3, 109, 0, 1, 2}) EXPECT_TRUE(comes_back(n)) << n;
    for (std::uint64_t n = 20; n < 60; ++n) ASSERT_TRUE(comes_back(n)) << n;
    tape = open_or_fail(directory + "/tape");
    for (std::uint64_t n = 0; n < kBlocks; ++n) ASSERT_TRUE(comes_back(n)) << n << " after opening";
    fs::remove_all(directory);
}

TEST(CartridgeFile, ObjectsComeBackAfterReopening) {
    Scratch scratch;
    ASSERT_TRUE(CartridgeFile::create(scratch / "c", example_info()));
    {
        auto tape = open_or_fail(scratch / "c");
        extend(*tape, 500);
        expect_example(*tape, 500);  // out of the buffer
        ASSERT_TRUE(tape->synchronise());
        expect_example(*tape, 500);
    }
    auto tape = open_or_fail(scratch / "c");
    EXPECT_EQ(tape->end(), BlockNumber{500});
    expect_example(*tape, 500);
    for (std::uint64_t n : {0, 1, 2, 3, 250, 499, 500}) EXPECT_EQ(*tape->filemarks_before(BlockNumber{n}), n / 3) << n;
    for (std::uint64_t nth = 0; nth < 166; ++nth) EXPECT_EQ(*tape->find_filemark(nth), BlockNumber{nth * 3 + 2});
}

TEST(CartridgeFile, FilesAreAsLargeAsWhatIsThere) {
    Scratch scratch;
    ASSERT_TRUE(CartridgeFile::create(scratch / "c", example_info()));
    auto tape = open_or_fail(scratch / "c");
    extend(*tape, 300);
    ASSERT_TRUE(tape->synchronise());
    auto stored = [&] {
        std::uintmax_t sum = 0;
        for (const auto& entry : fs::directory_iterator(scratch / "c"))
            if (entry.path().filename().string().starts_with("data")) sum += entry.file_size();
        return sum;
    };
    EXPECT_EQ(stored(), *tape->byte_position(tape->end()));
    ASSERT_TRUE(tape->truncate(BlockNumber{100}));
    EXPECT_EQ(stored(), *tape->byte_position(BlockNumber{100}));
    extend(*tape, 200, 9000);
    ASSERT_TRUE(tape->synchronise());
    tape = open_or_fail(scratch / "c");
    expect_example(*tape, 100);
    expect_example(*tape, 200, 9000, 100);
}

TEST(CartridgeFile, ASimulatedPowerCutLosesJustTheBuffer) {
    Scratch scratch;
    ASSERT_TRUE(CartridgeFile::create(scratch / "c", example_info()));
    auto tape = open_or_fail(scratch / "c");
    for (std::uint64_t n = 10; n < 200; n += 10) {
        extend(*tape, n);
        ASSERT_TRUE(tape->synchronise());
        extend(*tape, n + 25);
        ASSERT_TRUE(tape->drop_unsynchronised());
        EXPECT_EQ(tape->end(), BlockNumber{n});
        expect_example(*tape, n);
    }
    extend(*tape, 300);
    tape.reset();  // the process ends without a word: the same
    tape = open_or_fail(scratch / "c");
    EXPECT_EQ(tape->end(), BlockNumber{190});
    expect_example(*tape, 190);
}

// A power cut leaves of the last, unsynchronised batch any part of the index: cut at every length, and with any sector
// of it missing. What was synchronised before is there each time, and the tape goes on.
TEST(CartridgeFile, ATornIndexIsCutWhereItIsTorn) {
    Scratch scratch;
    ASSERT_TRUE(CartridgeFile::create(scratch / "c", example_info()));
    auto tape = open_or_fail(scratch / "c");
    extend(*tape, 30);
    ASSERT_TRUE(tape->synchronise());
    extend(*tape, 50);
    ASSERT_TRUE(tape->synchronise());
    tape.reset();
    auto index = *read_file(scratch / "c/index", 1 << 20);
    ASSERT_EQ(index.size(), 50u * kIndexRecordSize);
    auto reopened = [&](Bytes torn) {
        fs::remove_all(scratch / "copy");
        fs::copy(scratch / "c", scratch / "copy", fs::copy_options::recursive);
        EXPECT_TRUE(replace_file(scratch / "copy/index", torn));
        return open_or_fail(scratch / "copy");
    };
    for (std::size_t cut = 30 * kIndexRecordSize; cut <= index.size(); ++cut) {
        auto copy = reopened(Bytes(index).first(cut));
        ASSERT_EQ(raw(copy->end()), cut / kIndexRecordSize);
        if (cut % 100 == 0) expect_example(*copy, raw(copy->end()));
    }
    for (std::uint64_t hole = 30; hole < 50; ++hole) {
        auto torn = index;
        std::fill_n(torn.begin() + static_cast<std::ptrdiff_t>(hole * kIndexRecordSize), kIndexRecordSize, 0);
        auto copy = reopened(torn);
        ASSERT_EQ(raw(copy->end()), hole) << "records behind a hole are not taken";
        extend(*copy, hole + 5, 777);
        ASSERT_TRUE(copy->synchronise());
        copy = open_or_fail(scratch / "copy");
        expect_example(*copy, hole);
        expect_example(*copy, hole + 5, 777, hole);
    }
}

TEST(CartridgeFile, DamageInTheMiddleIsAReadErrorNotTheEnd) {
    Scratch scratch;
    ASSERT_TRUE(CartridgeFile::create(scratch / "c", example_info()));
    auto tape = open_or_fail(scratch / "c");
    for (std::uint64_t n = 10; n <= 60; n += 10) {
        extend(*tape, n);
        ASSERT_TRUE(tape->synchronise());
    }
    tape.reset();
    auto index = *read_file(scratch / "c/index", 1 << 20);
    index[25 * kIndexRecordSize + 3] ^= 0x40;
    ASSERT_TRUE(replace_file(scratch / "c/index", index));
    ASSERT_EQ(::truncate((scratch / "c/data.000001").c_str(), 100), 0);
    tape = open_or_fail(scratch / "c");
    EXPECT_EQ(tape->end(), BlockNumber{60});
    auto object = tape->object(BlockNumber{25});
    ASSERT_FALSE(object);
    EXPECT_EQ(object.error().recovery, Recovery::replace_medium);
    EXPECT_TRUE(tape->object(BlockNumber{24}));
    EXPECT_TRUE(tape->object(BlockNumber{26}));
    unsigned unreadable = 0;
    for (std::uint64_t n = 0; n < 60; ++n) {
        auto each = tape->object(BlockNumber{n});
        if (!each || each->filemark) continue;
        std::vector<std::uint8_t> space(each->size);
        auto got = tape->read(BlockNumber{n}, space);
        if (got) {
            EXPECT_EQ(space, block(n, size_at(n)));
        } else {
            ++unreadable;
        }
    }
    EXPECT_GT(unreadable, 0u);
    EXPECT_LT(unreadable, 10u);
}

TEST(CartridgeFile, ReadOnlyChangesNothing) {
    Scratch scratch;
    ASSERT_TRUE(CartridgeFile::create(scratch / "c", example_info()));
    auto tape = open_or_fail(scratch / "c");
    extend(*tape, 40);
    ASSERT_TRUE(tape->synchronise());
    extend(*tape, 60);  // still buffered
    auto other = CartridgeFile::open_read_only(scratch / "c");
    ASSERT_TRUE(other);
    EXPECT_EQ((*other)->end(), BlockNumber{40});
    expect_example(**other, 40);
    EXPECT_FALSE((*other)->truncate(BlockNumber{}));
    ASSERT_TRUE(tape->synchronise());
    expect_example(*tape, 60);
}

TEST(CartridgeFile, EighteenTerabytesCostWhatWasWritten) {
    Scratch scratch;
    auto info = example_info();
    info.capacity = 18'000'000'000'000;
    info.segment_size = 64ull << 30;
    ASSERT_TRUE(CartridgeFile::create(scratch / "c", info));
    auto tape = open_or_fail(scratch / "c");
    append(*tape, 1, 1000);
    ASSERT_TRUE(tape->synchronise());
    std::uintmax_t sum = 0;
    for (const auto& entry : fs::directory_iterator(scratch / "c")) sum += entry.file_size();
    EXPECT_LT(sum, 2000u);
}

// A child writes and says, in shared memory, how far it was told that its data are safe; it is killed at a random
// moment.
TEST(CartridgeFile, KilledAtAnyMomentItKeepsWhatWasSynchronised) {
    Scratch scratch;
    struct Told {
        std::atomic<std::uint64_t> safe, base;
    };
    auto* memory = ::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    auto* told = new (memory) Told{};
    ASSERT_TRUE(CartridgeFile::create(scratch / "c", example_info()));
    std::mt19937_64 random(20261122);
    std::uint64_t seen = 0;
    for (int round = 0; round < 40; ++round) {
        auto seed = random();
        auto child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            std::mt19937_64 own(seed);
            auto tape = CartridgeFile::open(scratch / "c");
            if (!tape) ::_exit(2);
            if (own() % 4 == 0) {  // written over from somewhere in the middle
                auto at = own() % (raw((*tape)->end()) + 1);
                if (told->safe > at) told->safe = at;
                if (!(*tape)->truncate(BlockNumber{at})) ::_exit(3);
            }
            for (;;) {
                extend(**tape, raw((*tape)->end()) + 1 + own() % 40);
                if (!(*tape)->synchronise()) ::_exit(4);
                told->safe = raw((*tape)->end());
            }
        }
        ::usleep(static_cast<useconds_t>(random() % 20'000));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the child gave up with " << WEXITSTATUS(status);
        auto tape = open_or_fail(scratch / "c");
        ASSERT_TRUE(tape);
        ASSERT_GE(raw(tape->end()), told->safe) << "round " << round;
        expect_example(*tape, raw(tape->end()));
        told->safe = raw(tape->end());
        seen = std::max(seen, raw(tape->end()));
    }
    EXPECT_GT(seen, 0u);
    ::munmap(memory, sizeof(Told));
}

}  // namespace
}  // namespace capstan::virtual_library
