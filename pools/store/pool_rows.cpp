#include "pools/store/pool_rows.hpp"

#include "pools/store/meta.hpp"
#include "pools/store/sql.hpp"

#include <algorithm>

namespace capstan::pools {
namespace {

constexpr std::string_view kPoolColumns =
    "SELECT id, name, kind, draw_from_free, return_to_free, block_size, append_for, keep_for, family_media_max,"
    " allocations_max FROM pools";
constexpr std::string_view kPoolKinds = "ittiiiiiii";

Result<Pool> read_pool(sql::Row row) {
    Pool pool;
    pool.id = row.number<PoolId>();
    pool.name = row.name<PoolName>();
    pool.kind = row.named<PoolKind>();
    pool.policy.draw_from_free = row.flag();
    pool.policy.return_to_free = row.flag();
    pool.policy.block_size = row.number<std::uint32_t>();
    pool.policy.append_for = std::chrono::seconds(row.integer());
    pool.policy.keep_for = std::chrono::seconds(row.integer());
    pool.policy.family_media_max = row.number<std::uint32_t>();
    pool.policy.allocations_max = row.number<std::uint32_t>();
    CAPSTAN_CHECK(row.check("pools"));
    return pool;
}

sql::Values policy_values(const PoolPolicy& policy) {
    return sql::values(policy.draw_from_free, policy.return_to_free, policy.block_size, policy.append_for.count(),
                       policy.keep_for.count(), policy.family_media_max, policy.allocations_max);
}

constexpr std::string_view kFamilyColumns =
    "SELECT id, pool, opened, appendable_until, keep_until, media_count, last_set, closed FROM families";
constexpr std::string_view kFamilyKinds = "iiiiiiii";

MediaFamily read_family(sql::Row row) {
    MediaFamily family;
    family.id = row.number<MediaFamilyId>();
    family.pool = row.number<PoolId>();
    family.opened = row.time();
    family.appendable_until = row.time();
    family.keep_until = row.time();
    family.media_count = row.number<std::uint16_t>();
    family.last_set = row.number<std::uint16_t>();
    family.closed = row.flag();
    return family;
}

// Without running past the end of time.
Wall later(Wall from, std::chrono::seconds by) {
    const auto room = std::chrono::duration_cast<std::chrono::seconds>(kForever - from);
    return by >= room ? kForever : from + by;
}

std::string family_text(MediaFamilyId id) { return fmt::format("media family {}", raw(id)); }

}  // namespace

Result<PoolId> Pools::create(WriteTransaction& transaction, const Pool& pool) {
    auto& database = transaction.database();
    if (pool.name.empty() || pool.kind != PoolKind::application)
        return fail(Recovery::change_request, fmt::format("pool '{}' cannot be created", pool.name.text),
                    "Give a name; the system pools exist already.");
    CAPSTAN_TRY(auto same, database.query_one("SELECT id FROM pools WHERE name = $1", sql::values(pool.name), "i"));
    if (same)
        return fail(Recovery::change_request, fmt::format("pool {} exists already", pool.name.text),
                    "Choose another name.");
    auto parameters = sql::values(pool.name, pool.kind);
    const auto policy = policy_values(pool.policy);
    parameters.insert(parameters.end(), policy.begin(), policy.end());
    CAPSTAN_TRY(const auto id,
                database.insert(
                    "INSERT INTO pools (name, kind, draw_from_free, return_to_free, block_size, append_for, keep_for,"
                    " family_media_max, allocations_max) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
                    parameters));
    return PoolId{id};
}

Result<Pool> Pools::get(PoolId id) {
    CAPSTAN_TRY(auto row, store_.database().query_one(fmt::format("{} WHERE id = $1", kPoolColumns),
                                                      sql::values(raw(id)), kPoolKinds));
    if (!row)
        return fail(Recovery::change_request, fmt::format("there is no pool {}", raw(id)),
                    "List them with 'capstan pool list'.");
    return read_pool(std::move(*row));
}

Result<Pool> Pools::by_name(const PoolName& name) {
    CAPSTAN_TRY(auto row, store_.database().query_one(fmt::format("{} WHERE name = $1", kPoolColumns),
                                                      sql::values(name), kPoolKinds));
    if (row) return read_pool(std::move(*row));
    CAPSTAN_TRY(const auto all, list());
    std::string names;
    for (const auto& pool : all) names += (names.empty() ? "" : ", ") + pool.name.text;
    return fail(Recovery::change_request, fmt::format("there is no pool '{}'", name.text), "There are: " + names + ".");
}

Result<std::vector<Pool>> Pools::list() {
    CAPSTAN_TRY(auto rows, store_.database().query(fmt::format("{} ORDER BY id", kPoolColumns), {}, kPoolKinds));
    std::vector<Pool> pools;
    for (auto& row : rows) {
        CAPSTAN_TRY(auto pool, read_pool(std::move(row)));
        pools.push_back(std::move(pool));
    }
    return pools;
}

Result<void> Pools::set_policy(WriteTransaction& transaction, PoolId id, const PoolPolicy& policy) {
    auto parameters = policy_values(policy);
    parameters.push_back(sql::value_of(raw(id)));
    return transaction.database().change_one(
        "UPDATE pools SET draw_from_free = $1, return_to_free = $2, block_size = $3, append_for = $4, keep_for = $5,"
        " family_media_max = $6, allocations_max = $7 WHERE id = $8 AND kind = 'application'",
        parameters, fmt::format("application pool {}", raw(id)));
}

Result<void> Pools::remove(WriteTransaction& transaction, PoolId id) {
    CAPSTAN_TRY(const auto pool, get(id));
    auto& database = transaction.database();
    if (pool.kind != PoolKind::application)
        return fail(Recovery::change_request,
                    fmt::format("pool {} belongs to the system and is not deleted", pool.name.text));
    CAPSTAN_TRY(const auto used,
                database.query_one(
                    "SELECT (SELECT count(*) FROM sides WHERE pool = $1) + (SELECT count(*) FROM sets WHERE pool = $2)",
                    sql::values(raw(id), raw(id)), "i"));
    if (sql::Row(*used).integer() != 0)
        return fail(Recovery::change_request, fmt::format("pool {} still has cartridges or sets", pool.name.text),
                    "Move its cartridges to another pool first.");
    CAPSTAN_CHECK(database.execute("DELETE FROM families WHERE pool = $1", sql::values(raw(id))));
    return database.change_one("DELETE FROM pools WHERE id = $1", sql::values(raw(id)), "pool " + pool.name.text);
}

Result<PoolId> Pools::ensure(WriteTransaction& transaction, const PoolName& name, const PoolPolicy& policy) {
    CAPSTAN_TRY(auto row, transaction.database().query_one(fmt::format("{} WHERE name = $1", kPoolColumns),
                                                           sql::values(name), kPoolKinds));
    if (!row) return create(transaction, Pool{PoolId{}, name, PoolKind::application, policy});
    CAPSTAN_TRY(const auto pool, read_pool(std::move(*row)));
    if (pool.policy != policy) CAPSTAN_CHECK(set_policy(transaction, pool.id, policy));
    return pool.id;
}

Result<MediaFamily> Families::begin(WriteTransaction& transaction, const Pool& pool, Wall now) {
    CAPSTAN_TRY(const auto id, Meta(store_).take_family(transaction));
    CAPSTAN_CHECK(transaction.database().execute(
        "UPDATE families SET closed = 1 WHERE pool = $1 AND closed = 0 AND appendable_until < $2",
        sql::values(raw(pool.id), now)));
    MediaFamily family;
    family.id = id;
    family.pool = pool.id;
    family.opened = now;
    family.appendable_until = later(now, pool.policy.append_for);
    family.keep_until = later(family.appendable_until, pool.policy.keep_for);
    CAPSTAN_CHECK(transaction.database().execute(
        "INSERT INTO families (id, pool, opened, appendable_until, keep_until, media_count, last_set, closed)"
        " VALUES ($1, $2, $3, $4, $5, 0, 0, 0)",
        sql::values(raw(family.id), raw(family.pool), family.opened, family.appendable_until, family.keep_until)));
    return family;
}

Result<MediaFamily> Families::get(MediaFamilyId id) {
    CAPSTAN_TRY(auto row, store_.database().query_one(fmt::format("{} WHERE id = $1", kFamilyColumns),
                                                      sql::values(raw(id)), kFamilyKinds));
    if (!row) return fail(Recovery::change_request, fmt::format("there is no {}", family_text(id)));
    return read_family(std::move(*row));
}

Result<std::vector<MediaFamily>> Families::open_of(PoolId pool) {
    CAPSTAN_TRY(auto rows,
                store_.database().query(fmt::format("{} WHERE pool = $1 AND closed = 0 ORDER BY id", kFamilyColumns),
                                        sql::values(raw(pool)), kFamilyKinds));
    std::vector<MediaFamily> families;
    for (auto& row : rows) families.push_back(read_family(std::move(row)));
    return families;
}

Result<void> Families::medium_added(WriteTransaction& transaction, MediaFamilyId id, std::uint16_t sequence) {
    CAPSTAN_TRY(const auto family, get(id));
    const auto count = std::max(family.media_count, sequence);
    return transaction.database().change_one("UPDATE families SET media_count = $1 WHERE id = $2",
                                             sql::values(count, raw(id)), family_text(id));
}

Result<std::uint16_t> Families::take_set_number(WriteTransaction& transaction, MediaFamilyId id) {
    CAPSTAN_TRY(const auto family, get(id));
    if (family.last_set == 0xFFFF)
        return fail(Recovery::replace_medium,
                    fmt::format("{} holds 65535 sets, the most that MTF can number", family_text(id)),
                    "A new family begins with the next set.");
    const auto number = static_cast<std::uint16_t>(family.last_set + 1);
    CAPSTAN_CHECK(transaction.database().change_one("UPDATE families SET last_set = $1 WHERE id = $2",
                                                    sql::values(number, raw(id)), family_text(id)));
    return number;
}

Result<void> Families::close(WriteTransaction& transaction, MediaFamilyId id) {
    return transaction.database().change_one("UPDATE families SET closed = 1 WHERE id = $1", sql::values(raw(id)),
                                             family_text(id));
}

}  // namespace capstan::pools
