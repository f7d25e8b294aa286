// Who may write: every combination of facts against an independent statement of the rules, and the attempts at wrong
// overwriting that must be refused, through the office and the database.
#include "support.hpp"

#include "pools/permits.hpp"

namespace capstan::pools {
namespace {

const Uuid kOurs{"domain-ours"};
const Uuid kTheirs{"domain-theirs"};

// What the medium turns out to be, against a row with media id "m1", family 7 sequence 1 generation 3.
enum class Seen { blank, matching, newer, older, other_family, unknown_ours, swapped, other_domain, foreign, unreadable, count };
enum class End { not_done, failed, recorded, beyond, short_of, count };
enum class Last { none, recorded, another, never_given, count };
enum class Unfinished { none, known, unknown, count };

OnMedium medium_of(Seen seen, End end, Last last, Unfinished unfinished, bool medium_expired) {
    OnMedium medium;
    LabelOnMedium label{Uuid{"m1"}, kOurs, MediaFamilyId{7}, 1, WriteGeneration{3}, kStart + 24h, kForever};
    medium.kind = MediumKind::capstan;
    switch (seen) {
        case Seen::blank: medium.kind = MediumKind::blank; break;
        case Seen::foreign: medium.kind = MediumKind::foreign; medium.description = "tar"; break;
        case Seen::unreadable: medium.kind = MediumKind::unreadable; medium.description = "03/11/00"; break;
        case Seen::newer: label.generation = WriteGeneration{4}; break;
        case Seen::older: label.generation = WriteGeneration{2}; break;
        case Seen::other_family: label.family = MediaFamilyId{8}; break;
        case Seen::unknown_ours: label.media_id = Uuid{"m9"}; break;
        case Seen::swapped: label.media_id = Uuid{"m2"}; break;
        case Seen::other_domain: label.domain_id = kTheirs; break;
        case Seen::matching:
        case Seen::count: break;
    }
    if (medium.kind == MediumKind::capstan) medium.label = label;
    medium.end = end == End::not_done ? EndSearch::not_done : end == End::failed ? EndSearch::failed : EndSearch::found;
    medium.end_of_data = BlockNumber{end == End::beyond ? 120U : end == End::short_of ? 80U : 100U};
    const auto keep = kStart + (medium_expired ? -1h : 1h);
    if (last == Last::recorded) medium.last_closed = SetOnMedium{SetNumber{5}, Uuid{"u5"}, keep};
    if (last == Last::another) medium.last_closed = SetOnMedium{SetNumber{5}, Uuid{"other"}, keep};
    if (last == Last::never_given) medium.last_closed = SetOnMedium{SetNumber{50}, Uuid{"u50"}, keep};
    if (unfinished != Unfinished::none) medium.unfinished = SetOnMedium{SetNumber{6}, Uuid{"u6"}, keep};
    return medium;
}

struct Case {
    PermitRequest request;
    PermitFacts facts;
    Seen seen{};
    End end{};
    Last last{};
    Unfinished unfinished{};
    bool medium_expired = true;
};

// The rules once more, in other words: what must all be true for a grant.
bool may(const Case& c) {
    const auto& row = c.facts.cartridge;
    const bool labelled = raw(row.side.generation) != 0;
    const bool found = c.request.medium.end == EndSearch::found;
    const bool new_set_seen = found && c.last == Last::never_given && c.request.medium.kind == MediumKind::capstan;
    const bool same = c.seen == Seen::matching && labelled && !new_set_seen;
    const bool free_to_go = row.hold.empty() && !c.facts.set_running;
    const bool last_ok = c.last == Last::recorded;
    if (row.write_protected || row.side.state == SideState::decommissioned || row.side.state == SideState::incompatible) return false;
    const bool holds_data = row.side.state == SideState::allocated || row.side.state == SideState::complete;
    switch (c.request.purpose) {
        case WritePurpose::label_blank:
            return c.seen == Seen::blank && !labelled && !row.duplicate_tag && !holds_data && free_to_go &&
                   !c.facts.newest_keep_until && !c.facts.last_recorded;
        case WritePurpose::reuse_expired:
            return same && free_to_go && c.facts.overwrite_stop.empty() && c.facts.clock_stop.empty() &&
                   (row.side.state == SideState::available || row.side.state == SideState::unprepared) &&
                   *c.facts.newest_keep_until < c.facts.now && found && last_ok && c.medium_expired &&
                   (c.unfinished == Unfinished::known || (c.unfinished == Unfinished::none && c.end != End::beyond));
        case WritePurpose::append:
            return same && row.side.state == SideState::allocated && c.end == End::recorded && last_ok && c.unfinished == Unfinished::none;
        case WritePurpose::close_unfinished:
            return same && row.side.state == SideState::allocated && found && c.end != End::short_of && last_ok &&
                   c.unfinished == Unfinished::known;
        case WritePurpose::operator_forced: {
            if (!c.request.word || c.request.word->seen != c.request.medium.kind || !free_to_go) return false;
            const bool expired = c.facts.newest_keep_until < c.facts.now && c.facts.clock_stop.empty();
            if (c.facts.newest_keep_until && !expired && !c.request.word->even_unexpired) return false;
            if (c.seen == Seen::blank) return true;
            if (!c.facts.overwrite_stop.empty()) return false;
            // Evidence for an old database, or another of our cartridges: no word goes over that.
            if (c.seen == Seen::foreign || c.seen == Seen::unreadable || c.seen == Seen::other_domain) return true;
            return (c.seen == Seen::matching || c.seen == Seen::older) && labelled && !new_set_seen;
        }
    }
    return false;
}

Case make_case(WritePurpose purpose, Seen seen, SideState state, bool labelled) {
    Case c;
    c.seen = seen;
    c.request.purpose = purpose;
    c.request.cartridge = CartridgeId{1};
    c.request.drive.text = "D1";
    c.request.new_family = MediaFamilyId{9};
    auto& row = c.facts.cartridge;
    row.id = CartridgeId{1};
    row.volume_tag.text = "A1";
    row.side.state = state;
    c.facts.our_domain = kOurs;
    c.facts.now = kStart;
    c.facts.next_set = SetNumber{10};
    c.facts.next_family = MediaFamilyId{9};
    c.facts.medium_id_elsewhere = seen == Seen::swapped;
    if (labelled) {
        row.side.media_id.text = "m1";
        row.side.domain_id = kOurs;
        row.side.family = MediaFamilyId{7};
        row.side.sequence = 1;
        row.side.generation = WriteGeneration{3};
        row.side.recorded_end = BlockNumber{100};
        row.side.appendable_until = kStart + 24h;
        row.side.keep_until = kForever;
        c.facts.last_recorded = SetOnMedium{SetNumber{5}, Uuid{"u5"}, {}};
        c.facts.newest_keep_until = kStart - 1h;
    }
    return c;
}

TEST(Judge, AgreesWithTheRulesInEveryCombination) {
    std::size_t cases = 0, granted = 0;
    auto try_it = [&](Case& c) {
        c.request.medium = medium_of(c.seen, c.end, c.last, c.unfinished, c.medium_expired);
        c.facts.unfinished_known = c.unfinished == Unfinished::known;
        const auto judgement = judge(c.request, c.facts);
        ++cases;
        granted += judgement.has_value();
        ASSERT_EQ(judgement.has_value(), may(c))
            << name_of(c.request.purpose) << " seen " << int(c.seen) << " end " << int(c.end) << " last " << int(c.last) << " unfinished "
            << int(c.unfinished) << " state " << name_of(c.facts.cartridge.side.state) << " "
            << (judgement ? "granted" : to_text(judgement.error().error));
        if (judgement) return;
        EXPECT_FALSE(judgement.error().error.happened.empty());
        EXPECT_NE(judgement.error().error.happened.find("A1"), std::string::npos);
    };
    auto each = [&](WritePurpose purpose, Seen seen, SideState state, unsigned bits) {
        const bool forced = purpose == WritePurpose::operator_forced;
        const bool blank = purpose == WritePurpose::label_blank;
        if ((!forced && (bits & 0xC0) != 0) || (!blank && (bits & 256) != 0)) return;  // what only those two ask for
        auto c = make_case(purpose, seen, state, (bits & 1) == 0);
        if (bits & 2) c.facts.overwrite_stop = "stopped";
        if (bits & 4) c.facts.clock_stop = "jumped";
        if (bits & 8) c.facts.cartridge.hold = "held";
        if (bits & 16) c.facts.newest_keep_until = kStart + 1h;
        c.medium_expired = (bits & 32) == 0;
        if (bits & 256) c.facts.cartridge.duplicate_tag = true;
        if (!c.facts.newest_keep_until && purpose == WritePurpose::reuse_expired) c.facts.newest_keep_until = kStart - 1h;
        for (int end = 0; end < int(End::count); ++end) {
            for (int last = 0; last < int(Last::count); ++last) {
                for (int unfinished = 0; unfinished < (forced || blank ? 1 : int(Unfinished::count)); ++unfinished) {
                    c.end = static_cast<End>(end);
                    c.last = static_cast<Last>(last);
                    c.unfinished = static_cast<Unfinished>(unfinished);
                    c.request.word.reset();
                    if (forced && !(bits & 64))
                        c.request.word = OperatorWord{CartridgeId{1}, "anna", "not needed",
                                                      medium_of(c.seen, c.end, c.last, c.unfinished, true).kind, (bits & 128) != 0};
                    try_it(c);
                    if (HasFatalFailure()) return;
                }
            }
        }
    };
    for (int purpose = 0; purpose < 5; ++purpose)
        for (int seen = 0; seen < int(Seen::count); ++seen)
            for (int state = 0; state < int(SideState::count); ++state)
                for (unsigned bits = 0; bits < 512 && !HasFatalFailure(); ++bits)
                    each(static_cast<WritePurpose>(purpose), static_cast<Seen>(seen), static_cast<SideState>(state), bits);
    EXPECT_GT(cases, 1'000'000U);
    EXPECT_GT(granted, 1000U);
    RecordProperty("cases", static_cast<int>(cases));
}

TEST(Judge, RefusesWriteProtectionAndMixedUpRequests) {
    auto c = make_case(WritePurpose::append, Seen::matching, SideState::allocated, true);
    c.request.medium = medium_of(Seen::matching, End::recorded, Last::recorded, Unfinished::none, true);
    ASSERT_TRUE(judge(c.request, c.facts));
    EXPECT_EQ(judge(c.request, c.facts)->first_block, BlockNumber{100});
    EXPECT_EQ(judge(c.request, c.facts)->generation, WriteGeneration{3});
    c.request.medium.write_protected = true;
    EXPECT_EQ(judge(c.request, c.facts).error().error.recovery, Recovery::replace_medium);
    c.request.medium.write_protected = false;
    c.facts.now = kStart + 25h;
    EXPECT_FALSE(judge(c.request, c.facts)) << "the allocation period has ended";
    c.facts.now = kStart;
    c.request.cartridge = CartridgeId{2};
    EXPECT_FALSE(judge(c.request, c.facts));
}

TEST(Judge, AWordIsForOneCartridgeAndWhatWasSeen) {
    auto c = make_case(WritePurpose::operator_forced, Seen::foreign, SideState::unrecognized, false);
    c.request.medium = medium_of(Seen::foreign, End::not_done, Last::none, Unfinished::none, true);
    const OperatorWord good{CartridgeId{1}, "anna", "old tar tape", MediumKind::foreign, false};
    c.request.word = good;
    ASSERT_TRUE(judge(c.request, c.facts));
    EXPECT_EQ(judge(c.request, c.facts)->generation, WriteGeneration{1});
    EXPECT_EQ(judge(c.request, c.facts)->family, MediaFamilyId{9});
    for (auto spoil : {0, 1, 2, 3}) {
        c.request.word = good;
        if (spoil == 0) c.request.word->cartridge = CartridgeId{2};
        if (spoil == 1) c.request.word->who.clear();
        if (spoil == 2) c.request.word->why.clear();
        if (spoil == 3) c.request.word->seen = MediumKind::unreadable;
        EXPECT_FALSE(judge(c.request, c.facts)) << spoil;
    }
}

class Office : public StoreTest {
  protected:
    Office() : pool_(make_pool("Daily")), medium_(allocated("A1", 1, pool_)) {
        set_ = write_set(medium_, pool_, "u1", 2, 100, kStart + 1h);
    }
    LabelOnMedium label(const Cartridge& row) const {
        return {row.side.media_id, row.side.domain_id, row.side.family, row.side.sequence, row.side.generation, row.side.appendable_until,
                row.side.keep_until};
    }
    OnMedium really(CartridgeId id) {  // what a drive would read of it
        OnMedium medium;
        medium.kind = MediumKind::capstan;
        medium.label = label(get(id));
        medium.end = EndSearch::found;
        medium.end_of_data = get(id).side.recorded_end;
        medium.last_closed = SetOnMedium{set_, Uuid{"u1"}, kStart + 1h};
        return medium;
    }
    Result<WritePermit> ask(WritePurpose purpose, const OnMedium& medium) {
        PermitRequest request;
        request.purpose = purpose;
        request.cartridge = medium_.id;
        request.drive.text = "D1";
        request.medium = medium;
        request.new_family = MediaFamilyId{77};
        return PermitOffice(store(), guard_, clock_).grant(request);
    }
    void let_expire() {
        for (int hour = 0; hour < 24 * 9; hour += 12) {
            clock_.pass(12h);
            must(guard_.check());
        }
        must(release_cartridge(store(), guard_, medium_.id, {"daemon", "expired", clock_.wall()}));
    }
    void refused(const Result<WritePermit>& permit, std::string_view words) {
        ASSERT_FALSE(permit);
        EXPECT_NE(permit.error().happened.find(words), std::string::npos) << to_text(permit.error());
        EXPECT_FALSE(permit.error().advice.empty());
        EXPECT_EQ(must(Audit(store()).of(medium_.id)).front().what, "permit");
    }

