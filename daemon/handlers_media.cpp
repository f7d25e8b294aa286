// Cartridges and pools.
#include "config/units.hpp"
#include "daemon/describe.hpp"
#include "daemon/handlers.hpp"
#include "daemon/operations.hpp"
#include "daemon/request_parts.hpp"
#include "pools/store/error_counts.hpp"
#include "pools/store/pool_rows.hpp"
#include "pools/store/set_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace capstan::daemon {
namespace {

// What `media show` tells an operator of the contents: his word is for that, and for nothing else that is found there.
pools::MediumKind shown_contents(const pools::Cartridge& cartridge) {
    const auto& side = cartridge.side;
    if (!side.media_id.empty() || side.state == pools::SideState::import) return pools::MediumKind::capstan;
    if (side.state != pools::SideState::unrecognized) return pools::MediumKind::unreadable;
    if (side.description.empty()) return pools::MediumKind::blank;
    return side.description.find("unreadable") == std::string::npos ? pools::MediumKind::foreign
                                                                    : pools::MediumKind::unreadable;
}

Task<Result<api::MediaList>> media(ControlPlane& plane, api::MediaQuery query) {
    auto& store = plane.context().store;
    pools::CartridgeFilter filter;
    filter.limit = std::clamp<std::uint32_t>(query.limit, 1, 10000);
    if (!query.pool.empty()) {
        CAPSTAN_CO_TRY(auto pool, pools::Pools(store).by_name(PoolName{query.pool}));
        filter.pool = pool.id;
    }
    if (!query.library.empty()) filter.library = LibraryName{query.library};
    std::int64_t after = 0;
    std::from_chars(query.cursor.data(), query.cursor.data() + query.cursor.size(), after);
    filter.after = CartridgeId{after};
    CAPSTAN_CO_TRY(auto page, pools::Cartridges(store).list(filter));
    api::MediaList list;
    for (const auto& cartridge : page) {
        auto info = describe(plane, cartridge);
        if (query.state.empty() || info.state == query.state) list.media.push_back(std::move(info));
    }
    if (page.size() == filter.limit) list.next = std::to_string(raw(page.back().id));
    co_return list;
}

Task<Result<api::MediaDetails>> medium(ControlPlane& plane, std::string name) {
    auto& store = plane.context().store;
    CAPSTAN_CO_TRY(auto cartridge, find_cartridge(plane, name));
    api::MediaDetails details;
    details.medium = describe(plane, cartridge);
    details.family = raw(cartridge.side.family);
    details.sequence = cartridge.side.sequence;
    details.generation = raw(cartridge.side.generation);
    details.block_size = cartridge.side.block_size;
    details.recorded_end = raw(cartridge.side.recorded_end);
    pools::Sets sets(store);
    CAPSTAN_CO_TRY(auto here, sets.on_cartridge(cartridge.id));
    for (const auto& set : here) {
        CAPSTAN_CO_TRY(auto extents, sets.extents(set.number));
        for (const auto& extent : extents) {
            if (extent.cartridge != cartridge.id) continue;
            api::SetOnMedium row;
            row.set = raw(set.number);
            row.name = set.name;
            row.first_block = raw(extent.first_block);
            row.end_block = raw(extent.end_block);
            row.part = static_cast<std::uint32_t>(&extent - extents.data()) + 1;
            row.written = api::time_of(set.started);
            row.keep_until = maybe_time(set.keep_until);
            details.sets.push_back(std::move(row));
        }
    }
    CAPSTAN_CO_TRY(const auto errors, pools::ErrorCounts(store).of(cartridge.id));
    for (const auto& each : errors) details.errors.push_back({each.drive.text, each.recovered, each.hard, api::time_of(each.last)});
    CAPSTAN_CO_TRY(auto audit, pools::Audit(store).of(cartridge.id));
    for (auto row = audit.rbegin(); row != audit.rend(); ++row)
        details.history.push_back(fmt::format("{}  {}: {} -> {}  ({}: {})", api::time_text(api::time_of(row->note.at)),
                                              row->what, row->before, row->after, row->note.who, row->note.why));
    co_return details;
}

std::unexpected<Error> refuse_cleaning(const pools::Cartridge& cartridge) {
    return fail(Recovery::change_request, fmt::format("{} is a cleaning cartridge; nothing is written to it", to_text(cartridge)),
                "A drive that asks to be cleaned gets it from the library itself (auto clean), or by hand.");
}

// Which cartridges a label command means: those named, or every one that is known to be blank or was never looked at.
Result<std::vector<pools::Cartridge>> chosen_for_label(ControlPlane& plane, const api::LabelRequest& request,
                                                       api::WorkAccepted& accepted) {
    std::vector<pools::Cartridge> chosen;
    for (const auto& name : request.media) {
        CAPSTAN_TRY(auto cartridge, find_cartridge(plane, name));
        if (is_cleaning(cartridge.volume_tag)) return refuse_cleaning(cartridge);
        chosen.push_back(std::move(cartridge));
    }
    if (!request.media.empty()) return chosen;
    if (request.overwrite)
        return fail(Recovery::change_request, "overwriting is only for cartridges that are named one by one",
                    "Name each cartridge.");
    for (auto& library : plane.libraries()) {
        if (!request.library.empty() && library->name().text != request.library) continue;
        CAPSTAN_TRY(auto here, pools::Cartridges(plane.context().store).in_library(library->name()));
        for (auto& cartridge : here) {
            if (!cartridge.side.media_id.empty()) continue;
            if (is_cleaning(cartridge.volume_tag)) {
                accepted.notes.push_back(fmt::format("{} is a cleaning cartridge", to_text(cartridge)));
                continue;
            }
            chosen.push_back(std::move(cartridge));
        }
    }
    if (chosen.empty()) accepted.notes.push_back("every cartridge in the library has a label already");
    return chosen;
}

Task<Result<api::WorkAccepted>> label(ControlPlane& plane, api::LabelRequest request, Peer peer) {
    pools::Pools pools(plane.context().store);
    CAPSTAN_CO_TRY(auto pool, pools.get(pools::kFreePool));
    if (!request.pool.empty()) {
        CAPSTAN_CO_TRY(pool, pools.by_name(PoolName{request.pool}));
    }
    if (pool.kind == pools::PoolKind::import || pool.kind == pools::PoolKind::unrecognized)
        co_return fail(Recovery::change_request, fmt::format("nothing is labelled into pool {}", pool.name.text),
                       "Choose Free or an application pool.");
    api::WorkAccepted accepted;
    CAPSTAN_CO_TRY(auto chosen, chosen_for_label(plane, request, accepted));
    for (const auto& cartridge : chosen) {
        std::optional<pools::OperatorWord> word;
        if (request.overwrite)
            word = pools::OperatorWord{cartridge.id, who_is(peer), "media label --overwrite", shown_contents(cartridge),
                                       false};
        CAPSTAN_CO_TRY(auto item, start_label(plane, cartridge, pool, std::move(word)));
        accepted.work_items.push_back(raw(item));
    }
    co_return accepted;
}

Task<Result<api::Accepted>> move(ControlPlane& plane, std::string name, api::MoveRequest request, Peer peer) {
    CAPSTAN_CO_TRY(auto cartridge, find_cartridge(plane, name));
    api::Accepted accepted;
    if (!request.pool.empty()) {
        auto& store = plane.context().store;
        CAPSTAN_CO_TRY(auto pool, pools::Pools(store).by_name(PoolName{request.pool}));
        if (cartridge.side.state != pools::SideState::available)
            co_return fail(Recovery::change_request,
                           fmt::format("{} is {}: only an available cartridge changes its pool", to_text(cartridge),
                                       pools::name_of(cartridge.side.state)),
                           "Label it first ('capstan media label'), or wait until its sets have expired.");
        CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(store));
        pools::AuditNote note{who_is(peer), "media move", plane.context().clock.wall()};
        CAPSTAN_CO_CHECK(pools::Cartridges(store).set_pool(transaction, cartridge.id, pool.id, note));
        CAPSTAN_CO_CHECK(transaction.commit());
        plane.context().changed.notify();
        co_return accepted;
    }
    pools::Place destination{pools::PlaceKind::slot, request.slot == 0 ? "" : std::to_string(request.slot)};
    CAPSTAN_CO_TRY(auto item, start_move(plane, cartridge, std::move(destination)));
    accepted.work_item = raw(item);
    co_return accepted;
}

