#include "pools/store/cartridges.hpp"

#include "pools/store/cartridge_codec.hpp"

namespace capstan::pools {

static_assert(kCartridgeKinds.size() == 32);

Result<Cartridge> read_cartridge(sql::Row row) {
    Cartridge c;
    c.id = row.number<CartridgeId>();
    c.volume_tag = row.name<VolumeTag>();
    c.library = row.name<LibraryName>();
    c.place.kind = row.named<PlaceKind>();
    c.place.id = row.text();
    c.mounts = row.number<std::uint64_t>();
    c.write_protected = row.flag();
    c.suspect = row.flag();
    c.duplicate_tag = row.flag();
    c.must_identify = row.flag();
    c.hold = row.text();
    c.created = row.time();
    c.last_mounted = row.maybe_time();
    c.density = row.number<std::uint8_t>();
    c.pool = row.number<PoolId>();
    c.side.state = row.named<SideState>();
    c.side.media_id = row.name<Uuid>();
    c.side.domain_id = row.name<Uuid>();
    c.side.family = row.number<MediaFamilyId>();
    c.side.sequence = row.number<std::uint16_t>();
    c.side.generation = row.number<WriteGeneration>();
    c.side.block_size = row.number<std::uint32_t>();
    c.side.recorded_end = row.number<BlockNumber>();
    c.side.last_set = row.number<std::uint16_t>();
    c.side.appendable_until = row.time();
    c.side.keep_until = row.time();
    c.side.bytes_written = row.number<std::uint64_t>();
    c.side.capacity = row.number<std::uint64_t>();
    c.side.allocations = row.number<std::uint32_t>();
    c.side.description = row.text();
    c.side.labelled = row.maybe_time();
    c.side.last_written = row.maybe_time();
    CAPSTAN_CHECK(row.check("cartridges"));
    return c;
}

Result<std::vector<Cartridge>> query_cartridges(sql::Database& database, std::string_view condition,
                                                const sql::Values& parameters) {
    const auto statement = fmt::format("SELECT {} FROM {} {}", kCartridgeColumns, kCartridgeTables, condition);
    CAPSTAN_TRY(auto rows, database.query(statement, parameters, kCartridgeKinds));
    std::vector<Cartridge> found;
    found.reserve(rows.size());
    for (auto& row : rows) {
        CAPSTAN_TRY(auto cartridge, read_cartridge(std::move(row)));
        found.push_back(std::move(cartridge));
    }
    return found;
}

Result<CartridgeId> Cartridges::add(WriteTransaction& transaction, const Cartridge& c, const AuditNote& note) {
    auto& database = transaction.database();
    CAPSTAN_TRY(
        const auto id,
        database.insert("INSERT INTO cartridges (volume_tag, library, place_kind, place_id, mounts, write_protected,"
                        " suspect, duplicate_tag, must_identify, hold, created, last_mounted, density)"
                        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
                        sql::values(c.volume_tag, c.library, c.place.kind, c.place.id, c.mounts, c.write_protected,
                                    c.suspect, c.duplicate_tag, c.must_identify, c.hold, c.created, c.last_mounted, c.density)));
    const auto& s = c.side;
    CAPSTAN_CHECK(database.execute(
        "INSERT INTO sides (cartridge, pool, state, online, media_id, domain_id, family, sequence, generation, "
        "block_size,"
        " recorded_end, last_set, appendable_until, keep_until, bytes_written, capacity, allocations, description,"
        " labelled, last_written) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, "
        "$18,"
        " $19, $20)",
        sql::values(id, c.pool, s.state, c.place.kind != PlaceKind::offline, s.media_id, s.domain_id, s.family,
                    s.sequence, s.generation, s.block_size, s.recorded_end, s.last_set, s.appendable_until,
                    s.keep_until, s.bytes_written, s.capacity, s.allocations, s.description, s.labelled,
                    s.last_written)));
    CAPSTAN_CHECK(Audit(store_).add(transaction, {0, note, CartridgeId{id}, "added", "",
                                                  fmt::format("{}, {}", to_text(c.place), name_of(s.state))}));
    return CartridgeId{id};
}

Result<Cartridge> Cartridges::get(CartridgeId id) {
    CAPSTAN_TRY(auto found, query_cartridges(store_.database(), "WHERE s.cartridge = $1", sql::values(raw(id))));
    if (found.empty())
        return fail(Recovery::change_request, fmt::format("there is no cartridge {}", raw(id)),
                    "List them with 'capstan media list'.");
    return std::move(found.front());
}

Result<std::vector<Cartridge>> Cartridges::by_tag(const VolumeTag& tag) {
    return query_cartridges(store_.database(), "WHERE c.volume_tag = $1 ORDER BY c.id", sql::values(tag));
}

Result<std::optional<Cartridge>> Cartridges::by_media_id(const Uuid& media_id) {
    if (media_id.empty()) return std::nullopt;
    CAPSTAN_TRY(auto found, query_cartridges(store_.database(), "WHERE s.media_id = $1 AND s.media_id <> ''",
                                             sql::values(media_id)));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

Result<std::optional<Cartridge>> Cartridges::at(const LibraryName& library, const Place& place) {
    if (place.kind == PlaceKind::offline) return std::nullopt;
    CAPSTAN_TRY(auto found, query_cartridges(store_.database(),
                                             "WHERE c.library = $1 AND c.place_kind = $2 AND c.place_id = $3 AND"
                                             " c.place_kind <> 'offline'",
                                             sql::values(library, place.kind, place.id)));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

Result<std::vector<Cartridge>> Cartridges::in_library(const LibraryName& library) {
    return query_cartridges(store_.database(), "WHERE c.library = $1 AND c.place_kind <> 'offline' ORDER BY c.id",
                            sql::values(library));
}

Result<std::vector<Cartridge>> Cartridges::list(const CartridgeFilter& filter) {
    // The filters vary, the placeholders count on.
    std::string condition = "WHERE s.cartridge > $1";
    sql::Values parameters = sql::values(raw(filter.after));
    auto add = [&](std::string_view column, sql::Value value) {
        parameters.push_back(std::move(value));
        condition += fmt::format(" AND {} = ${}", column, parameters.size());
    };
    if (filter.pool) add("s.pool", sql::value_of(*filter.pool));
    if (filter.state) add("s.state", sql::value_of(*filter.state));
    if (filter.library) add("c.library", sql::value_of(*filter.library));
    if (filter.place) add("c.place_kind", sql::value_of(*filter.place));
    condition += fmt::format(" ORDER BY s.cartridge LIMIT {}", filter.limit);
    return query_cartridges(store_.database(), condition, parameters);
}

Result<void> Cartridges::set_place(WriteTransaction& transaction, CartridgeId id, const LibraryName& library,
                                   const Place& place, const AuditNote& note) {
    const bool online = place.kind != PlaceKind::offline;
    if (online == library.empty())
        return fail(Recovery::give_up, fmt::format("cartridge {}: the place {} does not go with the library '{}'",
                                                   raw(id), to_text(place), library.text));
    CAPSTAN_TRY(const auto before, get(id));
    if (before.place == place && before.library == library) return {};
    if (online) {
        CAPSTAN_TRY(const auto there, at(library, place));
        if (there)
            return fail(Recovery::refresh_inventory,
                        fmt::format("library {}: {} cannot be at {}: {} is there", library.text, to_text(before),
                                    to_text(place), to_text(*there)),
                        "Run an inventory of the library.");
    }
    CAPSTAN_CHECK(transaction.database().change_one(
        "UPDATE cartridges SET library = $1, place_kind = $2, place_id = $3 WHERE id = $4",
        sql::values(library, place.kind, place.id, raw(id)), fmt::format("cartridge {}", raw(id))));
    if (online != (before.place.kind != PlaceKind::offline))
        CAPSTAN_CHECK(transaction.database().change_one("UPDATE sides SET online = $1 WHERE cartridge = $2",
                                                        sql::values(online, raw(id)),
                                                        fmt::format("cartridge {}", raw(id))));
    auto text = [](const LibraryName& in, const Place& at) {
        return in.empty() ? to_text(at) : in.text + " " + to_text(at);
    };
    return Audit(store_).add(transaction,
                             {0, note, id, "place", text(before.library, before.place), text(library, place)});
}

Result<void> Cartridges::set_pool(WriteTransaction& transaction, CartridgeId id, PoolId pool, const AuditNote& note) {
    CAPSTAN_TRY(const auto before, get(id));
    if (before.pool == pool) return {};
    const auto state = before.side.state;
    if (pool == kFreePool && (state == SideState::allocated || state == SideState::complete))
        return fail(Recovery::change_request,
                    fmt::format("{} cannot go to the pool Free: it is {}", to_text(before), name_of(state)),
                    "It returns by itself when every set on it has expired.");
    if (pool == kImportPool && state != SideState::import)
        return fail(Recovery::change_request,
                    fmt::format("{} cannot go to the pool Import: it is {}", to_text(before), name_of(state)), "");
    CAPSTAN_CHECK(transaction.database().change_one("UPDATE sides SET pool = $1 WHERE cartridge = $2",
                                                    sql::values(pool, raw(id)), fmt::format("cartridge {}", raw(id))));
    return Audit(store_).add(transaction,
                             {0, note, id, "pool", fmt::format("{}", raw(before.pool)), fmt::format("{}", raw(pool))});
}

Result<SideState> Cartridges::apply(WriteTransaction& transaction, CartridgeId id, SideEvent event,
                                    const AuditNote& note) {
    CAPSTAN_TRY(const auto before, get(id));
    const auto after = next(before.side.state, event);
    if (!after)
        return fail(Recovery::change_request,
                    fmt::format("{}: '{}' is not possible while it is {}", to_text(before), name_of(event),
                                name_of(before.side.state)),
                    "Look at it with 'capstan media show'.");
    const bool allocated = event == SideEvent::allocate;
    if (*after == before.side.state && !allocated) return *after;
    CAPSTAN_CHECK(transaction.database().change_one(
        "UPDATE sides SET state = $1, allocations = allocations + $2 WHERE cartridge = $3",
        sql::values(*after, allocated ? 1 : 0, raw(id)), fmt::format("cartridge {}", raw(id))));
    CAPSTAN_CHECK(Audit(store_).add(
        transaction, {0, note, id, "state", std::string(name_of(before.side.state)), std::string(name_of(*after))}));
    return *after;
}

Result<void> Cartridges::labelled(WriteTransaction& transaction, CartridgeId id, const LabelWritten& label,
                                  const AuditNote& note) {
    CAPSTAN_TRY(const auto before, get(id));
    CAPSTAN_CHECK(apply(transaction, id, SideEvent::labelled, note));
    auto& database = transaction.database();
    // The sets that were on it are gone. Where nothing of one lies elsewhere its catalog goes too (the files at the
    // next start: no row names them any more).
    CAPSTAN_CHECK(
        database.execute("UPDATE sets SET state = 'overwritten' WHERE number IN"
                         " (SELECT set_number FROM set_extents WHERE cartridge = $1)",
                         sql::values(raw(id))));
    CAPSTAN_CHECK(database.execute(
        "DELETE FROM catalog_segments WHERE set_number IN (SELECT set_number FROM set_extents WHERE cartridge = $1)"
        " AND NOT EXISTS (SELECT 1 FROM set_extents other WHERE other.set_number = catalog_segments.set_number AND"
        " other.cartridge <> $2)",
        sql::values(raw(id), raw(id))));
    CAPSTAN_CHECK(database.execute("DELETE FROM set_extents WHERE cartridge = $1", sql::values(raw(id))));
    CAPSTAN_CHECK(database.change_one(
        "UPDATE sides SET media_id = $1, domain_id = $2, family = $3, sequence = $4, generation = $5, block_size = $6,"
        " recorded_end = $7, last_set = 0, appendable_until = $8, keep_until = $9, bytes_written = 0, description = '',"
        " labelled = $10 WHERE cartridge = $11",
        sql::values(label.media_id, store_.domain(), label.family, label.sequence, label.generation, label.block_size,
                    label.recorded_end, label.appendable_until, label.keep_until, note.at, raw(id)),
        fmt::format("cartridge {}", raw(id))));
    CAPSTAN_CHECK(database.change_one("UPDATE cartridges SET suspect = 0, must_identify = 0 WHERE id = $1",
                                      sql::values(raw(id)), fmt::format("cartridge {}", raw(id))));
    auto text = [](MediaFamilyId family, unsigned sequence, WriteGeneration generation) {
        return fmt::format("family {} sequence {} generation {}", raw(family), sequence, raw(generation));
    };
    return Audit(store_).add(
        transaction, {0, note, id, "label", text(before.side.family, before.side.sequence, before.side.generation),
                      text(label.family, label.sequence, label.generation)});
}

}  // namespace capstan::pools
