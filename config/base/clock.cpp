#include "config/base/clock.hpp"

#include <algorithm>

namespace capstan {

Task<bool> sleep_until(Loop& loop, Clock& clock, Steady when) {
    if (loop.stopping()) co_return false;
    auto id = loop.new_wait();
    auto timer = clock.at(when, [&loop, id] { loop.resume(id); });
    co_await loop.suspend(id);
    if (loop.stopping()) clock.cancel(timer);
    co_return !loop.stopping();
}

Task<bool> sleep_for(Loop& loop, Clock& clock, std::chrono::milliseconds time) {
    return sleep_until(loop, clock, clock.now() + time);
}

SimClock::SimClock(Wall start) : wall_start_(start) {}

Clock::TimerId SimClock::at(Steady when, std::move_only_function<void()> call) {
    timers_.emplace(std::pair{std::max(when, now_), ++last_}, std::move(call));
    return last_;
}

void SimClock::cancel(TimerId id) {
    std::erase_if(timers_, [id](const auto& timer) { return timer.first.second == id; });
}

bool SimClock::advance() {
    if (timers_.empty()) return false;
    auto timer = timers_.extract(timers_.begin());
    now_ = std::max(now_, timer.key().first);
    timer.mapped()();
    return true;
}

std::uint64_t SeededEntropy::next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

}  // namespace capstan
