// The daemon's real threads behind the doors of config/base, for the thread sanitizer: who may outlive whom.
#include "config/base/error.hpp"
#include "daemon/threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace capstan::daemon {
namespace {

struct Threads : testing::Test {
    // Runs the loop until the task is done.
    template <class T>
    T run(Task<T> task) {
        std::optional<T> result;
        loop.spawn(keep<T>(std::move(task), result));
        while (!result) context.run_one();
        return std::move(*result);
    }
    template <class T>
    static Task<void> keep(Task<T> task, std::optional<T>& result) {
        result = co_await std::move(task);
    }
    asio::io_context context;
    asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
    Loop loop{context};
};

TEST_F(Threads, AWorkerMakesTheCallsInOrderOnAThreadOfItsOwn) {
    ThreadWorker worker(loop, "test");
    std::vector<int> order;  // of the worker's thread, read when it is done
    auto here = std::this_thread::get_id();
    auto all = [&]() -> Task<Result<int>> {
        for (int number = 0; number < 100; ++number) {
            std::move_only_function<Result<int>()> call = [&order, number, here]() -> Result<int> {
                if (std::this_thread::get_id() == here) return fail(Recovery::give_up, "on the control thread");
                order.push_back(number);
                return number;
            };
            auto done = co_await worker.run<Result<int>>(std::move(call));
            if (!done) co_return fail(Recovery::give_up, "stopped");
            if (!*done) co_return std::unexpected(done->error());
        }
        co_return 100;
    };
    auto outcome = run(all());
    ASSERT_TRUE(outcome) << outcome.error().happened;
    for (int number = 0; number < 100; ++number) EXPECT_EQ(order[static_cast<std::size_t>(number)], number);
}

TEST_F(Threads, AWorkerThatEndsFinishesWhatWasAsked) {
    std::atomic<int> done = 0;
    {
        ThreadWorker worker(loop, "test");
        for (int number = 0; number < 50; ++number) {
            std::move_only_function<Result<int>()> call = [&done]() -> Result<int> { return ++done; };
            auto forget = [](ThreadWorker& by, std::move_only_function<Result<int>()> what) -> Task<void> {
                (void)co_await by.run<Result<int>>(std::move(what));
            };
            loop.spawn(forget(worker, std::move(call)));
        }
        context.poll();
    }
    EXPECT_EQ(done, 50);
    context.poll();  // the answers come although the worker is gone
}

// Two stages hand numbers to each other; one sleeps on the bell that the other rings.
struct Hand {
    std::atomic<int> given = 0;
    Doorbell bell;
};
class Giver final : public Stage {
  public:
    Giver(Hand& hand, int count) : hand_(hand), count_(count) {}
    StepResult step() override {
        ++hand_.given;
        hand_.bell.ring();
        return hand_.given >= count_ ? StepResult::finished : StepResult::progressed;
    }

  private:
    Hand& hand_;
    int count_;
};
class Taker final : public Stage {
  public:
    Taker(Hand& hand, int count) : hand_(hand), count_(count) {}
    StepResult step() override {
        if (taken >= count_) return StepResult::finished;
        if (taken == hand_.given) return StepResult::idle;
        ++taken;
        return StepResult::progressed;
    }
    int taken = 0;

  private:
    Hand& hand_;
    int count_;
};

TEST_F(Threads, StagesRunBesideEachOtherUntilAllHaveFinished) {
    constexpr int kCount = 20000;
    Hand hand;
    Giver giver(hand, kCount);
    Taker taker(hand, kCount);
    ThreadStageRunner runner(loop);
    EXPECT_TRUE(run(runner.run({&taker, &giver}, hand.bell)));
    EXPECT_EQ(taker.taken, kCount) << "their threads are joined, so this needs no lock";
}

}  // namespace
}  // namespace capstan::daemon
