// Sets that are on a medium and not, or not whole, in the database (rule 3).
#include "pools/store/cartridges.hpp"
#include "pools/store/meta.hpp"
#include "pools/store/set_rows.hpp"
#include "pools/store/sql.hpp"
#include "pools/store/work_rows.hpp"

#include <algorithm>

namespace capstan::pools {
namespace {

class TakeIn {
  public:
    TakeIn(WriteTransaction& transaction, const FoundSet& found, const AuditNote& note)
        : transaction_(transaction), store_(transaction.store()), found_(found), note_(note) {}

    Result<void> run() {
        CAPSTAN_TRY(const auto cartridge, Cartridges(store_).get(found_.extent.cartridge));
        if (raw(found_.recorded_end) < raw(cartridge.side.recorded_end))
            return fail(Recovery::give_up,
                        fmt::format("{}: a set that ends at block {} was to be taken in, and block {} is recorded already",
                                    to_text(cartridge), raw(found_.recorded_end), raw(cartridge.side.recorded_end)),
                        "This is a fault of the program; keep the log and report it.");
        CAPSTAN_TRY(const auto known, Sets(store_).by_uuid(found_.set.uuid));
        CAPSTAN_CHECK(known ? update(*known) : insert(cartridge));
        CAPSTAN_CHECK(extent());
        CAPSTAN_CHECK(side(cartridge));
        return Audit(store_).add(
            transaction_, {0, note_, cartridge.id, "taken in", fmt::format("recorded end {}", raw(cartridge.side.recorded_end)),
                           fmt::format("set {} {}, recorded end {}: {}", raw(found_.set.number), name_of(found_.set.state),
                                       raw(found_.recorded_end), found_.why)});
    }

  private:
    Result<void> update(const Set& known) {
        const auto& set = found_.set;
        if (known.number != set.number || known.state == SetState::running)
            return fail(Recovery::ask_operator,
                        fmt::format("set {} ({}) cannot be taken in: {}", raw(set.number), set.uuid.text,
                                    known.number == set.number ? "its job is running"
                                                               : fmt::format("its number here is {}", raw(known.number))),
                        "Wait for the job, or verify the medium.");
        const auto end_written = known.end_written || found_.end_here;
        CAPSTAN_CHECK(transaction_.database().change_one(
            "UPDATE sets SET state = $1, end_written = $2, ended = $3, objects = $4, bytes = $5, not_saved = $6, changed = $7"
            " WHERE number = $8",
            sql::values(set.state, end_written, set.ended, set.objects, set.bytes, set.not_saved, set.changed, raw(set.number)),
            fmt::format("set {}", raw(set.number))));
        if (raw(known.job) == 0 || known.state == set.state) return {};
        JobIssue issue{known.job, IssueKind::note, "", fmt::format("set {} is {}: {}", raw(set.number), name_of(set.state), found_.why)};
        return Jobs(store_).add_issues(transaction_, {issue});
    }

    Result<void> insert(const Cartridge& cartridge) {
        auto set = found_.set;
        set.job = JobId{};
        set.end_written = found_.end_here;
        CAPSTAN_TRY(auto rows, transaction_.database().query("SELECT uuid FROM sets WHERE number = $1", sql::values(raw(set.number)), "t"));
        if (!rows.empty())
            return fail(Recovery::ask_operator,
                        fmt::format("{} holds a set {} ({}), but set {} of this database is another one ({})", to_text(cartridge),
                                    raw(set.number), set.uuid.text, raw(set.number), rows.front().text()),
                        "The database and the medium have different histories; read this medium with 'capstan mtf'.");
        CAPSTAN_CHECK(Sets(store_).take_in(transaction_, set, {}, {}));
        CAPSTAN_CHECK(transaction_.database().execute("UPDATE families SET last_set = $1 WHERE id = $2 AND last_set < $3",
                                                      sql::values(set.mtf_number, raw(set.family), set.mtf_number)));
        return Meta(store_).stop_overwriting(
            transaction_, fmt::format("{} holds set {}, which the state database did not know", to_text(cartridge), raw(set.number)), note_);
    }

    Result<void> extent() {
        const auto& extent = found_.extent;
        CAPSTAN_CHECK(transaction_.database().execute(
            "INSERT INTO set_extents (set_number, cartridge, sequence, first_fla, first_block, end_block)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (set_number, cartridge) DO UPDATE SET end_block = excluded.end_block",
            sql::values(raw(found_.set.number), raw(extent.cartridge), extent.sequence, extent.first_fla, raw(extent.first_block),
                        raw(extent.end_block))));
        if (!found_.segment) return {};
        const auto& segment = *found_.segment;
        CAPSTAN_CHECK(transaction_.database().execute(
            "INSERT INTO catalog_segments (set_number, ordinal, file_name, objects) VALUES ($1, $2, $3, $4)",
            sql::values(raw(found_.set.number), segment.ordinal, segment.file_name, segment.objects)));
        return {};
    }

    Result<void> side(const Cartridge& cartridge) {
        const auto grown = (raw(found_.recorded_end) - raw(cartridge.side.recorded_end)) * cartridge.side.block_size;
        return transaction_.database().change_one(
            "UPDATE sides SET recorded_end = $1, last_set = $2, bytes_written = bytes_written + $3, last_written = $4 WHERE cartridge = $5",
            sql::values(raw(found_.recorded_end), std::max(cartridge.side.last_set, found_.set.mtf_number), grown, note_.at,
                        raw(cartridge.id)),
            to_text(cartridge));
    }

    WriteTransaction& transaction_;
    StateStore& store_;
    const FoundSet& found_;
    const AuditNote& note_;
};

}  // namespace

Result<void> take_in_found(StateStore& store, const FoundSet& found, const AuditNote& note) {
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store));
    CAPSTAN_CHECK(TakeIn(transaction, found, note).run());
    return transaction.commit();
}

}  // namespace capstan::pools
