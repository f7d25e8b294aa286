// Walks and examines ahead of the encoder, on threads or inline, and hands the results out in the walker's order.
#pragma once

#include "backup/source/examiner.hpp"
#include "config/base/stage.hpp"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace capstan::backup {

class Prefetcher {
  public:
    Prefetcher(ChosenNode chosen, bool cross_file_systems, std::vector<std::string> exclude, unsigned threads,
               Doorbell* doorbell);
    ~Prefetcher();
    enum class Step : std::uint8_t { one, waiting, end };
    Step next(Examined& examined);  // consumer
    std::uint64_t sockets() const { return walker_.sockets() + late_sockets_.load(); }
    std::uint64_t excluded() const { return walker_.excluded(); }

  private:
    enum class State : std::uint8_t { empty, listed, done };
    struct Slot {
        std::atomic<State> state = State::empty;
        WalkEntry entry;
        Examined examined;
    };
    void work(bool lists);
    bool list_some();
    bool examine_one(Examiner& examiner);
    Slot& slot(std::uint64_t index) { return slots_[index % slots_.size()]; }

    Walker walker_;
    Examiner inline_examiner_;
    Doorbell* doorbell_;
    Doorbell work_;  // wakes the threads
    std::vector<Slot> slots_;
    std::atomic<std::uint64_t> listed_ = 0;    // slots that the walker filled
    std::atomic<std::uint64_t> claimed_ = 0;   // slots that an examiner took on
    std::atomic<std::uint64_t> consumed_ = 0;  // slots that the consumer emptied
    std::atomic<bool> walked_ = false, stop_ = false, waiting_ = false;
    std::atomic<std::uint64_t> late_sockets_ = 0;
    const unsigned thread_count_;  // the threads themselves may not look at threads_, which grows while they begin
    std::vector<std::thread> threads_;
};

}  // namespace capstan::backup
