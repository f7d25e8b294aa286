// Logical units that hang on purpose: commands that reach them wait until the time is over or somebody lets them go on. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>

namespace capstan::iscsi {

class Stalls {
    using Clock = std::chrono::steady_clock;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::uint8_t, Clock::time_point> until_;  // by logical unit

  public:
    void hang(std::uint8_t unit, std::chrono::seconds time) {
        const std::lock_guard lock(mutex_);
        until_[unit] = Clock::now() + time;
    }
    void resume(std::uint8_t unit) {
        const std::lock_guard lock(mutex_);
        until_.erase(unit);
        changed_.notify_all();
    }
    void resume_all() {
        const std::lock_guard lock(mutex_);
        until_.clear();
        changed_.notify_all();
    }
    // Waits as long as the unit hangs. A task that is aborted meanwhile is let go of.
    void pass(std::uint8_t unit, const std::atomic<bool>& aborted) {
        constexpr std::chrono::milliseconds kLook{50};
        std::unique_lock lock(mutex_);
        for (auto found = until_.find(unit); found != until_.end() && Clock::now() < found->second && !aborted; found = until_.find(unit))
            changed_.wait_for(lock, kLook);
    }
};

}  // namespace capstan::iscsi
