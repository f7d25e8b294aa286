#include "pools/store/import_state.hpp"

#include "pools/store/cartridges.hpp"
#include "pools/store/meta.hpp"
#include "pools/store/pool_rows.hpp"
#include "pools/store/set_rows.hpp"
#include "pools/store/sql.hpp"

#include <map>

namespace capstan::pools {
namespace {

// Media of ours bear one domain; a store that has written under another one already cannot take it.
Result<void> go_on_under(WriteTransaction& transaction, const Uuid& domain) {
    auto& store = transaction.store();
    if (store.domain() == domain) return {};
    CAPSTAN_TRY(auto rows, store.database().query("SELECT count(*) FROM sides WHERE domain_id = $1 AND generation > 0",
                                                  sql::values(store.domain()), "i"));
    const auto labelled = rows.front().integer();
    if (labelled == 0) return store.adopt_domain(transaction, domain);
    return fail(Recovery::change_request,
                fmt::format("this state directory has labelled {} cartridges of its own since the other one was lost", labelled),
                "Rebuild into an empty state directory, before anything else is written.");
}

class Import {
  public:
    Import(WriteTransaction& transaction, StateStore& copy, const std::function<bool(const CatalogSegment&)>& have, const AuditNote& note)
        : transaction_(transaction), store_(transaction.store()), copy_(copy), have_(have), note_(note) {}

    Result<ImportedState> run() {
        CAPSTAN_CHECK(go_on_under(transaction_, copy_.domain()));
        CAPSTAN_CHECK(numbers());
        CAPSTAN_CHECK(pools());
        CAPSTAN_CHECK(families());
        CAPSTAN_CHECK(media());
        CAPSTAN_CHECK(sets());
        return std::move(imported_);
    }

  private:
    Result<void> numbers() {
        CAPSTAN_TRY(const auto next_set, Meta(copy_).next_set());
        CAPSTAN_TRY(const auto next_family, Meta(copy_).next_family());
        return Meta(store_).numbers_seen(transaction_, SetNumber{raw(next_set) - 1}, MediaFamilyId{raw(next_family) - 1});
    }

    Result<void> pools() {
        for (auto system : {kFreePool, kImportPool, kUnrecognizedPool}) pools_[system] = system;
        CAPSTAN_TRY(const auto theirs, Pools(copy_).list());
        CAPSTAN_TRY(const auto ours, Pools(store_).list());
        for (const auto& pool : theirs) {
            if (pool.kind != PoolKind::application) continue;
            for (const auto& mine : ours)
                if (mine.name == pool.name) pools_[pool.id] = mine.id;
            if (pools_.contains(pool.id)) continue;
            auto fresh = pool;
            fresh.id = PoolId{};
            CAPSTAN_TRY(pools_[pool.id], Pools(store_).create(transaction_, fresh));
        }
        return {};
    }

    PoolId pool_here(PoolId theirs) const {
        auto found = pools_.find(theirs);
        return found == pools_.end() ? PoolId{} : found->second;
    }

    Result<void> families() {
        CAPSTAN_TRY(auto rows, copy_.database().query("SELECT id, pool, opened, appendable_until, keep_until, media_count, last_set, closed"
                                                      " FROM families ORDER BY id",
                                                      {}, "iiiiiiii"));
        for (auto& row : rows) {
            const auto id = row.integer();
            const auto pool = pool_here(row.number<PoolId>());
            const auto opened = row.integer(), appendable = row.integer(), keep = row.integer();
            const auto media_count = row.integer(), last_set = row.integer(), closed = row.integer();
            if (raw(pool) == 0) continue;
            CAPSTAN_CHECK(transaction_.database().execute(
                "INSERT INTO families (id, pool, opened, appendable_until, keep_until, media_count, last_set, closed)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET pool = excluded.pool,"
                " media_count = excluded.media_count, last_set = excluded.last_set, closed = excluded.closed",
                sql::values(id, raw(pool), opened, appendable, keep, media_count, last_set, closed)));
        }
        return {};
    }

    Result<void> media() {
        CartridgeFilter filter;
        for (;;) {
            CAPSTAN_TRY(const auto page, Cartridges(copy_).list(filter));
            for (const auto& theirs : page) CAPSTAN_CHECK(medium(theirs));
            if (page.size() < filter.limit) return {};
            filter.after = page.back().id;
        }
    }

    Result<void> medium(const Cartridge& theirs) {
        if (raw(theirs.side.generation) == 0 || theirs.side.media_id.empty()) return {};
        Cartridges cartridges(store_);
        const auto pool = pool_here(theirs.pool);
        CAPSTAN_TRY(const auto here, cartridges.by_media_id(theirs.side.media_id));
        ++imported_.media;
        if (!here) {
            auto absent = theirs;
            absent.library = LibraryName{};
            absent.place = Place{};
            absent.pool = pool;
            absent.must_identify = true;
            CAPSTAN_TRY(media_[theirs.id], cartridges.add(transaction_, absent, note_));
            imported_.not_here.push_back(to_text(theirs));
            return {};
        }
        media_[theirs.id] = here->id;
        if (here->side.state != SideState::import) return {};  // this state knows it better
        if (here->side.generation != theirs.side.generation || here->side.family != theirs.side.family) {
            media_.erase(theirs.id);  // labelled again since: none of the sets is on it any more
            return {};
        }
        const auto& s = theirs.side;
        CAPSTAN_CHECK(transaction_.database().change_one(
            "UPDATE sides SET pool = $1, state = $2, domain_id = $3, sequence = $4, block_size = $5, recorded_end = $6, last_set = $7,"
            " appendable_until = $8, keep_until = $9, bytes_written = $10, capacity = $11, allocations = $12, labelled = $13,"
            " last_written = $14, description = '' WHERE cartridge = $15",
            sql::values(pool, s.state, s.domain_id, s.sequence, s.block_size, s.recorded_end, s.last_set, s.appendable_until, s.keep_until,
                        s.bytes_written, s.capacity, s.allocations, s.labelled, s.last_written, raw(here->id)),
            to_text(*here)));
        // What the copy does not know yet is proven before anything is appended.
        CAPSTAN_CHECK(transaction_.database().change_one("UPDATE cartridges SET hold = $1, suspect = 1 WHERE id = $2",
                                                         sql::values(theirs.hold, raw(here->id)), to_text(*here)));
        return Audit(store_).add(transaction_, {0, note_, here->id, "rebuilt", std::string(name_of(here->side.state)),
                                                fmt::format("{}, recorded end {}", name_of(s.state), raw(s.recorded_end))});
    }

