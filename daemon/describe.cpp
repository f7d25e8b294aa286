#include "daemon/describe.hpp"

#include "config/base/media_types.hpp"
#include "daemon/api/codec.hpp"
#include "pools/store/error_counts.hpp"
#include "pools/store/pool_rows.hpp"
#include "pools/store/set_rows.hpp"
#include "pools/store/work_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace capstan::daemon {

using changer::ElementKind;

std::optional<api::Time> maybe_time(std::optional<Wall> time) {
    if (!time || *time == pools::kForever || *time == Wall{}) return std::nullopt;
    return api::time_of(*time);
}

namespace {
std::string name_of(scsi::Claim claim) {
    switch (claim) {
        case scsi::Claim::not_asked_for: return "off";
        case scsi::Claim::not_offered: return "not_offered";
        case scsi::Claim::held: return "held";
        case scsi::Claim::of_another: return "of_another";
    }
    return {};
}
}  // namespace

api::LibraryInfo describe(ControlPlane& plane, Library& library) {
    api::LibraryInfo info;
    info.name = library.name().text;
    info.enabled = !library.disabled();
    if (library.disabled()) info.disabled = pools::to_text(*library.disabled());
    info.state = library.state();
    const auto& changer = library.settings().changer;
    info.kind = changer.virtual_library ? "virtual" : changer.iscsi ? "iscsi" : "sg";
    const auto& identity = library.changer().identity();
    info.vendor = identity.vendor;
    info.product = identity.product;
    info.revision = identity.revision;
    info.serial = identity.serial;
    info.reservation = name_of(identity.claim);
    if (!library.changer().last_inventory().elements.empty()) {
        if (!identity.reports_tags) info.not_offered.emplace_back("bar codes");
        if (!identity.reports_drive_serials) info.not_offered.emplace_back("serial numbers of its drives");
    }
    for (const auto& element : library.changer().last_inventory().elements) {
        if (!library.why_foreign(element).empty()) {
            ++info.foreign;
            continue;
        }
        switch (element.kind) {
            case ElementKind::slot: ++info.slots, info.slots_full += element.full; break;
            case ElementKind::drive: ++info.drives, info.drives_full += element.full; break;
            case ElementKind::ie_port: ++info.ie_ports, info.ie_ports_full += element.full; break;
            case ElementKind::picker: break;
        }
    }
    if (auto cartridges = pools::Cartridges(plane.context().store).in_library(library.name()))
        info.cartridges = static_cast<std::uint32_t>(cartridges->size());
    info.inventoried = maybe_time(library.inventoried());
    info.trouble = library.trouble();
    return info;
}

std::vector<api::LibraryInfo> describe_libraries(ControlPlane& plane) {
    std::vector<api::LibraryInfo> list;
    for (auto& library : plane.libraries()) list.push_back(describe(plane, *library));
    for (const auto& settings : plane.settings().libraries) {
        if (settings.enabled) continue;
        api::LibraryInfo info;
        info.name = settings.name;
        info.enabled = false;
        info.state = "disabled";
        info.disabled = "disabled in the configuration";
        list.push_back(info);
    }
    return list;
}

namespace {

std::string encryption_of(const drives::DriveOwner& drive) {
    if (!drive.encryption()) return "";
    if (!drive.why_only_read().empty()) return "another_program";
    const bool encrypts = scsi::has_key_of_the_library(*drive.encryption()) || scsi::has_key_of_a_program(*drive.encryption());
    return encrypts ? "library" : "off";
}

void describe_abilities(const drives::DriveIdentity& identity, api::DriveInfo& info) {
    info.kind = identity.kind;
    for (const auto& each : identity.densities) {
        const auto name = name_of_density(each.density);
        auto shown = name.empty() ? fmt::format("density {:02X}h", each.density) : std::string(name);
        if (each.writes) info.writes.push_back(shown);
        info.reads.push_back(std::move(shown));
    }
    info.not_offered = identity.not_offered;
}

// What is left follows from the drive's own percentage; without one, from when it will be given up.
void describe_loading(const drives::DriveOwner::Loading& loading, Steady now, api::DriveInfo& info) {
    constexpr std::int64_t kHundred = 100;
    const auto seconds = [](Steady::duration time) {
        return std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(time).count(), 0);
    };
    const auto so_far = seconds(now - loading.since);
    info.loading = loading.what.empty() ? "loading" : loading.what;
    info.loading_seconds = static_cast<std::uint64_t>(so_far);
    auto left = seconds(loading.limit - now);
    if (loading.percent) {
        info.loading_percent = static_cast<std::uint32_t>(*loading.percent);
        if (*loading.percent > 0) left = std::min(left, so_far * (kHundred - *loading.percent) / *loading.percent);
    }
    info.loading_left_seconds = static_cast<std::uint64_t>(left);
}

}  // namespace

