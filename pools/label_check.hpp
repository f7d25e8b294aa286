// The on-media label against the database, before anybody gets the drive. Pure; identify() acts on the verdict.
#pragma once

#include "config/base/error.hpp"
#include "pools/on_medium.hpp"

#include <vector>

namespace capstan::pools {

class StateStore;
class WriteTransaction;
struct LabelWritten;

enum class LabelVerdictKind : std::uint8_t {
    matches,       // media id, domain, family, sequence and generation equal the database's
    swapped,       // it is another cartridge of ours: `really`
    unknown_ours,  // labelled by this installation, but the database has no such medium: the database is older (rule
                   // 11)
    newer_than_database,  // known, but labelled again since: the database is older (rule 11)
    older_than_database,  // known, but a label that the database says was replaced: a copy, or a lost write
    other_domain,         // another Capstan's
    foreign,
    blank,               // and the database expects no label
    blank_but_labelled,  // blank, where the database expects our label
    label_cut_off,       // blank, because the label that was being written over what had expired was cut off
    unreadable,
};
struct LabelVerdict {
    LabelVerdictKind kind = LabelVerdictKind::unreadable;
    std::optional<CartridgeId> really;  // swapped
    std::string text;                   // the thing and the fact
    std::string advice;
};
// `same_media_id`: the cartridge that the database has for the media id read, if any.
LabelVerdict compare_label(const Cartridge& expected, const OnMedium& medium,
                           const std::optional<Cartridge>& same_media_id, const Uuid& our_domain);

struct Identified {
    Cartridge cartridge;  // the row that the medium in the drive really is, as it is now
    LabelVerdict verdict;
};
// Compares and puts the database right in one transaction: a match clears must_identify; a swap gives the real
// cartridge this place (and makes the expected one's place unknown: offline, to be identified; a row without history is
// merged into the real one); unknown media get pool and state (Import, Unrecognized); rule 11 evidence stops all
// overwriting.
Result<Identified> identify(StateStore& store, CartridgeId expected, const OnMedium& medium, const AuditNote& note);

inline constexpr BlockNumber kBehindLabel{2};  // the label is TAPE and a filemark

// What a label is to be, as its journal entry says before it is written. A label of which nobody learned that it was written
// (the answer was lost, the power failed) is known by it later: it is no sign of an old database.
struct LabelIntent {
    Uuid media_id;
    MediaFamilyId family{};
    std::uint16_t sequence = 0;
    WriteGeneration generation{};
    std::uint32_t block_size = 0;
    PoolId pool{};
    friend bool operator==(const LabelIntent&, const LabelIntent&) = default;
};
std::string to_text(const LabelIntent& intent);
std::optional<LabelIntent> label_intent(const std::string& journal_detail);  // what follows the intent in it is passed over
// Labels of which the journal says that they were to be written on it, newer than the one it is known to have: granted, begun
// perhaps, and not known to be there. From its first block on such a label leaves a blank medium when it is cut off.
Result<std::vector<LabelIntent>> unfinished_labels(StateStore& store, const Cartridge& cartridge);
// The records follow a label that was read back: pool, family, and with a family the medium is allocated.
Result<void> label_written(WriteTransaction& transaction, CartridgeId cartridge, const LabelWritten& label, PoolId pool,
                           const AuditNote& note);

std::string_view name_of(LabelVerdictKind kind);

}  // namespace capstan::pools
