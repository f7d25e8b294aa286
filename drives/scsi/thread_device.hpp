// A device with a thread of its own: the daemon's. Operations run one after the other, in order of asking. An operation that
// never comes back does not block anybody else: the device is simply let go of, its thread keeps it alive, and the answer is
// dropped should it ever come.
#pragma once

#include "drives/scsi/device.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace capstan::scsi {

class ThreadDevice final : public Device, public std::enable_shared_from_this<ThreadDevice> {
  public:
    // The transport is used, and in the end destroyed, with no other thread in it.
    static std::shared_ptr<ThreadDevice> create(Loop& loop, std::unique_ptr<Transport> transport, std::string name);
    ~ThreadDevice() override;
    std::string describe() const override { return name_; }

    // Control thread; before the loop goes away. Drops what is queued and waits for what runs, at most `limit`. After that no
    // answer reaches the loop any more. False: the operation still runs, its thread was abandoned.
    bool close(std::chrono::milliseconds limit);

  protected:
    void start(std::move_only_function<void(Transport&)> job) override;
    void finish(std::move_only_function<void()> call) override;

  private:
    struct Queue {  // shared with the thread, which outlives the device while it waits for work
        std::mutex mutex;
        std::condition_variable changed;
        std::deque<std::move_only_function<void(Transport&)>> jobs;
        std::unique_ptr<Transport> transport;
        bool running = false;
        bool closed = false;
    };
    ThreadDevice(Loop& loop, std::unique_ptr<Transport> transport, std::string name);
    static void serve(std::shared_ptr<Queue> queue, std::weak_ptr<ThreadDevice> device);

    std::string name_;
    std::shared_ptr<Queue> queue_;
    std::thread thread_;
};

}  // namespace capstan::scsi
