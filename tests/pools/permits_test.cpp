// Who may write: every combination of facts against a second statement of the rules.
#include "support.hpp"

#include "pools/permits.hpp"

namespace capstan::pools {
namespace {

const Uuid kOurs{"domain-ours"};
const Uuid kTheirs{"domain-theirs"};

// What the medium turns out to be, against a row with media id "m1", family 7 sequence 1 generation 3.
enum class Seen {
    blank,
    matching,
    newer,
    older,
    other_family,
    unknown_ours,
    swapped,
    other_domain,
    foreign,
    unreadable,
    count
};
enum class End { not_done, failed, recorded, beyond, short_of, count };
enum class Last { none, recorded, another, never_given, count };
enum class Unfinished { none, known, unknown, count };

OnMedium medium_of(Seen seen, End end, Last last, Unfinished unfinished, bool medium_expired) {
    OnMedium medium;
    LabelOnMedium label{Uuid{"m1"}, kOurs, MediaFamilyId{7}, 1, WriteGeneration{3}, kStart + 24h, kForever};
    medium.kind = MediumKind::capstan;
    switch (seen) {
        case Seen::blank: medium.kind = MediumKind::blank; break;
        case Seen::foreign:
            medium.kind = MediumKind::foreign;
            medium.description = "tar";
            break;
        case Seen::unreadable:
            medium.kind = MediumKind::unreadable;
            medium.description = "03/11/00";
            break;
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
    if (row.write_protected || row.side.state == SideState::decommissioned || row.side.state == SideState::incompatible)
        return false;
    const bool holds_data = row.side.state == SideState::allocated || row.side.state == SideState::complete;
    switch (c.request.purpose) {
        case WritePurpose::label_blank:
            if (c.seen != Seen::blank || row.duplicate_tag || holds_data || !free_to_go) return false;
            if (!labelled && !c.facts.newest_keep_until && !c.facts.last_recorded) return true;
            if (!c.facts.label_cut_off || !c.facts.newest_keep_until) return c.facts.label_cut_off;
            return *c.facts.newest_keep_until < c.facts.now && c.facts.clock_stop.empty() && c.facts.overwrite_stop.empty();
        case WritePurpose::reuse_expired:
            return same && free_to_go && c.facts.overwrite_stop.empty() && c.facts.clock_stop.empty() &&
                   (row.side.state == SideState::available || row.side.state == SideState::unprepared) &&
                   *c.facts.newest_keep_until < c.facts.now && found && last_ok && c.medium_expired &&
                   (c.unfinished == Unfinished::known || (c.unfinished == Unfinished::none && c.end != End::beyond));
        case WritePurpose::append:
            return same && row.side.state == SideState::allocated && c.end == End::recorded && last_ok &&
                   c.unfinished == Unfinished::none;
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
            << name_of(c.request.purpose) << " seen " << int(c.seen) << " end " << int(c.end) << " last " << int(c.last)
            << " unfinished " << int(c.unfinished) << " state " << name_of(c.facts.cartridge.side.state) << " "
            << (judgement ? "granted" : to_text(judgement.error().error));
        if (judgement) return;
        EXPECT_FALSE(judgement.error().error.happened.empty());
        EXPECT_NE(judgement.error().error.happened.find("A1"), std::string::npos);
    };
    auto each = [&](WritePurpose purpose, Seen seen, SideState state, unsigned bits) {
        const bool forced = purpose == WritePurpose::operator_forced;
        const bool blank = purpose == WritePurpose::label_blank;
        const bool from_start = purpose != WritePurpose::append && purpose != WritePurpose::close_unfinished;
        // Facts that a purpose has no use for are not varied: the word, the double tag, what only overwriting asks for.
        if ((!forced && (bits & 0xC0) != 0) || (!blank && (bits & 0x300) != 0)) return;
        if ((!from_start && (bits & 0x36) != 0) || ((forced || blank) && (bits & 32) != 0)) return;
        auto c = make_case(purpose, seen, state, (bits & 1) == 0);
        if (bits & 2) c.facts.overwrite_stop = "stopped";
        if (bits & 4) c.facts.clock_stop = "jumped";
        if (bits & 8) c.facts.cartridge.hold = "held";
        if (bits & 16) c.facts.newest_keep_until = kStart + 1h;
        c.medium_expired = (bits & 32) == 0;
        if (bits & 256) c.facts.cartridge.duplicate_tag = true;
        if (bits & 512) c.facts.label_cut_off = true;
        if (!c.facts.newest_keep_until && purpose == WritePurpose::reuse_expired)
            c.facts.newest_keep_until = kStart - 1h;
        for (int end = 0; end < (blank ? 2 : forced ? 3 : int(End::count)); ++end) {
            for (int last = 0; last < (blank ? 2 : int(Last::count)); ++last) {
                for (int unfinished = 0; unfinished < (forced || blank ? 1 : int(Unfinished::count)); ++unfinished) {
                    c.end = static_cast<End>(end);
                    c.last = static_cast<Last>(last);
                    c.unfinished = static_cast<Unfinished>(unfinished);
                    c.request.word.reset();
                    if (forced && !(bits & 64))
                        c.request.word =
                            OperatorWord{CartridgeId{1}, "anna", "not needed",
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
                for (unsigned bits = 0; bits < 1024 && !HasFatalFailure(); ++bits)
                    each(static_cast<WritePurpose>(purpose), static_cast<Seen>(seen), static_cast<SideState>(state),
                         bits);
    EXPECT_GT(cases, 400'000U);
    EXPECT_GT(granted, 1000U);
}

// The memory of the cartridge refuses what nothing else refuses, and never grants anything.
TEST(Judge, TheMemoryOfTheCartridgeCanOnlyForbid) {
    for (auto purpose : {WritePurpose::reuse_expired, WritePurpose::append}) {
        const bool reuse = purpose == WritePurpose::reuse_expired;
        auto c = make_case(purpose, Seen::matching, reuse ? SideState::available : SideState::allocated, true);
        c.request.medium = medium_of(Seen::matching, End::recorded, Last::recorded, Unfinished::none, true);
        const MediumMemory good{Uuid{"m1"}, WriteGeneration{3}, BlockNumber{100}, kStart - 1h, c.request.medium.last_closed, {}, true};
        c.request.medium.memory = good;
        ASSERT_TRUE(judge(c.request, c.facts));
        for (bool current : {true, false}) {
            c.request.medium.memory = good;
            c.request.medium.memory->current = current;
            c.request.medium.memory->newest_keep_until = kStart;
            EXPECT_EQ(judge(c.request, c.facts).has_value(), !reuse) << "something on it is kept";
            c.request.medium.memory->generation = WriteGeneration{2};
            EXPECT_TRUE(judge(c.request, c.facts)) << "it speaks of what was there before";
            c.request.medium.memory = good;
            c.request.medium.memory->current = current;
            c.request.medium.memory->unfinished = SetOnMedium{SetNumber{50}, Uuid{"u50"}, kStart - 1h};
            const auto judgement = judge(c.request, c.facts);
            ASSERT_FALSE(judgement);
            EXPECT_NE(judgement.error().database_is_old.find("its memory names set 50"), std::string::npos);
        }
        // An operator's word for what has expired is none for what the memory says is kept.
        auto forced = make_case(WritePurpose::operator_forced, Seen::matching, SideState::available, true);
        forced.request.medium = c.request.medium;
        forced.request.medium.memory = good;
        for (bool kept : {false, true}) {
            for (bool even_unexpired : {false, true}) {
                forced.request.medium.memory->newest_keep_until = kept ? kForever : kStart - 1h;
                forced.request.word = OperatorWord{CartridgeId{1}, "anna", "not needed", MediumKind::capstan, even_unexpired};
                EXPECT_EQ(judge(forced.request, forced.facts).has_value(), !kept || even_unexpired);
            }
        }
        // Whatever it says of the end: what was found on the tape, or taken from it, is judged as ever.
        c.request.medium = medium_of(Seen::matching, End::recorded, Last::another, Unfinished::none, true);
        c.request.medium.memory = good;
        EXPECT_FALSE(judge(c.request, c.facts));
    }
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

}  // namespace
}  // namespace capstan::pools
