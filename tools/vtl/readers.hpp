// Who reads a connection's socket. A block is written or read by the thread that read its command: to hand it to another thread costs as much
// as to carry it out. So that pings and task management are answered all the same when it takes long (a full buffer is synchronised, a
// drive hangs), a second thread watches, and takes the reading over; the first one watches from then on.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace capstan::iscsi {

class Readers {
  public:
    // `step` reads and handles one PDU, and returns false when the connection has ended; `ended` is called once, by the thread that saw it.
    Readers(std::function<bool()> step, std::function<void()> ended) : step_(std::move(step)), ended_(std::move(ended)) {}
    // The calling thread reads, or watches; returns when the connection has ended. What it carries out to the end may make that later.
    void serve();
    // For step(): whether a second thread can take over, if this one is to carry something out. `owner` keeps this object.
    bool relieved(const std::shared_ptr<void>& owner);
    // Within step(), on the reading thread, where relieved() was true.
    template <class Call>
    void carry_out(Call call) {
        begin();
        call();
        end();
    }

  private:
    using Clock = std::chrono::steady_clock;
    void begin();
    void end();
    void read();
    bool watch();  // returns when this thread is to read; false: the connection has ended

    std::function<bool()> step_;
    std::function<void()> ended_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::atomic<std::thread::id> reader_{};
    std::atomic<bool> second_ = false;            // the second thread was started
    std::atomic<bool> watched_ = false;           // a second thread watches
    std::atomic<bool> asleep_ = false;            // and is to be woken when something is carried out
    std::atomic<Clock::rep> carrying_since_ = 0;  // 0: the reader reads
};

}  // namespace capstan::iscsi
