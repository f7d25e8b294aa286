// A device as the control plane sees it: `co_await device.run(operation)`. An operation is an ordinary function of a
// Transport&, run on the device's own thread (daemon) or inline (simulation). One operation at a time, in order of asking.
#pragma once

#include "config/base/async.hpp"
#include "drives/scsi/transport.hpp"

#include <functional>
#include <string>

namespace capstan::scsi {

class Device {
  public:
    explicit Device(Loop& loop) : loop_(loop) {}
    virtual ~Device() = default;

    // Control thread. The operation must own what it refers to, or its caller must outlive it. Returns empty only when the
    // loop stops first. T is the operation's own result, typically Result<Something>.
    template <class T>
    Task<std::optional<T>> run(std::move_only_function<T(Transport&)> operation) {
        Completion<T> completion(loop_);
        auto job = [operation = std::move(operation), completion, this](Transport& transport) mutable {
            auto result = std::make_shared<T>(operation(transport));
            finish([completion, result] { completion.complete(std::move(*result)); });
        };
        start(std::move(job));
        co_return co_await completion.wait();
    }
    virtual std::string describe() const = 0;  // "drive D1", for messages

  protected:
    virtual void start(std::move_only_function<void(Transport&)> job) = 0;
    virtual void finish(std::move_only_function<void()> call) = 0;  // on the device's thread: makes the call on the control thread
    Loop& loop() { return loop_; }

  private:
    Loop& loop_;
};

}  // namespace capstan::scsi
