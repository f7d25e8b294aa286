// Everything that capstand is, apart from the process: state, libraries, mounts, jobs. It is made by main() with the
// system's clock and threads, and by the simulation with its own. Control thread.
#pragma once

#include "daemon/context.hpp"
#include "daemon/job_service.hpp"
#include "daemon/mount_service.hpp"
#include "daemon/reservation_watch.hpp"

#include <functional>
#include <map>
#include <memory>

namespace capstan::daemon {

struct World {  // what is outside
    Loop& loop;
    Clock& clock;
    Entropy& entropy;
    Worker& worker;
    StageRunner& stages;
    std::function<std::unique_ptr<Worker>()> make_worker;  // one more, for as long as a job needs it
    std::function<Result<LibraryDevices>(const config::LibrarySettings&)> open_library;
    std::chrono::milliseconds patience{100};  // 0 in simulation
    unsigned file_threads = 2;                // that read or make a job's files; 0 in simulation
    std::string host = "localhost";
    std::uint64_t set_objects_max = 10'000'000;  // a job's further objects go into another set
};

class ControlPlane {
  public:
    // Opens the state (refused while another daemon has it), brings the pools of the configuration into it.
    static Result<std::unique_ptr<ControlPlane>> open(World world, config::Settings settings);
    ~ControlPlane();

    // Libraries, inventory, reconciliation; then dismounts and clock checks go on by themselves. A library that does
    // not answer is in trouble, the others go on.
    Task<void> start();

    Context& context() { return *context_; }
    const config::Settings& settings() const { return settings_; }
    Libraries& libraries() { return libraries_; }
    WorkQueue& queue() { return *queue_; }
    MountService& mounts() { return *mounts_; }
    JobService& jobs() { return *jobs_; }
    const std::string& clock_stop() const { return clock_stop_; }  // why nothing expires; empty: it does
    Wall started() const { return started_; }
    const std::string& host() const { return world_.host; }
    bool ready() const { return ready_; }  // start() is done
    // The orderly end, after the jobs': reservations are given back, within the limit.
    Task<void> let_go(std::chrono::seconds limit) { return reservations_->let_go(limit); }
    // An operator's answer to a request: also ends the two stops, which ask by a request of their own.
    Result<void> answer_request(RequestId id, const std::string& note, bool done, const std::string& who);

  private:
    ControlPlane(World world, config::Settings settings) : world_(std::move(world)), settings_(std::move(settings)) {}
    Result<void> ensure_pools();
    Task<void> check_clock();
    Result<void> ask_about_stops();
    Task<void> watch_stops();
    Task<void> release_expired();

    World world_;
    config::Settings settings_;
    std::unique_ptr<pools::StateStore> store_;
    std::unique_ptr<pools::ClockGuard> guard_;
    std::unique_ptr<pools::PermitOffice> permits_;
    std::unique_ptr<Signal> changed_;
    std::unique_ptr<Context> context_;
    Libraries libraries_;
    std::unique_ptr<WorkQueue> queue_;
    std::unique_ptr<ReservationWatch> reservations_;
    std::unique_ptr<MountService> mounts_;
    std::unique_ptr<JobService> jobs_;
    std::map<std::string, RequestId> stop_requests_;  // by what is stopped: "expiry", "overwriting"
    std::string clock_stop_;
    Wall started_{};
    bool ready_ = false;
};

}  // namespace capstan::daemon