api::DriveInfo describe(ControlPlane& plane, Library& library, const Library::Drive& drive) {
    api::DriveInfo info;
    info.name = drive.settings.name;
    info.library = library.name().text;
    info.element = drive.settings.element;
    const auto& identity = drive.owner->identity();
    info.vendor = identity.vendor;
    info.product = identity.product;
    info.revision = identity.revision;
    info.serial = identity.serial;
    const auto seen = pools::Devices(plane.context().store).of(pools::DeviceSeen::Kind::drive, info.name);
    if (seen && *seen && (*seen)->serial == identity.serial) {
        info.replaced_serial = (*seen)->before;
        info.serial_since = api::time_of((*seen)->seen);
    }
    info.reservation = name_of(identity.claim);
    info.encryption = encryption_of(*drive.owner);
    info.counts_position = identity.counts_position;
    describe_abilities(identity, info);
    if (auto errors = pools::ErrorCounts(plane.context().store).in_drive(drive.owner->name(), identity.serial)) {
        info.cartridges_with_errors = errors->cartridges;
        info.recovered_errors = errors->recovered;
        info.hard_errors = errors->hard;
    }
    if (const auto& loading = drive.owner->loading()) describe_loading(*loading, plane.context().clock.now(), info);
    info.trouble = !drive.trouble.empty() ? drive.trouble : drive.owner->why_faulted();
    if (info.trouble.empty()) info.trouble = drive.foreign;
    info.activity = drive.activity;
    info.job = raw(drive.job);
    if (info.job != 0)
        if (auto job = plane.jobs().info(drive.job)) info.bytes_per_second = job->progress.bytes_per_second;
    if (library.disabled() || drive.disabled) {
        info.enabled = false;
        info.state = "disabled";
        info.disabled = drive.disabled ? pools::to_text(*drive.disabled)
                                       : fmt::format("its library is {}", pools::to_text(*library.disabled()));
    } else if (!info.trouble.empty()) {
        info.state = "needs_service";
    } else if (!drive.cartridge) {
        info.state = "dismounted";
    } else if (!drive.leased_by.empty()) {
        info.state = "loaded";
    } else {
        info.state = "dismountable";
        auto due = drive.idle_since + drive.settings.dismount_delay;
        auto left = std::chrono::duration_cast<std::chrono::seconds>(due - plane.context().clock.now()).count();
        info.dismount_in_seconds = left > 0 ? static_cast<std::uint64_t>(left) : 0;
    }
    if (drive.cartridge) {
        info.cartridge = raw(*drive.cartridge);
        if (auto row = pools::Cartridges(plane.context().store).get(*drive.cartridge))
            info.volume_tag = row->volume_tag.text;
    }
    return info;
}

std::vector<api::DriveInfo> describe_drives(ControlPlane& plane) {
    std::vector<api::DriveInfo> list;
    for (auto& library : plane.libraries())
        for (const auto& drive : library->drives()) list.push_back(describe(plane, *library, drive));
    return list;
}

Result<std::vector<api::PoolInfo>> describe_pools(ControlPlane& plane) {
    constexpr std::chrono::seconds kForEver = std::chrono::years(150);
    auto& store = plane.context().store;
    CAPSTAN_TRY(auto pools, pools::Pools(store).list());
    std::vector<api::PoolInfo> list;
    for (const auto& pool : pools) {
        api::PoolInfo info;
        info.name = pool.name.text;
        info.kind = pool.kind == pools::PoolKind::application ? "application" : "system";
        info.draw_from_free = pool.policy.draw_from_free && pool.kind == pools::PoolKind::application;
        info.return_to_free = pool.policy.return_to_free && pool.kind == pools::PoolKind::application;
        info.block_size = pool.policy.block_size;
        if (pool.policy.keep_for < kForEver)
            info.retention_seconds = static_cast<std::uint64_t>(pool.policy.keep_for.count());
        if (pool.policy.append_for < kForEver)
            info.append_seconds = static_cast<std::uint64_t>(pool.policy.append_for.count());
        for (const auto& settings : plane.settings().pools) info.from_configuration |= settings.name == info.name;
        pools::CartridgeFilter filter;
        filter.pool = pool.id;
        for (;;) {
            CAPSTAN_TRY(auto page, pools::Cartridges(store).list(filter));
            for (const auto& cartridge : page) {
                ++info.total;
                info.bytes_written += cartridge.side.bytes_written;
                switch (cartridge.side.state) {
                    case pools::SideState::available: ++info.available; break;
                    case pools::SideState::allocated: ++info.allocated; break;
                    case pools::SideState::complete: ++info.completed; break;
                    default: ++info.other; break;
                }
            }
            if (page.size() < filter.limit) break;
            filter.after = page.back().id;
        }
        list.push_back(std::move(info));
    }
    return list;
}

