#include "daemon/operations.hpp"

#include "config/base/log.hpp"
#include "config/base/media_types.hpp"
#include "daemon/api/codec.hpp"
#include "pools/store/pool_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

// Runs the work as the item and finishes it. What the daemon's own end cuts short stays in the queue.
Task<void> run(ControlPlane& plane, WorkItemId item, Task<Result<void>> work) {
    Result<void> outcome = co_await std::move(work);
    if (!outcome && plane.context().loop.stopping()) co_return;
    auto finished = plane.queue().finish(item, outcome);
    if (!finished) log::error("work-end-not-recorded", {{"item", std::to_string(raw(item))}, {"error", to_text(finished.error())}});
}

Task<Result<void>> inventory(ControlPlane& plane, Library& library, bool full, WorkItemId item) {
    CAPSTAN_CO_CHECK(plane.queue().start(item, "asking the robot what lies where"));
    CAPSTAN_CO_CHECK(co_await library.refresh(full));
    pools::Cartridges cartridges(plane.context().store);
    CAPSTAN_CO_TRY(auto here, cartridges.in_library(library.name()));
    std::vector<CartridgeId> to_read;
    for (const auto& cartridge : here)
        if ((full || cartridge.must_identify) && !is_cleaning(cartridge.volume_tag)) to_read.push_back(cartridge.id);
    std::uint32_t done = 0;
    std::string failures;
    for (auto id : to_read) {
        plane.queue().set_doing(item, {"reading labels", done++, static_cast<std::uint32_t>(to_read.size())});
        auto identified = co_await plane.mounts().identify(id, item);
        if (!identified && identified.error().recovery == Recovery::cancelled) co_return std::unexpected(identified.error());
        if (!identified) failures += (failures.empty() ? "" : "; ") + to_text(identified.error());
    }
    if (!failures.empty()) co_return fail(Recovery::ask_operator, "some labels could not be read: " + failures);
    co_return Result<void>{};
}

Result<void> is_idle(const Library::Drive& drive) {
    if (drive.leased_by.empty()) return {};
    return fail(Recovery::change_request, fmt::format("drive {} is in use by {}", drive.settings.name, drive.leased_by),
                "Wait until that has ended, or cancel it.");
}

Task<Result<void>> enable(ControlPlane& plane, Library& library, Library::Drive& drive, WorkItemId item) {
    CAPSTAN_CO_CHECK(is_idle(drive));
    drive.leased_by = fmt::format("work item {}", raw(item));  // before it is enabled: it must be opened first
    auto outcome = drive.disabled ? library.set_disabled(drive, std::nullopt) : Result<void>{};
    if (outcome) outcome = plane.queue().start(item, fmt::format("opening drive {} again", drive.settings.name));
    if (outcome) outcome = co_await library.reopen(drive);
    drive.leased_by.clear();
    drive.activity = "idle";
    plane.context().changed.notify();
    co_return outcome;
}

Error enabled_again(const std::string& what) { return {Recovery::cancelled, what + " was enabled again", "", {}}; }

// Waits for what is under way, then closes the drive.
Task<Result<void>> disable(ControlPlane& plane, Library& library, Library::Drive& drive, bool unload, WorkItemId item) {
    const auto name = "drive " + drive.settings.name;
    while (!drive.leased_by.empty() && drive.disabled)
        CAPSTAN_CO_CHECK(co_await plane.queue().wait(item, fmt::format("{} is in use by {}", name, drive.leased_by)));
    if (!drive.disabled) co_return std::unexpected(enabled_again(name));
    CAPSTAN_CO_CHECK(plane.queue().start(item, fmt::format("closing {}", name)));
    if (library.disabled() || !library.inventoried()) co_return Result<void>{};  // it is closed
    drive.leased_by = fmt::format("work item {}", raw(item));
    Result<void> outcome;
    if (unload) outcome = co_await library.put_away(drive, item);
    if (outcome) outcome = co_await library.close(drive);
    if (!drive.disabled) outcome = co_await library.reopen(drive);
    drive.leased_by.clear();
    drive.activity = "idle";
    plane.context().changed.notify();
    co_return outcome;
}

