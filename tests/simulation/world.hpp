// The world of one boot of the daemon, on one thread: simulated time, seeded order of everything that may happen in
// either order, devices that are the virtual library behind a door that writes down each command. The control plane,
// the stages and the virtual library are the daemon's own.
#pragma once

#include "config/base/clock.hpp"
#include "config/base/stage.hpp"
#include "config/base/worker.hpp"
#include "drives/scsi/transport.hpp"
#include "drives/virtual/library.hpp"
#include "simulation/trace.hpp"

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>

namespace capstan::simulation {

// Seeded choices, one sequence for each purpose, so that a new choice in one place moves nothing elsewhere.
class Chance final : public Entropy {
  public:
    explicit Chance(std::uint64_t seed) : entropy_(seed) {}
    std::uint64_t next() override { return entropy_.next(); }
    std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : entropy_.next() % limit; }

  private:
    SeededEntropy entropy_;
};

// Timers that are due at one time are called in seeded order.
class SimulatedClock final : public Clock {
  public:
    SimulatedClock(Wall start, Chance& chance) : wall_start_(start), chance_(chance) {}
    Steady now() const override { return now_; }
    Wall wall() const override { return wall_start_ + std::chrono::duration_cast<Wall::duration>(now_ - Steady{}); }
    TimerId at(Steady when, std::move_only_function<void()> call) override;
    void cancel(TimerId id) override;

    std::optional<Steady> next() const;  // when the next timer is due
    void advance();                      // precondition: there is one. Jumps there and makes its call
    void pass(std::chrono::microseconds time) { now_ += time; }
    void drop() { timers_.clear(); }

  private:
    struct Key {
        Steady when;
        std::uint64_t order;  // seeded
        TimerId id;
        auto operator<=>(const Key&) const = default;
    };
    Wall wall_start_;
    Chance& chance_;
    Steady now_{};
    TimerId last_ = 0;
    std::map<Key, std::move_only_function<void()>> timers_;
};

// Calls wait in a queue; the pump makes them, one at a time, when its seed says so. Each worker is known to the pump
// for as long as it lives, and finishes what was asked of it before it goes, as a thread does.
class SimulatedWorker final : public Worker {
  public:
    using Crew = std::list<SimulatedWorker*>;
    SimulatedWorker(Loop& loop, Crew& crew)
        : Worker(loop), loop_(loop), crew_(crew), place_(crew.insert(crew.end(), this)) {}
    ~SimulatedWorker() override {
        while (step()) {
        }
        crew_.erase(place_);
    }
    bool step();  // false: nothing waits

  protected:
    void start(std::move_only_function<void()> job) override { jobs_.push_back(std::move(job)); }
    void finish(std::move_only_function<void()> call) override { loop_.post(std::move(call)); }

  private:
    Loop& loop_;
    Crew& crew_;
    Crew::iterator place_;
    std::deque<std::move_only_function<void()>> jobs_;
};

// Stages of all running jobs; the pump steps one of them, chosen by the seed.
class SimulatedStages final : public StageRunner {
  public:
    explicit SimulatedStages(Loop& loop) : loop_(loop) {}
    Task<bool> run(std::vector<Stage*> stages, Doorbell& doorbell) override;
    bool step(Chance& chance);  // false: all are idle

  private:
    struct Group {
        std::vector<Stage*> stages;
        Completion<bool> finished;
    };
    Loop& loop_;
    std::list<Group> groups_;
};

// What a door reports, and what may be done about a command.
struct DoorEvents {
    Trace& trace;
    Chance& chance;
    std::function<void(std::uint8_t lun)> before_command;  // counts; a power cut falls on one of them
};

// The door to one logical unit: each command and its answer stand in the trace, and each answer comes a little later
// than the model says, by the seed, so that what goes on in several drives at once happens in many orders.
class TracedTransport final : public scsi::Transport {
  public:
    TracedTransport(std::shared_ptr<scsi::Transport> inner, std::uint8_t lun, DoorEvents& events)
        : inner_(std::move(inner)), lun_(lun), events_(events) {}
    Result<scsi::ScsiReply> execute(const scsi::Cdb& cdb, scsi::DataOut data_out, MutableBytes data_in,
                                    std::chrono::milliseconds timeout) override;

  private:
    std::shared_ptr<scsi::Transport> inner_;
    std::uint8_t lun_;
    DoorEvents& events_;
};

// Makes happen what is ready, one thing at a time, in seeded order; when nothing is ready, time jumps to the next
// timer.
class Pump {
  public:
    Pump(asio::io_context& context, SimulatedClock& clock, SimulatedWorker::Crew& crew, SimulatedStages& stages,
         Chance& chance, Trace& trace)
        : context_(context), clock_(clock), crew_(crew), stages_(stages), chance_(chance), trace_(trace) {}
    bool step();   // false: nothing can happen any more
    void drain();  // the control loop's handlers alone, after a stop or a cut
    bool work();   // one call of one worker; false: none waits

  private:
    bool try_one(std::uint64_t kind);
    bool poll_one();
    asio::io_context& context_;
    SimulatedClock& clock_;
    SimulatedWorker::Crew& crew_;
    SimulatedStages& stages_;
    Chance& chance_;
    Trace& trace_;
};

}  // namespace capstan::simulation
