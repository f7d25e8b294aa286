// capstand: the daemon.
#include "config/base/log.hpp"
#include "config/load.hpp"
#include "daemon/control_plane.hpp"
#include "daemon/devices.hpp"
#include "daemon/handlers.hpp"
#include "daemon/http_server.hpp"
#include "daemon/router.hpp"
#include "daemon/system_clock.hpp"
#include "daemon/threads.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <string_view>

namespace capstan::daemon {
namespace {

constexpr std::string_view kUsage =
    "capstand: runs tape libraries and backs up on to them.\n"
    "\n"
    "  capstand [--config FILE]         run in the foreground (default: /etc/capstan/capstan.yaml)\n"
    "  capstand --check-config FILE     say every error of FILE, with line and column, and end\n"
    "  capstand --version | --help\n"
    "\n"
    "Example: capstand --config /etc/capstan/capstan.yaml\n"
    "SIGTERM and SIGINT stop it in order: blocks in hand are written and synchronised first. 'capstan status' shows "
    "what it does.\n";

struct Arguments {
    std::string config = "/etc/capstan/capstan.yaml";
    bool check_only = false;
};

// Empty: the process ends with `status`.
std::optional<Arguments> parse(int argc, char** argv, int& status) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        std::string_view word = argv[i];
        if (word == "--help" || word == "-h") {
            fmt::print("{}", kUsage);
            status = 0;
            return std::nullopt;
        }
        if (word == "--version") {
            fmt::print("capstand 0.1.0\n");
            status = 0;
            return std::nullopt;
        }
        if ((word == "--config" || word == "--check-config") && i + 1 < argc) {
            arguments.config = argv[++i];
            arguments.check_only = word == "--check-config";
            continue;
        }
        fmt::print(stderr, "capstand: cannot make sense of '{}'. See 'capstand --help'.\n", word);
        status = 2;
        return std::nullopt;
    }
    return arguments;
}

log::Level level_of(config::LogLevel level) {
    switch (level) {
        case config::LogLevel::debug: return log::Level::debug;
        case config::LogLevel::info: return log::Level::info;
        case config::LogLevel::warning: return log::Level::warning;
        case config::LogLevel::error: return log::Level::error;
    }
    return log::Level::info;
}

std::string host_name() {
    char name[256] = "localhost";
    (void)::gethostname(name, sizeof name - 1);
    return name;
}

Task<void> start_and_say(ControlPlane& plane) {
    co_await plane.start();
    log::info("ready", {{"libraries", std::to_string(plane.libraries().size())}});
    sd_notify(0, "READY=1");
}

// Jobs close and commit what they have, robots and drives are given free for other hosts; then everything ends.
Task<void> stop_in_order(ControlPlane& plane, std::function<void()> stop_now) {
    constexpr std::chrono::seconds kJobsLimit{60}, kDevicesLimit{10};
    co_await plane.jobs().stop_all(kJobsLimit);
    co_await plane.let_go(kDevicesLimit);
    stop_now();
}

int run(const config::Settings& settings) {
    asio::io_context context(1);
    Loop loop(context);
    SystemClock clock(context);
    SystemEntropy entropy;
    ThreadWorker worker(loop, "capstan-worker");
    ThreadStageRunner stages(loop);
    std::vector<std::function<void()>> closers;
    auto close_libraries = [&] {
        for (auto& close : closers) close();
    };
    auto make_worker = [&] { return std::make_unique<ThreadWorker>(loop, "capstan-file"); };
    auto open_library = [&](const config::LibrarySettings& library) -> Result<LibraryDevices> {
        CAPSTAN_TRY(auto opened, open_devices(loop, library, host_name()));
        closers.push_back(opened.close);
        return opened.devices;
    };
    World world{loop, clock, entropy, worker, stages, make_worker, open_library};
    world.host = host_name();
    auto plane = ControlPlane::open(std::move(world), settings);
    if (!plane) {
        fmt::print(stderr, "capstand: {}\n", to_text(plane.error()));
        close_libraries();
        return 1;
    }
    Router router;
    add_handlers(router, **plane);
    HttpServerOptions options;
    options.socket = settings.api.socket;
    options.group = settings.api.group;
    HttpServer server(loop, options, router.handler());
    if (auto listening = server.start(); !listening) {
        fmt::print(stderr, "capstand: {}\n", to_text(listening.error()));
        close_libraries();
        return 1;
    }
    asio::signal_set signals(context, SIGTERM, SIGINT);
    auto stop_now = [&] {
        server.stop();
        loop.stop();
        clock.cancel_all();
        signals.cancel();  // the wait for a second signal would keep the loop
    };
    signals.async_wait([&](const boost::system::error_code& error, int number) {
        if (error) return;
        log::info("stopping", {{"signal", std::to_string(number)}});
        sd_notify(0, "STOPPING=1");
        signals.async_wait(
            [&](const boost::system::error_code& again, int) {  // a second signal does not wait for the jobs
                if (!again) stop_now();
            });
        loop.spawn(stop_in_order(**plane, stop_now));  // last: without a job it is done at once
    });
    loop.spawn(start_and_say(**plane));
    context.run();
    server.stop();
    close_libraries();
    log::info("stopped");
    return 0;
}

}  // namespace
}  // namespace capstan::daemon

int main(int argc, char** argv) {
    using namespace capstan;
    int status = 0;
    auto arguments = daemon::parse(argc, argv, status);
    if (!arguments) return status;
    auto loaded = config::load_file(arguments->config);
    if (loaded.ok()) daemon::check_virtual_libraries(loaded);
    if (arguments->check_only) {
        fmt::print(loaded.ok() ? stdout : stderr, "{}", config::check_text(loaded));
        return loaded.ok() ? 0 : 1;
    }
    if (!loaded.ok()) {
        fmt::print(stderr, "{}", config::check_text(loaded));
        return 1;
    }
    std::signal(SIGPIPE, SIG_IGN);
    ::umask(0077);  // databases and catalogs name every saved file; what is restored gets its own modes
    log::set_level(daemon::level_of(loaded.settings.log.level));
    return daemon::run(loaded.settings);
}
