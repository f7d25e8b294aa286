// The database after an inventory: what the hardware holds, nothing forgotten, nothing in two places.
#include "support.hpp"

#include "pools/reconcile.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace capstan::pools {
namespace {

using Kind = Correction::Kind;
using Content = ElementFact::Content;

Place slot(int number) { return {PlaceKind::slot, std::to_string(number)}; }
ElementFact full(int number, const std::string& tag) { return {slot(number), Content::full, {tag}, {}}; }
ElementFact empty(int number) { return {slot(number), Content::empty, {}, {}}; }

class Inventory : public StoreTest {
  protected:
    std::vector<Correction> run(std::vector<ElementFact> elements, const std::string& library = "LIB1") {
        const InventoryFacts facts{{library}, std::move(elements)};
        const auto corrections = reconcile(must(reconcile_snapshot(store(), facts)), facts);
        change([&](WriteTransaction& transaction) { return apply(transaction, facts.library, corrections, kStart); });
        return corrections;
    }
    static std::vector<Kind> kinds(const std::vector<Correction>& corrections) {
        std::vector<Kind> all;
        for (const auto& correction : corrections) all.push_back(correction.kind);
        return all;
    }
    std::optional<Cartridge> at(int number) { return must(Cartridges(store()).at({"LIB1"}, slot(number))); }
};

TEST_F(Inventory, ChangesNothingWhenNothingChanged) {
    add(cartridge("A1", 1, kFreePool));
    add(cartridge("", 2, kFreePool));
    EXPECT_TRUE(run({full(1, "A1"), full(2, ""), empty(3)}).empty());
}

TEST_F(Inventory, UnknownTagsBecomeCartridgesToBeIdentified) {
    EXPECT_EQ(kinds(run({full(1, "A1"), full(2, ""), empty(3)})),
              (std::vector{Kind::new_cartridge, Kind::new_cartridge}));
    const auto fresh = at(1);
    ASSERT_TRUE(fresh);
    EXPECT_EQ(fresh->side.state, SideState::unknown);
    EXPECT_EQ(fresh->pool, kUnrecognizedPool);
    EXPECT_TRUE(fresh->must_identify);
    EXPECT_TRUE(at(2)->volume_tag.empty());
    EXPECT_TRUE(run({full(1, "A1"), full(2, ""), empty(3)}).empty()) << "once";
}

TEST_F(Inventory, MissingOnesGoOfflineAndComeBackAsTheyWere) {
    const auto pool = make_pool("Daily");
    const auto medium = allocated("A1", 1, pool);
    const auto before = get(medium.id);
    EXPECT_EQ(kinds(run({empty(1), empty(2)})), std::vector{Kind::went_offline});
    EXPECT_EQ(get(medium.id).place.kind, PlaceKind::offline);
    EXPECT_EQ(get(medium.id).side, before.side);
    run({empty(1), full(2, "A1")});
    EXPECT_EQ(get(medium.id).place, slot(2));
    EXPECT_EQ(get(medium.id).side, before.side);
    EXPECT_EQ(get(medium.id).pool, pool);
    EXPECT_EQ(kinds(run({full(2, "A1")})), std::vector<Kind>{}) << "an element that nobody asked about";
    EXPECT_EQ(kinds(run({full(1, "")})), (std::vector{Kind::new_cartridge, Kind::went_offline}))
        << "slot 2 is gone with its magazine";
}

TEST_F(Inventory, TwoThatChangedPlaces) {
    const auto first = add(cartridge("A1", 1, kFreePool));
    const auto second = add(cartridge("A2", 2, kFreePool));
    EXPECT_EQ(kinds(run({full(1, "A2"), full(2, "A1")})), (std::vector{Kind::moved, Kind::moved}));
    EXPECT_EQ(get(first).place, slot(2));
    EXPECT_EQ(get(second).place, slot(1));
}

TEST_F(Inventory, ADoubleTagIsFlaggedAndNeverGuessed) {
    const auto known = add(cartridge("A1", 1, kFreePool));
    EXPECT_EQ(kinds(run({full(1, "A1"), full(2, "A1")})), (std::vector{Kind::duplicate_tag, Kind::new_cartridge}));
    EXPECT_TRUE(get(known).duplicate_tag);
    EXPECT_EQ(get(known).place, slot(1));
    EXPECT_TRUE(at(2)->duplicate_tag);
    EXPECT_TRUE(run({full(1, "A1"), full(2, "A1")}).empty());
    // Once they moved nobody knows which is which.
    const auto twin = at(2)->id;
    change([&](auto& transaction) { return Cartridges(store()).set_must_identify(transaction, twin, false, kNote); });
    run({full(3, "A1"), full(4, "A1"), empty(1), empty(2)});
    EXPECT_TRUE(get(known).must_identify);
    EXPECT_TRUE(get(twin).must_identify);
}

TEST_F(Inventory, TwoNewOnesWithOneTag) {
    run({full(1, "A1"), full(2, "A1")});
    EXPECT_TRUE(at(1)->duplicate_tag);
    EXPECT_TRUE(at(2)->duplicate_tag);
}

TEST_F(Inventory, ATagThatAnotherLibraryHoldsIsADouble) {
    const auto known = add(cartridge("A1", 1, kFreePool));
    run({full(7, "A1")}, "LIB2");
    EXPECT_EQ(get(known).place, slot(1));
    EXPECT_EQ(get(known).library.text, "LIB1");
    EXPECT_TRUE(get(known).duplicate_tag);
    EXPECT_TRUE(must(Cartridges(store()).at({"LIB2"}, slot(7)))->duplicate_tag);
}

TEST_F(Inventory, WhatTheRobotCannotTellStays) {
    const auto id = add(cartridge("A1", 1, kFreePool));
    EXPECT_TRUE(run({{slot(1), Content::unknown, {}, {}}}).empty());
    EXPECT_EQ(get(id).place, slot(1));
    EXPECT_EQ(kinds(run({full(1, "")})), std::vector{Kind::must_identify}) << "its tag was not read";
    EXPECT_TRUE(run({full(1, "")}).empty());
}

TEST_F(Inventory, AMoveThatACrashCutOff) {
    for (int ended : {1, 2, 3, 0}) {
        SCOPED_TRACE(ended);
        const auto tag = "T" + std::to_string(ended);
        const auto id = add(cartridge(tag, 1, kFreePool));
        JournalEntry entry;
        entry.cartridge = id;
        entry.library.text = "LIB1";
        entry.source = slot(1);
        entry.destination = slot(2);
        must(Journal(store()).intend(entry));
        std::vector<ElementFact> elements{empty(1), empty(2), empty(3)};
        if (ended) elements[static_cast<std::size_t>(ended - 1)] = full(ended, tag);
        const auto corrections = run(elements);
        EXPECT_EQ(corrections.back().kind, ended == 2   ? Kind::journal_done
                                           : ended == 1 ? Kind::journal_undone
                                                        : Kind::journal_unclear);
        EXPECT_TRUE(must(Journal(store()).open()).empty());
        EXPECT_EQ(get(id).place.kind, ended ? PlaceKind::slot : PlaceKind::offline);
        run({empty(1), empty(2), empty(3)});
    }
}

TEST_F(Inventory, WithoutTagsTheJournalAndTheRobotTell) {
    const auto first = add(cartridge("", 1, kFreePool));
    JournalEntry entry;
    entry.cartridge = first;
    entry.library.text = "LIB1";
    entry.source = slot(1);
    entry.destination = slot(2);
    must(Journal(store()).intend(entry));
    run({empty(1), full(2, "")});
    EXPECT_EQ(get(first).place, slot(2));
    EXPECT_TRUE(get(first).must_identify);
    ElementFact carried = full(3, "");
    carried.source = slot(2);
    run({empty(1), empty(2), carried});
    EXPECT_EQ(get(first).place, slot(3));
}

TEST_F(Inventory, ALabelThatWasCutOffIsReadAgain) {
    const auto id = add(cartridge("A1", 1, kFreePool));
    JournalEntry entry;
    entry.act = JournalAct::label;
    entry.cartridge = id;
    entry.library.text = "LIB1";
    must(Journal(store()).intend(entry));
    run({full(1, "A1")});
    EXPECT_TRUE(get(id).must_identify);
    EXPECT_TRUE(must(Journal(store()).open()).empty());
}

constexpr int kSlots = 8;

// One thing that hands do in a library: take out, put in (at times with a tag that is there already), move, exchange.
template <typename Below>
void move_by_hand(std::map<int, std::string>& truth, int& made, Below& below) {
    const int here = 1 + below(kSlots), there = 1 + below(kSlots);
    switch (below(4)) {
        case 0: truth.erase(here); break;
        case 1: {
            const bool twice = below(3) == 0 && made > 0;
            truth[here] = "T" + std::to_string(twice ? below(static_cast<std::uint64_t>(made)) : made++);
            break;
        }
        case 2:
            if (truth.contains(here) && !truth.contains(there)) {
                truth[there] = truth[here];
                truth.erase(here);
            }
            break;
        default:
            if (truth.contains(here) && truth.contains(there)) std::swap(truth[here], truth[there]);
    }
}

// Hands move cartridges about in any way, the reader fails at times. After each inventory the database must hold
// exactly what is there, have forgotten nothing, and a second look must change nothing.
TEST(Reconcile, EndsAtTheTruthWhateverHappened) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE(seed);
        SeededEntropy entropy(seed);
        auto below = [&](std::uint64_t n) { return static_cast<int>(entropy.next() % n); };
        TemporaryDirectory directory;
        auto store = must(StateStore::open(directory.path(), entropy));
        std::map<int, std::string> truth;  // slot → real tag
        int made = 0;
        for (int step = 0; step < 12; ++step) {
            for (int hand = below(4); hand > 0; --hand) move_by_hand(truth, made, below);
            InventoryFacts facts{{"LIB1"}, {}};
            for (int number = 1; number <= kSlots; ++number) {
                if (!truth.contains(number))
                    facts.elements.push_back(empty(number));
                else
                    facts.elements.push_back(full(number, below(6) == 0 ? "" : truth[number]));
            }
            Cartridges cartridges(*store);
            std::set<CartridgeId> before;
            for (const auto& row : must(cartridges.list({}))) before.insert(row.id);
            const auto corrections = reconcile(must(reconcile_snapshot(*store, facts)), facts);
            auto transaction = must(WriteTransaction::begin(*store));
            must(apply(transaction, facts.library, corrections, kStart));
            must(transaction.commit());

            std::map<Place, Cartridge> placed;
            for (const auto& row : must(cartridges.list({}))) {
                before.erase(row.id);
                if (row.place.kind != PlaceKind::offline) {
                    ASSERT_TRUE(placed.emplace(row.place, row).second);
                }
            }
            EXPECT_TRUE(before.empty()) << "forgotten";
            EXPECT_EQ(placed.size(), truth.size());
            for (const auto& element : facts.elements) {
                ASSERT_EQ(placed.contains(element.place), element.content == Content::full);
                if (element.content != Content::full) continue;
                const auto& row = placed.at(element.place);
                if (!element.volume_tag.empty()) {
                    EXPECT_EQ(row.volume_tag, element.volume_tag);
                } else {
                    EXPECT_TRUE(row.must_identify) << "what no tag tells has to be identified";
                }
                const auto same = std::ranges::count_if(
                    placed, [&](const auto& one) { return one.second.volume_tag == row.volume_tag; });
                if (same > 1 && !row.volume_tag.empty()) {
                    EXPECT_TRUE(row.duplicate_tag || row.must_identify) << row.volume_tag.text;
                }
            }
            EXPECT_TRUE(reconcile(must(reconcile_snapshot(*store, facts)), facts).empty()) << "a second look";
        }
    }
}

}  // namespace
}  // namespace capstan::pools
