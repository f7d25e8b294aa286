// The commit of a checkpoint: the catalog segment is named, the medium's recorded end moves on, the ledger counts. One
// transaction; before it returns nothing is reported as saved.
#include "pools/store/cartridges.hpp"
#include "pools/store/set_rows.hpp"
#include "pools/store/sql.hpp"
#include "pools/store/work_rows.hpp"

namespace capstan::pools {
namespace {

std::string set_text(SetNumber set) { return fmt::format("set {}", raw(set)); }

Result<void> record_extent(WriteTransaction& transaction, StateStore& store, const CheckpointRecord& record) {
    auto& database = transaction.database();
    const auto cartridge = raw(record.cartridge);
    CAPSTAN_TRY(const auto before, Cartridges(store).get(record.cartridge));
    if (raw(record.recorded_end) < raw(before.side.recorded_end) ||
        raw(record.extent.end_block) > raw(record.recorded_end) ||
        raw(record.extent.first_block) > raw(record.extent.end_block))
        return fail(
            Recovery::give_up,
            fmt::format(
                "{}: a checkpoint of {} ends at block {}, its extent is {}..{}, and block {} is recorded already",
                to_text(before), set_text(record.set), raw(record.recorded_end), raw(record.extent.first_block),
                raw(record.extent.end_block), raw(before.side.recorded_end)),
            "This is a fault of the program; keep the log and report it.");
    if (before.side.state != SideState::allocated)
        return fail(Recovery::change_request,
                    fmt::format("{}: sets are written to allocated media only, this one is {}", to_text(before),
                                name_of(before.side.state)));
    // The first block and address of an extent are facts of its beginning; only its end moves.
    CAPSTAN_CHECK(
        database.execute("INSERT INTO set_extents (set_number, cartridge, sequence, first_fla, first_block, end_block)"
                         " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (set_number, cartridge) DO UPDATE SET end_block "
                         "= excluded.end_block",
                         sql::values(raw(record.set), cartridge, record.extent.sequence, record.extent.first_fla,
                                     raw(record.extent.first_block), raw(record.extent.end_block))));
    return database.change_one(
        "UPDATE sides SET recorded_end = $1, last_set = $2, bytes_written = bytes_written + $3, last_written = $4"
        " WHERE cartridge = $5",
        sql::values(raw(record.recorded_end), record.mtf_number, record.bytes_on_medium, record.at, cartridge),
        to_text(before));
}

Result<void> record(WriteTransaction& transaction, StateStore& store, const CheckpointRecord& record) {
    auto& database = transaction.database();
    if (record.segment && record.segment->set != record.set)
        return fail(Recovery::give_up, fmt::format("{}: a catalog segment of {} was given to it", set_text(record.set),
                                                   set_text(record.segment->set)));
    CAPSTAN_CHECK(database.change_one(
        "UPDATE sets SET objects = objects + $1, bytes = bytes + $2, not_saved = not_saved + $3, changed = changed + $4"
        " WHERE number = $5 AND state = 'running'",
        sql::values(record.objects, record.bytes, record.not_saved, record.changed, raw(record.set)),
        fmt::format("running {}", set_text(record.set))));
    if (raw(record.cartridge) != 0) CAPSTAN_CHECK(record_extent(transaction, store, record));
    if (record.segment)
        CAPSTAN_CHECK(database.execute(
            "INSERT INTO catalog_segments (set_number, ordinal, file_name, objects)"
            " VALUES ($1, $2, $3, $4)",
            sql::values(raw(record.set), record.segment->ordinal, record.segment->file_name, record.segment->objects)));
    if (raw(record.job) == 0) return {};
    Jobs jobs(store);
    CAPSTAN_CHECK(jobs.add_issues(transaction, record.issues));
    const JobCounts counts{.objects = record.objects,
                           .bytes = record.bytes,
                           .not_done = record.not_saved,
                           .changed = record.changed,
                           .skipped = record.skipped};
    return jobs.add_counts(transaction, record.job, counts);
}

Result<void> end_set(WriteTransaction& transaction, SetNumber set, SetState state, bool end_written, Wall ended) {
    return transaction.database().change_one(
        "UPDATE sets SET state = $1, end_written = $2, ended = $3 WHERE number = $4"
        " AND state = 'running'",
        sql::values(state, end_written, ended, raw(set)), fmt::format("running {}", set_text(set)));
}

}  // namespace

Result<void> commit_checkpoint(StateStore& store, const CheckpointRecord& checkpoint) {
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store));
    CAPSTAN_CHECK(record(transaction, store, checkpoint));
    return transaction.commit();
}

Result<void> finish_set(StateStore& store, const CheckpointRecord& checkpoint, Wall ended) {
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store));
    CAPSTAN_CHECK(record(transaction, store, checkpoint));
    CAPSTAN_CHECK(end_set(transaction, checkpoint.set, SetState::complete, true, ended));
    return transaction.commit();
}

Result<void> abort_set(StateStore& store, SetNumber set, const std::optional<CheckpointRecord>& checkpoint, Wall ended,
                       const std::string& why) {
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store));
    if (checkpoint) CAPSTAN_CHECK(record(transaction, store, *checkpoint));
    CAPSTAN_CHECK(end_set(transaction, set, SetState::aborted, checkpoint.has_value(), ended));
    CAPSTAN_TRY(const auto row, Sets(store).get(set));
    if (raw(row.job) != 0) {
        JobIssue issue{row.job, IssueKind::note, "", fmt::format("{} was aborted: {}", set_text(set), why)};
        CAPSTAN_CHECK(Jobs(store).add_issues(transaction, {issue}));
    }
    return transaction.commit();
}

}  // namespace capstan::pools
