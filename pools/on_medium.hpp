// What was read from a medium in a drive: the only kind of evidence about its contents that rules 2, 3 and 11 accept.
// Filled by whoever read the label (daemon, from backup/labels); judged by permits.hpp and label_check.hpp.
#pragma once

#include "pools/media.hpp"

namespace capstan::pools {

enum class MediumKind : std::uint8_t {
    blank,    // BLANK CHECK at BOT and nothing else: not a read error, not an unknown density, not an encrypted block
    capstan,  // a label that this program wrote, here or elsewhere
    foreign,  // recognised or not: another writer's
    unreadable,  // a read error at BOT, or a damaged label
};

struct LabelOnMedium {
    Uuid media_id;
    Uuid domain_id;
    MediaFamilyId family{};
    std::uint16_t sequence = 0;
    WriteGeneration generation{};
    Wall appendable_until{};
    Wall keep_until{};
    friend bool operator==(const LabelOnMedium&, const LabelOnMedium&) = default;
};

struct SetOnMedium {
    SetNumber number{};
    Uuid uuid;
    Wall keep_until{};  // its own, from its end (CEND), of an unfinished one from its start (CSET)
    friend bool operator==(const SetOnMedium&, const SetOnMedium&) = default;
};

enum class EndSearch : std::uint8_t { not_done, found, failed };

// What the memory of the cartridge says (medium_memory.hpp). It was written behind the last set, or with the label.
struct MediumMemory {
    Uuid media_id;  // of the label that it is about
    WriteGeneration generation{};
    BlockNumber end_of_data{};
    Wall newest_keep_until{};  // over all sets that have data on the medium
    std::optional<SetOnMedium> last_closed, unfinished;  // as in OnMedium
    bool current = false;      // nothing on the tape was changed since it was written: its volume change reference is the same
    friend bool operator==(const MediumMemory&, const MediumMemory&) = default;
};

struct OnMedium {
    MediumKind kind = MediumKind::unreadable;
    std::optional<LabelOnMedium> label;  // exactly when kind is capstan
    std::string description;             // foreign: what it is; unreadable: the drive's words
    EndSearch end = EndSearch::not_done;
    BlockNumber end_of_data{};               // when found
    std::optional<SetOnMedium> last_closed;  // when found: the last ESET before the end of data; none: no closed set
    std::optional<SetOnMedium> unfinished;   // when found: a set behind it without ESET here: cut off by a crash, or it
                                            // goes on on the next medium
    std::optional<MediumMemory> memory;  // where there is one that is about this label
    bool write_protected = false;
};

std::string_view name_of(MediumKind kind);

}  // namespace capstan::pools
