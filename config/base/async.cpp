#include "config/base/async.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace capstan {

void Loop::post(std::move_only_function<void()> call) { asio::post(context_, std::move(call)); }

void Loop::spawn(Task<void> task) {
    ++running_;
    asio::co_spawn(context_, std::move(task), [this](std::exception_ptr thrown) {
        --running_;
        if (!thrown) return;
        try {
            std::rethrow_exception(thrown);
        } catch (const std::exception& error) {
            fmt::print(stderr, "capstan: a control task ended by an exception: {}\n", error.what());
        }
        std::abort();
    });
}

Task<void> Loop::yield() { co_await asio::post(context_, asio::use_awaitable); }

Task<void> Loop::suspend(WaitId id) {
    auto start = [this, id](auto handler) {
        waits_.emplace(id, [handler = std::move(handler)]() mutable { std::move(handler)(); });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(start), asio::use_awaitable);
}

void Loop::resume(WaitId id) {
    auto found = waits_.find(id);
    if (found == waits_.end()) return;
    auto call = std::move(found->second);
    waits_.erase(found);
    asio::post(context_, std::move(call));
}

void Loop::stop() {
    stopping_ = true;
    auto waits = std::move(waits_);
    waits_.clear();
    for (auto& [id, call] : waits) asio::post(context_, std::move(call));
}

void Loop::drop() {
    stopping_ = true;
    auto waits = std::move(waits_);
    waits_.clear();
}

void Signal::notify() {
    auto waiting = std::move(waiting_);
    waiting_.clear();
    for (auto id : waiting) loop_.resume(id);
}

Task<bool> Signal::wait() {
    if (loop_.stopping()) co_return false;
    auto id = loop_.new_wait();
    waiting_.push_back(id);
    co_await loop_.suspend(id);
    co_return !loop_.stopping();
}

}  // namespace capstan
