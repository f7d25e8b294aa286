// Reads from a prepared medium what the rules of pools/permits.hpp ask for: its label, its end, the last set's end.
// Control thread; the caller holds the drive.
#pragma once

#include "backup/labels/labels.hpp"
#include "drives/drive_owner.hpp"
#include "pools/on_medium.hpp"

namespace capstan::daemon {

struct LabelRead {
    pools::OnMedium facts;                      // kind, label, description; the end is not searched
    std::optional<labels::MediaLabel> label;    // when it is a Capstan label
};
// Rewinds and reads the first record. Errors: the drive lost trust.
Task<Result<LabelRead>> read_label(drives::DriveOwner& drive);

// Finds the end of data and reads back the last set's end. `recorded_end`: where the database believes that it is.
// A failed search is a fact (EndSearch::failed), not an Error. Leaves the drive somewhere behind the label.
Task<Result<void>> read_end(drives::DriveOwner& drive, BlockNumber recorded_end, pools::OnMedium& facts);

// What an ESET block, or an SSET block, of ours says of its set. Empty: another block, or another writer's.
std::optional<pools::SetOnMedium> set_end_in(Bytes block);
std::optional<pools::SetOnMedium> set_begin_in(Bytes block);

Wall wall_of(std::int64_t unix_seconds);          // 0: kForever
std::int64_t unix_seconds_of(Wall time);          // kForever: 0

}  // namespace capstan::daemon
