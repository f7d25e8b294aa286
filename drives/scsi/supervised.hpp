// Runs operations of an owner on its device and watches them: what every command answered is noted, and a command that does
// not come back within its own time limit ends the wait with an Error (outcome unknown). Its late answer is dropped.
// Control thread, except where said.
#pragma once

#include "config/base/clock.hpp"
#include "drives/scsi/device.hpp"
#include "drives/scsi/sense.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

namespace capstan::scsi {

// What the device said during one operation. Written on the device's thread, read by the owner once the operation is over.
struct CommandLog {
    std::vector<Sense> unit_attentions;
    std::optional<Sense> not_ready;  // the last NOT READY
    std::optional<Error> lost;       // the first Error whose outcome is unknown
    bool connection_ended = false;   // a command had no connection, or lost it
    std::uint64_t recovered = 0, medium_errors = 0;
    std::uint8_t last_opcode = 0;
    // Any thread: odd while a command is on its way, and its time limit.
    std::atomic<std::uint64_t> ticks = 0;
    std::atomic<std::int64_t> limit_ms = 0;
    // Nobody waits for the operation: it sends no further command. Looked at after the tick, so that who sets it and then
    // sees an even tick knows that nothing comes any more (all four in one order).
    std::atomic<bool> abandoned = false;
};

// The device's thread. BUSY, TASK SET FULL and RESERVATION CONFLICT are Errors of which the outcome is known: nothing was done. So is a
// command that a transport cannot send at all (change_request), as one with more data than the host adapter moves at once.
inline bool outcome_is_unknown(const Error& error) {
    return error.recovery != Recovery::retry_later && error.recovery != Recovery::ask_operator &&
           error.recovery != Recovery::change_request;
}
class WatchedTransport final : public Transport {
  public:
    WatchedTransport(Transport& transport, CommandLog& log) : transport_(transport), log_(log) {}
    Result<ScsiReply> execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in, std::chrono::milliseconds timeout) override {
        log_.last_opcode = cdb.bytes[0];
        log_.limit_ms.store(timeout.count(), std::memory_order_relaxed);
        log_.ticks.fetch_add(1);
        if (log_.abandoned.load()) {
            log_.ticks.fetch_add(1);
            return fail(Recovery::stop_device, "the device was given up while this operation ran");
        }
        auto reply = transport_.execute(cdb, data_out, data_in, timeout);
        log_.ticks.fetch_add(1);
        if (!reply) {
            if (transport_.connection_ended()) log_.connection_ended = true;
            if (!log_.lost && outcome_is_unknown(reply.error())) log_.lost = reply.error();
        } else if (reply->sense) {
            note(*reply->sense);
        }
        return reply;
    }

  private:
    void note(const Sense& sense) {
        if (is_unit_attention(sense)) log_.unit_attentions.push_back(sense);
        const bool only_memory = sense.code.asc == 0x04 && sense.code.ascq == 0x10;  // AUXILIARY MEMORY NOT ACCESSIBLE: the tape is
        if (key_of(sense) == SenseKey::not_ready && !only_memory) log_.not_ready = sense;
        if (key_of(sense) == SenseKey::recovered_error) ++log_.recovered;
        if (key_of(sense) == SenseKey::medium_error) ++log_.medium_errors;
    }
    Transport& transport_;
    CommandLog& log_;
};

// Operations of one owner, one after the other, in order of asking. Control thread.
class Turns {
    struct State {
        explicit State(Loop& loop) : changed(loop) {}
        std::uint64_t next = 0, serving = 0;
        Signal changed;
    };
    std::shared_ptr<State> state_;

  public:
    explicit Turns(Loop& loop) : state_(std::make_shared<State>(loop)) {}
    class Turn {  // ends with its scope
        std::shared_ptr<State> state_;

      public:
        explicit Turn(std::shared_ptr<State> state) : state_(std::move(state)) {}
        Turn(Turn&&) noexcept = default;
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (!state_) return;
            ++state_->serving;
            state_->changed.notify();
        }
    };
    Task<std::optional<Turn>> take() {  // empty: the loop is stopping
        auto state = state_;
        auto ticket = state->next++;
        while (state->serving != ticket) {
            if (!co_await state->changed.wait()) co_return std::nullopt;
        }
        co_return Turn(state);
    }
};

