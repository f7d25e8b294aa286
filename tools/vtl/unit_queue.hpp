// Commands of one session to one logical unit, carried out one after the other on a thread of their own: while a tape rewinds the
// session still answers pings and reaches the other drives.
#pragma once

#include "config/base/bytes.hpp"
#include "drives/ring_memory.hpp"
#include "drives/scsi/transport.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace capstan::iscsi {

struct Task {
    std::uint32_t tag = 0;
    std::uint8_t unit = 0;
    std::array<std::uint8_t, 8> lun{};
    scsi::Cdb cdb;
    bool reads = false, writes = false;
    std::uint32_t expected = 0;  // bytes of the data transfer, either way
    std::uint64_t wanted = 0;    // bytes that the CDB itself asks for, where it was looked at
    drives::RingMemory::Piece memory;
    // Data on their way in.
    std::uint32_t received = 0;
    std::uint32_t asked_until = 0;  // the initiator may send up to here
    std::uint32_t data_sn = 0;      // of the next Data-Out in this sequence
    std::uint32_t ready_sn = 0;
    std::uint32_t transfer_tag = 0;
    std::atomic<bool> aborted = false;  // its answer is not wanted any more
    MutableBytes data() const { return {memory.get(), memory ? expected : 0}; }
};

class UnitQueue : public std::enable_shared_from_this<UnitQueue> {
  public:
    using Run = std::function<void(Task&)>;
    // `run` is called on the queue's thread, which keeps what `run` refers to until the last task has ended.
    static std::shared_ptr<UnitQueue> create(Run run);
    void add(std::shared_ptr<Task> task);
    void close();  // what has not begun is dropped; the thread ends by itself

  private:
    explicit UnitQueue(Run run) : run_(std::move(run)) {}
    void work();

    Run run_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<Task>> tasks_;
    bool closed_ = false;
};

}  // namespace capstan::iscsi
