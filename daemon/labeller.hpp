// Writes labels: permit, journal before, label and filemark, read back, database and journal after (rules 1, 2, 5).
// Control thread; the caller holds the lease on drive and cartridge, and has read the label in this lease.
#pragma once

#include "daemon/library.hpp"
#include "daemon/work_queue.hpp"
#include "pools/store/pool_rows.hpp"
#include "pools/store/set_rows.hpp"

namespace capstan::daemon {

struct LabelPlan {
    pools::Pool pool;                             // Free: a free label without family
    std::optional<pools::MediaFamily> family;     // application pools
    std::uint16_t sequence = 1;
    std::optional<pools::OperatorWord> word;      // overwrites what the rules alone would not
};

// The label that is on the medium afterwards. Errors: refused (PermitOffice's words), or the medium could not take it
// (replace_medium: the journal entry and the cartridge say so).
Task<Result<labels::MediaLabel>> write_label(Context& context, Library& library, Library::Drive& drive,
                                             const pools::Cartridge& cartridge, LabelRead read, LabelPlan plan, WorkItemId item);

// A set that a crash cut off, as it lies behind the recorded end.
struct CutSet {
    pools::Set set;
    pools::SetExtent extent;  // its part on this medium; the end is filled in
    bool filemark_written = false, end_written = false;  // how far its own end came
};
// It is closed with what is missing of FM, ESET (aborted), FM, and recorded as aborted; the recorded end moves behind it. Where
// its own ESET is there, only the filemark is written: then it is complete, and the caller takes it in.
Task<Result<void>> close_unfinished(Context& context, Library& library, Library::Drive& drive, pools::Cartridge cartridge,
                                    pools::OnMedium facts, CutSet cut);

Uuid new_uuid(Entropy& entropy);  // version 4

}  // namespace capstan::daemon