    PoolId pool_;
    Written medium_;
    SetNumber set_{};
    SimClock clock_{kStart};
    ClockGuard guard_{store(), clock_};
};

TEST_F(Office, GrantsWhatIsInOrder) {
    auto permit = ask(WritePurpose::append, really(medium_.id));
    ASSERT_TRUE(permit) << to_text(permit.error());
    EXPECT_TRUE(permit->valid());
    EXPECT_EQ(permit->terms().first_block, BlockNumber{100});
    EXPECT_EQ(permit->terms().volume_tag.text, "A1");
    EXPECT_FALSE(ask(WritePurpose::reuse_expired, really(medium_.id)));
    let_expire();
    permit = ask(WritePurpose::reuse_expired, really(medium_.id));
    ASSERT_TRUE(permit) << to_text(permit.error());
    EXPECT_EQ(permit->terms().first_block, BlockNumber{0});
    EXPECT_EQ(permit->terms().generation, WriteGeneration{2});
    EXPECT_EQ(permit->terms().family, MediaFamilyId{77});
}

TEST_F(Office, RefusesACartridgeThatWasSwapped) {
    const auto other = allocated("A2", 2, pool_);
    let_expire();
    refused(ask(WritePurpose::reuse_expired, really(other.id)), "swapped");
    refused(ask(WritePurpose::append, really(other.id)), "swapped");
    EXPECT_EQ(must(Meta(store()).overwrite_stop()), "");
}

TEST_F(Office, RefusesTheOtherOneWithTheSameBarcode) {
    // A blank one with the barcode of ours; and a new, unlabelled record of that barcode.
    OnMedium blank;
    blank.kind = MediumKind::blank;
    refused(ask(WritePurpose::label_blank, blank), "has a label for it");
    auto twin = cartridge("A1", 9, kUnrecognizedPool, SideState::unknown);
    twin.duplicate_tag = true;
    medium_.id = add(twin);
    refused(ask(WritePurpose::label_blank, blank), "the same volume tag");
}

TEST_F(Office, AnOldDatabaseStopsAllOverwriting) {
    let_expire();
    auto newer = really(medium_.id);
    newer.label->generation = WriteGeneration{2};
    newer.label->family = MediaFamilyId{500};
    refused(ask(WritePurpose::reuse_expired, newer), "write generation 2");
    EXPECT_NE(must(Meta(store()).overwrite_stop()), "");
    EXPECT_EQ(raw(must(Meta(store()).next_family())), 501U) << "a number that is in use is not given again";
    // Now nothing else is overwritten either, across a restart, until somebody has looked.
    open();
    ClockGuard guard(store(), clock_);
    PermitRequest request;
    request.purpose = WritePurpose::reuse_expired;
    request.cartridge = medium_.id;
    request.drive.text = "D1";
    request.medium = really(medium_.id);
    refused(PermitOffice(store(), guard, clock_).grant(request), "nothing is overwritten at present");
    change([&](auto& transaction) { return Meta(store()).clear_overwrite_stop(transaction, {"anna", "imported", kStart}); });
    EXPECT_TRUE(PermitOffice(store(), guard, clock_).grant(request));
}

TEST_F(Office, ADatabaseFromBeforeTheLastJobsIsFoundByTheSetsOnTheMedium) {
    // The medium went on for ten sets after this copy of the database was made.
    auto later = really(medium_.id);
    later.end_of_data = BlockNumber{1000};
    later.last_closed = SetOnMedium{SetNumber{raw(set_) + 10}, Uuid{"u11"}, kStart + 900h};
    refused(ask(WritePurpose::append, later), "has not given yet");
    EXPECT_NE(must(Meta(store()).overwrite_stop()), "");
    EXPECT_EQ(raw(must(Meta(store()).next_set())), raw(set_) + 11);
}

TEST_F(Office, RefusesWhatIsNotOurs) {
    let_expire();
    auto theirs = really(medium_.id);
    theirs.label->domain_id.text = "another";
    OnMedium tar;
    tar.kind = MediumKind::foreign;
    tar.description = "GNU tar";
    OnMedium unreadable;
    unreadable.description = "medium error 03/11/00";
    for (auto purpose : {WritePurpose::label_blank, WritePurpose::reuse_expired, WritePurpose::append, WritePurpose::close_unfinished}) {
        refused(ask(purpose, theirs), "another Capstan");
        refused(ask(purpose, tar), "GNU tar");
        refused(ask(purpose, unreadable), "03/11/00");
    }
    for (const auto& medium : {theirs, tar, unreadable}) refused(ask(WritePurpose::operator_forced, medium), "no operator has given his word");
    EXPECT_EQ(must(Meta(store()).overwrite_stop()), "");
}

TEST_F(Office, AClockAYearAheadFreesNothing) {
    must(guard_.check());
    clock_.set_wall_skew(std::chrono::days(365));
    change([&](auto& transaction) { return Cartridges(store()).apply(transaction, medium_.id, SideEvent::release, kNote); });  // even so
    refused(ask(WritePurpose::reuse_expired, really(medium_.id)), "no expiry is believed");
}

TEST_F(Office, TheMediumHasAWordToo) {
    let_expire();
    auto longer = really(medium_.id);
    longer.last_closed->newest_keep_until = kForever;
    refused(ask(WritePurpose::reuse_expired, longer), "has not expired");
    auto unread = really(medium_.id);
    unread.end = EndSearch::not_done;
    refused(ask(WritePurpose::reuse_expired, unread), "was not looked for");
}

TEST_F(Office, MoreThanRecordedIsNeverOverwritten) {
    // A crash: a set was begun and cut off beyond the recorded end.
    auto cut = set_row(pool_, medium_.family.id, "u2", kForever);
    const auto second = change([&](auto& transaction) { return Sets(store()).begin(transaction, cut); });
    auto medium = really(medium_.id);
    medium.end_of_data = BlockNumber{150};
    medium.unfinished = SetOnMedium{second, Uuid{"u2"}, kForever};
    refused(ask(WritePurpose::append, medium), "more than is recorded");
    auto permit = ask(WritePurpose::close_unfinished, medium);
    ASSERT_TRUE(permit) << to_text(permit.error());
    EXPECT_EQ(permit->terms().first_block, BlockNumber{150});
    // Closed with FM, ESET, FM: then it goes on behind that.
    auto record = checkpoint(second, medium_.id, 100, 153, "");
    must(abort_set(store(), second, record, kStart, "the daemon ended"));
    medium.end_of_data = BlockNumber{153};
    medium.last_closed = medium.unfinished;
    medium.unfinished.reset();
    permit = ask(WritePurpose::append, medium);
    ASSERT_TRUE(permit) << to_text(permit.error());
    medium.end_of_data = BlockNumber{90};
    refused(ask(WritePurpose::append, medium), "less than is recorded");
    medium.end = EndSearch::failed;
    refused(ask(WritePurpose::append, medium), "cannot be found");
}

TEST_F(Office, ASpannedSetEndsOnItsLastMedium) {
    const auto next_medium = allocated("A2", 2, pool_);
    const auto second = change([&](auto& transaction) { return Sets(store()).begin(transaction, set_row(pool_, medium_.family.id, "u2", kStart + 2h)); });
    must(commit_checkpoint(store(), checkpoint(second, medium_.id, 100, 180, "a")));
    change([&](auto& transaction) { return Cartridges(store()).apply(transaction, medium_.id, SideEvent::close, kNote); });
    auto tail = checkpoint(second, next_medium.id, 2, 60, "b");
    tail.extent.sequence = 2;
    tail.segment->ordinal = 1;
    must(finish_set(store(), tail, kStart));
    let_expire();
    auto first = really(medium_.id);  // the last ESET on it is still that of the first set; the second goes on elsewhere
    first.end_of_data = BlockNumber{185};
    first.unfinished = SetOnMedium{second, Uuid{"u2"}, kStart + 2h};
    auto permit = ask(WritePurpose::reuse_expired, first);
    EXPECT_TRUE(permit) << to_text(permit.error());
    first.unfinished->newest_keep_until = kForever;
    refused(ask(WritePurpose::reuse_expired, first), "has not expired");
}

}  // namespace
}  // namespace capstan::pools
