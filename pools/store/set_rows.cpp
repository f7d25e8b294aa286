#include "pools/store/set_rows.hpp"

#include "pools/store/cartridges.hpp"
#include "pools/store/meta.hpp"
#include "pools/store/sql.hpp"

namespace capstan::pools {
namespace {

constexpr std::string_view kColumns =
    "SELECT number, uuid, job, name, type, pool, mtf_number, family, file, started, ended, state, end_written,"
    " objects, bytes, not_saved, changed, keep_until, part, based_on FROM sets";
constexpr std::string_view kKinds =
    "itittiiitiiti"
    "iiiiiii";
static_assert(kKinds.size() == 20);

Result<Set> read_set(sql::Row row) {
    Set set;
    set.number = row.number<SetNumber>();
    set.uuid = row.name<Uuid>();
    set.job = row.number<JobId>();
    set.name = row.text();
    set.type = row.text();
    set.pool = row.number<PoolId>();
    set.mtf_number = row.number<std::uint16_t>();
    set.family = row.number<MediaFamilyId>();
    set.file = row.text();
    set.started = row.time();
    set.ended = row.maybe_time();
    set.state = row.named<SetState>();
    set.end_written = row.flag();
    set.objects = row.number<std::uint64_t>();
    set.bytes = row.number<std::uint64_t>();
    set.not_saved = row.number<std::uint64_t>();
    set.changed = row.number<std::uint64_t>();
    set.keep_until = row.time();
    set.part = row.number<std::uint16_t>();
    if (const bool none = row.null(); none)
        row.integer();
    else
        set.based_on = row.number<SetNumber>();
    CAPSTAN_CHECK(row.check("sets"));
    return set;
}

Result<std::vector<Set>> query_sets(sql::Database& database, std::string_view condition,
                                    const sql::Values& parameters) {
    CAPSTAN_TRY(auto rows, database.query(fmt::format("{} {}", kColumns, condition), parameters, kKinds));
    std::vector<Set> sets;
    sets.reserve(rows.size());
    for (auto& row : rows) {
        CAPSTAN_TRY(auto set, read_set(std::move(row)));
        sets.push_back(std::move(set));
    }
    return sets;
}

Result<void> insert_set(WriteTransaction& transaction, const Set& set) {
    CAPSTAN_CHECK(transaction.database().execute(
        "INSERT INTO sets (number, uuid, job, name, type, pool, mtf_number, family, file, started, ended, state, "
        "end_written,"
        " objects, bytes, not_saved, changed, keep_until, part, based_on) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
        "$10, $11,"
        " $12, $13, $14, $15, $16, $17, $18, $19, $20)",
        sql::values(raw(set.number), set.uuid, sql::reference(set.job), set.name, set.type, sql::reference(set.pool),
                    set.mtf_number, raw(set.family), set.file, set.started, set.ended, set.state, set.end_written,
                    set.objects, set.bytes, set.not_saved, set.changed, set.keep_until, set.part,
                    set.based_on ? sql::value_of(raw(*set.based_on)) : sql::Value())));
    return {};
}

}  // namespace

Result<SetNumber> Sets::begin(WriteTransaction& transaction, const Set& set) {
    Set row = set;
    CAPSTAN_TRY(row.number, Meta(store_).take_set(transaction));
    row.state = SetState::running;
    row.end_written = false;
    CAPSTAN_CHECK(insert_set(transaction, row));
    return row.number;
}

Result<Set> Sets::get(SetNumber number) {
    CAPSTAN_TRY(auto sets, query_sets(store_.database(), "WHERE number = $1", sql::values(raw(number))));
    if (sets.empty())
        return fail(Recovery::change_request, fmt::format("there is no set {}", raw(number)),
                    "List them with 'capstan set list'.");
    return std::move(sets.front());
}

Result<std::optional<Set>> Sets::by_uuid(const Uuid& uuid) {
    CAPSTAN_TRY(auto sets, query_sets(store_.database(), "WHERE uuid = $1", sql::values(uuid)));
    if (sets.empty()) return std::nullopt;
    return std::move(sets.front());
}

Result<std::optional<Set>> Sets::newest_in_file(const std::string& path) {
    CAPSTAN_TRY(auto sets, query_sets(store_.database(), "WHERE file = $1 AND file <> '' ORDER BY number DESC LIMIT 1",
                                      sql::values(path)));
    if (sets.empty()) return std::optional<Set>();
    return std::optional(std::move(sets.front()));
}

Result<std::vector<Set>> Sets::by_mtf_number(MediaFamilyId family, std::uint16_t mtf_number) {
    return query_sets(store_.database(), "WHERE family = $1 AND mtf_number = $2 ORDER BY number DESC",
                      sql::values(raw(family), mtf_number));
}

Result<std::vector<Set>> Sets::list(const SetFilter& filter) {
    std::string condition = "WHERE number > 0";
    sql::Values parameters;
    auto add = [&](std::string_view comparison, sql::Value value) {
        parameters.push_back(std::move(value));
        condition += fmt::format(" AND {} ${}", comparison, parameters.size());
    };
    if (raw(filter.before) != 0) add("number <", sql::value_of(raw(filter.before)));
    if (filter.job) add("job =", sql::value_of(raw(*filter.job)));
    if (filter.name) add("name =", sql::value_of(*filter.name));
    if (filter.pool) add("pool =", sql::value_of(raw(*filter.pool)));
    if (filter.state) add("state =", sql::value_of(*filter.state));
    condition += fmt::format(" ORDER BY number DESC LIMIT {}", filter.limit);
    return query_sets(store_.database(), condition, parameters);
}

Result<std::vector<Set>> Sets::of_one_run(const Set& one) {
    constexpr std::string_view kSame = "name = $1 AND type = $2 AND COALESCE(pool, 0) = $3";
    auto bound = [&](std::string_view what, std::string_view where) {
        return store_.database().query_one(
            fmt::format("SELECT COALESCE({}(number), 0) FROM sets WHERE {} AND part = 0 AND {} $4", what, kSame, where),
            sql::values(one.name, one.type, raw(one.pool), raw(one.number)), "i");
    };
    CAPSTAN_TRY(auto first, bound("MAX", "number <="));
    CAPSTAN_TRY(auto next, bound("MIN", "number >"));
    const auto begin = first ? first->integer() : 0;
    const auto end = next ? next->integer() : 0;
    return query_sets(store_.database(),
                      fmt::format("WHERE {} AND number >= $4 AND ($5 = 0 OR number < $6) AND state IN ($7, $8) ORDER BY number", kSame),
                      sql::values(one.name, one.type, raw(one.pool), begin, end, end, SetState::complete, SetState::aborted));
}

Result<std::vector<Set>> Sets::unfinished() {
    return query_sets(store_.database(), "WHERE state = $1 ORDER BY number", sql::values(SetState::running));
}

Result<std::vector<Set>> Sets::on_cartridge(CartridgeId cartridge) {
    return query_sets(
        store_.database(),
        "JOIN set_extents e ON e.set_number = sets.number WHERE e.cartridge = $1 ORDER BY e.first_block, number",
        sql::values(raw(cartridge)));
}

Result<std::vector<SetExtent>> Sets::extents(SetNumber number) {
    CAPSTAN_TRY(auto rows,
                store_.database().query(
                    "SELECT set_number, cartridge, sequence, first_fla, first_block, end_block FROM set_extents"
                    " WHERE set_number = $1 ORDER BY sequence, first_block",
                    sql::values(raw(number)), "iiiiii"));
    std::vector<SetExtent> extents;
    for (auto& row : rows) {
        SetExtent extent;
        extent.set = row.number<SetNumber>();
        extent.cartridge = row.number<CartridgeId>();
        extent.sequence = row.number<std::uint16_t>();
        extent.first_fla = row.number<std::uint64_t>();
        extent.first_block = row.number<BlockNumber>();
        extent.end_block = row.number<BlockNumber>();
        extents.push_back(extent);
    }
    return extents;
}

Result<std::vector<CatalogSegment>> Sets::segments(SetNumber number) { return segments_between(number, number); }

Result<std::vector<CatalogSegment>> Sets::segments_between(SetNumber first, SetNumber last) {
    CAPSTAN_TRY(auto rows,
                store_.database().query("SELECT set_number, ordinal, file_name, objects FROM catalog_segments"
                                        " WHERE set_number >= $1 AND set_number <= $2 ORDER BY set_number, ordinal",
                                        sql::values(raw(first), raw(last)), "iiti"));
    std::vector<CatalogSegment> segments;
    for (auto& row : rows) {
        CatalogSegment segment;
        segment.set = row.number<SetNumber>();
        segment.ordinal = row.number<std::uint32_t>();
        segment.file_name = row.text();
        segment.objects = row.number<std::uint64_t>();
        segments.push_back(std::move(segment));
    }
    return segments;
}

Result<std::vector<std::string>> Sets::segment_files() {
    CAPSTAN_TRY(auto rows,
                store_.database().query("SELECT file_name FROM catalog_segments ORDER BY file_name", {}, "t"));
    std::vector<std::string> names;
    names.reserve(rows.size());
    for (auto& row : rows) names.push_back(row.text());
    return names;
}

Result<void> Sets::forget_segments(WriteTransaction& transaction, SetNumber number) {
    CAPSTAN_CHECK(
        transaction.database().execute("DELETE FROM catalog_segments WHERE set_number = $1", sql::values(raw(number))));
    return {};
}

Result<void> Sets::set_keep_until(WriteTransaction& transaction, SetNumber number, Wall until, const AuditNote& note) {
    CAPSTAN_TRY(const auto before, get(number));
    CAPSTAN_CHECK(transaction.database().change_one("UPDATE sets SET keep_until = $1 WHERE number = $2",
                                                    sql::values(until, raw(number)),
                                                    fmt::format("set {}", raw(number))));
    return Audit(store_).add(transaction,
                             {0, note, CartridgeId{}, fmt::format("keep-until of set {}", raw(number)),
                              fmt::format("{}", sql::to_db(before.keep_until)), fmt::format("{}", sql::to_db(until))});
}

Result<void> Sets::take_in(WriteTransaction& transaction, const Set& set, const std::vector<SetExtent>& extents,
                           const std::vector<CatalogSegment>& segments) {
    auto& database = transaction.database();
    CAPSTAN_CHECK(insert_set(transaction, set));
    CAPSTAN_CHECK(Meta(store_).numbers_seen(transaction, set.number, set.family));
    for (const auto& extent : extents)
        CAPSTAN_CHECK(database.execute(
            "INSERT INTO set_extents (set_number, cartridge, sequence, first_fla, first_block, end_block)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            sql::values(raw(set.number), raw(extent.cartridge), extent.sequence, extent.first_fla,
                        raw(extent.first_block), raw(extent.end_block))));
    for (const auto& segment : segments)
        CAPSTAN_CHECK(
            database.execute("INSERT INTO catalog_segments (set_number, ordinal, file_name, objects)"
                             " VALUES ($1, $2, $3, $4)",
                             sql::values(raw(set.number), segment.ordinal, segment.file_name, segment.objects)));
    return {};
}

}  // namespace capstan::pools
