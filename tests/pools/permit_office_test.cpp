// The permit office on a real database: what is in order is granted, and the attempts at wrong overwriting are refused.
#include "support.hpp"

#include "pools/permits.hpp"

namespace capstan::pools {
namespace {

class Office : public StoreTest {
  protected:
    Office() : pool_(make_pool("Daily")), medium_(allocated("A1", 1, pool_)) {
        set_ = write_set(medium_, pool_, "u1", 2, 100, kStart + 1h);
    }
    LabelOnMedium label(const Cartridge& row) const {
        return {row.side.media_id,   row.side.domain_id,        row.side.family,    row.side.sequence,
                row.side.generation, row.side.appendable_until, row.side.keep_until};
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
    change([&](auto& transaction) {
        return Meta(store()).clear_overwrite_stop(transaction, {"anna", "imported", kStart});
    });
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
    for (auto purpose : {WritePurpose::label_blank, WritePurpose::reuse_expired, WritePurpose::append,
                         WritePurpose::close_unfinished}) {
        refused(ask(purpose, theirs), "another Capstan");
        refused(ask(purpose, tar), "GNU tar");
        refused(ask(purpose, unreadable), "03/11/00");
    }
    for (const auto& medium : {theirs, tar, unreadable})
        refused(ask(WritePurpose::operator_forced, medium), "no operator has given his word");
    EXPECT_EQ(must(Meta(store()).overwrite_stop()), "");
}

TEST_F(Office, AClockAYearAheadFreesNothing) {
    must(guard_.check());
    clock_.set_wall_skew(std::chrono::days(365));
    change([&](auto& transaction) {
        return Cartridges(store()).apply(transaction, medium_.id, SideEvent::release, kNote);
    });  // even so
    refused(ask(WritePurpose::reuse_expired, really(medium_.id)), "no expiry is believed");
}

// Behind the label of a free medium there is nothing that must have expired: the nightly job goes on while the clock is
// in doubt.
TEST_F(Office, AClockAYearAheadLeavesFreeMediaThatWereNeverUsed) {
    medium_.id = add(cartridge("A2", 2, kFreePool));
    change([&](auto& transaction) {
        const LabelWritten free{Uuid{"media-A2"}, MediaFamilyId{}, 1,        WriteGeneration{1},
                                262144,           BlockNumber{2},  kForever, kForever};
        return Cartridges(store()).labelled(transaction, medium_.id, free, kNote);
    });
    must(guard_.check());
    clock_.set_wall_skew(std::chrono::days(365));
    auto medium = really(medium_.id);
    refused(ask(WritePurpose::reuse_expired, medium), "no expiry is believed");  // there is a set on it
    medium.last_closed.reset();
    medium.end = EndSearch::not_done;
    refused(ask(WritePurpose::reuse_expired, medium), "no expiry is believed");
    medium.end = EndSearch::found;
    medium.unfinished = SetOnMedium{SetNumber{1}, Uuid{"u9"}, kStart};
    refused(ask(WritePurpose::reuse_expired, medium), "no expiry is believed");
    medium.unfinished.reset();
    auto permit = ask(WritePurpose::reuse_expired, medium);
    EXPECT_TRUE(permit) << to_text(permit.error());
}

TEST_F(Office, TheMediumHasAWordToo) {
    let_expire();
    auto longer = really(medium_.id);
    longer.last_closed->keep_until = kForever;
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
    const auto second = change([&](auto& transaction) {
        return Sets(store()).begin(transaction, set_row(pool_, medium_.family.id, "u2", kStart + 2h));
    });
    must(commit_checkpoint(store(), checkpoint(second, medium_.id, 100, 180, "a")));
    change(
        [&](auto& transaction) { return Cartridges(store()).apply(transaction, medium_.id, SideEvent::close, kNote); });
    auto tail = checkpoint(second, next_medium.id, 2, 60, "b");
    tail.extent.sequence = 2;
    tail.segment->ordinal = 1;
    must(finish_set(store(), tail, kStart));
    let_expire();
    auto first =
        really(medium_.id);  // the last ESET on it is still that of the first set; the second goes on elsewhere
    first.end_of_data = BlockNumber{185};
    first.unfinished = SetOnMedium{second, Uuid{"u2"}, kStart + 2h};
    auto permit = ask(WritePurpose::reuse_expired, first);
    EXPECT_TRUE(permit) << to_text(permit.error());
    first.unfinished->keep_until = kForever;
    refused(ask(WritePurpose::reuse_expired, first), "has not expired");
}

}  // namespace
}  // namespace capstan::pools
