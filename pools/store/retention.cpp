// How long sets and media are kept (rule 9), and their way back to Available and Free.
#include "pools/clock_guard.hpp"
#include "pools/store/cartridges.hpp"
#include "pools/store/pool_rows.hpp"
#include "pools/store/set_rows.hpp"
#include "pools/store/sql.hpp"

#include <algorithm>

namespace capstan::pools {
namespace {

// Every set that needs this one, and itself. UNION ends also where damaged rows form a circle.
constexpr std::string_view kNeeders =
    "WITH RECURSIVE needers (number) AS (SELECT number FROM sets WHERE number = $1"
    " UNION SELECT s.number FROM sets s JOIN needers n ON s.based_on = n.number)"
    " SELECT max(s.keep_until) FROM sets s JOIN needers n ON n.number = s.number";

// Why the medium is still kept, or empty.
Result<std::string> why_kept(StateStore& store, const Cartridge& cartridge, Wall now) {
    if (!cartridge.hold.empty()) return "an operator holds it: " + cartridge.hold;
    Sets sets(store);
    CAPSTAN_TRY(const auto on_it, sets.on_cartridge(cartridge.id));
    for (const auto& set : on_it) {
        if (set.state == SetState::running) return fmt::format("set {} is being written", raw(set.number));
        CAPSTAN_TRY(const bool over, sets.expired(set.number, now));
        if (!over) return fmt::format("set {} or a set that needs it has not expired", raw(set.number));
    }
    // Imported, or its sets were never committed: only the label says how long they may be needed.
    if (on_it.empty() && now <= cartridge.side.keep_until)
        return std::string("the database knows no set on it, and its label keeps it longer");
    // An open medium may take sets until its allocation period ends; what was closed takes no more.
    if (cartridge.side.state == SideState::allocated && now <= cartridge.side.appendable_until)
        return std::string("its allocation period has not ended");
    return std::string();
}

}  // namespace

Result<Wall> Sets::kept_until(SetNumber number) {
    CAPSTAN_TRY(auto row, store_.database().query_one(kNeeders, sql::values(raw(number)), "i"));
    if (!row || row->null()) return fail(Recovery::change_request, fmt::format("there is no set {}", raw(number)));
    return row->time();
}

Result<bool> Sets::expired(SetNumber number, Wall now) {
    CAPSTAN_TRY(const auto set, get(number));
    if (set.state == SetState::running) return false;
    CAPSTAN_TRY(const auto until, kept_until(number));
    return until < now;
}

Result<Releasable> releasable(StateStore& store, ClockGuard& clock, Wall now) {
    Releasable result;
    CAPSTAN_TRY(result.stopped, clock.why_stopped());
    if (!result.stopped.empty()) return result;
    // Coarse here, by the index of states; exact for each that is left.
    CAPSTAN_TRY(auto rows,
                store.database().query(
                    "SELECT s.cartridge FROM sides s WHERE s.state IN ('allocated', 'complete') AND NOT EXISTS"
                    " (SELECT 1 FROM set_extents e JOIN sets t ON t.number = e.set_number WHERE"
                    " e.cartridge = s.cartridge AND (t.keep_until >= $1 OR t.state = 'running'))"
                    " ORDER BY s.cartridge",
                    sql::values(now), "i"));
    for (auto& row : rows) {
        const auto id = row.number<CartridgeId>();
        CAPSTAN_TRY(const auto cartridge, Cartridges(store).get(id));
        CAPSTAN_TRY(const auto reason, why_kept(store, cartridge, now));
        if (reason.empty()) result.cartridges.push_back(id);
    }
    return result;
}

Result<void> release_cartridge(StateStore& store, ClockGuard& clock, CartridgeId id, const AuditNote& note) {
    CAPSTAN_TRY(const auto stopped, clock.why_stopped());
    if (!stopped.empty())
        return fail(Recovery::ask_operator, fmt::format("cartridge {} is not released: {}", raw(id), stopped),
                    "Check the time of this machine and confirm it.");
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store));
    Cartridges cartridges(store);
    CAPSTAN_TRY(const auto cartridge, cartridges.get(id));
    CAPSTAN_TRY(const auto kept, why_kept(store, cartridge, note.at));
    if (!kept.empty())
        return fail(Recovery::change_request, fmt::format("{} is not released: {}", to_text(cartridge), kept));
    CAPSTAN_TRY(const auto pool, Pools(store).get(cartridge.pool));
    CAPSTAN_CHECK(cartridges.apply(transaction, id, SideEvent::release, note));
    if (pool.policy.allocations_max != 0 && cartridge.side.allocations >= pool.policy.allocations_max) {
        CAPSTAN_CHECK(cartridges.apply(transaction, id, SideEvent::decommission, note));
    } else if (pool.policy.return_to_free) {
        CAPSTAN_CHECK(cartridges.set_pool(transaction, id, kFreePool, note));
    }
    return transaction.commit();
}

}  // namespace capstan::pools
