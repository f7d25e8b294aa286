#include "daemon/reservation_watch.hpp"

#include "config/base/log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

constexpr std::chrono::minutes kBetween{1};  // two tries

std::string taken_by_a_host(const std::string& device, const std::string& why) {
    return fmt::format("{} is reserved by another host: {}", device, why);
}

}  // namespace

std::vector<ReservationWatch::Device> ReservationWatch::taken() {
    std::vector<Device> devices;
    for (auto& library : libraries_) {
        if (library->disabled()) continue;
        if (library->changer().identity().claim == scsi::Claim::of_another)
            devices.push_back({library.get(), nullptr, "library " + library->name().text,
                               taken_by_a_host("library " + library->name().text, library->trouble())});
        for (auto& drive : library->drives()) {
            const auto name = "drive " + drive.settings.name;
            const auto key = drive.owner->why_only_read();
            if (drive.disabled) continue;
            if (drive.owner->identity().claim == scsi::Claim::of_another)
                devices.push_back({library.get(), &drive, name, taken_by_a_host(name, drive.trouble)});
            else if (!key.empty())
                devices.push_back({library.get(), &drive, "the key in " + name, fmt::format("{} {}. {}.", name, key, drives::kClearTheKey), true});
        }
    }
    return devices;
}

Result<bool> ReservationWatch::ask_about(const std::vector<Device>& devices) {
    bool answered = false;
    for (auto asked = asked_.begin(); asked != asked_.end();) {
        const bool open = queue_.open_requests().contains(asked->second);
        const bool still = std::ranges::count(devices, asked->first, &Device::name) != 0;
        if (open && still) {
            ++asked;
            continue;
        }
        if (open) CAPSTAN_CHECK(queue_.complete(asked->second, asked->first + " no longer keeps anything waiting"));
        answered = answered || (!open && still);
        asked = asked_.erase(asked);
    }
    if (answered) return true;  // asked again only if it is still so
    for (const auto& device : devices) {
        if (asked_.contains(device.name)) continue;
        pools::OperatorRequest request;
        request.library = device.library->name();
        request.text = device.why + " It is tried once a minute; this request completes by itself.";
        CAPSTAN_TRY(auto id, queue_.ask(std::move(request)));
        asked_.emplace(device.name, id);
    }
    return false;
}

Task<void> ReservationWatch::try_again(Device device) {
    if (device.drive == nullptr) {
        auto identified = co_await device.library->changer().identify();
        Result<void> outcome;
        if (identified) outcome = co_await device.library->refresh();
        if (!outcome) log::warning("library-not-ready", {{"library", device.library->name().text}, {"error", to_text(outcome.error())}});
        co_return;
    }
    auto& drive = *device.drive;
    if (!drive.leased_by.empty() || !device.library->inventoried() || !drive.owner->why_faulted().empty()) co_return;
    drive.leased_by = device.has_key ? "a look at its key" : "another try to reserve it";
    auto outcome = co_await drive.owner->claim();
    if (outcome && !device.has_key) outcome = co_await device.library->reopen(drive);  // it may hold anything now
    drive.leased_by.clear();
    if (outcome && !device.has_key) log::info("drive-reserved-again", {{"drive", drive.settings.name}});
    context_.changed.notify();
}

Task<void> ReservationWatch::watch() {
    auto next = context_.clock.now() + kBetween;
    for (;;) {
        auto devices = taken();
        auto answered = ask_about(devices);
        if (!answered) log::error("reservation-not-asked-about", {{"error", to_text(answered.error())}});
        if (devices.empty()) next = context_.clock.now() + kBetween;
        if ((answered && *answered) || context_.clock.now() >= next) {
            for (const auto& device : devices) co_await try_again(device);
            next = context_.clock.now() + kBetween;
            if (context_.loop.stopping()) co_return;
            continue;
        }
        Clock::TimerId timer = 0;
        if (!devices.empty()) timer = context_.clock.at(next, [this] { context_.changed.notify(); });
        const bool going_on = co_await context_.changed.wait();
        if (!devices.empty()) context_.clock.cancel(timer);
        if (!going_on) co_return;
    }
}

Task<void> ReservationWatch::let_go_drive(Library::Drive& drive, Steady until, std::shared_ptr<std::size_t> pending) {
    while (!drive.leased_by.empty() && context_.clock.now() < until)
        if (!co_await context_.changed.wait()) break;
    Result<void> outcome = fail(Recovery::retry_later, "it is in use by " + drive.leased_by);
    if (drive.leased_by.empty()) {
        drive.leased_by = "the daemon's end";
        outcome = co_await drive.owner->let_go();
    }
    if (!outcome) log::warning("reservation-kept", {{"drive", drive.settings.name}, {"reason", to_text(outcome.error())}});
    --*pending;
    context_.changed.notify();
}

Task<void> ReservationWatch::let_go_library(Library& library, Steady until, std::shared_ptr<std::size_t> pending) {
    auto drives = std::make_shared<std::size_t>(library.drives().size());
    for (auto& drive : library.drives()) context_.loop.spawn(let_go_drive(drive, until, drives));
    while (*drives != 0 && context_.clock.now() < until)
        if (!co_await context_.changed.wait()) break;
    auto outcome = co_await library.let_go();
    if (!outcome) log::warning("reservation-kept", {{"library", library.name().text}, {"reason", to_text(outcome.error())}});
    --*pending;
    context_.changed.notify();
}

Task<void> ReservationWatch::let_go(std::chrono::seconds limit) {
    const auto end = context_.clock.now() + limit;
    const auto drives_until = end - limit / 2;
    auto pending = std::make_shared<std::size_t>(libraries_.size());
    for (auto& library : libraries_) context_.loop.spawn(let_go_library(*library, drives_until, pending));
    auto half = context_.clock.at(drives_until, [this] { context_.changed.notify(); });
    auto whole = context_.clock.at(end, [this] { context_.changed.notify(); });
    while (*pending != 0 && context_.clock.now() < end)
        if (!co_await context_.changed.wait()) co_return;  // the loop has stopped, its timers are gone
    context_.clock.cancel(half);
    context_.clock.cancel(whole);
}

}  // namespace capstan::daemon
