// capstan-vtl: the virtual tape library as an iSCSI target.
#include "config/base/log.hpp"
#include "config/base/secret.hpp"
#include "drives/virtual/models/model.hpp"
#include "tools/vtl/control_door.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <thread>

namespace {

using namespace capstan;

struct Wishes {
    std::string directory, portal = "127.0.0.1:3260", name = "iqn.2026-11.org.capstan:library", chap_user, chap_secret_file;
    std::string act;  // for the operator's hands of a capstan-vtl that serves
    virtual_library::LibraryGeometry geometry;
    std::uint64_t capacity = 100ull << 30, early_warning = 0;
    std::uint64_t disk = 0;  // bytes; 0: none
    unsigned time_limit = 0;  // seconds; 0: as real devices name them
    bool real_time = false;
};

int refuse(const Error& error) {
    std::fprintf(stderr, "capstan-vtl: %s\n", to_text(error).c_str());
    return 1;
}

Result<std::optional<iscsi::Chap>> chap_of(const Wishes& wishes) {
    if (wishes.chap_user.empty()) return std::nullopt;
    constexpr std::size_t kSecretMin = 12;  // RFC 7143 clause 9.2.1: 96 bits at least
    CAPSTAN_TRY(auto secret, read_secret(wishes.chap_secret_file));
    if (secret.size() < kSecretMin)
        return fail(Recovery::change_request, wishes.chap_secret_file + ": the secret has " + std::to_string(secret.size()) + " characters",
                    "Write one of 12 to 255 characters into the file, alone on its line.");
    return iscsi::Chap{wishes.chap_user, std::move(secret)};
}

Result<int> run(Wishes wishes) {
    // Before any thread is made, so that all of them inherit it and sigwait() below gets the signals.
    sigset_t ends;
    sigemptyset(&ends);
    for (int one : {SIGINT, SIGTERM}) sigaddset(&ends, one);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    iscsi::TargetOptions options;
    options.settings.name = wishes.name;
    options.portal = wishes.portal;
    CAPSTAN_TRY(options.settings.chap, chap_of(wishes));
    virtual_library::LibraryOptions library_options;
    if (wishes.real_time) {
        library_options.timing.mode = virtual_library::TimeMode::real;
        library_options.timing.now = [] { return std::chrono::steady_clock::now(); };
        library_options.timing.sleep = [](std::chrono::microseconds time) { std::this_thread::sleep_for(time); };
    }
    library_options.time_limit = wishes.time_limit;
    library_options.units_before = wishes.disk != 0 ? 1 : 0;
    auto& medium = wishes.geometry.medium;
    medium.capacity = wishes.capacity;
    medium.early_warning = wishes.early_warning != 0 ? wishes.early_warning : std::min(medium.early_warning, medium.capacity / 16);
    CAPSTAN_TRY(auto library, virtual_library::VirtualLibrary::open(wishes.directory, wishes.geometry, std::move(library_options)));
    if (wishes.disk != 0) {
        CAPSTAN_TRY(options.disk, virtual_library::Disk::open(wishes.directory + "/disk", wishes.disk, library->geometry().serial + "DISK"));
    }
    auto target = std::make_shared<iscsi::Target>(library, std::move(options));
    CAPSTAN_CHECK(target->start());
    iscsi::ControlDoor door(wishes.directory, iscsi::Control(target));
    CAPSTAN_CHECK(door.open());
    const unsigned changer = wishes.disk != 0 ? 1 : 0;
    std::printf("target %s\nportal %s\n%sLUN %u the changer, LUN %u to %u the drives\n", wishes.name.c_str(), target->address().c_str(),
                wishes.disk != 0 ? "LUN 0 a disk, " : "", changer, changer + 1, changer + library->drives());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&ends, &signal);
    target->stop();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        Wishes wishes;
        CLI::App app("A virtual tape library as an iSCSI target.\n"
                     "Example: capstan-vtl /var/lib/my-library --portal 127.0.0.1:3260 --drives 2 --slots 16",
                     "capstan-vtl");
        app.add_option("DIRECTORY", wishes.directory, "the library's files; made on first use")->required();
        app.add_option("--portal", wishes.portal, "address and port to listen on")->capture_default_str();
        app.add_option("--target", wishes.name, "the target's name")->capture_default_str();
        auto* user = app.add_option("--chap-user", wishes.chap_user, "who may log in");
        auto* secret = app.add_option("--chap-secret-file", wishes.chap_secret_file, "a file with the secret of that user");
        user->needs(secret);
        secret->needs(user);
        app.add_option("--drives", wishes.geometry.drives.count, "of a new library")->check(CLI::Range(1, 64))->capture_default_str();
        app.add_option("--slots", wishes.geometry.slots.count, "of a new library")->check(CLI::Range(1, 10000))->capture_default_str();
        app.add_option("--ports", wishes.geometry.ports.count, "import/export elements of a new library")->check(CLI::Range(0, 64));
        app.add_option("--cartridges", wishes.geometry.cartridges, "of a new library")->capture_default_str();
        app.add_option("--model", wishes.geometry.models,
                       "the drives of a new library: " + virtual_library::model_names() +
                           "; several for the drives in turn, the last for the rest. Without it they take every cartridge")
            ->delimiter(',');
        app.add_option("--media", wishes.geometry.media,
                       "the cartridges of a new library instead of --cartridges: L9:8,L8:3,CU:1, media ids of the bar codes (CU: cleaning) and how many of each");
        constexpr bool kKiloIs1000 = true;  // kb; KiB is 1024 at any rate
        app.add_option("--capacity", wishes.capacity, "of each new cartridge: 100GiB")->transform(CLI::AsSizeValue(kKiloIs1000));
        app.add_option("--early-warning", wishes.early_warning, "before its end; a sixteenth of it, at most 64 MiB, where not given")
            ->transform(CLI::AsSizeValue(kKiloIs1000));
        app.add_option("--disk", wishes.disk, "a small disk as LUN 0, of this size (16MiB), in DIRECTORY/disk; all others move up by one LUN")
            ->transform(CLI::AsSizeValue(kKiloIs1000));
        app.add_option("--time-limit", wishes.time_limit, "seconds that the units name as the limit of each command, for trials with 'hang'");
        app.add_flag("--real-time", wishes.real_time, "moves and loads take about the time that hardware takes");
        app.add_option("--control", wishes.act, "serves nothing, but has one act done by the capstan-vtl that serves DIRECTORY; see below");
        app.footer("Acts, for --control (and through the Unix socket DIRECTORY/control, a line each):\n" + capstan::iscsi::Control::help() +
                   "Example: capstan-vtl /var/lib/my-library --control 'hang drive1 60'\n");
        CLI11_PARSE(app, argc, argv);
        if (!wishes.act.empty()) {
            const auto answer = iscsi::ask_control(wishes.directory, wishes.act);
            if (!answer) return refuse(answer.error());
            std::fputs(answer->c_str(), stdout);
            return 0;
        }
        auto status = run(std::move(wishes));
        return status ? *status : refuse(status.error());
    } catch (const std::exception& exception) {
        std::fprintf(stderr, "capstan-vtl: %s\n", exception.what());
        return 1;
    }
}
