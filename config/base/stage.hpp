// Stages of a data pipeline: readers, encoder, decoder. A stage never waits; it says that it has nothing to do. The daemon
// gives each stage a thread, the simulator calls them in seeded order on its one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace capstan {

enum class StepResult : std::uint8_t { progressed, idle, finished };

class Stage {
  public:
    virtual ~Stage() = default;
    virtual StepResult step() = 0;  // a bounded piece of work; after `finished` it is not called again
};

// Wakes the idle parts of one pipeline. Any thread. Ringing costs one atomic operation while nobody sleeps.
class Doorbell {
  public:
    std::uint64_t count() const { return count_.load(std::memory_order_seq_cst); }
    void ring() {
        count_.fetch_add(1, std::memory_order_seq_cst);
        if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
        std::lock_guard lock(mutex_);
        changed_.notify_all();
    }
    // Returns once the count differs from `seen` (read before the caller found nothing to do), or after `limit`.
    void wait(std::uint64_t seen, std::chrono::milliseconds limit) {
        std::unique_lock lock(mutex_);
        sleepers_.fetch_add(1, std::memory_order_seq_cst);
        changed_.wait_for(lock, limit, [&] { return count() != seen; });
        sleepers_.fetch_sub(1, std::memory_order_seq_cst);
    }

  private:
    std::atomic<std::uint64_t> count_ = 0;
    std::atomic<int> sleepers_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
};

}  // namespace capstan
