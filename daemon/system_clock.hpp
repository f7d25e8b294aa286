// The machine's own time and chance, for the daemon: the only place where the control plane meets them.
#pragma once

#include "config/base/clock.hpp"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <unordered_map>

namespace capstan::daemon {

class SystemClock final : public Clock {
  public:
    explicit SystemClock(asio::io_context& context) : context_(context) {}
    Steady now() const override { return std::chrono::steady_clock::now(); }
    Wall wall() const override { return std::chrono::system_clock::now(); }
    TimerId at(Steady when, std::move_only_function<void()> call) override;
    void cancel(TimerId id) override { timers_.erase(id); }
    void cancel_all() { timers_.clear(); }

  private:
    struct Timer {
        asio::steady_timer timer;
        std::move_only_function<void()> call;
    };
    asio::io_context& context_;
    TimerId last_ = 0;
    std::unordered_map<TimerId, std::unique_ptr<Timer>> timers_;
};

class SystemEntropy final : public Entropy {
  public:
    std::uint64_t next() override;  // getrandom(2)
};

}  // namespace capstan::daemon
