// A device for simulations: an operation runs at once, on the control thread; its answer comes after the time that its
// commands were charged (ScsiReply::took) has passed on the clock. The next operation starts when the device is free again.
#pragma once

#include "config/base/clock.hpp"
#include "drives/scsi/device.hpp"

#include <deque>
#include <memory>
#include <utility>

namespace capstan::scsi {

class InlineDevice final : public Device {
  public:
    InlineDevice(Loop& loop, Clock& clock, std::shared_ptr<Transport> transport, std::string name)
        : Device(loop), name_(std::move(name)), state_(std::make_shared<State>(clock, std::move(transport))) {}
    ~InlineDevice() override { state_->jobs.clear(); }
    std::string describe() const override { return name_; }

  protected:
    void start(std::move_only_function<void(Transport&)> job) override {
        state_->jobs.push_back(std::move(job));
        if (!state_->busy) run_next(state_);
    }
    void finish(std::move_only_function<void()> call) override { state_->answer = std::move(call); }

  private:
    struct State {
        State(Clock& c, std::shared_ptr<Transport> t) : clock(c), transport(std::move(t)) {}
        Clock& clock;
        std::shared_ptr<Transport> transport;
        std::deque<std::move_only_function<void(Transport&)>> jobs;
        std::move_only_function<void()> answer;
        bool busy = false;
    };
    class Charged final : public Transport {  // sums the time that the commands of one operation took
      public:
        explicit Charged(Transport& transport) : transport_(transport) {}
        Result<ScsiReply> execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in, std::chrono::milliseconds timeout) override {
            auto reply = transport_.execute(cdb, data_out, data_in, timeout);
            if (reply) took += reply->took;
            return reply;
        }
        bool connection_ended() const override { return transport_.connection_ended(); }
        std::chrono::microseconds took{};

      private:
        Transport& transport_;
    };

    static void run_next(const std::shared_ptr<State>& state) {
        state->busy = true;
        auto job = std::move(state->jobs.front());
        state->jobs.pop_front();
        Charged charged(*state->transport);
        job(charged);
        state->clock.at(state->clock.now() + charged.took, [state, answer = std::move(state->answer)]() mutable {
            if (answer) answer();
            state->busy = false;
            if (!state->jobs.empty()) run_next(state);
        });
    }

    std::string name_;
    std::shared_ptr<State> state_;
};

}  // namespace capstan::scsi
