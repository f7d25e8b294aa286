// The ring of blocks between an encoder (or decoder) stage and the thread that owns a drive. One producer, one consumer,
// no locks, nothing allocated after the constructor. A written block stays in the ring until it is proven on the medium.
#pragma once

#include "config/base/bytes.hpp"
#include "config/base/stage.hpp"
#include "drives/ring_memory.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace capstan::drives {

struct RingEntry {
    enum class Kind : std::uint8_t {
        block,       // one block of `size` bytes; after early warning it belongs on the next medium
        end_block,   // a block of a set's end (ESET); still written on this medium after early warning
        filemark,
        checkpoint,  // synchronise, report the position: the control plane commits
        end,         // nothing follows
    };
    Kind kind = Kind::block;
    std::uint32_t size = 0;
    std::uint64_t sequence = 0;  // counts all entries from 0
    std::uint8_t* data = nullptr;
    Bytes bytes() const { return {data, size}; }
};

class BlockRing {
  public:
    // `slots` blocks of `block_size` bytes (page aligned).
    // A doorbell that the pipeline has already may be given; it must live as long as the ring. So may memory for all slots.
    BlockRing(std::size_t block_size, std::size_t slots, Doorbell* doorbell = nullptr, RingMemory::Piece memory = {});
    BlockRing(const BlockRing&) = delete;
    BlockRing& operator=(const BlockRing&) = delete;

    std::size_t block_size() const { return block_size_; }
    std::size_t slots() const { return entries_.size(); }
    Doorbell& doorbell() { return doorbell_; }

    // Producer. reserve(): the next slot's memory, empty while the ring is full; the same until it is pushed.
    MutableBytes reserve();
    std::uint64_t push(RingEntry::Kind kind, std::size_t size);  // precondition: reserve() was not empty. Returns its sequence.
    bool full() const;
    MutableBytes wait_room(std::chrono::milliseconds patience);  // reserve(); empty after `patience` (0: at once)

    // Consumer. front(): the next entry or nullptr. pop(): it was taken, its slot stays as it is until prove().
    const RingEntry* front() const;
    void pop();
    const RingEntry* wait_front(std::chrono::milliseconds patience);  // nullptr after `patience` (0: at once)

    // Consumer: every entry below `sequence` (not above taken()) may be overwritten.
    void prove(std::uint64_t sequence);
    std::uint64_t proven() const { return proven_.load(std::memory_order_acquire); }
    // Consumer: an entry from proven() up to taken(), still as it was pushed.
    const RingEntry& unproven(std::uint64_t sequence) const { return entries_[sequence % entries_.size()]; }
    // Consumer: the front is the first entry that is not proven again. For the next medium or the next attempt.
    void rewind() { taken_.store(proven_.load(std::memory_order_relaxed), std::memory_order_release); }
    std::uint64_t taken() const { return taken_.load(std::memory_order_acquire); }  // sequence of front()
    std::uint64_t pushed() const { return pushed_.load(std::memory_order_acquire); }

  private:
    template <class Ask>
    auto wait_for(std::chrono::milliseconds patience, Ask ask);
    std::size_t block_size_;
    RingMemory::Piece memory_;
    std::vector<RingEntry> entries_;
    std::atomic<std::uint64_t> pushed_ = 0, taken_ = 0, proven_ = 0;
    Doorbell own_doorbell_;
    Doorbell& doorbell_;
};

}  // namespace capstan::drives
