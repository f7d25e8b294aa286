// What every service of the daemon is given: the world behind doors (so that a simulation can own it) and the state.
#pragma once

#include "config/base/clock.hpp"
#include "config/base/worker.hpp"
#include "config/settings.hpp"
#include "pools/clock_guard.hpp"
#include "pools/permits.hpp"
#include "pools/store/store.hpp"

namespace capstan::daemon {

// References to what lives as long as the control plane. Control thread.
struct Context {
    Loop& loop;
    Clock& clock;
    Entropy& entropy;
    Worker& worker;          // blocking file work
    StageRunner& stages;     // pipelines of jobs
    const config::Settings& settings;
    pools::StateStore& store;
    pools::ClockGuard& guard;
    pools::PermitOffice& permits;
    Signal& changed;         // media, drives, queue or requests changed: whoever waits for them looks again
};

// Exclusive use of one thing across co_awaits, first come first served: a robot, a drive during a mount.
class Turn {
  public:
    explicit Turn(Loop& loop) : changed_(loop) {}
    class Hold {
      public:
        explicit Hold(Turn* turn) : turn_(turn) {}
        Hold(Hold&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
        Hold& operator=(Hold&&) = delete;
        ~Hold() {
            if (turn_ != nullptr) turn_->give_back();
        }

      private:
        Turn* turn_;
    };
    Task<Hold> take() {
        auto ticket = next_++;
        while (serving_ != ticket || held_) {
            if (!co_await changed_.wait()) break;  // stopping: nobody is served any more, so nobody collides
        }
        held_ = true;
        co_return Hold(this);
    }

  private:
    void give_back() {
        held_ = false;
        ++serving_;
        changed_.notify();
    }
    Signal changed_;
    std::uint64_t next_ = 0, serving_ = 0;
    bool held_ = false;
};

}  // namespace capstan::daemon
