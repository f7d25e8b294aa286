#include "simulation/machine.hpp"

#include "config/base/log.hpp"
#include "daemon/handlers.hpp"
#include "drives/scsi/inline_device.hpp"
#include "drives/virtual/virtual_transport.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace capstan::simulation {

namespace fs = std::filesystem;
namespace vl = virtual_library;

using namespace std::chrono_literals;

MachineSettings small_machine(std::uint64_t capacity) {
    MachineSettings settings;
    settings.geometry.slots.count = 8;
    settings.geometry.cartridges = 6;
    settings.geometry.medium.capacity = capacity;
    settings.geometry.medium.early_warning = std::min<std::uint64_t>(capacity / 4, 512 << 10);
    return settings;
}

const std::string& scratch_root() {
    struct Root {
        std::string path;
        Root() {
            const char* given = std::getenv("TMPDIR");
            std::string base = given != nullptr ? given : fs::is_directory("/dev/shm") ? "/dev/shm" : "/tmp";
            path = fmt::format("{}/capstan-simulation.{}", base, ::getpid());
            fs::create_directories(path);
        }
        ~Root() {
            std::error_code ignored;
            fs::remove_all(path, ignored);
        }
    };
    static Root root;
    return root.path;
}

Machine::Boot::Boot(Machine& machine)
    : clock(machine.wall_, machine.event_chance_),
      pump(context, clock, crew, stages, machine.event_chance_, machine.trace_),
      door{machine.trace_, machine.device_chance_, [&machine](std::uint8_t lun) {
               ++machine.lun_commands_[lun];
               if (++machine.commands_ == machine.cut_command_) machine.keep_disk();
           }} {}

Machine::Machine(std::uint64_t seed, MachineSettings settings)
    : settings_(std::move(settings)),
      live_(scratch_root() + "/live"),
      kept_(scratch_root() + "/kept"),
      event_chance_(seed),
      device_chance_(seed ^ 0x1111),
      daemon_entropy_(seed ^ 0x2222),
      story_chance_(seed ^ 0x3333) {
    fs::remove_all(live_);
    fs::remove_all(kept_);
    fs::create_directories(live_);
    log::set_level(log::Level::debug);
    log::set_output([this](log::Level, const std::string& line) { trace_.line(line); });
}

Machine::~Machine() {
    if (boot_) {
        cut_ = true;  // the disk need not be kept
        lose_power();
    }
    log::set_output([](log::Level, const std::string&) {});
    std::error_code ignored;
    fs::remove_all(live_, ignored);
    fs::remove_all(kept_, ignored);
}

config::Settings Machine::daemon_settings() const {
    config::Settings settings;
    settings.state_directory = state_directory();
    settings.memory.ring = settings_.ring;
    settings.checkpoint.time = settings_.checkpoint_time;
    config::LibrarySettings library;
    library.name = "LIB1";
    library.changer.virtual_library = config::VirtualChanger{};
    for (std::uint32_t i = 1; i <= settings_.geometry.drives.count; ++i)
        library.drives.push_back({.name = fmt::format("D{}", i), .element = i, .dismount_delay = settings_.dismount_delay});
    settings.libraries.push_back(std::move(library));
    config::PoolSettings pool;
    pool.name = "Nightly";
    pool.draw_from_free = settings_.draw_from_free;
    pool.block_size = 64 << 10;
    settings.pools.push_back(std::move(pool));
    return settings;
}

Result<daemon::LibraryDevices> Machine::open_library(Boot& boot) {
    vl::LibraryOptions options;
    options.timing.mode = vl::TimeMode::simulated;
    options.timing.now = [&boot] { return boot.clock.now(); };
    options.timing.sleep = [&boot](std::chrono::microseconds time) { boot.clock.pass(time); };
    CAPSTAN_TRY(boot.library, vl::VirtualLibrary::open(library_directory(), settings_.geometry, options));
    daemon::LibraryDevices devices;
    devices.open_again = [this, &boot](const config::DriveSettings* drive) {
        return drive == nullptr ? open_door(boot, 0, "library LIB1") : open_door(boot, drive->element, "drive " + drive->name);
    };
    devices.changer = open_door(boot, 0, "library LIB1");
    for (unsigned i = 1; i <= settings_.geometry.drives.count; ++i)
        devices.drives.push_back(open_door(boot, i, fmt::format("drive D{}", i)));
    return devices;
}

std::shared_ptr<scsi::Device> Machine::open_door(Boot& boot, unsigned unit, std::string name) {
    const auto lun = static_cast<std::uint8_t>(unit);
    auto inner = std::make_shared<vl::VirtualTransport>(boot.library, vl::NexusId{1}, lun);
    auto traced = std::make_shared<TracedTransport>(std::move(inner), lun, boot.door);
    return std::make_shared<scsi::InlineDevice>(boot.loop, boot.clock, std::move(traced), std::move(name));
}

