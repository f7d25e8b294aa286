// Sets, extents, catalog segments, and the commit of design section 2 as one call.
#pragma once

#include "pools/on_medium.hpp"
#include "pools/sets.hpp"
#include "pools/store/store.hpp"

#include <vector>

namespace capstan::pools {

// One checkpoint: everything up to `recorded_end` is on the medium (READ POSITION confirmed it), and the catalog
// segment that names it was written and synchronised.
struct CheckpointRecord {
    SetNumber set{};
    JobId job{};
    CartridgeId cartridge{};       // 0: a .bkf file
    SetExtent extent;              // the set's extent on this cartridge, its end_block now; keyed by (set, cartridge)
    BlockNumber recorded_end{};    // never before the present one
    std::uint16_t mtf_number = 0;  // the set's MTF data set number
    std::uint64_t bytes_on_medium = 0;  // added to the side's bytes written
    std::optional<CatalogSegment> segment;
    std::uint64_t objects = 0, bytes = 0, not_saved = 0, changed = 0;  // of the set since the last checkpoint
    std::uint64_t skipped = 0;                                         // of the job since then
    std::vector<JobIssue> issues;                                      // since the last checkpoint
    Wall at{};
};
// This is the commit: before it returns nothing counts as saved.
Result<void> commit_checkpoint(StateStore& store, const CheckpointRecord& record);
// The set's ESET and filemark are on the medium: last checkpoint and end of the set in one transaction.
Result<void> finish_set(StateStore& store, const CheckpointRecord& record, Wall ended);
// What was committed stays listed and restorable. `record`: after FM, ESET (aborted), FM were written; else none.
Result<void> abort_set(StateStore& store, SetNumber set, const std::optional<CheckpointRecord>& record, Wall ended,
                       const std::string& why);

// A set that was found on a medium beyond its recorded end, as it is there: a job's that a crash cut off between tape and
// commit, or one that the database has never seen (then the database is older than the medium: rule 11 stops overwriting).
struct FoundSet {
    Set set;                    // as it ended, with its own number and uuid; state complete or aborted; job unused
    SetExtent extent;           // its part on this cartridge
    std::optional<CatalogSegment> segment;  // of what no committed segment has
    BlockNumber recorded_end{};             // of the medium, behind the set
    bool end_here = true;       // its ESET is on this cartridge
    std::string why;            // for the audit and the job's ledger
};
// One transaction: set, extent, segment, recorded end, audit. Refused: another set has its number, a job is writing it.
Result<void> take_in_found(StateStore& store, const FoundSet& found, const AuditNote& note);

struct SetFilter {
    std::optional<JobId> job;
    std::optional<std::string> name;
    std::optional<PoolId> pool;
    std::optional<SetState> state;
    SetNumber before{};  // newest first; the last one of the page before, 0: from the newest
    std::uint32_t limit = 1000;
};

class Sets {
  public:
    explicit Sets(StateStore& store) : store_(store) {}
    // Gives the number; state running. `set.number` is ignored.
    Result<SetNumber> begin(WriteTransaction& transaction, const Set& set);
    Result<Set> get(SetNumber number);
    Result<std::optional<Set>> by_uuid(const Uuid& uuid);
    Result<std::optional<Set>> newest_in_file(const std::string& path);  // a .bkf file
    // A medium that only repeats a set's begin has no uuid of it: newest first.
    Result<std::vector<Set>> by_mtf_number(MediaFamilyId family, std::uint16_t mtf_number);
    Result<std::vector<Set>> list(const SetFilter& filter);
    // Those of the run that wrote this one, in order: more than one where a set would have been too large. They share name, type and
    // pool, and the first has part 0. Complete ones and what aborted ones committed.
    Result<std::vector<Set>> of_one_run(const Set& one);
    Result<std::vector<Set>> unfinished();  // state running: after a start-up, cut off by the crash
    Result<std::vector<Set>> on_cartridge(CartridgeId cartridge);    // by first block
    Result<std::vector<SetExtent>> extents(SetNumber number);        // in order of sequence
    Result<std::vector<CatalogSegment>> segments(SetNumber number);  // in order
    Result<std::vector<CatalogSegment>> segments_between(SetNumber first, SetNumber last);  // by set, in order
    Result<std::vector<std::string>> segment_files();                // every file name that a transaction named
    Result<void> forget_segments(WriteTransaction& transaction, SetNumber number);  // pruned; frees no medium (rule 7)
    Result<void> set_keep_until(WriteTransaction& transaction, SetNumber number, Wall until, const AuditNote& note);
    // A complete set that was found beyond the recorded end or on an imported medium, with its own number and uuid.
    Result<void> take_in(WriteTransaction& transaction, const Set& set, const std::vector<SetExtent>& extents,
                         const std::vector<CatalogSegment>& segments);

    // What the rules ask of all sets with data on a cartridge.
    struct Summary {
        std::optional<SetOnMedium> last_closed;  // the last set whose ESET is on it; its own keep-until
        std::optional<SetOnMedium> unfinished;   // a set behind that whose ESET is not on it
        std::optional<Wall> newest_keep_until;   // of the sets and of those that need them; empty: there is no set
        bool set_running = false;
    };
    Result<Summary> summary_of(CartridgeId cartridge);
    // Rule 9. Until when the set is kept: its own time, and that of every set that needs it.
    Result<Wall> kept_until(SetNumber number);
    Result<bool> expired(SetNumber number, Wall now);  // the caller consulted the clock guard

  private:
    StateStore& store_;
};

// Cartridges whose every set has expired, without hold, that take no more sets: they may return to Available or Free.
// The clock guard is consulted: while it stops expiry the list is empty and `stopped` says why.
struct Releasable {
    std::vector<CartridgeId> cartridges;
    std::string stopped;
};
class ClockGuard;
// What is to be left in the cartridge's memory: label, recorded end and sets as this database has them.
Result<MediumMemory> memory_of_medium(StateStore& store, CartridgeId cartridge);
Result<Releasable> releasable(StateStore& store, ClockGuard& clock, Wall now);
// Event `release`; into Free where the pool returns to Free; decommissioned where its allocations are used up. Sets and
// extents stay listed until the medium is labelled again. Checks once more that everything has expired.
Result<void> release_cartridge(StateStore& store, ClockGuard& clock, CartridgeId cartridge, const AuditNote& note);

}  // namespace capstan::pools
