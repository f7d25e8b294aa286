#include "drives/ring_memory.hpp"

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

namespace capstan::drives {

struct Free {
    void operator()(std::uint8_t* memory) const { std::free(memory); }
};
using Owned = std::unique_ptr<std::uint8_t, Free>;

struct RingMemory::Idle {
    std::mutex mutex;
    std::multimap<std::size_t, Owned> pieces;  // by size
};

RingMemory::RingMemory() : idle_(std::make_shared<Idle>()) {}

RingMemory::Piece RingMemory::take(std::size_t size) {
    constexpr std::size_t kPage = 4096;
    size = (size + kPage - 1) / kPage * kPage;
    Owned memory;
    {
        std::lock_guard lock(idle_->mutex);
        auto found = idle_->pieces.lower_bound(size);
        if (found != idle_->pieces.end()) {
            size = found->first;
            memory = std::move(found->second);
            idle_->pieces.erase(found);
        }
    }
    if (!memory) memory.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kPage, size)));
    if (!memory) throw std::bad_alloc();
    auto give_back = [size, idle = std::weak_ptr(idle_)](std::uint8_t* piece) {
        Owned owned(piece);
        if (auto there = idle.lock()) {
            std::lock_guard lock(there->mutex);
            there->pieces.emplace(size, std::move(owned));
        }
    };
    return {memory.release(), std::move(give_back)};
}

void RingMemory::release_idle() {
    std::multimap<std::size_t, Owned> pieces;  // freed without the lock: that takes its time
    std::lock_guard lock(idle_->mutex);
    pieces.swap(idle_->pieces);
}

std::size_t RingMemory::idle_bytes() const {
    std::lock_guard lock(idle_->mutex);
    std::size_t sum = 0;
    for (const auto& [size, memory] : idle_->pieces) sum += size;
    return sum;
}

}  // namespace capstan::drives