namespace {
Task<void> start_plane(daemon::ControlPlane& plane) { co_await plane.start(); }
// They own what they refer to: a power cut ends their story before it ends them.
Task<void> stop_plane(daemon::ControlPlane& plane, std::shared_ptr<bool> stopped) {
    co_await plane.jobs().stop_all(60s);
    *stopped = true;
}
Task<void> answer(daemon::HttpHandler handler, daemon::HttpRequest request,
                  std::shared_ptr<std::optional<daemon::HttpReply>> reply) {
    auto task = handler(std::move(request));
    reply->emplace(co_await std::move(task));
}
}  // namespace

void Machine::boot() {
    trace_.line(fmt::format("boot {}", ++boots_));
    cut_ = false;
    boot_ = std::make_unique<Boot>(*this);
    daemon::World world{boot_->loop,
                        boot_->clock,
                        daemon_entropy_,
                        boot_->worker,
                        boot_->stages,
                        [boot = boot_.get()] { return std::make_unique<SimulatedWorker>(boot->loop, boot->crew); },
                        [this](const config::LibrarySettings&) { return open_library(*boot_); }};
    world.patience = 0ms;
    world.file_threads = 0;
    world.host = "simulated";
    auto plane = daemon::ControlPlane::open(std::move(world), daemon_settings());
    if (!plane) throw std::runtime_error("the daemon does not start: " + to_text(plane.error()));
    boot_->plane = std::move(*plane);
    daemon::add_handlers(boot_->router, *boot_->plane);
    boot_->loop.spawn(start_plane(*boot_->plane));
    if (!run_until([this] { return boot_->plane->ready(); }, 3600s))
        throw std::runtime_error("the daemon is not ready after an hour");
}

void Machine::stop() {
    trace_.line("stop");
    auto stopped = std::make_shared<bool>(false);
    boot_->loop.spawn(stop_plane(*boot_->plane, stopped));
    if (!run_until([&] { return *stopped; }, 120s)) throw std::runtime_error("the jobs do not stop in two minutes");
    boot_->loop.stop();
    boot_->clock.drop();
    do boot_->pump.drain();
    while (boot_->pump.work());
    auto left = boot_->loop.running();
    wall_ = boot_->clock.wall();
    boot_.reset();
    if (left != 0) throw std::runtime_error(fmt::format("{} coroutines still wait after the loop was stopped", left));
}

void Machine::keep_disk() {
    if (cut_) return;
    cut_ = true;
    wall_ = boot_->clock.wall();
    fs::remove_all(kept_);
    fs::create_directories(kept_);
    for (fs::recursive_directory_iterator entry(live_), end; entry != end; ++entry) {
        auto name = entry->path().filename().string();
        auto target = fs::path(kept_) / fs::relative(entry->path(), live_);
        if (entry->is_directory())
            fs::create_directories(target);
        else if (name != "reserve" && name != "state.db-shm")
            fs::copy_file(entry->path(), target);  // both are made anew
    }
}

void Machine::lose_power() {
    keep_disk();
    log::set_output([](log::Level, const std::string&) {});  // what unwinds now never happened
    boot_->clock.drop();
    boot_->loop.drop();
    boot_->pump.drain();
    boot_.reset();
    if (fs::exists(kept_)) {
        fs::remove_all(live_);
        fs::rename(kept_, live_);
    }
    no_cut();
    log::set_output([this](log::Level, const std::string& line) { trace_.line(line); });
    trace_.line("power cut");
}

void Machine::event_over() {
    if (++events_ == cut_event_) keep_disk();
    if (cut_) throw PowerCut{};
}

bool Machine::run_until(const std::function<bool()>& done, std::chrono::seconds limit) {
    auto end = boot_->clock.now() + limit;
    while (!done()) {
        if (boot_->clock.now() >= end || !boot_->pump.step()) return false;
        event_over();
    }
    return true;
}

daemon::HttpReply Machine::exchange(daemon::HttpRequest request) {
    auto handler = boot_->router.handler();
    auto reply = std::make_shared<std::optional<daemon::HttpReply>>();
    auto what = fmt::format("{} {}", api::name_of(request.method), request.path);
    boot_->loop.spawn(answer(handler, std::move(request), reply));
    if (!run_until([&] { return reply->has_value(); }, 120s))
        throw std::runtime_error(what + " is not answered in two minutes");
    trace_.line(fmt::format("api {} {} {:016x}", what, (*reply)->status, fnv((*reply)->body)));
    return std::move(**reply);
}

}  // namespace capstan::simulation