    Result<void> sets() {
        SetFilter filter;
        for (;;) {
            CAPSTAN_TRY(const auto page, Sets(copy_).list(filter));
            for (const auto& theirs : page) CAPSTAN_CHECK(set(theirs));
            if (page.size() < filter.limit) return {};
            filter.before = page.back().number;
        }
    }

    Result<void> set(const Set& theirs) {
        CAPSTAN_TRY(const auto here, Sets(store_).by_uuid(theirs.uuid));
        if (here) return {};
        CAPSTAN_TRY(auto rows, store_.database().query("SELECT uuid FROM sets WHERE number = $1", sql::values(raw(theirs.number)), "t"));
        if (!rows.empty())
            return fail(Recovery::change_request,
                        fmt::format("set {} of the copy ({}) has the number of another set here ({})", raw(theirs.number), theirs.uuid.text,
                                    rows.front().text()),
                        "Rebuild into an empty state directory, before anything else is written.");
        auto row = theirs;
        row.job = JobId{};
        row.pool = pool_here(theirs.pool);
        if (row.state == SetState::running) {  // whether it came to its end is seen on its medium
            row.state = SetState::aborted;
            row.ended = note_.at;
        }
        CAPSTAN_TRY(const auto their_extents, Sets(copy_).extents(theirs.number));
        std::vector<SetExtent> extents;
        for (auto extent : their_extents) {
            auto medium = media_.find(extent.cartridge);
            if (medium == media_.end()) continue;
            extent.cartridge = medium->second;
            extents.push_back(extent);
        }
        CAPSTAN_TRY(auto segments, Sets(copy_).segments(theirs.number));
        std::erase_if(segments, [&](const CatalogSegment& segment) { return !have_(segment); });
        ++imported_.sets;
        return Sets(store_).take_in(transaction_, row, extents, segments);
    }

    WriteTransaction& transaction_;
    StateStore& store_;
    StateStore& copy_;
    const std::function<bool(const CatalogSegment&)>& have_;
    const AuditNote& note_;
    ImportedState imported_;
    std::map<PoolId, PoolId> pools_;             // theirs to ours
    std::map<CartridgeId, CartridgeId> media_;
};

}  // namespace

Result<ImportedState> import_state(StateStore& store, StateStore& copy, const std::function<bool(const CatalogSegment&)>& have,
                                   const AuditNote& note) {
    const auto domain = store.domain();
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store));
    auto imported = Import(transaction, copy, have, note).run();
    if (imported) {
        auto committed = transaction.commit();
        if (committed) return imported;
        imported = std::unexpected(committed.error());
    }
    if (store.domain() != domain) (void)store.adopt_domain(transaction, domain);  // undone with the rest
    return imported;
}

Result<void> adopt_medium(StateStore& store, CartridgeId cartridge, PoolId pool, std::uint32_t block_size, const AuditNote& note) {
    Cartridges cartridges(store);
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store));
    CAPSTAN_TRY(const auto row, cartridges.get(cartridge));
    CAPSTAN_CHECK(go_on_under(transaction, row.side.domain_id));
    auto adopted = cartridges.apply(transaction, cartridge, SideEvent::adopt, note);
    if (!adopted) return std::unexpected(adopted.error());
    CAPSTAN_CHECK(cartridges.set_pool(transaction, cartridge, pool, note));
    CAPSTAN_CHECK(transaction.database().change_one("UPDATE sides SET block_size = $1, recorded_end = 2 WHERE cartridge = $2",
                                                    sql::values(block_size, raw(cartridge)), fmt::format("cartridge {}", raw(cartridge))));
    return transaction.commit();
}

Result<void> replace_segments(StateStore& store, const Set& set, const std::vector<CatalogSegment>& segments, const AuditNote& note) {
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store));
    CAPSTAN_CHECK(Sets(store).forget_segments(transaction, set.number));
    for (const auto& segment : segments)
        CAPSTAN_CHECK(transaction.database().execute(
            "INSERT INTO catalog_segments (set_number, ordinal, file_name, objects) VALUES ($1, $2, $3, $4)",
            sql::values(raw(set.number), segment.ordinal, segment.file_name, segment.objects)));
    CAPSTAN_CHECK(transaction.database().change_one("UPDATE sets SET state = $1, objects = $2, bytes = $3 WHERE number = $4",
                                                    sql::values(set.state, set.objects, set.bytes, raw(set.number)),
                                                    fmt::format("set {}", raw(set.number))));
    CAPSTAN_CHECK(Audit(store).add(transaction, {0, note, CartridgeId{}, fmt::format("catalog of set {}", raw(set.number)), "",
                                                 fmt::format("{} segments", segments.size())}));
    return transaction.commit();
}

}  // namespace capstan::pools
