#include "drives/block_ring.hpp"

#include <utility>

namespace capstan::drives {

BlockRing::BlockRing(std::size_t block_size, std::size_t slots, Doorbell* doorbell, RingMemory::Piece memory)
    : block_size_(block_size),
      memory_(memory ? std::move(memory) : RingMemory().take(block_size * slots)),
      entries_(slots),
      doorbell_(doorbell == nullptr ? own_doorbell_ : *doorbell) {}

bool BlockRing::full() const {
    return pushed_.load(std::memory_order_relaxed) - proven_.load(std::memory_order_acquire) >= entries_.size();
}

MutableBytes BlockRing::reserve() {
    if (full()) return {};
    return {memory_.get() + (pushed_.load(std::memory_order_relaxed) % entries_.size()) * block_size_, block_size_};
}

std::uint64_t BlockRing::push(RingEntry::Kind kind, std::size_t size) {
    auto sequence = pushed_.load(std::memory_order_relaxed);
    auto slot = sequence % entries_.size();
    entries_[slot] = {kind, static_cast<std::uint32_t>(size), sequence, memory_.get() + slot * block_size_};
    pushed_.store(sequence + 1, std::memory_order_release);
    doorbell_.ring();
    return sequence;
}

const RingEntry* BlockRing::front() const {
    auto taken = taken_.load(std::memory_order_relaxed);
    if (taken == pushed_.load(std::memory_order_acquire)) return nullptr;
    return &entries_[taken % entries_.size()];
}

void BlockRing::pop() { taken_.fetch_add(1, std::memory_order_release); }

// Asks again each time the bell rang, until the answer is not empty or the time is over.
template <class Ask>
auto BlockRing::wait_for(std::chrono::milliseconds patience, Ask ask) {
    auto seen = doorbell_.count();
    auto answer = ask();
    if (patience.count() == 0 || answer) return answer;
    auto end = std::chrono::steady_clock::now() + patience;
    for (;;) {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return ask();
        doorbell_.wait(seen, left);
        seen = doorbell_.count();
        if (answer = ask(); answer) return answer;
    }
}

const RingEntry* BlockRing::wait_front(std::chrono::milliseconds patience) {
    return wait_for(patience, [this] { return front(); });
}

MutableBytes BlockRing::wait_room(std::chrono::milliseconds patience) {
    auto room = wait_for(patience, [this] { return full() ? nullptr : reserve().data(); });
    return room == nullptr ? MutableBytes{} : MutableBytes{room, block_size_};
}

void BlockRing::prove(std::uint64_t sequence) {
    proven_.store(sequence, std::memory_order_release);
    doorbell_.ring();
}

}  // namespace capstan::drives
