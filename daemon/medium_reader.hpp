// Reads from a prepared medium what the rules of pools/permits.hpp ask for: its label, its end, the last set's end.
// Control thread; the caller holds the drive.
#pragma once

#include "backup/labels/labels.hpp"
#include "backup/mtf/private_streams.hpp"
#include "drives/drive_owner.hpp"
#include "pools/on_medium.hpp"
#include "pools/sets.hpp"

namespace capstan::daemon {

using pools::unix_seconds_of;
using pools::wall_of;

struct LabelRead {
    pools::OnMedium facts;                      // kind, label, description; the end is not searched
    std::optional<labels::MediaLabel> label;    // when it is a Capstan label
};
// Rewinds and reads the first record. Errors: the drive lost trust.
Task<Result<LabelRead>> read_label(drives::DriveOwner& drive);

// Finds the end of data and reads back the last set's end. `recorded_end`: where the database believes that it is.
// A failed search is a fact (EndSearch::failed), not an Error. Leaves the drive somewhere behind the label.
Task<Result<void>> read_end(drives::DriveOwner& drive, BlockNumber recorded_end, pools::OnMedium& facts);

// The cartridge's memory, where it speaks of the label that was read; reading it moves no tape. None: facts.memory stays empty.
Task<Result<void>> read_memory(drives::DriveOwner& drive, pools::OnMedium& facts);

// What an ESET block, or an SSET block, of ours says of its set. Empty: another block, or another writer's.
std::optional<mtf::SetEndRecord> end_record_in(Bytes block);
std::optional<mtf::SetBeginRecord> begin_record_in(Bytes block);
pools::SetOnMedium on_medium(const mtf::SetEndRecord& record);
pools::SetOnMedium on_medium(const mtf::SetBeginRecord& record);

// The set whose ESET and filemark end just before this block, if one of ours does.
Task<Result<std::optional<pools::SetOnMedium>>> set_that_ends_before(drives::DriveOwner& drive, BlockNumber behind);

std::string set_type_name(mtf::SetType type);  // as in pools::Set::type

// One set, or its part, as it lies on a medium. Found by filemarks: the data are not read.
struct SetSpan {
    enum class End : std::uint8_t {
        closed,   // filemark, ESET, filemark
        goes_on,  // filemark, EOTM: the set was going on on the next medium
        cut,      // the data end before that
    };
    BlockNumber first{};                       // its first block here
    std::optional<mtf::SetBlock> block;        // SSET; empty: the span begins inside a set
    std::optional<mtf::SetBeginRecord> begin;  // CSET; also of another writer's set there is none
    std::uint64_t address = 0;                 // FLA of its first block
    End end = End::cut;
    BlockNumber data_end{};                    // behind its last block of data: where the filemark is, or should be
    BlockNumber behind{};                      // where what follows it begins
    std::optional<mtf::EndOfSetBlock> end_block;
    std::optional<mtf::SetEndRecord> end_record;
    bool filemark_written = false, end_written = false;  // of a cut one: how far its end came
    bool continuation() const { return block && block->header.continuation(); }
    bool aborted() const {
        return (end_record && end_record->aborted) || (end_block && (end_block->header.attributes & mtf::block_attribute::eset_aborted));
    }
};
// Its extent, as the database has extents: behind the block that repeats the set's begin on a further medium. Of a span that
// begins inside a set the database knows the extent's begin.
pools::SetExtent extent_of(const pools::Cartridge& cartridge, const SetSpan& span, SetNumber set);
// The span that begins at `first`; empty: the data end there. Errors: a block cannot be read, or sets do not follow each other
// as they should (replace_medium).
Task<Result<std::optional<SetSpan>>> read_span(drives::DriveOwner& drive, BlockNumber first);

}  // namespace capstan::daemon
