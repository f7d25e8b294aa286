// The database is brought in line with what the library holds: the hardware is the truth. A pure function gives the
// corrections, one transaction applies them. Unknown volume tags become new cartridges that must be identified; missing
// cartridges go offline and are never forgotten; a volume tag seen twice is flagged, and only labels tell the two
// apart.
#pragma once

#include "config/base/error.hpp"
#include "pools/work.hpp"

#include <vector>

namespace capstan::pools {

class StateStore;
class WriteTransaction;

struct ElementFact {
    Place place;
    enum class Content : std::uint8_t {
        empty,
        full,
        unknown,  // the robot reports an exception, or the drive hides it: what was believed stays
    } content = Content::empty;
    VolumeTag volume_tag;         // empty: none or unreadable
    std::optional<Place> source;  // where the robot says that it took the cartridge from
};

struct InventoryFacts {
    LibraryName library;
    std::vector<ElementFact> elements;  // every element of the library
};

struct ReconcileSnapshot {
    std::vector<Cartridge> cartridges;       // all of this library, and any other that has one of the tags seen
    std::vector<JournalEntry> open_journal;  // `intended` entries of this library
};

struct Correction {
    enum class Kind : std::uint8_t {
        moved,            // cartridge is at `place` of this library
        new_cartridge,    // `volume_tag` at `place` was never seen
        went_offline,     // it is in no element
        duplicate_tag,    // `cartridge` shares its tag with another
        must_identify,    // `cartridge` may have been swapped: no tag was read, or an element was filled by hand
        journal_done,     // the intended act happened
        journal_undone,   // it did not happen
        journal_unclear,  // a label, erase or first write was cut off, or the cartridge is in neither place
    } kind = Kind::moved;
    std::optional<CartridgeId> cartridge;  // none: new_cartridge
    Place place;                           // moved, new_cartridge: where it is; went_offline: where it was
    VolumeTag volume_tag;
    bool duplicate = false;  // new_cartridge: its tag is already known elsewhere
    std::optional<JournalId> journal;
    std::string reason;  // for the audit and the operator
};

std::vector<Correction> reconcile(const ReconcileSnapshot& snapshot, const InventoryFacts& facts);

Result<ReconcileSnapshot> reconcile_snapshot(StateStore& store, const InventoryFacts& facts);
// All or nothing. New cartridges enter the pool Unrecognized in state unknown.
Result<void> apply(WriteTransaction& transaction, const LibraryName& library,
                   const std::vector<Correction>& corrections, Wall now);

std::string_view name_of(Correction::Kind kind);

}  // namespace capstan::pools
