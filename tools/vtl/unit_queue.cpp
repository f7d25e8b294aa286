#include "tools/vtl/unit_queue.hpp"

#include <thread>

namespace capstan::iscsi {

std::shared_ptr<UnitQueue> UnitQueue::create(Run run) {
    auto queue = std::shared_ptr<UnitQueue>(new UnitQueue(std::move(run)));
    std::thread([queue] { queue->work(); }).detach();  // a command that hangs must not hold up the end of its session
    return queue;
}

void UnitQueue::add(std::shared_ptr<Task> task) {
    {
        std::lock_guard lock(mutex_);
        if (closed_) return;
        tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
}

void UnitQueue::close() {
    {
        std::lock_guard lock(mutex_);
        closed_ = true;
        tasks_.clear();
    }
    changed_.notify_one();
}

void UnitQueue::work() {
    for (;;) {
        std::shared_ptr<Task> task;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return closed_ || !tasks_.empty(); });
            if (closed_) break;
            task = std::move(tasks_.front());
            tasks_.pop_front();
        }
        if (!task->aborted) run_(*task);
    }
    run_ = {};
}

}  // namespace capstan::iscsi
