// A computer with a tape library, in simulation: its disk and its cartridges outlive power cuts and restarts, its
// daemon is booted, stopped in order or cut off. A power cut keeps what the disk and the cartridges hold at that
// instant, and destroys everything that runs. Requests go through the API's router as function calls.
#pragma once

#include "config/settings.hpp"
#include "daemon/api/client.hpp"
#include "daemon/control_plane.hpp"
#include "daemon/router.hpp"
#include "simulation/world.hpp"

namespace capstan::simulation {

struct PowerCut {};  // thrown to the story that let time pass, when the moment of cut_at… has come

struct MachineSettings {
    virtual_library::LibraryGeometry geometry;
    std::uint64_t ring = 1 << 20;
    std::chrono::seconds checkpoint_time{600};
    std::chrono::seconds dismount_delay{300};
    bool draw_from_free = true;
};
// 2 drives, 8 slots, 1 IE port, 6 cartridges of `capacity` bytes.
MachineSettings small_machine(std::uint64_t capacity = 64 << 20);

// A directory of this process in memory (or below TMPDIR), the same path for each machine: paths are on the tapes.
const std::string& scratch_root();

class Machine {
  public:
    Machine(std::uint64_t seed, MachineSettings settings);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    void boot();        // returns when the daemon is ready; throws PowerCut, or std::runtime_error when it is refused
    void stop();        // as SIGTERM does
    void lose_power();  // now, or at the moment that the cut fell on
    bool running() const { return boot_ != nullptr; }

    // The power fails before the nth command that any device gets from now on, or before the nth event.
    void cut_at_command(std::uint64_t nth) { cut_command_ = commands_ + nth; }
    void cut_at_event(std::uint64_t nth) { cut_event_ = events_ + nth; }
    void no_cut() { cut_command_ = cut_event_ = 0; }
    std::uint64_t commands() const { return commands_; }  // of all devices, since the machine was made
    std::uint64_t commands(std::uint8_t lun) const { return lun_commands_[lun]; }
    std::uint64_t events() const { return events_; }
    std::uint64_t boots() const { return boots_; }

    // Lets things happen until `done`, or for at most so much simulated time. False: the time is over.
    bool run_until(const std::function<bool()>& done, std::chrono::seconds limit);
    void run_for(std::chrono::seconds time) {
        (void)run_until([] { return false; }, time);
    }
    daemon::HttpReply exchange(daemon::HttpRequest request);
    template <class RouteType>
    Result<typename RouteType::Reply> ask(const RouteType& route, const std::vector<std::string>& parameters = {},
                                          const typename RouteType::Request& request = {}) {
        daemon::HttpRequest sent;
        sent.method = route.method;
        sent.path = api::fill_path(route.path, parameters);
        if (route.method == api::Method::get)
            sent.query = api::encode_query(request);
        else
            sent.body = api::encode(request);
        sent.peer.administrator = true;
        auto reply = exchange(std::move(sent));
        if (reply.status != 200) return std::unexpected(api::decode_error(reply.body, reply.status));
        return api::decode<typename RouteType::Reply>(reply.body, api::UnknownKeys::pass_over);
    }

    daemon::ControlPlane& plane() { return *boot_->plane; }
    virtual_library::VirtualLibrary& library() { return *boot_->library; }
    Wall now() const { return boot_ ? boot_->clock.wall() : wall_; }
    const MachineSettings& settings() const { return settings_; }
    std::string state_directory() const { return live_ + "/state"; }
    std::string library_directory() const { return live_ + "/library"; }
    Trace& trace() { return trace_; }
    Chance& chance() { return story_chance_; }  // for the story's own choices

  private:
    struct Boot {
        Boot(Machine& machine);
        asio::io_context context;
        Loop loop{context};
        SimulatedClock clock;
        SimulatedWorker::Crew crew;
        SimulatedWorker worker{loop, crew};
        SimulatedStages stages{loop};
        Pump pump;
        DoorEvents door;
        std::shared_ptr<virtual_library::VirtualLibrary> library;
        std::unique_ptr<daemon::ControlPlane> plane;
        daemon::Router router;
    };
    Result<daemon::LibraryDevices> open_library(Boot& boot);
    std::shared_ptr<scsi::Device> open_door(Boot& boot, unsigned unit, std::string name);
    config::Settings daemon_settings() const;
    void keep_disk();  // what a power cut now would leave
    void event_over();

    MachineSettings settings_;
    std::string live_, kept_;
    Trace trace_;
    Chance event_chance_, device_chance_, daemon_entropy_, story_chance_;
    Wall wall_{std::chrono::seconds{1'700'000'000}};
    std::uint64_t commands_ = 0, events_ = 0, boots_ = 0, cut_command_ = 0, cut_event_ = 0;
    std::uint64_t lun_commands_[8]{};
    bool cut_ = false;
    std::unique_ptr<Boot> boot_;
};

}  // namespace capstan::simulation
