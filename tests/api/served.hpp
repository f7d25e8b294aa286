// A real HttpServer on a real socket with a control thread of its own, for tests of the shell, the client and the command line.
#pragma once

#include "daemon/api/client.hpp"
#include "daemon/router.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>
#include <unistd.h>

namespace capstan {

class TemporaryDirectory {
    std::string path_;

  public:
    TemporaryDirectory() {
        char pattern[] = "/tmp/capstan-test-XXXXXX";
        path_ = ::mkdtemp(pattern);
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }
};

class Served {
    TemporaryDirectory directory_;
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};

  public:
    Loop loop{context_};
    daemon::Router router;  // add routes before start()
    daemon::HttpServerOptions options;

  private:
    std::unique_ptr<daemon::HttpServer> server_;
    std::thread control_;

  public:
    Served() {
        options.socket = directory_.path() + "/run/api.sock";
        options.threads = 4;
    }
    ~Served() {
        stop();
        loop.post([this] {
            loop.drop();
            work_.reset();
            context_.stop();
        });
        if (control_.joinable()) control_.join();
        context_.restart();
        context_.poll();
    }
    // Runs on the control thread and waits.
    template <class CallType>
    auto on_control(CallType call) {
        std::packaged_task<decltype(call())()> task(std::move(call));
        auto result = task.get_future();
        loop.post([shared = std::make_shared<decltype(task)>(std::move(task))] { (*shared)(); });
        return result.get();
    }
    Result<void> start() {
        if (!control_.joinable()) control_ = std::thread([this] { context_.run(); });
        return on_control([this]() -> Result<void> {
            server_ = std::make_unique<daemon::HttpServer>(loop, options, router.handler());
            return server_->start();
        });
    }
    void stop() {
        if (!control_.joinable()) return;
        on_control([this] {
            if (server_) server_->stop();
            return 0;
        });
    }
    const std::string& socket() const { return options.socket; }
    api::Client client(int seconds = 10) const { return api::Client(options.socket, std::chrono::seconds{seconds}); }
};

template <class Reply>
Task<Result<Reply>> answer_with(Reply reply) {
    co_return reply;
}
template <class Reply>
Task<Result<Reply>> refuse_with(Error error) {
    co_return std::unexpected(std::move(error));
}

}  // namespace capstan