Task<Result<api::Accepted>> import_media(ControlPlane& plane, api::ImportRequest request) {
    Library* library = nullptr;
    if (request.library.empty()) {
        if (plane.libraries().size() != 1)
            co_return fail(Recovery::change_request, "there is more than one library", "Name it: --library NAME.");
        library = plane.libraries().front().get();
    } else {
        library = plane.mounts().library(LibraryName{request.library});
    }
    if (library == nullptr)
        co_return fail(Recovery::change_request, fmt::format("there is no library {}", request.library));
    CAPSTAN_CO_TRY(auto item, start_import(plane, *library));
    api::Accepted accepted;
    accepted.work_item = raw(item);
    co_return accepted;
}

Task<Result<api::Accepted>> export_medium(ControlPlane& plane, std::string name) {
    CAPSTAN_CO_TRY(auto cartridge, find_cartridge(plane, name));
    CAPSTAN_CO_TRY(auto item, start_export(plane, cartridge));
    api::Accepted accepted;
    accepted.work_item = raw(item);
    co_return accepted;
}

// The label is made void by a free label over it: the rules, or the operator's word, decide as for every label.
Task<Result<api::Accepted>> erase(ControlPlane& plane, std::string name, api::EraseRequest request, Peer peer) {
    if (request.whole)
        co_return fail(Recovery::change_request, "erasing the whole medium is not available in this version",
                       "Leave out --whole.");
    CAPSTAN_CO_TRY(auto cartridge, find_cartridge(plane, name));
    if (is_cleaning(cartridge.volume_tag)) co_return refuse_cleaning(cartridge);
    CAPSTAN_CO_TRY(auto pool, pools::Pools(plane.context().store).get(pools::kFreePool));
    std::optional<pools::OperatorWord> word;
    if (request.overwrite)
        word =
            pools::OperatorWord{cartridge.id, who_is(peer), "media erase --overwrite", shown_contents(cartridge), true};
    CAPSTAN_CO_TRY(auto item, start_label(plane, cartridge, pool, std::move(word)));
    api::Accepted accepted;
    accepted.work_item = raw(item);
    co_return accepted;
}

