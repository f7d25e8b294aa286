// Blocking work (a catalog file's fsync, a directory scan) off the control thread: `co_await worker.run(call)`.
// The daemon's worker is a thread; the simulator's runs the call inline.
#pragma once

#include "config/base/async.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace capstan {

class Worker {
  public:
    explicit Worker(Loop& loop) : loop_(loop) {}
    virtual ~Worker() = default;

    // Control thread. Calls run one after the other. Empty only when the loop stops first (the call still completes, so what
    // it refers to must be owned by it). T is the call's own result, typically Result<Something>.
    template <class T>
    Task<std::optional<T>> run(std::move_only_function<T()> call) {
        Completion<T> completion(loop_);
        auto job = [call = std::move(call), completion, this]() mutable {
            auto result = std::make_shared<T>(call());
            finish([completion, result] { completion.complete(std::move(*result)); });
        };
        start(std::move(job));
        co_return co_await completion.wait();
    }

  protected:
    virtual void start(std::move_only_function<void()> job) = 0;
    virtual void finish(std::move_only_function<void()> call) = 0;  // makes the call on the control thread

  private:
    Loop& loop_;
};

// Runs the stages of a pipeline until each has finished. The daemon gives each a thread that sleeps on the doorbell while
// the stage is idle; the simulator steps them in seeded order between control events.
class StageRunner {
  public:
    virtual ~StageRunner() = default;
    // The stages and the doorbell must live until the returned task is done. Returns false when the loop stopped first
    // (the stages' threads have ended then, too).
    virtual Task<bool> run(std::vector<class Stage*> stages, class Doorbell& doorbell) = 0;
};

}  // namespace capstan
