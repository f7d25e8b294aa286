// The control plane's vocabulary: one io_context with one thread, coroutines, and waits that are registered with the loop
// so that a stop completes them and a simulated power cut destroys them. Everything here is for the control thread only,
// except Loop::post. A waiting coroutine counts as work: in tests use context.poll(), since run() would not return.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

namespace capstan {

namespace asio = boost::asio;
template <class T>
using Task = asio::awaitable<T>;

// The control loop. Waits live in its registry, never inside the coroutine that waits (that would be a cycle).
class Loop {
  public:
    explicit Loop(asio::io_context& context) : context_(context) {}
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    asio::io_context& context() { return context_; }
    void post(std::move_only_function<void()> call);  // any thread
    // Starts a coroutine. An exception that leaves it is a bug: it ends the process with its text.
    void spawn(Task<void> task);
    std::size_t running() const { return running_; }

    bool stopping() const { return stopping_; }
    void stop();  // completes every present wait (with nothing); later waits complete at once
    void drop();  // destroys every waiting coroutine: the power is gone. Poll the context once
                  // afterwards (Asio unwinds through it). Destructors do no I/O.

    using WaitId = std::uint64_t;
    WaitId new_wait() { return ++last_wait_; }
    Task<void> yield();             // lets everything that is ready run first; also while stopping
    Task<void> suspend(WaitId id);  // until resume(id) or stop()
    void resume(WaitId id);         // no such wait: nothing happens

  private:
    asio::io_context& context_;
    std::unordered_map<WaitId, std::move_only_function<void()>> waits_;
    WaitId last_wait_ = 0;
    std::size_t running_ = 0;
    bool stopping_ = false;
};

// One value on its way to one waiter. Copies share the value.
template <class T>
class Completion {
    struct State {
        Loop& loop;
        Loop::WaitId wait;
        std::optional<T> value;
    };
    std::shared_ptr<State> state_;

  public:
    explicit Completion(Loop& loop) : state_(std::make_shared<State>(loop, loop.new_wait(), std::nullopt)) {}
    bool done() const { return state_->value.has_value(); }
    void complete(T value) const {  // the first call counts
        if (state_->value) return;
        state_->value = std::move(value);
        state_->loop.resume(state_->wait);
    }
    // Empty when the loop stops first. At most one coroutine waits.
    Task<std::optional<T>> wait() const {
        auto state = state_;
        if (!state->value && !state->loop.stopping()) co_await state->loop.suspend(state->wait);
        co_return std::move(state->value);
    }
};

// "Something changed": wakes everybody who waits for it.
class Signal {
    Loop& loop_;
    std::deque<Loop::WaitId> waiting_;

  public:
    explicit Signal(Loop& loop) : loop_(loop) {}
    void notify();
    Task<bool> wait();  // false: the loop is stopping
};

// Requests to one owner, in order. Receivers: one. Empty from receive() means closed or stopping: the owner's loop ends.
template <class T>
class Mailbox {
    Loop& loop_;
    std::deque<T> queue_;
    Signal arrived_;
    bool closed_ = false;

  public:
    explicit Mailbox(Loop& loop) : loop_(loop), arrived_(loop) {}
    bool send(T message) {  // false: closed
        if (closed_) return false;
        queue_.push_back(std::move(message));
        arrived_.notify();
        return true;
    }
    std::size_t size() const { return queue_.size(); }
    void close() {
        closed_ = true;
        arrived_.notify();
    }
    Task<std::optional<T>> receive() {
        while (queue_.empty() && !closed_) {
            if (!co_await arrived_.wait()) break;
        }
        if (queue_.empty() || loop_.stopping()) co_return std::nullopt;
        std::optional<T> first(std::move(queue_.front()));
        queue_.pop_front();
        co_return first;
    }
};

}  // namespace capstan
