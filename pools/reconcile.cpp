#include "pools/reconcile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

namespace capstan::pools {
namespace {

using Kind = Correction::Kind;
using Content = ElementFact::Content;

class Reconciliation {
  public:
    Reconciliation(const ReconcileSnapshot& snapshot, const InventoryFacts& facts)
        : snapshot_(snapshot), facts_(facts) {
        for (const auto& row : snapshot.cartridges) {
            if (!row.volume_tag.empty()) by_tag_[row.volume_tag].push_back(&row);
            if (here(row)) by_place_[row.place] = &row;
        }
        for (const auto& element : facts.elements) elements_[element.place] = &element;
    }

    std::vector<Correction> run() {
        // A tag where it was expected settles most of it, and keeps double tags apart that nobody moved.
        for (const auto& element : facts_.elements) keep_in_place(element);
        for (const auto& element : facts_.elements)
            if (element.content == Content::full && !occupant_.contains(element.place) && !element.volume_tag.empty())
                find_by_tag(element);
        for (const auto& element : facts_.elements)
            if (element.content == Content::full && !occupant_.contains(element.place) && element.volume_tag.empty())
                find_without_tag(element);
        for (const auto& element : facts_.elements) keep_what_was_not_seen(element);
        for (const auto& row : snapshot_.cartridges)
            if (here(row) && !found_at_.contains(row.id)) gone(row);
        for (const auto& entry : snapshot_.open_journal) settle(entry);
        return std::move(corrections_);
    }

  private:
    bool here(const Cartridge& row) const {
        return row.library == facts_.library && row.place.kind != PlaceKind::offline;
    }

    void claim(const Cartridge& row, const Place& place) {
        found_at_[row.id] = place;
        occupant_.insert(place);
        if (!row.volume_tag.empty()) tags_claimed_[row.volume_tag]++;
    }

    void add(Kind kind, const Cartridge& row, const Place& place, std::string reason) {
        Correction correction;
        correction.kind = kind;
        correction.cartridge = row.id;
        correction.place = place;
        correction.volume_tag = row.volume_tag;
        correction.reason = std::move(reason);
        corrections_.push_back(std::move(correction));
    }

    void keep_in_place(const ElementFact& element) {
        auto known = by_place_.find(element.place);
        if (known == by_place_.end() || element.content != Content::full || element.volume_tag.empty()) return;
        if (known->second->volume_tag == element.volume_tag) claim(*known->second, element.place);
    }

    void find_by_tag(const ElementFact& element) {
        const auto rows = by_tag_.find(element.volume_tag);
        const Cartridge* offline = nullptr;
        const Cartridge* elsewhere = nullptr;
        const Cartridge* moved = nullptr;
        if (rows != by_tag_.end()) {
            for (const auto* row : rows->second) {
                if (found_at_.contains(row->id)) continue;
                if (here(*row))
                    moved = moved ? moved : row;
                else if (row->place.kind == PlaceKind::offline)
                    offline = offline ? offline : row;
                else
                    elsewhere = row;
            }
        }
        if (const auto* row = moved ? moved : offline) {
            add(Kind::moved, *row, element.place,
                fmt::format("the barcode reader saw {} at {}; it was at {}", element.volume_tag.text,
                            to_text(element.place), to_text(row->place)));
            // Of two with one tag, nobody knows which one this is.
            if (row->duplicate_tag || rows->second.size() > 1)
                add(Kind::must_identify, *row, element.place, "more than one cartridge has its volume tag");
            claim(*row, element.place);
            return;
        }
        const bool duplicate = rows != by_tag_.end();
        if (duplicate) {
            for (const auto* row : rows->second)
                if (!row->duplicate_tag && flagged_.insert(row->id).second)
                    add(Kind::duplicate_tag, *row, element.place,
                        fmt::format("volume tag {} was also seen at {} of library {}{}", element.volume_tag.text,
                                    to_text(element.place), facts_.library.text,
                                    elsewhere == row ? ", while it is in library " + row->library.text : ""));
        }
        added(element, duplicate || tags_claimed_[element.volume_tag] != 0);
    }

    void added(const ElementFact& element, bool duplicate) {
        Correction correction;
        correction.kind = Kind::new_cartridge;
        correction.place = element.place;
        correction.volume_tag = element.volume_tag;
        correction.duplicate = duplicate;
        correction.reason = element.volume_tag.empty() ? fmt::format("a cartridge without readable volume tag is at {}",
                                                                     to_text(element.place))
                                                       : fmt::format("volume tag {} was seen for the first time, at {}",
                                                                     element.volume_tag.text, to_text(element.place));
        // A second unknown one with the tag of a first: both are doubtful.
        if (!element.volume_tag.empty()) {
            auto [first, fresh] = new_tags_.try_emplace(element.volume_tag, corrections_.size());
            if (!fresh) {
                corrections_[first->second].duplicate = true;
                correction.duplicate = true;
            }
        }
        corrections_.push_back(std::move(correction));
        occupant_.insert(element.place);
    }