Task<Result<api::MediaInfo>> retire(ControlPlane& plane, std::string name, Peer peer) {
    auto& store = plane.context().store;
    CAPSTAN_CO_TRY(auto cartridge, find_cartridge(plane, name));
    CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(store));
    pools::AuditNote note{who_is(peer), "media retire", plane.context().clock.wall()};
    pools::Cartridges cartridges(store);
    auto applied = cartridges.apply(transaction, cartridge.id, pools::SideEvent::decommission, note);
    if (!applied) co_return std::unexpected(applied.error());
    CAPSTAN_CO_CHECK(transaction.commit());
    CAPSTAN_CO_TRY(cartridge, cartridges.get(cartridge.id));
    co_return describe(plane, cartridge);
}

Task<Result<api::Accepted>> adopt(std::string name) {
    co_return fail(Recovery::change_request, fmt::format("{} cannot be adopted in this version", name),
                   "Read it with 'capstan mtf list' and 'capstan mtf extract'.");
}

Result<pools::PoolPolicy> changed_policy(pools::PoolPolicy policy, const api::PoolChange& change) {
    constexpr std::chrono::seconds kForEver = std::chrono::years(200);
    if (change.draw_from_free) policy.draw_from_free = *change.draw_from_free;
    if (change.return_to_free) policy.return_to_free = *change.return_to_free;
    if (change.block_size) policy.block_size = *change.block_size;
    if (policy.block_size < 65536 || policy.block_size > 1048576 || (policy.block_size & (policy.block_size - 1)) != 0)
        return fail(Recovery::change_request, fmt::format("{} is no block size", policy.block_size),
                    "Use 64KiB, 128KiB, 256KiB, 512KiB or 1MiB.");
    auto period = [&](const std::string& text) -> Result<std::chrono::seconds> {
        if (text == "forever" || text == "true") return kForEver;
        if (text == "false") return std::chrono::seconds{0};
        auto parsed = config::parse_duration(text);
        if (!parsed)
            return fail(Recovery::change_request, fmt::format("'{}' is no time", text),
                        "Write it as 12h, 30d, 1y or forever.");
        return *parsed;
    };
    if (change.retention) {
        CAPSTAN_TRY(policy.keep_for, period(*change.retention));
    }
    if (change.append) {
        CAPSTAN_TRY(policy.append_for, period(*change.append));
    }
    return policy;
}

Task<Result<api::PoolInfo>> pool_info(ControlPlane& plane, std::string name) {
    CAPSTAN_CO_TRY(auto list, describe_pools(plane));
    for (auto& info : list)
        if (info.name == name) co_return info;
    auto missing = pools::Pools(plane.context().store).by_name(PoolName{name});
    if (!missing) co_return std::unexpected(missing.error());
    co_return fail(Recovery::give_up, fmt::format("pool {} vanished", name));
}

