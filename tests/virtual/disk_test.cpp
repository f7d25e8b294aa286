// The small disk: what it says of itself, and that it keeps what it is given.
#include "drives/virtual/disk.hpp"

#include "support.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <vector>

namespace capstan::virtual_library {
namespace {

constexpr NexusId kOne{1};

class SmallDisk : public testing::Test {
  protected:
    SmallDisk() { open(1 << 20); }
    void open(std::uint64_t size) {
        disk.reset();
        auto opened = Disk::open(scratch / "disk", size, "DISK1");
        if (!opened) throw std::runtime_error(to_text(opened.error()));
        disk = std::move(*opened);
        (void)run({0});
    }
    Answer run(std::vector<std::uint8_t> bytes, MutableBytes in = {}, Bytes out = {}) {
        scsi::Cdb cdb;
        cdb.size = static_cast<std::uint8_t>(bytes.size());
        if (cdb.size == 1) cdb.size = 6;
        std::ranges::copy(bytes, cdb.bytes.begin());
        const std::array<Bytes, 1> parts{out};
        const std::lock_guard lock(disk->mutex());
        return disk->serve({kOne, cdb, out.empty() ? scsi::DataOut{} : scsi::DataOut(parts), in});
    }
    static std::string said(const Answer& answer) { return answer.sense ? to_text(answer.sense->code) : "GOOD"; }

    Scratch scratch;
    std::unique_ptr<Disk> disk;
};

TEST_F(SmallDisk, SaysHowLargeItIs) {
    std::array<std::uint8_t, 8> small{};
    EXPECT_EQ(said(run({0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}, small)), "GOOD");
    EXPECT_EQ(small, (std::array<std::uint8_t, 8>{0, 0, 7, 0xFF, 0, 0, 2, 0}));
    std::array<std::uint8_t, 32> large{};
    EXPECT_EQ(run({0x9E, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0}, large).transferred, 32U);
    EXPECT_EQ(large[6], 7);
    EXPECT_EQ(large[10], 2);
    EXPECT_EQ(said(run({0x9E, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0}, large)), "05/24/00");
}

TEST_F(SmallDisk, KeepsBlocksWhateverTheCommandIs) {
    std::vector<std::uint8_t> got(1024);
    const auto six = block(1, 1024), ten = block(2, 1024), twelve = block(3, 1024), sixteen = block(4, 1024);
    EXPECT_EQ(said(run({0x0A, 0, 0, 1, 2, 0}, {}, six)), "GOOD");
    EXPECT_EQ(said(run({0x2A, 0, 0, 0, 0, 3, 0, 0, 2, 0}, {}, ten)), "GOOD");
    EXPECT_EQ(said(run({0xAA, 0x08, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0}, {}, twelve)), "GOOD") << "at once on the disk";
    EXPECT_EQ(said(run({0x8A, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0}, {}, sixteen)), "GOOD");
    EXPECT_EQ(said(run({0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0})), "GOOD");
    open(1 << 20);
    EXPECT_EQ(run({0x88, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0}, got).transferred, 1024U);
    EXPECT_EQ(got, six);
    EXPECT_EQ(said(run({0xA8, 0, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0}, got)), "GOOD");
    EXPECT_EQ(got, ten);
    EXPECT_EQ(said(run({0x28, 0, 0, 0, 0, 5, 0, 0, 2, 0}, got)), "GOOD");
    EXPECT_EQ(got, twelve);
    EXPECT_EQ(said(run({0x08, 0, 0, 7, 2, 0}, got)), "GOOD");
    EXPECT_EQ(got, sixteen);
    EXPECT_EQ(said(run({0x2F, 0x02, 0, 0, 0, 7, 0, 0, 2, 0}, {}, sixteen)), "GOOD");
    EXPECT_EQ(said(run({0x2F, 0x02, 0, 0, 0, 7, 0, 0, 2, 0}, {}, ten)), "0E/1D/00");
}

TEST_F(SmallDisk, HasAnEnd) {
    std::vector<std::uint8_t> got(1024);
    EXPECT_EQ(said(run({0x28, 0, 0, 0, 7, 0xFF, 0, 0, 1, 0}, got)), "GOOD");
    EXPECT_EQ(said(run({0x28, 0, 0, 0, 7, 0xFF, 0, 0, 2, 0}, got)), "05/21/00");
    EXPECT_EQ(said(run({0x8A, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 2, 0, 0}, {}, got)), "05/21/00");
    EXPECT_EQ(said(run({0x28, 0x20, 0, 0, 0, 0, 0, 0, 1, 0}, got)), "05/24/00") << "no protection";
    EXPECT_FALSE(Disk::open(scratch / "nothing", 0, "X"));
}

TEST_F(SmallDisk, GivesWhatThereIsRoomFor) {
    std::vector<std::uint8_t> got(100);
    const auto answer = run({0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0}, got);
    EXPECT_EQ(answer.transferred, 100U);
    EXPECT_EQ(Disk::length_of({.bytes = {0x28, 0, 0, 0, 0, 0, 0, 0, 3, 0}, .size = 10}), 1536U);
    EXPECT_EQ(Disk::length_of({.bytes = {0x12}, .size = 6}), std::nullopt);
}

TEST_F(SmallDisk, TellsItsModes) {
    std::vector<std::uint8_t> got(255);
    EXPECT_EQ(run({0x1A, 0, 0x3F, 0, 255, 0}, got).transferred, 4U + 20 + 12);
    EXPECT_EQ(got[0], 4 + 20 + 12 - 1);
    EXPECT_EQ(run({0x5A, 0, 0x08, 0, 0, 0, 0, 0, 255, 0}, got).transferred, 8U + 20);
    EXPECT_EQ(got[10], 4) << "writes are cached";
    EXPECT_EQ(said(run({0x1A, 0, 0x1C, 0, 255, 0}, got)), "05/24/00");
    EXPECT_EQ(said(run({0x1A, 0, 0xC8, 0, 255, 0}, got)), "05/39/00");
}

}  // namespace
}  // namespace capstan::virtual_library
