// What reconciliation reads, and how its corrections are applied.
#include "pools/reconcile.hpp"
#include "pools/store/cartridges.hpp"
#include "pools/store/sql.hpp"
#include "pools/store/work_rows.hpp"

#include <map>
#include <set>

namespace capstan::pools {
namespace {

Result<void> apply_one(WriteTransaction& transaction, const LibraryName& library, const Correction& correction,
                       const AuditNote& note) {
    Cartridges cartridges(transaction.store());
    using Kind = Correction::Kind;
    switch (correction.kind) {
        case Kind::moved:
            return cartridges.set_place(transaction, *correction.cartridge, library, correction.place, note);
        case Kind::duplicate_tag: return cartridges.set_duplicate_tag(transaction, *correction.cartridge, true, note);
        case Kind::must_identify: return cartridges.set_must_identify(transaction, *correction.cartridge, true, note);
        case Kind::journal_done:
        case Kind::journal_undone:
        case Kind::journal_unclear:
            return Journal(transaction.store())
                .end(transaction, *correction.journal, JournalState::settled,
                     fmt::format("{}: {}", name_of(correction.kind), correction.reason), note.at);
        case Kind::new_cartridge: {
            Cartridge fresh;
            fresh.volume_tag = correction.volume_tag;
            fresh.library = library;
            fresh.place = correction.place;
            fresh.pool = kUnrecognizedPool;
            fresh.duplicate_tag = correction.duplicate;
            fresh.must_identify = true;
            fresh.created = note.at;
            CAPSTAN_CHECK(cartridges.add(transaction, fresh, note));
            return {};
        }
        case Kind::went_offline: return {};  // was applied first
    }
    return {};
}

}  // namespace

Result<ReconcileSnapshot> reconcile_snapshot(StateStore& store, const InventoryFacts& facts) {
    ReconcileSnapshot snapshot;
    Cartridges cartridges(store);
    CAPSTAN_TRY(snapshot.cartridges, cartridges.in_library(facts.library));
    CAPSTAN_TRY(snapshot.open_journal, Journal(store).open_of(facts.library));
    std::set<std::string> known;
    std::set<std::pair<Place, std::string>> in_place;
    for (const auto& row : snapshot.cartridges) in_place.emplace(row.place, row.volume_tag.text);
    // A tag where it was before, seen once, needs no question; that is nearly all of them.
    std::map<std::string, int> seen;
    for (const auto& element : facts.elements) seen[element.volume_tag.text]++;
    std::set<CartridgeId> have;
    for (const auto& row : snapshot.cartridges) have.insert(row.id);
    for (const auto& element : facts.elements) {
        const auto& tag = element.volume_tag;
        if (tag.empty() || (seen[tag.text] == 1 && in_place.contains({element.place, tag.text})) ||
            !known.insert(tag.text).second)
            continue;
        CAPSTAN_TRY(auto rows, cartridges.by_tag(tag));
        for (auto& row : rows)
            if (have.insert(row.id).second) snapshot.cartridges.push_back(std::move(row));
    }
    return snapshot;
}

Result<void> apply(WriteTransaction& transaction, const LibraryName& library,
                   const std::vector<Correction>& corrections, Wall now) {
    Cartridges cartridges(transaction.store());
    // First everything leaves its place, then it enters the new one: two that changed places do not collide.
    for (const auto& correction : corrections) {
        const bool leaves = correction.kind == Correction::Kind::went_offline;
        if (!leaves && correction.kind != Correction::Kind::moved) continue;
        const AuditNote note{"inventory", leaves ? correction.reason : "on its way: " + correction.reason, now};
        CAPSTAN_CHECK(cartridges.set_place(transaction, *correction.cartridge, LibraryName{}, Place{}, note));
    }
    for (const auto& correction : corrections)
        CAPSTAN_CHECK(apply_one(transaction, library, correction, AuditNote{"inventory", correction.reason, now}));
    return {};
}

}  // namespace capstan::pools
