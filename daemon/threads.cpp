#include "daemon/threads.hpp"

#include <pthread.h>

#include <atomic>

namespace capstan::daemon {

ThreadWorker::ThreadWorker(Loop& loop, std::string name) : Worker(loop), loop_(loop) {
    thread_ = std::thread([this] { serve(); });
    pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

ThreadWorker::~ThreadWorker() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void ThreadWorker::start(std::move_only_function<void()> job) {
    {
        std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    changed_.notify_all();
}

void ThreadWorker::serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
        lock.lock();
    }
}

namespace {

struct StageThreads {
    std::vector<std::thread> threads;
    std::atomic<std::size_t> left;
    std::atomic<bool> abandon = false;

    explicit StageThreads(std::size_t count) : left(count) {}
    ~StageThreads() { join(); }
    void join() {
        abandon = true;
        for (auto& thread : threads)
            if (thread.joinable()) thread.join();
    }
};

void drive_stage(Stage& stage, Doorbell& doorbell, const std::atomic<bool>& abandon) {
    constexpr std::chrono::milliseconds kLookAgain{200};  // a lost wake-up would cost this much, not a hang
    while (!abandon.load(std::memory_order_relaxed)) {
        auto seen = doorbell.count();
        switch (stage.step()) {
            case StepResult::progressed: break;
            case StepResult::idle: doorbell.wait(seen, kLookAgain); break;
            case StepResult::finished: return;
        }
    }
}

}  // namespace

Task<bool> ThreadStageRunner::run(std::vector<Stage*> stages, Doorbell& doorbell) {
    Completion<bool> all_finished(loop_);
    auto state = std::make_unique<StageThreads>(stages.size());
    auto* shared = state.get();
    for (auto* stage : stages) {
        state->threads.emplace_back([stage, &doorbell, shared, all_finished, this] {
            drive_stage(*stage, doorbell, shared->abandon);
            if (shared->left.fetch_sub(1) == 1) loop_.post([all_finished] { all_finished.complete(true); });
        });
    }
    auto finished = co_await all_finished.wait();
    doorbell.ring();
    state->join();
    co_return finished.has_value() && !loop_.stopping();
}

}  // namespace capstan::daemon