namespace {

std::string why_suspect(const pools::Cartridge& cartridge) {
    if (!cartridge.must_identify) return "a write or a position failed: its end is proven before anything is appended";
    const auto& seen = cartridge.side.description;
    return (seen.empty() ? "its label is in doubt" : fmt::format("its label is not there, but {}", seen)) +
           ": nothing is written to it; 'capstan library inventory --full' reads it again";
}

}  // namespace

api::MediaInfo describe(ControlPlane& plane, const pools::Cartridge& cartridge) {
    api::MediaInfo info;
    auto& store = plane.context().store;
    info.cartridge = raw(cartridge.id);
    info.volume_tag = cartridge.volume_tag.text;
    info.media_id = cartridge.side.media_id.text;
    info.label = cartridge.side.media_id.empty() ? "" : cartridge.volume_tag.text;
    if (auto pool = pools::Pools(store).get(cartridge.pool)) info.pool = pool->name.text;
    switch (cartridge.side.state) {
        case pools::SideState::unknown: info.state = "new"; break;
        case pools::SideState::complete: info.state = "completed"; break;
        case pools::SideState::import: info.state = "imported"; break;
        default: info.state = std::string(pools::name_of(cartridge.side.state)); break;
    }
    if (is_cleaning(cartridge.volume_tag)) info.state = "cleaning";
    info.physical_state = "idle";
    if (cartridge.place.kind == pools::PlaceKind::drive) {
        auto* drive = plane.mounts().drive(DriveName{cartridge.place.id});
        info.physical_state = drive == nullptr ? "mounted" : drive->leased_by.empty() ? "loaded" : "in_use";
    }
    info.place = (cartridge.library.empty() ? "" : cartridge.library.text + " ") + to_text(cartridge.place);
    info.library = cartridge.library.text;
    info.capacity = cartridge.side.capacity;
    info.written = cartridge.side.bytes_written;
    if (auto sets = pools::Sets(store).on_cartridge(cartridge.id)) {
        for (const auto& set : *sets) {
            ++info.sets;
            info.sets_expired += set.keep_until <= plane.context().clock.wall();
        }
    }
    info.labelled = maybe_time(cartridge.side.labelled);
    info.last_written = maybe_time(cartridge.side.last_written);
    if (raw(cartridge.side.family) != 0) {
        info.append_until = maybe_time(cartridge.side.appendable_until);
        info.keep_until = maybe_time(cartridge.side.keep_until);
    }
    info.write_protected = cartridge.write_protected;
    if (cartridge.duplicate_tag)
        info.trouble = "another cartridge has the same volume tag: only the label tells them apart";
    if (cartridge.suspect) info.trouble = why_suspect(cartridge);
    if (!cartridge.side.description.empty() && cartridge.side.media_id.empty())
        info.trouble = cartridge.side.description;
    if (!cartridge.hold.empty()) info.trouble = "held: " + cartridge.hold;
    return info;
}

api::OperatorRequest describe(ControlPlane& plane, const pools::OperatorRequest& request) {
    api::OperatorRequest info;
    auto& store = plane.context().store;
    info.id = raw(request.id);
    info.kind = request.kind == pools::RequestKind::mount_this  ? "mount_cartridge"
                : request.kind == pools::RequestKind::new_media ? "new_media"
                                                                : "message";
    info.state =
        request.state == pools::RequestState::complete ? "completed" : std::string(pools::name_of(request.state));
    info.message = request.text;
    info.library = request.library.text;
    if (raw(request.pool) != 0)
        if (auto pool = pools::Pools(store).get(request.pool)) info.pool = pool->name.text;
    if (raw(request.cartridge) != 0)
        if (auto row = pools::Cartridges(store).get(request.cartridge)) info.volume_tag = row->volume_tag.text;
    if (auto item = plane.queue().items().get(request.work_item)) info.job = raw(item->job);
    info.submitted = api::time_of(request.created);
    info.ended = maybe_time(request.ended);
    info.limit = maybe_time(request.deadline);
    info.answer = request.answer;
    return info;
}

