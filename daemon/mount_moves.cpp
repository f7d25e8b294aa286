// Moves that an operator asks for, and the dismount of idle drives.
#include "daemon/mount_service.hpp"

#include <fmt/format.h>

namespace capstan::daemon {

Task<Result<void>> MountService::move(CartridgeId id, pools::Place destination, WorkItemId item) {
    for (;;) {
        CAPSTAN_CO_TRY(auto cartridge, pools::Cartridges(context_.store).get(id));
        auto* where = library(cartridge.library);
        if (where == nullptr)
            co_return fail(Recovery::change_request, fmt::format("{} is {}", to_text(cartridge), to_text(cartridge.place)),
                           "Put it into an IE port and run 'capstan media import'.");
        std::string busy_why;
        for (const auto& held : busy())
            if (held.cartridge == id) busy_why = fmt::format("{} is {}", to_text(cartridge), held.why);
        auto* in_drive = cartridge.place.kind == pools::PlaceKind::drive ? where->find_drive(DriveName{cartridge.place.id}) : nullptr;
        if (busy_why.empty() && in_drive != nullptr && !in_drive->leased_by.empty())
            busy_why = fmt::format("drive {} is in use by {}", in_drive->settings.name, in_drive->leased_by);
        if (auto out = why_out_of_reach(cartridge); busy_why.empty() && !out.empty())
            busy_why = fmt::format("{} is {}", to_text(cartridge), out);
        if (!busy_why.empty()) {
            CAPSTAN_CO_CHECK(co_await queue_.wait(item, busy_why));
            continue;
        }
        CAPSTAN_CO_CHECK(queue_.start(item, fmt::format("moving {} to {}", to_text(cartridge), to_text(destination))));
        if (in_drive != nullptr) {
            in_drive->leased_by = "moving";
            auto unloaded = co_await where->put_away(*in_drive, item);
            in_drive->leased_by.clear();
            if (!unloaded) co_return std::unexpected(unloaded.error());
        }
        if (destination.kind == pools::PlaceKind::slot && destination.id.empty()) {  // wherever there is room
            if (in_drive != nullptr) co_return Result<void>{};
            CAPSTAN_CO_TRY(destination, where->free_slot());
        }
        co_return co_await where->move(id, destination, item);
    }
}

Task<void> MountService::put_away_as_work(Library& library, Library::Drive& drive) {
    pools::WorkItem work;
    work.kind = pools::WorkKind::dismount;
    work.library = library.name();
    work.drive = drive.owner->name();
    work.cartridge = *drive.cartridge;
    drive.leased_by = "dismount";
    Result<void> outcome;
    if (auto item = queue_.add(work); item) {
        (void)queue_.start(*item, "dismounting");
        const Lease lease{&library, &drive, work.cartridge, {}, false, drive.owner->counters()};
        outcome = co_await library.put_away(drive, *item);
        count_errors(lease);
        (void)queue_.finish(*item, outcome);
    } else {
        outcome = std::unexpected(item.error());
    }
    drive.leased_by.clear();
    drive.idle_since = context_.clock.now();
    if (!outcome && drive.trouble.empty()) drive.trouble = to_text(outcome.error());
    context_.changed.notify();
}

Task<void> MountService::dismount_idle() {
    while (!context_.loop.stopping()) {
        std::optional<Steady> next;
        Library* of = nullptr;
        Library::Drive* due = nullptr;
        for (auto& library : libraries_) {
            if (library->state() != "ready" || library->disabled()) continue;
            for (auto& drive : library->drives()) {
                if (!drive.cartridge || !drive.leased_by.empty() || !drive.trouble.empty() || !drive.prepared || drive.disabled) continue;
                auto at = drive.idle_since + drive.settings.dismount_delay;
                if (!next || at < *next) next = at, of = library.get(), due = &drive;
            }
        }
        if (next && *next <= context_.clock.now()) {
            co_await put_away_as_work(*of, *due);
            continue;
        }
        Clock::TimerId timer = 0;
        if (next) timer = context_.clock.at(*next, [this] { context_.changed.notify(); });
        bool going_on = co_await context_.changed.wait();
        if (next) context_.clock.cancel(timer);
        if (!going_on) co_return;
    }
}

}  // namespace capstan::daemon