class SupervisedDevice {
  public:
    SupervisedDevice(Loop& loop, Clock& clock, std::shared_ptr<Device> device, std::chrono::milliseconds grace)
        : loop_(loop), clock_(clock), device_(std::move(device)), grace_(grace) {}
    std::string describe() const { return device_ ? device_->describe() : "device"; }
    // Gives the old device up. False, and it stays so: a command that was sent to it has not come back, and could be carried
    // out between those of the new one.
    bool replace(std::shared_ptr<Device> device) {
        give_up();
        if (auto log = running_.lock(); log && log->ticks.load() % 2 != 0) return false;
        device_ = std::move(device);
        return true;
    }
    // Nothing more is sent, by the operation that runs neither. What still hangs on the device's thread keeps what it needs.
    void give_up() {
        if (auto log = running_.lock()) log->abandoned.store(true);
        device_.reset();
    }
    bool given_up() const { return device_ == nullptr; }

    // The operation must own all it refers to: it may outlive its caller. Errors of this function itself: stop_device (a
    // command did not come back in time, or the device was given up), cancelled (the loop is stopping).
    template <class T>
    Task<Result<T>> run(std::move_only_function<T(Transport&)> operation, std::shared_ptr<CommandLog> log) {
        if (!device_) co_return fail(Recovery::stop_device, "the device was given up after a command that never came back");
        auto state = std::make_shared<Watch>();
        state->log = log;
        running_ = log;
        Completion<Result<T>> answer(loop_);
        std::move_only_function<T(Transport&)> watched = [operation = std::move(operation), log](Transport& transport) mutable {
            WatchedTransport door(transport, *log);
            return operation(door);
        };
        loop_.spawn(pass_on<T>(device_, std::move(watched), answer));
        state->hung = [answer, log, name = describe()] {
            log->abandoned.store(true);
            std::string happened = name + ": a command did not come back within its time limit; its outcome is unknown";
            answer.complete(fail(Recovery::stop_device, std::move(happened),
                                 "Look at the device and its cables."));
        };
        arm(state, clock_.now());
        Over over{state};
        std::optional<Result<T>> result = co_await answer.wait();
        if (!loop_.stopping()) clock_.cancel(state->timer);
        if (!result) co_return fail(Recovery::cancelled, describe() + ": the daemon is stopping");
        co_return std::move(*result);
    }

  private:
    struct Watch {
        std::shared_ptr<CommandLog> log;
        std::function<void()> hung;
        Clock::TimerId timer = 0;
        std::uint64_t seen = 0;  // the odd tick that was there since `since`
        Steady since{};
        bool over = false;
    };
    struct Over {  // also when the power is cut: the coroutine is destroyed while it waits
        std::shared_ptr<Watch> watch;
        ~Over() { watch->over = true; }
    };

    template <class T>
    static Task<void> pass_on(std::shared_ptr<Device> device, std::move_only_function<T(Transport&)> operation,
                              Completion<Result<T>> answer) {
        std::optional<T> result = co_await device->run<T>(std::move(operation));
        if (result) answer.complete(Result<T>(std::in_place, std::move(*result)));
    }

    void arm(const std::shared_ptr<Watch>& state, Steady since) {
        constexpr std::chrono::milliseconds kIdle{5000};
        state->since = since;
        auto wait = kIdle;
        if (state->seen % 2 != 0) {
            auto limit = std::chrono::milliseconds(state->log->limit_ms.load(std::memory_order_relaxed)) + grace_;
            auto gone = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - since);
            wait = std::max(std::chrono::milliseconds{100}, limit - gone);
        }
        // The timer may fire after the owner is gone; it then only sees that all is over.
        state->timer = clock_.at(clock_.now() + wait, [this, state] {
            if (!state->over) check(state);
        });
    }
    void check(const std::shared_ptr<Watch>& state) {
        auto ticks = state->log->ticks.load(std::memory_order_acquire);
        if (ticks != state->seen || ticks % 2 == 0) {
            state->seen = ticks;
            return arm(state, clock_.now());
        }
        auto limit = std::chrono::milliseconds(state->log->limit_ms.load(std::memory_order_relaxed)) + grace_;
        if (clock_.now() - state->since >= limit) return state->hung();
        arm(state, state->since);
    }

    Loop& loop_;
    Clock& clock_;
    std::shared_ptr<Device> device_;
    std::weak_ptr<CommandLog> running_;  // of the last operation; operations of one owner come one after the other
    std::chrono::milliseconds grace_;
};

}  // namespace capstan::scsi