Task<Result<api::PoolList>> pool_list(ControlPlane& plane) {
    api::PoolList list;
    CAPSTAN_CO_TRY(list.pools, describe_pools(plane));
    co_return list;
}

Task<Result<api::PoolInfo>> pool_create(ControlPlane& plane, api::PoolChange change) {
    auto& store = plane.context().store;
    pools::Pool pool;
    pool.name = PoolName{change.name};
    if (change.name.empty()) co_return fail(Recovery::change_request, "a pool needs a name");
    // What is not said is as in a configuration file.
    const config::PoolSettings defaults;
    constexpr std::chrono::seconds kForEver = std::chrono::years(200);
    pool.policy.append_for = defaults.append.value_or(kForEver);
    pool.policy.keep_for = defaults.retention.value_or(kForEver);
    CAPSTAN_CO_TRY(pool.policy, changed_policy(pool.policy, change));
    {
        CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(store));
        auto created = pools::Pools(store).create(transaction, pool);
        if (!created) co_return std::unexpected(created.error());
        CAPSTAN_CO_CHECK(transaction.commit());
    }
    co_return co_await pool_info(plane, change.name);
}

Result<pools::Pool> own_pool(ControlPlane& plane, const std::string& name) {
    CAPSTAN_TRY(auto pool, pools::Pools(plane.context().store).by_name(PoolName{name}));
    for (const auto& settings : plane.settings().pools)
        if (settings.name == name)
            return fail(Recovery::change_request, fmt::format("pool {} stands in the configuration file", name),
                        "Change it there and start the daemon again.");
    if (pool.kind != pools::PoolKind::application)
        return fail(Recovery::change_request, fmt::format("pool {} belongs to the system", name));
    return pool;
}

Task<Result<api::PoolInfo>> pool_set(ControlPlane& plane, std::string name, api::PoolChange change) {
    auto& store = plane.context().store;
    CAPSTAN_CO_TRY(auto pool, own_pool(plane, name));
    CAPSTAN_CO_TRY(auto policy, changed_policy(pool.policy, change));
    {
        CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(store));
        CAPSTAN_CO_CHECK(pools::Pools(store).set_policy(transaction, pool.id, policy));
        CAPSTAN_CO_CHECK(transaction.commit());
    }
    co_return co_await pool_info(plane, name);
}

Task<Result<api::None>> pool_delete(ControlPlane& plane, std::string name) {
    auto& store = plane.context().store;
    CAPSTAN_CO_TRY(auto pool, own_pool(plane, name));
    CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(store));
    CAPSTAN_CO_CHECK(pools::Pools(store).remove(transaction, pool.id));
    CAPSTAN_CO_CHECK(transaction.commit());
    co_return api::None{};
}

}  // namespace

void add_media_handlers(Router& router, ControlPlane& plane) {
    router.on(api::kMedia, [&plane](Call, api::MediaQuery query) { return media(plane, std::move(query)); });
    router.on(api::kMedium, [&plane](Call call, api::None) { return medium(plane, call.parameters[0]); });
    router.on(api::kLabel,
              [&plane](Call call, api::LabelRequest request) { return label(plane, std::move(request), call.peer); });
    router.on(api::kMove, [&plane](Call call, api::MoveRequest request) {
        return move(plane, call.parameters[0], std::move(request), call.peer);
    });
    router.on(api::kImport,
              [&plane](Call, api::ImportRequest request) { return import_media(plane, std::move(request)); });
    router.on(api::kExport,
              [&plane](Call call, api::None) { return export_medium(plane, call.parameters[0]); });
    router.on(api::kErase, [&plane](Call call, api::EraseRequest request) {
        return erase(plane, call.parameters[0], request, call.peer);
    });
    router.on(api::kRetire, [&plane](Call call, api::None) { return retire(plane, call.parameters[0], call.peer); });
    router.on(api::kAdopt, [](Call call, api::AdoptRequest) { return adopt(call.parameters[0]); });
    router.on(api::kPools, [&plane](Call, api::None) { return pool_list(plane); });
    router.on(api::kPool, [&plane](Call call, api::None) { return pool_info(plane, call.parameters[0]); });
    router.on(api::kPoolCreate,
              [&plane](Call, api::PoolChange change) { return pool_create(plane, std::move(change)); });
    router.on(api::kPoolSet, [&plane](Call call, api::PoolChange change) {
        return pool_set(plane, call.parameters[0], std::move(change));
    });
    router.on(api::kPoolDelete, [&plane](Call call, api::None) { return pool_delete(plane, call.parameters[0]); });
}

}  // namespace capstan::daemon
