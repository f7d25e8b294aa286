#include "daemon/operations.hpp"

#include "config/base/log.hpp"

#include <fmt/format.h>

namespace capstan::daemon {
namespace {

// Runs the work as the item and finishes it.
Task<void> run(ControlPlane& plane, WorkItemId item, Task<Result<void>> work) {
    Result<void> outcome = co_await std::move(work);
    auto finished = plane.queue().finish(item, outcome);
    if (!finished) log::error("work-end-not-recorded", {{"item", std::to_string(raw(item))}, {"error", to_text(finished.error())}});
}

Result<WorkItemId> add(ControlPlane& plane, pools::WorkKind kind, const LibraryName& library, CartridgeId cartridge, PoolId pool) {
    pools::WorkItem item;
    item.kind = kind;
    item.library = library;
    item.cartridge = cartridge;
    item.pool = pool;
    return plane.queue().add(item);
}

Task<Result<void>> inventory(ControlPlane& plane, Library& library, bool full, WorkItemId item) {
    CAPSTAN_CO_CHECK(plane.queue().start(item, "asking the robot what lies where"));
    CAPSTAN_CO_CHECK(co_await library.refresh(full));
    pools::Cartridges cartridges(plane.context().store);
    CAPSTAN_CO_TRY(auto here, cartridges.in_library(library.name()));
    std::vector<CartridgeId> to_read;
    for (const auto& cartridge : here)
        if (full || cartridge.must_identify) to_read.push_back(cartridge.id);
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

Task<Result<void>> enable(ControlPlane& plane, Library& library, Library::Drive& drive, WorkItemId item) {
    auto outcome = plane.queue().start(item, fmt::format("opening drive {} again", drive.settings.name));
    if (outcome) outcome = co_await library.reopen(drive);
    drive.leased_by.clear();
    drive.activity = "idle";
    plane.context().changed.notify();
    co_return outcome;
}

Task<Result<void>> import_all(ControlPlane& plane, Library& library, WorkItemId item) {
    CAPSTAN_CO_CHECK(plane.queue().start(item, "looking into the IE ports"));
    CAPSTAN_CO_CHECK(co_await library.refresh());
    pools::Cartridges cartridges(plane.context().store);
    CAPSTAN_CO_TRY(auto here, cartridges.in_library(library.name()));
    std::uint32_t imported = 0;
    for (const auto& cartridge : here) {
        if (cartridge.place.kind != pools::PlaceKind::ie_port) continue;
        CAPSTAN_CO_TRY(auto slot, library.free_slot());
        CAPSTAN_CO_CHECK(co_await library.move(cartridge.id, slot, item));
        ++imported;
        if (cartridge.must_identify) CAPSTAN_CO_CHECK(co_await plane.mounts().identify(cartridge.id, item));
    }
    if (imported == 0)
        co_return fail(Recovery::ask_operator, fmt::format("no cartridge is in an IE port of library {}", library.name().text),
                       "Put one in and close the port, then repeat the command.");
    co_return Result<void>{};
}

Task<Result<void>> export_one(ControlPlane& plane, Library& library, CartridgeId cartridge, WorkItemId item) {
    for (const auto& element : library.changer().last_inventory().elements) {
        if (element.kind != changer::ElementKind::ie_port || element.full) continue;
        pools::Place port{pools::PlaceKind::ie_port, std::to_string(element.number)};
        co_return co_await plane.mounts().move(cartridge, std::move(port), item);
    }
    co_return fail(Recovery::ask_operator, fmt::format("every IE port of library {} holds a cartridge", library.name().text),
                   "Empty one, then repeat the command.");
}

}  // namespace

Result<WorkItemId> start_inventory(ControlPlane& plane, Library& library, bool full) {
    CAPSTAN_TRY(auto item, add(plane, pools::WorkKind::inventory, library.name(), CartridgeId{}, PoolId{}));
    plane.context().loop.spawn(run(plane, item, inventory(plane, library, full, item)));
    return item;
}

Result<WorkItemId> start_enable(ControlPlane& plane, Library& library, Library::Drive& drive) {
    if (!drive.leased_by.empty())
        return fail(Recovery::change_request, fmt::format("drive {} is in use by {}", drive.settings.name, drive.leased_by),
                    "Wait until that has ended, or cancel it.");
    CAPSTAN_TRY(auto item, add(plane, pools::WorkKind::inventory, library.name(), CartridgeId{}, PoolId{}));
    drive.leased_by = fmt::format("work item {}", raw(item));
    plane.context().loop.spawn(run(plane, item, enable(plane, library, drive, item)));
    return item;
}

Result<WorkItemId> start_label(ControlPlane& plane, const pools::Cartridge& cartridge, const pools::Pool& pool,
                               std::optional<pools::OperatorWord> word) {
    CAPSTAN_TRY(auto item, add(plane, pools::WorkKind::label, cartridge.library, cartridge.id, pool.id));
    plane.context().loop.spawn(run(plane, item, plane.mounts().label(cartridge.id, pool, std::move(word), item)));
    return item;
}

Result<WorkItemId> start_move(ControlPlane& plane, const pools::Cartridge& cartridge, pools::Place destination) {
    CAPSTAN_TRY(auto item, add(plane, pools::WorkKind::move, cartridge.library, cartridge.id, PoolId{}));
    plane.context().loop.spawn(run(plane, item, plane.mounts().move(cartridge.id, std::move(destination), item)));
    return item;
}

Result<WorkItemId> start_export(ControlPlane& plane, const pools::Cartridge& cartridge) {
    auto* library = plane.mounts().library(cartridge.library);
    if (library == nullptr)
        return fail(Recovery::change_request, fmt::format("{} is {} already", to_text(cartridge), to_text(cartridge.place)));
    CAPSTAN_TRY(auto item, add(plane, pools::WorkKind::export_, cartridge.library, cartridge.id, PoolId{}));
    plane.context().loop.spawn(run(plane, item, export_one(plane, *library, cartridge.id, item)));
    return item;
}

Result<WorkItemId> start_import(ControlPlane& plane, Library& library) {
    CAPSTAN_TRY(auto item, add(plane, pools::WorkKind::import, library.name(), CartridgeId{}, PoolId{}));
    plane.context().loop.spawn(run(plane, item, import_all(plane, library, item)));
    return item;
}

}  // namespace capstan::daemon