Task<Result<void>> disable(ControlPlane& plane, Library& library, WorkItemId item) {
    const auto name = "library " + library.name().text;
    auto in_use = [](Library& of) {
        for (const auto& drive : of.drives())
            if (!drive.leased_by.empty()) return fmt::format("drive {} is in use by {}", drive.settings.name, drive.leased_by);
        return std::string();
    };
    for (auto why = in_use(library); !why.empty() && library.disabled(); why = in_use(library))
        CAPSTAN_CO_CHECK(co_await plane.queue().wait(item, why));
    if (!library.disabled()) co_return std::unexpected(enabled_again(name));
    CAPSTAN_CO_CHECK(plane.queue().start(item, fmt::format("closing {}", name)));
    CAPSTAN_CO_CHECK(co_await library.close());
    if (!library.disabled()) co_return co_await library.refresh();
    co_return Result<void>{};
}

// Into an IE port, after the item was begun: that is somebody's later decision.
Result<bool> was_exported_since(ControlPlane& plane, const pools::Cartridge& cartridge, Wall since) {
    CAPSTAN_TRY(auto entries, pools::Journal(plane.context().store).of(cartridge.id));
    return std::any_of(entries.begin(), entries.end(), [since](const pools::JournalEntry& entry) {
        return entry.act == pools::JournalAct::move && entry.destination.kind == pools::PlaceKind::ie_port && entry.at > since;
    });
}

// `again`: a crash cut it off, and what it had brought in already may still have to be identified.
Task<Result<void>> import_all(ControlPlane& plane, Library& library, bool again, Wall begun, WorkItemId item) {
    CAPSTAN_CO_CHECK(plane.queue().start(item, "looking into the IE ports"));
    CAPSTAN_CO_CHECK(co_await library.refresh());
    pools::Cartridges cartridges(plane.context().store);
    CAPSTAN_CO_TRY(auto here, cartridges.in_library(library.name()));
    std::uint32_t imported = 0;
    for (const auto& cartridge : here) {
        const bool in_port = cartridge.place.kind == pools::PlaceKind::ie_port;
        if (!in_port && !(again && cartridge.must_identify)) continue;
        if (in_port && again) {
            CAPSTAN_CO_TRY(bool exported, was_exported_since(plane, cartridge, begun));
            if (exported) continue;
        }
        if (in_port) {
            CAPSTAN_CO_TRY(auto slot, library.free_slot());
            CAPSTAN_CO_CHECK(co_await library.move(cartridge.id, slot, item));
        }
        ++imported;
        if (cartridge.must_identify && !is_cleaning(cartridge.volume_tag))
            CAPSTAN_CO_CHECK(co_await plane.mounts().identify(cartridge.id, item));
    }
    if (imported == 0 && !again)
        co_return fail(Recovery::ask_operator, fmt::format("no cartridge is in an IE port of library {}", library.name().text),
                       "Put one in and close the port, then repeat the command.");
    co_return Result<void>{};
}

Task<Result<void>> export_one(ControlPlane& plane, Library& library, CartridgeId id, WorkItemId item) {
    CAPSTAN_CO_TRY(auto cartridge, pools::Cartridges(plane.context().store).get(id));
    if (cartridge.place.kind == pools::PlaceKind::ie_port) co_return Result<void>{};
    for (const auto& element : library.changer().last_inventory().elements) {
        if (element.kind != changer::ElementKind::ie_port || element.full || !library.why_foreign(element).empty()) continue;
        pools::Place port{pools::PlaceKind::ie_port, std::to_string(element.number)};
        co_return co_await plane.mounts().move(id, std::move(port), item);
    }
    co_return fail(Recovery::ask_operator, fmt::format("every IE port of library {} holds a cartridge", library.name().text),
                   "Empty one, then repeat the command.");
}

