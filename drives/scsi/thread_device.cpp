#include "drives/scsi/thread_device.hpp"

#include <csignal>

namespace capstan::scsi {
namespace {

// A signal would end a wait in the kernel, but not the command that is waited for. Those that tell of a fault stay.
void block_signals() {
    sigset_t signals;
    sigfillset(&signals);
    for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&signals, fault);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

ThreadDevice::ThreadDevice(Loop& loop, std::unique_ptr<Transport> transport, std::string name)
    : Device(loop), name_(std::move(name)), queue_(std::make_shared<Queue>()) {
    queue_->transport = std::move(transport);
}

std::shared_ptr<ThreadDevice> ThreadDevice::create(Loop& loop, std::unique_ptr<Transport> transport, std::string name) {
    std::shared_ptr<ThreadDevice> device(new ThreadDevice(loop, std::move(transport), std::move(name)));
    device->thread_ = std::thread(serve, device->queue_, std::weak_ptr(device));
    return device;
}

ThreadDevice::~ThreadDevice() {
    {
        std::lock_guard lock(queue_->mutex);
        queue_->closed = true;
        queue_->changed.notify_all();
    }
    if (!thread_.joinable()) return;
    // While an operation runs its thread holds the device, so this is that thread, or one that has nothing to wait for.
    if (thread_.get_id() == std::this_thread::get_id()) {
        thread_.detach();
    } else {
        thread_.join();
    }
}

void ThreadDevice::serve(std::shared_ptr<Queue> queue, std::weak_ptr<ThreadDevice> device) {
    block_signals();
    std::unique_lock lock(queue->mutex);
    for (;;) {
        queue->changed.wait(lock, [&] { return queue->closed || !queue->jobs.empty(); });
        if (queue->closed) break;
        auto job = std::move(queue->jobs.front());
        queue->jobs.pop_front();
        auto alive = device.lock();
        if (!alive) break;
        queue->running = true;
        lock.unlock();
        job(*queue->transport);
        job = nullptr;    // what it owned goes before the device may
        lock.lock();
        queue->running = false;
        queue->changed.notify_all();
        lock.unlock();
        alive.reset();
        lock.lock();
    }
    queue->jobs.clear();
}

void ThreadDevice::start(std::move_only_function<void(Transport&)> job) {
    std::lock_guard lock(queue_->mutex);
    if (queue_->closed) return;
    queue_->jobs.push_back(std::move(job));
    queue_->changed.notify_all();
}

void ThreadDevice::finish(std::move_only_function<void()> call) {
    std::lock_guard lock(queue_->mutex);  // close() returns only when no answer is on its way
    if (!queue_->closed) loop().post(std::move(call));
}

bool ThreadDevice::close(std::chrono::milliseconds limit) {
    std::unique_lock lock(queue_->mutex);
    queue_->closed = true;
    auto jobs = std::move(queue_->jobs);
    queue_->jobs.clear();
    queue_->changed.notify_all();
    bool ended = queue_->changed.wait_for(lock, limit, [&] { return !queue_->running; });
    lock.unlock();
    return ended;
}

}  // namespace capstan::scsi
