// The label against the database, and what becomes of the records.
#include "support.hpp"

#include "pools/label_check.hpp"
#include "pools/store/work_rows.hpp"

namespace capstan::pools {
namespace {

using Kind = LabelVerdictKind;

class Identify : public StoreTest {
  protected:
    OnMedium reads(CartridgeId id) {
        const auto row = get(id);
        OnMedium medium;
        medium.kind = MediumKind::capstan;
        medium.label =
            LabelOnMedium{row.side.media_id,   row.side.domain_id,        row.side.family,    row.side.sequence,
                          row.side.generation, row.side.appendable_until, row.side.keep_until};
        return medium;
    }
    static OnMedium other(MediumKind kind, const std::string& description) {
        OnMedium medium;
        medium.kind = kind;
        medium.description = description;
        return medium;
    }
    PoolId pool_ = make_pool("Daily");
    Written first_ = allocated("A1", 1, pool_);
};

TEST_F(Identify, AMatchSettlesTheDoubt) {
    change(
        [&](auto& transaction) { return Cartridges(store()).set_must_identify(transaction, first_.id, true, kNote); });
    const auto found = must(identify(store(), first_.id, reads(first_.id), kNote));
    EXPECT_EQ(found.verdict.kind, Kind::matches);
    EXPECT_EQ(found.cartridge.id, first_.id);
    EXPECT_FALSE(found.cartridge.must_identify);
}

TEST_F(Identify, SwappedOnesChangePlacesInTheRecords) {
    const auto second = allocated("A2", 2, pool_);
    const auto found = must(identify(store(), first_.id, reads(second.id), kNote));
    EXPECT_EQ(found.verdict.kind, Kind::swapped);
    EXPECT_EQ(found.verdict.text, "A1 was expected, but the label says that this is A2");
    EXPECT_EQ(found.cartridge.id, second.id);
    EXPECT_EQ(found.cartridge.place.id, "1");
    EXPECT_EQ(found.cartridge.volume_tag.text, "A1") << "that is the barcode on it";
    EXPECT_EQ(get(first_.id).place.id, "2");
    EXPECT_TRUE(get(first_.id).must_identify);
}

TEST_F(Identify, ANewBarcodeOnAKnownMediumMakesNoSecondRecord) {
    change([&](auto& transaction) { return Cartridges(store()).set_place(transaction, first_.id, {}, {}, kNote); });
    auto fresh = cartridge("NEW1", 5, kUnrecognizedPool, SideState::unknown);
    fresh.must_identify = true;
    const auto id = add(fresh);
    const auto found = must(identify(store(), id, reads(first_.id), kNote));
    EXPECT_EQ(found.cartridge.id, first_.id);
    EXPECT_EQ(found.cartridge.volume_tag.text, "NEW1");
    EXPECT_EQ(found.cartridge.place.id, "5");
    EXPECT_FALSE(Cartridges(store()).get(id));
}

// The answer to the label's write was lost, or the power failed: the journal knows what was being written.
TEST_F(Identify, ALabelThatWasBeingWrittenIsTakenIntoTheRecords) {
    for (auto state : {JournalState::failed, JournalState::settled, JournalState::intended}) {
        const auto tag = "B" + std::to_string(static_cast<int>(state));
        const auto id = add(cartridge(tag, 10 + static_cast<int>(state), kUnrecognizedPool, SideState::unknown));
        const LabelIntent intent{Uuid{"new-" + tag}, MediaFamilyId{0}, 1, WriteGeneration{1}, 65536, kFreePool};
        JournalEntry entry;
        entry.act = JournalAct::label;
        entry.cartridge = id;
        entry.detail = to_text(intent);
        const auto act = must(Journal(store()).intend(entry));
        change([&](auto& transaction) { return Cartridges(store()).set_suspect(transaction, id, true, kNote); });
        if (state != JournalState::intended)
            change(
                [&](auto& transaction) { return Journal(store()).end(transaction, act, state, "no answer came", {}); });
        auto medium = reads(first_.id);
        medium.label->media_id = intent.media_id;
        medium.label->family = intent.family;
        medium.label->generation = intent.generation;
        const auto found = must(identify(store(), id, medium, kNote));
        EXPECT_EQ(found.verdict.kind, Kind::matches);
        EXPECT_EQ(found.cartridge.side.state, SideState::available);
        EXPECT_EQ(found.cartridge.pool, kFreePool);
        EXPECT_EQ(found.cartridge.side.media_id, intent.media_id);
        EXPECT_EQ(raw(found.cartridge.side.recorded_end), 2U);
        EXPECT_FALSE(found.cartridge.suspect);
        EXPECT_EQ(must(Meta(store()).overwrite_stop()), "");
    }
}

TEST_F(Identify, ALabelWithAFamilyThatWasBeingWrittenIsAllocated) {
    const auto row = get(first_.id);
    const LabelIntent intent{
        row.side.media_id, row.side.family, 2, WriteGeneration{raw(row.side.generation) + 1}, 65536, pool_};
    JournalEntry entry;
    entry.act = JournalAct::label;
    entry.cartridge = first_.id;
    entry.detail = to_text(intent);
    (void)must(Journal(store()).intend(entry));
    auto medium = reads(first_.id);
    medium.label->sequence = 2;
    medium.label->generation = intent.generation;
    auto another = medium;
    another.label->generation = WriteGeneration{raw(intent.generation) + 1};
    EXPECT_EQ(must(identify(store(), first_.id, medium, kNote)).verdict.kind, Kind::matches);
    EXPECT_EQ(get(first_.id).side.state, SideState::allocated);
    EXPECT_EQ(get(first_.id).side.sequence, 2);
    EXPECT_EQ(must(identify(store(), first_.id, another, kNote)).verdict.kind, Kind::newer_than_database)
        << "nobody meant to write that";
    EXPECT_NE(must(Meta(store()).overwrite_stop()), "");
}

// What a label that was cut off left is blank. It is used again by itself where everything on it had expired.
TEST_F(Identify, ABlankMediumWhoseLabelWasCutOffIsNoRiddle) {
    OnMedium blank;
    blank.kind = MediumKind::blank;
    EXPECT_EQ(must(identify(store(), first_.id, blank, kNote)).verdict.kind, Kind::blank_but_labelled);
    EXPECT_TRUE(get(first_.id).suspect);
    const auto side = get(first_.id).side;
    auto intend = [&](WriteGeneration generation) {
        JournalEntry entry;
        entry.act = JournalAct::label;
        entry.cartridge = first_.id;
        entry.detail = to_text(LabelIntent{side.media_id, MediaFamilyId{0}, 1, generation, 65536, kFreePool});
        (void)must(Journal(store()).intend(entry));
    };
    intend(side.generation);
    EXPECT_EQ(must(identify(store(), first_.id, blank, kNote)).verdict.advice,
              "It was erased or exchanged elsewhere; look for the real cartridge.")
        << "that label is known to be on it";
    intend(WriteGeneration{raw(side.generation) + 1});
    const auto kept = must(identify(store(), first_.id, blank, kNote));
    EXPECT_EQ(kept.verdict.kind, Kind::blank_but_labelled) << "it is allocated";
    EXPECT_NE(kept.verdict.advice.find("capstan media erase A1 --overwrite"), std::string::npos) << kept.verdict.advice;
    EXPECT_TRUE(get(first_.id).suspect);
    change([&](auto& transaction) { return Cartridges(store()).apply(transaction, first_.id, SideEvent::release, kNote); });
    EXPECT_EQ(must(identify(store(), first_.id, blank, kNote)).verdict.kind, Kind::label_cut_off);
    EXPECT_FALSE(get(first_.id).suspect);
    EXPECT_FALSE(get(first_.id).must_identify);
}

TEST(LabelIntents, AreReadBack) {
    const LabelIntent intent{Uuid{"8a5e"}, MediaFamilyId{7}, 3, WriteGeneration{9}, 262144, PoolId{4}};
    EXPECT_EQ(label_intent(to_text(intent)), intent);
    EXPECT_EQ(label_intent(to_text(intent) + " drive D1: no answer came"), intent);
    EXPECT_FALSE(label_intent(""));
    EXPECT_FALSE(label_intent("family 7 sequence 1 generation 3"));
}

TEST_F(Identify, ALabelOfOursThatNobodyKnowsStopsOverwriting) {
    auto medium = reads(first_.id);
    medium.label->media_id.text = "lost";
    medium.label->family = MediaFamilyId{300};
    const auto fresh = add(cartridge("A9", 9, kUnrecognizedPool, SideState::unknown));
    auto found = must(identify(store(), fresh, medium, kNote));
    EXPECT_EQ(found.verdict.kind, Kind::unknown_ours);
    EXPECT_EQ(found.cartridge.id, fresh);
    EXPECT_EQ(found.cartridge.side.state, SideState::import);
    EXPECT_EQ(found.cartridge.pool, kImportPool);
    EXPECT_EQ(found.cartridge.side.media_id.text, "lost");
    EXPECT_NE(must(Meta(store()).overwrite_stop()), "");
    EXPECT_EQ(raw(must(Meta(store()).next_family())), 301U);
    EXPECT_EQ(must(identify(store(), fresh, medium, kNote)).verdict.kind, Kind::matches) << "now it is known";
}

TEST_F(Identify, InThePlaceOfAKnownOneItGetsARecordOfItsOwn) {
    auto medium = reads(first_.id);
    medium.label->media_id.text = "theirs";
    medium.label->domain_id.text = "another";
    const auto found = must(identify(store(), first_.id, medium, kNote));
    EXPECT_EQ(found.verdict.kind, Kind::other_domain);
    EXPECT_NE(found.cartridge.id, first_.id);
    EXPECT_EQ(found.cartridge.place.id, "1");
    EXPECT_EQ(found.cartridge.pool, kImportPool);
    EXPECT_EQ(get(first_.id).place.kind, PlaceKind::offline);
    EXPECT_EQ(get(first_.id).side.state, SideState::allocated) << "its sets are not forgotten";
    EXPECT_EQ(must(Meta(store()).overwrite_stop()), "");
}

TEST_F(Identify, TheSameMediaIdInAnotherDomainIsAnotherMedium) {
    auto medium = reads(first_.id);
    medium.label->domain_id.text = "another";
    const auto fresh = add(cartridge("A9", 9, kUnrecognizedPool, SideState::unknown));
    const auto found = must(identify(store(), fresh, medium, kNote));
    EXPECT_EQ(found.verdict.kind, Kind::other_domain);
    EXPECT_TRUE(found.cartridge.side.media_id.empty());
    EXPECT_EQ(get(first_.id).place.id, "1");
}

TEST_F(Identify, NewerAndOlderLabelsAreDoubted) {
    for (auto generation : {0U, 2U}) {
        auto medium = reads(first_.id);
        medium.label->generation = WriteGeneration{generation};
        const auto found = must(identify(store(), first_.id, medium, kNote));
        EXPECT_EQ(found.verdict.kind, generation == 0 ? Kind::older_than_database : Kind::newer_than_database);
        EXPECT_TRUE(found.cartridge.suspect);
        EXPECT_TRUE(found.cartridge.must_identify);
        EXPECT_EQ(must(Meta(store()).overwrite_stop()).empty(), generation == 0);
    }
}

TEST_F(Identify, WhatIsNotOursGoesToUnrecognized) {
    int number = 20;
    for (const auto& medium : {other(MediumKind::foreign, "GNU tar"), other(MediumKind::blank, ""),
                               other(MediumKind::unreadable, "03/11/00")}) {
        auto row = cartridge("X" + std::to_string(number), static_cast<std::uint32_t>(number), kUnrecognizedPool,
                             SideState::unknown);
        ++number;
        row.must_identify = true;
        const auto found = must(identify(store(), add(row), medium, kNote));
        EXPECT_EQ(found.cartridge.side.state, SideState::unrecognized);
        EXPECT_FALSE(found.cartridge.must_identify);
        EXPECT_EQ(found.cartridge.side.description, medium.kind == MediumKind::blank ? "blank" : medium.description);
    }
}

TEST_F(Identify, AKnownOneIsNeverDowngradedByWhatIsInItsPlace) {
    for (const auto& medium : {other(MediumKind::foreign, "GNU tar"), other(MediumKind::blank, ""),
                               other(MediumKind::unreadable, "03/11/00")}) {
        const auto found = must(identify(store(), first_.id, medium, kNote));
        EXPECT_EQ(found.cartridge.side.state, SideState::allocated);
        EXPECT_EQ(found.cartridge.pool, pool_);
        EXPECT_TRUE(found.cartridge.suspect);
        EXPECT_TRUE(found.cartridge.must_identify);
        EXPECT_FALSE(found.verdict.advice.empty());
    }
}

TEST_F(Identify, OneToBeLabelledStaysSo) {
    auto row = cartridge("B1", 30, kFreePool, SideState::unprepared);
    const auto found = must(identify(store(), add(row), other(MediumKind::blank, ""), kNote));
    EXPECT_EQ(found.verdict.kind, Kind::blank);
    EXPECT_EQ(found.cartridge.side.state, SideState::unprepared);
    EXPECT_EQ(found.cartridge.pool, kFreePool);
}

TEST_F(Identify, TheTabIsNoticed) {
    auto medium = reads(first_.id);
    medium.write_protected = true;
    EXPECT_TRUE(must(identify(store(), first_.id, medium, kNote)).cartridge.write_protected);
    medium.write_protected = false;
    EXPECT_FALSE(must(identify(store(), first_.id, medium, kNote)).cartridge.write_protected);
}

}  // namespace
}  // namespace capstan::pools