Task<Result<void>> label(ControlPlane& plane, pools::WorkItem item, api::WorkParameters parameters) {
    std::optional<pools::OperatorWord> word;
    if (!parameters.who.empty()) {
        auto seen = pools::from_name<pools::MediumKind>(parameters.seen);
        word = pools::OperatorWord{item.cartridge, parameters.who, parameters.why, seen.value_or(pools::MediumKind::unreadable),
                                   parameters.even_unexpired};
    }
    CAPSTAN_CO_TRY(auto pool, pools::Pools(plane.context().store).get(item.pool));
    co_return co_await plane.mounts().label(item.cartridge, std::move(pool), std::move(word), item.id);
}

Task<Result<void>> move(ControlPlane& plane, pools::WorkItem item, api::WorkParameters parameters, bool again) {
    auto kind = pools::from_name<pools::PlaceKind>(parameters.place_kind);
    if (!kind) co_return fail(Recovery::give_up, fmt::format("work item {} names no place", raw(item.id)));
    // To any slot, and a crash came between the robot's move and its record: it is there.
    CAPSTAN_CO_TRY(auto cartridge, pools::Cartridges(plane.context().store).get(item.cartridge));
    if (again && parameters.place.empty() && cartridge.place.kind == *kind) co_return Result<void>{};
    pools::Place destination{*kind, parameters.place};
    co_return co_await plane.mounts().move(item.cartridge, std::move(destination), item.id);
}

// By what the item says of itself and nothing else: begun now, or gone on with after a crash (`again`).
Task<Result<void>> carry_out(ControlPlane& plane, pools::WorkItem item, bool again) {
    CAPSTAN_CO_TRY(auto parameters, api::decode<api::WorkParameters>(item.parameters, api::UnknownKeys::pass_over));
    auto* library = plane.mounts().library(item.library);
    auto missing = fail(Recovery::change_request, fmt::format("library {} is not in the configuration", item.library.text),
                        "'capstan library list' shows those that are.");
    switch (item.kind) {
        case pools::WorkKind::label:
        case pools::WorkKind::erase: co_return co_await label(plane, std::move(item), std::move(parameters));
        case pools::WorkKind::move: co_return co_await move(plane, std::move(item), std::move(parameters), again);
        case pools::WorkKind::import:
            if (library == nullptr) co_return std::move(missing);
            co_return co_await import_all(plane, *library, again, item.created, item.id);
        case pools::WorkKind::export_:
            if (library == nullptr) co_return std::move(missing);
            co_return co_await export_one(plane, *library, item.cartridge, item.id);
        case pools::WorkKind::inventory: {
            if (library == nullptr) co_return std::move(missing);
            if (item.drive.text.empty()) co_return co_await inventory(plane, *library, parameters.full, item.id);
            auto* drive = library->find_drive(item.drive);
            if (drive == nullptr) co_return fail(Recovery::change_request, fmt::format("there is no drive {}", item.drive.text));
            co_return co_await enable(plane, *library, *drive, item.id);
        }
        case pools::WorkKind::mount:
        case pools::WorkKind::dismount: break;
    }
    co_return fail(Recovery::give_up, fmt::format("work item {} is not an operator's", raw(item.id)));
}

void set_out(ControlPlane& plane, pools::WorkItem item, bool again) {
    auto id = item.id;
    plane.context().loop.spawn(run(plane, id, carry_out(plane, std::move(item), again)));
}

Result<WorkItemId> start(ControlPlane& plane, pools::WorkItem item, const api::WorkParameters& parameters) {
    item.parameters = api::encode(parameters);
    CAPSTAN_TRY(item.id, plane.queue().add(item));
    auto id = item.id;
    set_out(plane, std::move(item), false);
    return id;
}

}  // namespace

