#include "drives/block_ring.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

namespace capstan::drives {
namespace {

using namespace std::chrono_literals;

void put(BlockRing& ring, std::uint64_t value) {
    auto slot = ring.reserve();
    ASSERT_FALSE(slot.empty());
    std::memcpy(slot.data(), &value, sizeof value);
    ring.push(RingEntry::Kind::block, sizeof value);
}
std::uint64_t value_of(const RingEntry& entry) {
    std::uint64_t value = 0;
    std::memcpy(&value, entry.data, sizeof value);
    return value;
}

TEST(RingMemory, IsUsedAgainOnceItsRingIsGone) {
    RingMemory memory;
    auto small = memory.take(4096), large = memory.take(65536);
    auto* small_at = small.get();
    auto* large_at = large.get();
    EXPECT_NE(memory.take(4096).get(), small_at) << "that one is in use; this one is idle from here on";
    EXPECT_EQ(memory.idle_bytes(), 4096U);
    {
        BlockRing ring(4096, 16, nullptr, std::move(large));
        for (std::uint64_t i = 0; i < 16; ++i) put(ring, i);
        EXPECT_EQ(value_of(ring.unproven(15)), 15U);
    }
    small.reset();
    EXPECT_EQ(memory.take(5000).get(), large_at) << "too large for the small ones";
    EXPECT_EQ(memory.idle_bytes(), 2 * 4096U + 65536U);
    memory.release_idle();
    EXPECT_EQ(memory.idle_bytes(), 0U);
}

TEST(RingMemory, MayEndBeforeItsPieces) {
    RingMemory::Piece piece;
    {
        RingMemory memory;
        piece = memory.take(4096);
    }
    piece.get()[4095] = 1;
}

TEST(BlockRing, KeepsABlockUntilItIsProven) {
    BlockRing ring(4096, 4);
    for (std::uint64_t i = 0; i < 4; ++i) put(ring, i);
    EXPECT_TRUE(ring.full());
    for (int i = 0; i < 4; ++i) ring.pop();
    EXPECT_EQ(ring.front(), nullptr);
    EXPECT_TRUE(ring.full()) << "taken is not proven";
    ring.prove(2);
    EXPECT_FALSE(ring.full());
    put(ring, 4);
    put(ring, 5);
    EXPECT_TRUE(ring.full());
    EXPECT_EQ(value_of(ring.unproven(2)), 2U);
    EXPECT_EQ(value_of(ring.unproven(3)), 3U);
}

TEST(BlockRing, RewindsToTheFirstBlockThatIsNotProven) {
    BlockRing ring(4096, 8);
    for (std::uint64_t i = 0; i < 6; ++i) put(ring, i);
    for (int i = 0; i < 5; ++i) ring.pop();
    ring.prove(3);
    ring.rewind();
    for (std::uint64_t i = 3; i < 6; ++i) {
        ASSERT_NE(ring.front(), nullptr);
        EXPECT_EQ(ring.front()->sequence, i);
        EXPECT_EQ(value_of(*ring.front()), i);
        ring.pop();
    }
    EXPECT_EQ(ring.front(), nullptr);
}

TEST(BlockRing, WaitsOnlyAsLongAsItIsToldTo) {
    BlockRing ring(4096, 2);
    EXPECT_EQ(ring.wait_front(0ms), nullptr);
    EXPECT_EQ(ring.wait_front(5ms), nullptr);
    put(ring, 1);
    put(ring, 2);
    EXPECT_TRUE(ring.wait_room(0ms).empty());
    EXPECT_TRUE(ring.wait_room(5ms).empty());
    EXPECT_NE(ring.wait_front(0ms), nullptr);
}

TEST(BlockRing, CarriesEveryBlockInOrderBetweenThreads) {
    constexpr std::uint64_t kBlocks = 200'000;
    BlockRing ring(4096, 16);
    std::thread producer([&] {
        for (std::uint64_t i = 0; i < kBlocks; ++i) {
            MutableBytes slot;
            while (slot.empty()) slot = ring.wait_room(1s);
            std::memcpy(slot.data(), &i, sizeof i);
            ring.push(RingEntry::Kind::block, sizeof i);
        }
        while (ring.wait_room(1s).empty()) {}
        ring.push(RingEntry::Kind::end, 0);
    });
    std::uint64_t expected = 0;
    for (;;) {
        const auto* entry = ring.wait_front(1s);
        if (entry == nullptr) continue;
        ASSERT_EQ(entry->sequence, expected);
        auto kind = entry->kind;
        if (kind == RingEntry::Kind::block) {
            ASSERT_EQ(value_of(*entry), expected);
        }
        ring.pop();
        ++expected;
        if (expected % 7 == 0 || kind == RingEntry::Kind::end || ring.front() == nullptr) ring.prove(expected);
        if (kind == RingEntry::Kind::end) break;
    }
    producer.join();
    EXPECT_EQ(expected, kBlocks + 1);
}

}  // namespace
}  // namespace capstan::drives
