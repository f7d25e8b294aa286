// capstan-vtl: the virtual tape library as an iSCSI target.
#include "config/base/log.hpp"
#include "tools/vtl/target.hpp"

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
    virtual_library::LibraryGeometry geometry;
    std::uint64_t capacity = 100ull << 30, early_warning = 0;
    bool real_time = false;
};

int refuse(const Error& error) {
    std::fprintf(stderr, "capstan-vtl: %s\n", to_text(error).c_str());
    return 1;
}

Result<std::optional<iscsi::Chap>> chap_of(const Wishes& wishes) {
    if (wishes.chap_user.empty()) return std::nullopt;
    constexpr std::size_t kSecretMax = 255, kSecretMin = 12;  // RFC 7143 clause 9.2.1: 96 bits at least
    CAPSTAN_TRY(const auto bytes, read_file(wishes.chap_secret_file, kSecretMax + 1));
    std::string secret(text_of(bytes));
    while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
    if (secret.size() < kSecretMin || secret.size() > kSecretMax)
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
    auto& medium = wishes.geometry.medium;
    medium.capacity = wishes.capacity;
    medium.early_warning = wishes.early_warning != 0 ? wishes.early_warning : std::min(medium.early_warning, medium.capacity / 16);
    CAPSTAN_TRY(auto library, virtual_library::VirtualLibrary::open(wishes.directory, wishes.geometry, std::move(library_options)));
    auto target = std::make_shared<iscsi::Target>(library, std::move(options));
    CAPSTAN_CHECK(target->start());
    std::printf("target %s\nportal %s\nLUN 0 the changer, LUN 1 to %u the drives\n", wishes.name.c_str(), target->address().c_str(),
                static_cast<unsigned>(library->drives()));
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
        constexpr bool kKiloIs1000 = true;  // kb; KiB is 1024 at any rate
        app.add_option("--capacity", wishes.capacity, "of each new cartridge: 100GiB")->transform(CLI::AsSizeValue(kKiloIs1000));
        app.add_option("--early-warning", wishes.early_warning, "before its end; a sixteenth of it, at most 64 MiB, where not given")
            ->transform(CLI::AsSizeValue(kKiloIs1000));
        app.add_flag("--real-time", wishes.real_time, "moves and loads take about the time that hardware takes");
        CLI11_PARSE(app, argc, argv);
        auto status = run(std::move(wishes));
        return status ? *status : refuse(status.error());
    } catch (const std::exception& exception) {
        std::fprintf(stderr, "capstan-vtl: %s\n", exception.what());
        return 1;
    }
}