Result<void> take_up_operations(ControlPlane& plane) {
    CAPSTAN_TRY(auto items, plane.queue().take_up());
    for (auto& item : items) {
        log::info("work-goes-on", {{"item", std::to_string(raw(item.id))}, {"kind", std::string(pools::name_of(item.kind))}});
        set_out(plane, std::move(item), true);
    }
    return {};
}

Result<WorkItemId> start_inventory(ControlPlane& plane, Library& library, bool full) {
    pools::WorkItem item{.kind = pools::WorkKind::inventory, .library = library.name()};
    return start(plane, std::move(item), {.full = full});
}

Result<WorkItemId> start_enable(ControlPlane& plane, Library& library) {
    CAPSTAN_CHECK(library.set_disabled(std::nullopt));
    return start_inventory(plane, library, false);
}

Result<WorkItemId> start_disable(ControlPlane& plane, Library& library, Library::Drive& drive, pools::Disabled why, bool unload) {
    CAPSTAN_CHECK(library.set_disabled(drive, std::move(why)));
    pools::WorkItem item{.kind = pools::WorkKind::dismount, .library = library.name(), .drive = drive.owner->name()};
    CAPSTAN_TRY(auto id, plane.queue().add(std::move(item)));
    plane.context().loop.spawn(run(plane, id, disable(plane, library, drive, unload, id)));
    return id;
}

Result<WorkItemId> start_disable(ControlPlane& plane, Library& library, pools::Disabled why) {
    CAPSTAN_CHECK(library.set_disabled(std::move(why)));
    pools::WorkItem item{.kind = pools::WorkKind::dismount, .library = library.name()};
    CAPSTAN_TRY(auto id, plane.queue().add(std::move(item)));
    plane.context().loop.spawn(run(plane, id, disable(plane, library, id)));
    return id;
}

Result<WorkItemId> start_enable(ControlPlane& plane, Library& library, Library::Drive& drive) {
    CAPSTAN_CHECK(is_idle(drive));
    pools::WorkItem item{.kind = pools::WorkKind::inventory, .library = library.name(), .drive = drive.owner->name()};
    return start(plane, std::move(item), {});
}

Result<WorkItemId> start_label(ControlPlane& plane, const pools::Cartridge& cartridge, const pools::Pool& pool,
                               std::optional<pools::OperatorWord> word) {
    pools::WorkItem item{
        .kind = pools::WorkKind::label, .library = cartridge.library, .cartridge = cartridge.id, .pool = pool.id};
    api::WorkParameters parameters;
    if (word) {
        parameters.who = word->who;
        parameters.why = word->why;
        parameters.seen = std::string(pools::name_of(word->seen));
        parameters.even_unexpired = word->even_unexpired;
    }
    return start(plane, std::move(item), parameters);
}

Result<WorkItemId> start_move(ControlPlane& plane, const pools::Cartridge& cartridge, pools::Place destination) {
    pools::WorkItem item{.kind = pools::WorkKind::move, .library = cartridge.library, .cartridge = cartridge.id};
    return start(plane, std::move(item),
                 {.place_kind = std::string(pools::name_of(destination.kind)), .place = destination.id});
}

Result<WorkItemId> start_export(ControlPlane& plane, const pools::Cartridge& cartridge) {
    if (plane.mounts().library(cartridge.library) == nullptr)
        return fail(Recovery::change_request, fmt::format("{} is {} already", to_text(cartridge), to_text(cartridge.place)));
    pools::WorkItem item{.kind = pools::WorkKind::export_, .library = cartridge.library, .cartridge = cartridge.id};
    return start(plane, std::move(item), {});
}

Result<WorkItemId> start_import(ControlPlane& plane, Library& library) {
    pools::WorkItem item{.kind = pools::WorkKind::import, .library = library.name()};
    return start(plane, std::move(item), {});
}

}  // namespace capstan::daemon
