// Threads behind the doors of config/base/worker.hpp: blocking work, and the stages of a pipeline.
#pragma once

#include "config/base/stage.hpp"
#include "config/base/worker.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace capstan::daemon {

// One thread that makes the calls in order. The destructor finishes what was asked.
class ThreadWorker final : public Worker {
  public:
    ThreadWorker(Loop& loop, std::string name);
    ~ThreadWorker() override;

  protected:
    void start(std::move_only_function<void()> job) override;
    void finish(std::move_only_function<void()> call) override { loop_.post(std::move(call)); }

  private:
    void serve();
    Loop& loop_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::move_only_function<void()>> jobs_;
    bool stopping_ = false;
    std::thread thread_;
};

// A thread for each stage; an idle stage sleeps on the doorbell.
class ThreadStageRunner final : public StageRunner {
  public:
    explicit ThreadStageRunner(Loop& loop) : loop_(loop) {}
    Task<bool> run(std::vector<Stage*> stages, Doorbell& doorbell) override;

  private:
    Loop& loop_;
};

}  // namespace capstan::daemon
