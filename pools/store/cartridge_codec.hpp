// A cartridge with its side as one row, in one order of columns for every query.
#pragma once

#include "pools/store/sql.hpp"

namespace capstan::pools {

// SELECT kCartridgeColumns FROM kCartridgeTables WHERE …
inline constexpr std::string_view kCartridgeColumns =
    "c.id, c.volume_tag, c.library, c.place_kind, c.place_id, c.mounts, c.write_protected, c.suspect, c.duplicate_tag,"
    " c.must_identify, c.hold, c.created, c.last_mounted, c.density, s.pool, s.state, s.media_id, s.domain_id, s.family, "
    "s.sequence,"
    " s.generation, s.block_size, s.recorded_end, s.last_set, s.appendable_until, s.keep_until, s.bytes_written,"
    " s.capacity, s.allocations, s.description, s.labelled, s.last_written";
inline constexpr std::string_view kCartridgeTables = "sides s JOIN cartridges c ON c.id = s.cartridge";
inline constexpr std::string_view kCartridgeKinds =
    "ittttiiiiitiiiittt"
    "iiiiiiiiiiitii";

Result<std::vector<Cartridge>> query_cartridges(sql::Database& database, std::string_view condition,
                                                const sql::Values& parameters);
Result<Cartridge> read_cartridge(sql::Row row);

}  // namespace capstan::pools
