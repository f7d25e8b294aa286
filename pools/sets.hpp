// Backup sets, where they lie, and the ledger of what was not saved: plain values of the state database.
#pragma once

#include "pools/media.hpp"

namespace capstan::pools {

enum class SetState : std::uint8_t {
    running,
    complete,
    aborted,      // ended early; what was committed can be restored
    overwritten,  // a medium of it was labelled anew: it cannot be restored as a whole, and is no longer offered
};
struct Set {
    SetNumber number{};  // given by Sets::begin; unique in the installation
    Uuid uuid;
    JobId job{};
    std::string name;
    std::string type;              // normal, copy, incremental, differential, daily
    PoolId pool{};                 // 0: a .bkf file, no medium of a pool
    std::uint16_t mtf_number = 0;  // MTF data set number in its family
    MediaFamilyId family{};
    std::string file;  // of a set in a .bkf file: its path
    Wall started{};
    std::optional<Wall> ended;
    SetState state = SetState::running;
    bool end_written = false;  // its ESET is on the medium: that of a complete set, or "aborted" by abort_set
    std::uint64_t objects = 0, bytes = 0, not_saved = 0, changed = 0;
    Wall keep_until{};
    std::uint16_t part = 0;             // of a run whose objects were too many for one set, from 0
    std::optional<SetNumber> based_on;  // the set that this one needs (an incremental its predecessor)
    friend bool operator==(const Set&, const Set&) = default;
};

// The part of a set on one cartridge.
struct SetExtent {
    SetNumber set{};
    CartridgeId cartridge{};
    std::uint16_t sequence = 1;   // media sequence number in the family
    std::uint64_t first_fla = 0;  // format logical address at the extent's first block
    BlockNumber first_block{};    // PBA of the set's SSET, or of the first block after a continuation
    BlockNumber end_block{};      // behind the last committed block
    friend bool operator==(const SetExtent&, const SetExtent&) = default;
};

struct CatalogSegment {
    SetNumber set{};
    std::uint32_t ordinal = 0;
    std::string file_name;
    std::uint64_t objects = 0;
    friend bool operator==(const CatalogSegment&, const CatalogSegment&) = default;
};

enum class IssueKind : std::uint8_t { not_saved, changed, skipped, not_restored, differs, kept, note };
struct JobIssue {
    JobId job{};
    IssueKind kind = IssueKind::not_saved;
    std::string path;  // any bytes
    std::string reason;
    friend bool operator==(const JobIssue&, const JobIssue&) = default;
};

std::string_view name_of(SetState state);
std::string_view name_of(IssueKind kind);

}  // namespace capstan::pools