    void find_without_tag(const ElementFact& element) {
        auto known = by_place_.find(element.place);
        if (known != by_place_.end() && !found_at_.contains(known->second->id)) {
            const auto& row = *known->second;
            claim(row, element.place);
            if (!row.volume_tag.empty() && !row.must_identify)
                add(Kind::must_identify, row, element.place,
                    fmt::format("no volume tag could be read at {}, where {} was", to_text(element.place),
                                row.volume_tag.text));
            return;
        }
        if (const auto* row = carried_to(element)) {
            add(Kind::moved, *row, element.place,
                fmt::format("the robot says that it was carried to {}; it was at {}", to_text(element.place),
                            to_text(row->place)));
            add(Kind::must_identify, *row, element.place, "its volume tag could not be read after a move");
            claim(*row, element.place);
            return;
        }
        added(element, false);
    }

    // A move that the robot remembers (source element) or that the journal intended, out of a place that is empty now.
    const Cartridge* carried_to(const ElementFact& element) const {
        auto left = [&](const Place& source) -> const Cartridge* {
            auto row = by_place_.find(source);
            auto now = elements_.find(source);
            if (row == by_place_.end() || found_at_.contains(row->second->id)) return nullptr;
            if (now != elements_.end() && now->second->content != Content::empty) return nullptr;
            return row->second;
        };
        if (element.source)
            if (const auto* row = left(*element.source)) return row;
        for (const auto& entry : snapshot_.open_journal) {
            if (entry.act != JournalAct::move || entry.destination != element.place) continue;
            if (const auto* row = left(entry.source); row && row->id == entry.cartridge) return row;
        }
        return nullptr;
    }

    void keep_what_was_not_seen(const ElementFact& element) {
        auto known = by_place_.find(element.place);
        if (element.content != Content::unknown || known == by_place_.end()) return;
        if (!found_at_.contains(known->second->id)) claim(*known->second, element.place);
    }

    void gone(const Cartridge& row) {
        const bool exists = elements_.contains(row.place);
        add(Kind::went_offline, row, row.place,
            exists ? fmt::format("it is no longer at {}, nor anywhere else in library {}", to_text(row.place),
                                 facts_.library.text)
                   : fmt::format("library {} has no {} any more", facts_.library.text, to_text(row.place)));
    }

    void settle(const JournalEntry& entry) {
        Correction correction;
        correction.journal = entry.id;
        if (raw(entry.cartridge) != 0) correction.cartridge = entry.cartridge;
        auto at = found_at_.find(entry.cartridge);
        if (entry.act != JournalAct::move) {
            correction.kind = Kind::journal_unclear;
            correction.reason =
                fmt::format("{} was cut off; only the medium knows how far it came", name_of(entry.act));
            for (const auto& row : snapshot_.cartridges)
                if (row.id == entry.cartridge && !row.must_identify)
                    add(Kind::must_identify, row, row.place, fmt::format("{} was cut off", name_of(entry.act)));
        } else if (at == found_at_.end()) {
            correction.kind = Kind::journal_unclear;
            correction.reason = fmt::format("the cartridge is neither at {} nor at {}", to_text(entry.source),
                                            to_text(entry.destination));
        } else {
            correction.place = at->second;
            correction.kind = at->second == entry.destination ? Kind::journal_done
                              : at->second == entry.source    ? Kind::journal_undone
                                                              : Kind::journal_unclear;
            correction.reason = fmt::format("the cartridge is at {}", to_text(at->second));
        }
        corrections_.push_back(std::move(correction));
    }

    const ReconcileSnapshot& snapshot_;
    const InventoryFacts& facts_;
    std::unordered_map<VolumeTag, std::vector<const Cartridge*>> by_tag_;
    std::map<Place, const Cartridge*> by_place_;
    std::map<Place, const ElementFact*> elements_;
    std::map<CartridgeId, Place> found_at_;  // settled rows
    std::set<Place> occupant_;               // settled elements
    std::set<CartridgeId> flagged_;          // as duplicate
    std::unordered_map<VolumeTag, int> tags_claimed_;
    std::unordered_map<VolumeTag, std::size_t> new_tags_;  // index of the correction
    std::vector<Correction> corrections_;
};

}  // namespace

std::vector<Correction> reconcile(const ReconcileSnapshot& snapshot, const InventoryFacts& facts) {
    return Reconciliation(snapshot, facts).run();
}

}  // namespace capstan::pools
