// All sets of one cartridge, for the rules and for its memory.
#include "pools/store/cartridges.hpp"
#include "pools/store/set_rows.hpp"
#include "pools/store/sql.hpp"

#include <algorithm>

namespace capstan::pools {
namespace {

struct Ending {
    SetOnMedium set;
    BlockNumber end_block{};
    bool here = false;  // its ESET is on this cartridge: it ended with its last extent here
};

Result<std::vector<Ending>> endings(StateStore& store, CartridgeId cartridge) {
    CAPSTAN_TRY(auto rows,
                store.database().query("SELECT t.number, t.uuid, t.keep_until, e.end_block, CASE WHEN t.end_written = 1 AND NOT EXISTS"
                                       " (SELECT 1 FROM set_extents later WHERE later.set_number = e.set_number AND later.sequence > e.sequence)"
                                       " THEN 1 ELSE 0 END FROM set_extents e JOIN sets t ON t.number = e.set_number"
                                       " WHERE e.cartridge = $1 ORDER BY e.end_block, t.number",
                                       sql::values(raw(cartridge)), "itiii"));
    std::vector<Ending> found;
    for (auto& row : rows) {
        Ending ending;
        ending.set.number = row.number<SetNumber>();
        ending.set.uuid = row.name<Uuid>();
        ending.set.keep_until = row.time();
        ending.end_block = row.number<BlockNumber>();
        ending.here = row.flag();
        CAPSTAN_CHECK(row.check("set_extents"));
        found.push_back(std::move(ending));
    }
    return found;
}

// The last set that ended here, and one behind it that did not.
template <class Into>
void take_last(const std::vector<Ending>& all, Into& into) {
    for (const auto& each : all) {
        if (each.here) into.unfinished.reset();
        (each.here ? into.last_closed : into.unfinished) = each.set;
    }
}

}  // namespace

Result<Sets::Summary> Sets::summary_of(CartridgeId cartridge) {
    Summary summary;
    CAPSTAN_TRY(const auto all, endings(store_, cartridge));
    take_last(all, summary);
    CAPSTAN_TRY(const auto on_it, on_cartridge(cartridge));
    for (const auto& set : on_it) {
        CAPSTAN_TRY(const auto until, kept_until(set.number));
        summary.newest_keep_until = std::max(summary.newest_keep_until.value_or(until), until);
        if (set.state == SetState::running) summary.set_running = true;
    }
    return summary;
}

Result<MediumMemory> memory_of_medium(StateStore& store, CartridgeId cartridge) {
    CAPSTAN_TRY(const auto row, Cartridges(store).get(cartridge));
    CAPSTAN_TRY(const auto all, endings(store, cartridge));
    constexpr Wall kNothingIsKept{std::chrono::seconds{1}};
    MediumMemory memory{row.side.media_id, row.side.generation, row.side.recorded_end, kNothingIsKept, {}, {}, false};
    take_last(all, memory);
    for (const auto& each : all) memory.newest_keep_until = std::max(memory.newest_keep_until, each.set.keep_until);
    return memory;
}

}  // namespace capstan::pools
