// Status, libraries, drives; the inventory as an operator's work.
#include "daemon/describe.hpp"
#include "daemon/handlers.hpp"
#include "daemon/operations.hpp"
#include "daemon/request_parts.hpp"
#include "pools/store/meta.hpp"

#include <fmt/format.h>

namespace capstan::daemon {
namespace {

Result<Library*> library_named(ControlPlane& plane, const std::string& name) {
    if (auto* found = plane.mounts().library(LibraryName{name})) return found;
    for (const auto& settings : plane.settings().libraries)
        if (settings.name == name && !settings.enabled)
            return fail(Recovery::change_request, fmt::format("library {} is disabled in the configuration", name),
                        "Set `enabled: true` there and start the daemon again.");
    std::string names;
    for (auto& library : plane.libraries()) names += (names.empty() ? "" : ", ") + library->name().text;
    return fail(Recovery::change_request, fmt::format("there is no library {}", name),
                fmt::format("There are: {}.", names));
}

Task<Result<api::StatusReply>> status(ControlPlane& plane) {
    api::StatusReply reply;
    reply.version = "0.1.0";
    reply.host = plane.host();
    reply.started = api::time_of(plane.started());
    reply.now = api::time_of(plane.context().clock.wall());
    reply.libraries = describe_libraries(plane);
    reply.drives = describe_drives(plane);
    for (auto id : plane.jobs().running()) {
        CAPSTAN_CO_TRY(auto info, plane.jobs().info(id));
        info.name.clear();  // a job may be named after what it saves; everybody sees the status
        info.reason = info.state == api::JobState::waiting ? info.reason : "";
        reply.jobs.push_back(std::move(info));
    }
    CAPSTAN_CO_TRY(auto requests, plane.queue().requests().submitted());
    for (const auto& request : requests) reply.requests.push_back(describe(plane, request));
    CAPSTAN_CO_TRY(reply.pools, describe_pools(plane));
    CAPSTAN_CO_TRY(auto items, plane.queue().items().unfinished());
    for (const auto& item : items)
        ++(item.state == pools::WorkState::in_process ? reply.queue_running : reply.queue_waiting);
    if (!plane.ready()) reply.warnings.push_back("the daemon is starting: libraries are being inventoried");
    if (plane.context().store.disk_is_full())
        reply.warnings.push_back(fmt::format("the disk under {} is full: nothing can be committed; make space there",
                                             plane.context().store.directory()));
    if (!plane.clock_stop().empty()) reply.warnings.push_back(plane.clock_stop());
    pools::Meta meta(plane.context().store);
    CAPSTAN_CO_TRY(auto stop, meta.overwrite_stop());
    if (!stop.empty()) reply.warnings.push_back(stop);
    for (const auto& library : plane.libraries())
        reply.warnings.insert(reply.warnings.end(), library->remarks().begin(), library->remarks().end());
    for (const auto& library : reply.libraries)
        if (!library.trouble.empty())
            reply.warnings.push_back(fmt::format("library {}: {}", library.name, library.trouble));
    for (const auto& drive : reply.drives)
        if (!drive.trouble.empty()) reply.warnings.push_back(fmt::format("drive {}: {}", drive.name, drive.trouble));
    co_return reply;
}

Task<Result<api::LibraryDetails>> library(ControlPlane& plane, std::string name) {
    CAPSTAN_CO_TRY(auto* found, library_named(plane, name));
    api::LibraryDetails details;
    details.library = describe(plane, *found);
    pools::Cartridges cartridges(plane.context().store);
    CAPSTAN_CO_TRY(auto here, cartridges.in_library(found->name()));
    for (const auto& element : found->changer().last_inventory().elements) {
        api::ElementInfo info;
        info.kind =
            element.kind == changer::ElementKind::ie_port ? "ie_port" : std::string(changer::name_of(element.kind));
        info.number = element.number;
        info.address = raw(element.address);
        info.state = element.exception && !element.full ? "unknown" : element.full ? "full" : "empty";
        info.volume_tag = element.volume_tag.text;
        if (const auto foreign = found->why_foreign(element); !foreign.empty()) {
            info.state = "foreign";
            info.trouble = foreign;
        }
        if (element.exception) info.trouble = fmt::format("the robot reports {}", to_text(*element.exception));
        auto id = std::to_string(element.number);
        if (element.kind == changer::ElementKind::drive)
            for (const auto& drive : found->drives())
                if (drive.settings.element == element.number) info.drive = id = drive.settings.name;
        for (const auto& cartridge : here) {
            bool same =
                cartridge.place.id == id &&
                ((element.kind == changer::ElementKind::slot && cartridge.place.kind == pools::PlaceKind::slot) ||
                 (element.kind == changer::ElementKind::drive && cartridge.place.kind == pools::PlaceKind::drive) ||
                 (element.kind == changer::ElementKind::picker && cartridge.place.kind == pools::PlaceKind::picker) ||
                 (element.kind == changer::ElementKind::ie_port && cartridge.place.kind == pools::PlaceKind::ie_port));
            if (!same) continue;
            auto media = describe(plane, cartridge);
            info.cartridge = media.cartridge;
            info.pool = media.pool;
        }
        details.elements.push_back(std::move(info));
    }
    co_return details;
}

Task<Result<api::Accepted>> inventory(ControlPlane& plane, std::string name, api::InventoryRequest request) {
    CAPSTAN_CO_TRY(auto* found, library_named(plane, name));
    CAPSTAN_CO_TRY(auto item, start_inventory(plane, *found, request.full));
    api::Accepted accepted;
    accepted.work_item = raw(item);
    co_return accepted;
}

Task<Result<api::DriveInfo>> drive(ControlPlane& plane, std::string name) {
    for (auto& info : describe_drives(plane))
        if (info.name == name) co_return info;
    co_return fail(Recovery::change_request, fmt::format("there is no drive {}", name),
                   "'capstan drive list' shows them.");
}

struct FoundDrive {
    Library* library;
    Library::Drive* drive;
};
Result<FoundDrive> drive_named(ControlPlane& plane, const std::string& name) {
    for (auto& library : plane.libraries())
        if (auto* drive = library->find_drive(DriveName{name})) return FoundDrive{library.get(), drive};
    return fail(Recovery::change_request, fmt::format("there is no drive {}", name), "'capstan drive list' shows them.");
}

api::Accepted accepted_as(WorkItemId item) {
    api::Accepted accepted;
    accepted.work_item = raw(item);
    return accepted;
}

Task<Result<api::Accepted>> enable(ControlPlane& plane, std::string name) {
    CAPSTAN_CO_TRY(auto found, drive_named(plane, name));
    if (found.drive->disabled && (!found.drive->leased_by.empty() || found.library->disabled())) {  // nothing to open: it never was closed
        CAPSTAN_CO_CHECK(found.library->set_disabled(*found.drive, std::nullopt));
        co_return api::Accepted{};
    }
    CAPSTAN_CO_TRY(auto item, start_enable(plane, *found.library, *found.drive));
    co_return accepted_as(item);
}

pools::Disabled disabled_by(ControlPlane& plane, const Peer& peer, std::string reason) {
    return {std::move(reason), who_is(peer), plane.context().clock.wall()};
}

Task<Result<api::Accepted>> disable(ControlPlane& plane, std::string name, api::DisableRequest request, Peer peer) {
    CAPSTAN_CO_TRY(auto found, drive_named(plane, name));
    auto why = disabled_by(plane, peer, std::move(request.reason));
    CAPSTAN_CO_TRY(auto item, start_disable(plane, *found.library, *found.drive, std::move(why), request.unload));
    co_return accepted_as(item);
}

Task<Result<api::Accepted>> enable_library(ControlPlane& plane, std::string name) {
    CAPSTAN_CO_TRY(auto* found, library_named(plane, name));
    CAPSTAN_CO_TRY(auto item, start_enable(plane, *found));
    co_return accepted_as(item);
}

Task<Result<api::Accepted>> disable_library(ControlPlane& plane, std::string name, api::DisableRequest request, Peer peer) {
    CAPSTAN_CO_TRY(auto* found, library_named(plane, name));
    auto why = disabled_by(plane, peer, std::move(request.reason));
    CAPSTAN_CO_TRY(auto item, start_disable(plane, *found, std::move(why)));
    co_return accepted_as(item);
}

Task<Result<api::LibraryList>> libraries(ControlPlane& plane) {
    api::LibraryList list;
    list.libraries = describe_libraries(plane);
    co_return list;
}
Task<Result<api::DriveList>> drives_of(ControlPlane& plane) {
    api::DriveList list;
    list.drives = describe_drives(plane);
    co_return list;
}

}  // namespace

void add_status_handlers(Router& router, ControlPlane& plane) {
    router.on(api::kStatus, [&plane](Call, api::None) { return status(plane); });
    router.on(api::kLibraries, [&plane](Call, api::None) { return libraries(plane); });
    router.on(api::kLibrary, [&plane](Call call, api::None) { return library(plane, call.parameters[0]); });
    router.on(api::kInventory, [&plane](Call call, api::InventoryRequest request) {
        return inventory(plane, call.parameters[0], request);
    });
    router.on(api::kDrives, [&plane](Call, api::None) { return drives_of(plane); });
    router.on(api::kDriveEnable, [&plane](Call call, api::None) { return enable(plane, call.parameters[0]); });
    router.on(api::kDriveDisable, [&plane](Call call, api::DisableRequest request) {
        return disable(plane, call.parameters[0], std::move(request), call.peer);
    });
    router.on(api::kLibraryEnable, [&plane](Call call, api::None) { return enable_library(plane, call.parameters[0]); });
    router.on(api::kLibraryDisable, [&plane](Call call, api::DisableRequest request) {
        return disable_library(plane, call.parameters[0], std::move(request), call.peer);
    });
    router.on(api::kDrive, [&plane](Call call, api::None) { return drive(plane, call.parameters[0]); });
}

void add_handlers(Router& router, ControlPlane& plane) {
    add_status_handlers(router, plane);
    add_media_handlers(router, plane);
    add_work_handlers(router, plane);
    add_job_handlers(router, plane);
    add_catalog_handlers(router, plane);
}

}  // namespace capstan::daemon
