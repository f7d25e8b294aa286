// Time and chance are passed in, so that a simulation can own them. No sleep, wall clock or random device is used outside
// daemon/ and tools/ except through these.
#pragma once

#include "config/base/async.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>

namespace capstan {

using Steady = std::chrono::steady_clock::time_point;
using Wall = std::chrono::system_clock::time_point;

class Clock {
  public:
    using TimerId = std::uint64_t;
    virtual ~Clock() = default;
    virtual Steady now() const = 0;
    virtual Wall wall() const = 0;
    // Calls back on the control thread, never inline. The id is good until the call was made.
    virtual TimerId at(Steady when, std::move_only_function<void()> call) = 0;
    virtual void cancel(TimerId id) = 0;
};

Task<bool> sleep_until(Loop& loop, Clock& clock, Steady when);  // false: the loop is stopping
Task<bool> sleep_for(Loop& loop, Clock& clock, std::chrono::milliseconds time);

// Random bits: the system's in daemon/ and tools/, a seeded generator in tests and simulations.
class Entropy {
  public:
    virtual ~Entropy() = default;
    virtual std::uint64_t next() = 0;
};

// Simulated time. `advance` jumps to the next timer and makes its call; everything is on the caller's thread.
class SimClock final : public Clock {
  public:
    explicit SimClock(Wall start);
    Steady now() const override { return now_; }
    Wall wall() const override { return wall_start_ + std::chrono::duration_cast<Wall::duration>(now_ - Steady{}) + wall_skew_; }
    TimerId at(Steady when, std::move_only_function<void()> call) override;
    void cancel(TimerId id) override;
    bool advance();                                               // false: no timer is set
    void pass(std::chrono::microseconds time) { now_ += time; }   // what an operation took
    void set_wall_skew(std::chrono::seconds skew) { wall_skew_ = skew; }
    void drop() { timers_.clear(); }

  private:
    Wall wall_start_;
    std::chrono::seconds wall_skew_{0};
    Steady now_{};
    TimerId last_ = 0;
    std::map<std::pair<Steady, TimerId>, std::move_only_function<void()>> timers_;
};

class SeededEntropy final : public Entropy {
  public:
    explicit SeededEntropy(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() override;  // splitmix64

  private:
    std::uint64_t state_;
};

}  // namespace capstan
