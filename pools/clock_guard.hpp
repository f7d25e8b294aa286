// The clock alone frees nothing (rule 10): a wall clock that jumped by more than a day against the last recorded time,
// the time that passed by the monotonic clock considered, stops all expiry until an operator confirms the time. Control
// thread. The stop is kept in the state database and survives restarts; it ends by an operator's confirmation, which is
// audited, or when the clock is back within a day of the last time that was believed.
#pragma once

#include "config/base/clock.hpp"
#include "config/base/error.hpp"

#include <optional>
#include <string>

namespace capstan::pools {

class StateStore;

inline constexpr std::chrono::hours kClockJumpMax{24};

// Pure: why `wall` is not believed, empty if it is. `passed` is the monotonic time since `recorded` (zero at start-up:
// then a daemon that was down for more than a day asks, since nothing tells a holiday from a wrong clock).
std::string clock_jump(Wall recorded, std::chrono::nanoseconds passed, Wall wall);

class ClockGuard {
  public:
    ClockGuard(StateStore& store, const Clock& clock) : store_(store), clock_(clock) {}
    // Compares and records; call at start-up and then at least every ten minutes. Returns why expiry is stopped, or
    // empty.
    Result<std::string> check();
    // Empty: expiry may go on. Does a check().
    Result<std::string> why_stopped() { return check(); }
    Result<void> confirm(const std::string& who, const std::string& why);  // an operator: this time is right

  private:
    Result<void> end_stop(const std::string& who, const std::string& why);

    StateStore& store_;
    const Clock& clock_;
    std::optional<Wall> recorded_;  // of this run
    Steady recorded_at_{};
};

}  // namespace capstan::pools