api::WorkItem describe(ControlPlane& plane, const pools::WorkItem& item) {
    api::WorkItem info;
    auto& store = plane.context().store;
    info.id = raw(item.id);
    info.operation = item.kind == pools::WorkKind::export_ ? "export" : std::string(pools::name_of(item.kind));
    switch (item.state) {
        case pools::WorkState::in_process: info.state = "running"; break;
        case pools::WorkState::passed: info.state = "completed"; break;
        default: info.state = std::string(pools::name_of(item.state)); break;
    }
    info.library = item.library.text;
    info.drive = item.drive.text;
    info.job = raw(item.job);
    if (raw(item.cartridge) != 0)
        if (auto row = pools::Cartridges(store).get(item.cartridge)) info.volume_tag = to_text(*row);
    if (raw(item.pool) != 0)
        if (auto pool = pools::Pools(store).get(item.pool)) info.pool = pool->name.text;
    info.subject = !info.volume_tag.empty() ? info.volume_tag : !info.pool.empty() ? "pool " + info.pool : info.library;
    info.reason = item.reason;
    for (const auto& [id, request] : plane.queue().open_requests())
        if (request.work_item == item.id) info.request = raw(id), info.advice = request.text;
    if (info.request == 0 && item.state == pools::WorkState::waiting)
        if (const auto asked = plane.mounts().request_for_every_drive(item.writes())) {
            info.request = raw(*asked);
            info.advice = plane.queue().open_requests().at(*asked).text;
        }
    if (const auto* doing = plane.queue().doing(item.id)) {
        info.doing = doing->text;
        info.steps = doing->steps;
        info.steps_done = doing->steps_done;
    }
    info.queued = api::time_of(item.created);
    info.ended = maybe_time(item.finished);
    info.limit = maybe_time(item.deadline);
    info.version = plane.queue().version(item.id) & 0x7FFFFFFF;
    return info;
}

Result<api::SetInfo> describe(ControlPlane& plane, const pools::Set& set) {
    auto& store = plane.context().store;
    api::SetInfo info;
    info.set = raw(set.number);
    info.name = set.name;
    info.type = set.type;
    switch (set.state) {
        case pools::SetState::running: info.state = "writing"; break;
        case pools::SetState::overwritten: info.state = "overwritten"; break;
        case pools::SetState::aborted: info.state = "aborted"; break;
        case pools::SetState::complete: info.state = set.not_saved > 0 ? "incomplete" : "complete"; break;
    }
    if (raw(set.pool) != 0)
        if (auto pool = pools::Pools(store).get(set.pool)) info.pool = pool->name.text;
    info.file = set.file;
    info.job = raw(set.job);
    info.host = plane.host();
    if (auto job = pools::Jobs(store).get(set.job))
        if (auto request = api::decode<api::BackupRequest>(job->parameters, api::UnknownKeys::pass_over))
            info.paths = request->paths;
    pools::Sets sets(store);
    CAPSTAN_TRY(auto extents, sets.extents(set.number));
    for (const auto& extent : extents)
        if (auto row = pools::Cartridges(store).get(extent.cartridge))
            info.media.push_back(row->volume_tag.empty() ? fmt::format("id:{}", raw(row->id)) : row->volume_tag.text);
    info.objects = set.objects;
    info.bytes = set.bytes;
    info.objects_failed = set.not_saved;
    info.started = api::time_of(set.started);
    info.ended = maybe_time(set.ended);
    info.keep_until = maybe_time(set.keep_until);
    info.expired = set.keep_until <= plane.context().clock.wall();
    CAPSTAN_TRY(auto segments, sets.segments(set.number));
    info.catalog = segments.empty() ? "missing" : "present";
    return info;
}

Result<pools::Cartridge> find_cartridge(ControlPlane& plane, const std::string& name) {
    pools::Cartridges cartridges(plane.context().store);
    if (name.starts_with("id:")) {
        std::int64_t number = 0;
        auto end = name.data() + name.size();
        auto parsed = std::from_chars(name.data() + 3, end, number);
        if (parsed.ec != std::errc{} || parsed.ptr != end)
            return fail(Recovery::change_request, fmt::format("'{}' is not a cartridge number", name),
                        "Write it as id:17.");
        return cartridges.get(CartridgeId{number});
    }
    CAPSTAN_TRY(auto found, cartridges.by_tag(VolumeTag{name}));
    if (found.empty())
        return fail(Recovery::change_request, fmt::format("there is no cartridge {}", name),
                    "'capstan media list' shows those that are known.");
    if (found.size() > 1)
        return fail(Recovery::change_request, fmt::format("{} cartridges have the volume tag {}", found.size(), name),
                    fmt::format("Name one by its number: id:{} or id:{}.", raw(found[0].id), raw(found[1].id)));
    return found[0];
}

}  // namespace capstan::daemon
