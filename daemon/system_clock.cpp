#include "daemon/system_clock.hpp"

#include <sys/random.h>

#include <cstdlib>

namespace capstan::daemon {

Clock::TimerId SystemClock::at(Steady when, std::move_only_function<void()> call) {
    auto id = ++last_;
    auto timer = std::make_unique<Timer>(asio::steady_timer(context_, when), std::move(call));
    timer->timer.async_wait([this, id](const boost::system::error_code& error) {
        if (error) return;  // cancelled: the entry is gone
        auto found = timers_.find(id);
        if (found == timers_.end()) return;
        auto due = std::move(found->second);
        timers_.erase(found);
        due->call();
    });
    timers_.emplace(id, std::move(timer));
    return id;
}

std::uint64_t SystemEntropy::next() {
    std::uint64_t bits = 0;
    if (::getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) std::abort();  // cannot fail after boot
    return bits;
}

}  // namespace capstan::daemon
