// The commit of a checkpoint, retention, the clock guard.
#include "support.hpp"

#include "pools/clock_guard.hpp"
#include "pools/store/sql.hpp"

#include <algorithm>

namespace capstan::pools {
namespace {

using Commit = StoreTest;

TEST_F(Commit, MovesEverythingAtOnce) {
    const auto pool = make_pool("Daily");
    const auto medium = allocated("A1", 1, pool);
    const auto job = change([&](auto& transaction) { return Jobs(store()).add(transaction, Job{}); });
    auto set = set_row(pool, medium.family.id, "u1", kStart + 24h);
    set.job = job;
    const auto number = change([&](auto& transaction) { return Sets(store()).begin(transaction, set); });
    auto record = checkpoint(number, medium.id, 2, 100, "1-0.seg");
    record.job = job;
    record.issues = {{job, IssueKind::not_saved, "/x", "gone"}};
    record.not_saved = 1;
    must(commit_checkpoint(store(), record));
    EXPECT_EQ(get(medium.id).side.recorded_end, BlockNumber{100});
    EXPECT_EQ(get(medium.id).side.bytes_written, 1000U);
    EXPECT_EQ(must(Sets(store()).get(number)).objects, 5U);
    EXPECT_EQ(must(Jobs(store()).get(job)).counts.not_done, 1U);
    record = checkpoint(number, medium.id, 55, 200, "1-1.seg");
    record.segment->ordinal = 1;
    must(finish_set(store(), record, kStart + 1h));
    const auto extents = must(Sets(store()).extents(number));
    ASSERT_EQ(extents.size(), 1U);
    EXPECT_EQ(extents[0].first_block, BlockNumber{2}) << "where it began does not move";
    EXPECT_EQ(extents[0].end_block, BlockNumber{200});
    EXPECT_EQ(must(Sets(store()).segment_files()), (std::vector<std::string>{"1-0.seg", "1-1.seg"}));
    EXPECT_EQ(must(Sets(store()).get(number)).state, SetState::complete);
    EXPECT_EQ(must(Jobs(store()).issues(job)).size(), 1U);
}

// Each way to fail, at each place inside: nothing of the checkpoint may be left.
TEST_F(Commit, IsAllOrNothing) {
    const auto pool = make_pool("Daily");
    const auto medium = allocated("A1", 1, pool);
    const auto number = change([&](auto& transaction) {
        return Sets(store()).begin(transaction, set_row(pool, medium.family.id, "u1", kForever));
    });
    must(commit_checkpoint(store(), checkpoint(number, medium.id, 2, 100, "taken")));
    const auto before = get(medium.id);
    const auto set_before = must(Sets(store()).get(number));
    auto good = checkpoint(number, medium.id, 2, 200, "free");
    good.segment->ordinal = 1;
    std::vector<CheckpointRecord> bad(7, good);
    bad[0].segment->file_name = "taken";
    bad[1].recorded_end = BlockNumber{99};  // back over proven data
    bad[2].cartridge = CartridgeId{99};
    bad[3].extent.end_block = BlockNumber{300};  // beyond what is proven
    bad[4].job = JobId{99};
    bad[5].set = SetNumber{99};
    bad[6].segment->set = SetNumber{99};
    for (std::size_t i = 0; i < bad.size(); ++i) {
        EXPECT_FALSE(commit_checkpoint(store(), bad[i])) << i;
        EXPECT_FALSE(finish_set(store(), bad[i], kStart)) << i;
        EXPECT_EQ(get(medium.id), before) << i;
        EXPECT_EQ(must(Sets(store()).get(number)), set_before) << i;
        EXPECT_EQ(must(Sets(store()).segments(number)).size(), 1U) << i;
    }
    must(finish_set(store(), good, kStart));
    EXPECT_FALSE(commit_checkpoint(store(), good)) << "the set has ended";
}

TEST_F(Commit, ClosedMediaTakeNoMore) {
    const auto pool = make_pool("Daily");
    const auto medium = allocated("A1", 1, pool);
    const auto number = change([&](auto& transaction) {
        return Sets(store()).begin(transaction, set_row(pool, medium.family.id, "u1", kForever));
    });
    change(
        [&](auto& transaction) { return Cartridges(store()).apply(transaction, medium.id, SideEvent::close, kNote); });
    auto refused = commit_checkpoint(store(), checkpoint(number, medium.id, 2, 100, "s"));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().happened.find("complete"), std::string::npos);
}

TEST_F(Commit, AnAbortedSetKeepsWhatWasCommitted) {
    const auto pool = make_pool("Daily");
    const auto medium = allocated("A1", 1, pool);
    const auto number = change([&](auto& transaction) {
        return Sets(store()).begin(transaction, set_row(pool, medium.family.id, "u1", kStart + 1h));
    });
    must(commit_checkpoint(store(), checkpoint(number, medium.id, 2, 100, "s")));
    must(abort_set(store(), number, std::nullopt, kStart, "the daemon ended"));
    const auto set = must(Sets(store()).get(number));
    EXPECT_EQ(set.state, SetState::aborted);
    EXPECT_FALSE(set.end_written);
    EXPECT_EQ(must(Sets(store()).extents(number)).size(), 1U);
    EXPECT_EQ(must(Sets(store()).segments(number)).size(), 1U);
    EXPECT_FALSE(must(Sets(store()).expired(number, kStart)));
    EXPECT_TRUE(must(Sets(store()).expired(number, kStart + 2h)));
}

TEST_F(Commit, AFileNeedsNoCartridge) {
    const auto number = change([&](auto& transaction) {
        return Sets(store()).begin(transaction, set_row(PoolId{}, MediaFamilyId{}, "u1", kForever));
    });
    auto record = checkpoint(number, CartridgeId{}, 0, 0, "f.seg");
    must(finish_set(store(), record, kStart));
    EXPECT_EQ(must(Sets(store()).get(number)).objects, 5U);
}

class Retention : public StoreTest {
  protected:
    SimClock clock_{kStart};
    ClockGuard guard_{store(), clock_};
    void pass(std::chrono::hours time) {
        for (; time > 0h; time -= 12h) {  // the daemon runs and looks at the clock
            clock_.pass(std::min(time, 12h));
            must(guard_.check());
        }
    }
    std::vector<CartridgeId> ready() { return must(releasable(store(), guard_, clock_.wall())).cartridges; }
};

TEST_F(Retention, ASetIsKeptWhileAnUnexpiredOneNeedsIt) {
    const auto pool = make_pool("Daily");
    const auto medium = allocated("A1", 1, pool);
    const auto full = write_set(medium, pool, "full", 2, 50, kStart + 24h);
    auto next = set_row(pool, medium.family.id, "inc1", kStart + 48h);
    next.based_on = full;
    const auto first = change([&](auto& transaction) { return Sets(store()).begin(transaction, next); });
    next.uuid.text = "inc2";
    next.based_on = first;
    next.keep_until = kStart + 240h;
    const auto second = change([&](auto& transaction) { return Sets(store()).begin(transaction, next); });
    EXPECT_EQ(must(Sets(store()).kept_until(full)), kStart + 240h);
    EXPECT_EQ(must(Sets(store()).kept_until(first)), kStart + 240h);
    EXPECT_EQ(must(Sets(store()).kept_until(second)), kStart + 240h);
    EXPECT_FALSE(must(Sets(store()).expired(full, kStart + 239h)));
    EXPECT_TRUE(must(Sets(store()).expired(full, kStart + 241h)));
    EXPECT_FALSE(must(Sets(store()).expired(second, kStart + 241h))) << "it is still running";
    EXPECT_FALSE(Sets(store()).kept_until(SetNumber{99}));
    // A circle (a damaged database) ends the question, too.
    must(store().database().execute("UPDATE sets SET based_on = $1 WHERE number = $2",
                                    sql::values(raw(second), raw(full))));
    EXPECT_EQ(must(Sets(store()).kept_until(second)), kStart + 240h);
}

TEST_F(Retention, AMediumReturnsWhenEverythingOnItHasExpired) {
    PoolPolicy policy;
    policy.append_for = 24h;
    const auto pool = make_pool("Daily", policy);
    const auto medium = allocated("A1", 1, pool);
    const auto held = allocated("A2", 2, pool);
    const auto other = allocated("A3", 3, pool);
    write_set(medium, pool, "s1", 2, 50, kStart + 48h);
    write_set(medium, pool, "s2", 50, 90, kStart + 72h);
    write_set(held, pool, "s3", 2, 50, kStart + 24h);
    write_set(other, pool, "s4", 2, 50, kForever);
    change([&](auto& transaction) { return Cartridges(store()).set_hold(transaction, held.id, "court", kNote); });
    EXPECT_TRUE(ready().empty());
    pass(60h);
    EXPECT_TRUE(ready().empty()) << "s2 is still needed";
    EXPECT_FALSE(release_cartridge(store(), guard_, medium.id, {"daemon", "expired", clock_.wall()}));
    pass(24h);
    EXPECT_EQ(ready(), std::vector{medium.id});
    must(release_cartridge(store(), guard_, medium.id, {"daemon", "expired", clock_.wall()}));
    EXPECT_EQ(get(medium.id).side.state, SideState::available);
    EXPECT_EQ(get(medium.id).pool, kFreePool);
    EXPECT_EQ(must(Sets(store()).on_cartridge(medium.id)).size(), 2U) << "listed until it is labelled again";
    EXPECT_FALSE(release_cartridge(store(), guard_, other.id, {"daemon", "expired", clock_.wall()}));
    EXPECT_FALSE(release_cartridge(store(), guard_, held.id, {"daemon", "expired", clock_.wall()}));
}

TEST_F(Retention, TheSetsOfARelabelledMediumAreNoLongerOffered) {
    const auto pool = make_pool("Daily");
    const auto first = allocated("A1", 1, pool);
    const auto second = allocated("A2", 2, pool);
    const auto gone = write_set(first, pool, "gone", 2, 50, kStart + 24h);
    const auto kept = write_set(second, pool, "kept", 2, 50, kStart + 24h);
    // Another one lies on both: a part of it is left.
    const auto both = change([&](auto& transaction) {
        return Sets(store()).begin(transaction, set_row(pool, first.family.id, "both", kStart + 24h));
    });
    must(commit_checkpoint(store(), checkpoint(both, first.id, 50, 90, "")));
    must(finish_set(store(), checkpoint(both, second.id, 50, 90, "both"), kStart));
    const LabelWritten label{Uuid{"media-new"}, first.family.id, 1,       WriteGeneration{2}, 262144,
                             BlockNumber{2},    kForever,        kForever};
    change([&](auto& transaction) { return Cartridges(store()).labelled(transaction, first.id, label, kNote); });
    EXPECT_EQ(must(Sets(store()).get(gone)).state, SetState::overwritten);
    EXPECT_TRUE(must(Sets(store()).segments(gone)).empty());
    EXPECT_EQ(must(Sets(store()).get(kept)).state, SetState::complete);
    EXPECT_EQ(must(Sets(store()).segments(kept)).size(), 1U);
    EXPECT_EQ(must(Sets(store()).get(both)).state, SetState::overwritten);
    EXPECT_EQ(must(Sets(store()).segments(both)).size(), 1U) << "what lies on the other medium can be restored";
}

TEST_F(Retention, StaysInItsPoolOrRetiresAsThePoolSays) {
    PoolPolicy policy;
    policy.append_for = 1h;
    policy.return_to_free = false;
    policy.allocations_max = 2;
    const auto pool = make_pool("Daily", policy);
    auto medium = allocated("A1", 1, pool);
    write_set(medium, pool, "s1", 2, 50, kStart + 1h);
    pass(12h);
    must(release_cartridge(store(), guard_, medium.id, {"daemon", "expired", clock_.wall()}));
    EXPECT_EQ(get(medium.id).pool, pool);
    EXPECT_EQ(get(medium.id).side.state, SideState::available);
    change([&](auto& transaction) {
        return Cartridges(store()).apply(transaction, medium.id, SideEvent::allocate, kNote);
    });
    must(release_cartridge(store(), guard_, medium.id, {"daemon", "expired", clock_.wall()}));
    EXPECT_EQ(get(medium.id).side.state, SideState::decommissioned);
}

TEST_F(Retention, AClockSetForwardFreesNothing) {
    PoolPolicy policy;
    policy.append_for = 24h;
    const auto pool = make_pool("Daily", policy);
    const auto medium = allocated("A1", 1, pool);
    write_set(medium, pool, "s1", 2, 50, kStart + 48h);
    pass(1h);
    clock_.set_wall_skew(std::chrono::days(365));
    auto result = must(releasable(store(), guard_, clock_.wall()));
    EXPECT_TRUE(result.cartridges.empty());
    EXPECT_EQ(result.stopped, "the clock of this machine is 365.0 days ahead of the last recorded time");
    EXPECT_FALSE(release_cartridge(store(), guard_, medium.id, {"daemon", "expired", clock_.wall()}));
    // Neither a restart nor the passing of time makes it forget.
    open();
    ClockGuard again(store(), clock_);
    clock_.pass(100h);
    EXPECT_EQ(must(again.check()), result.stopped);
    EXPECT_TRUE(must(releasable(store(), again, clock_.wall())).cartridges.empty());
    // An operator does.
    must(again.confirm("anna", "the machine was in storage"));
    EXPECT_EQ(must(again.check()), "");
    EXPECT_EQ(must(releasable(store(), again, clock_.wall())).cartridges, std::vector{medium.id});
}

TEST_F(Retention, AClockThatComesBackIsBelievedAgain) {
    must(guard_.check());
    for (bool restart : {false, true}) {
        clock_.set_wall_skew(std::chrono::days(365));
        ClockGuard again(store(), clock_);
        auto& guard = restart ? again : guard_;
        EXPECT_NE(must(guard.check()), "");
        clock_.set_wall_skew(std::chrono::days(300));
        EXPECT_NE(must(guard.check()), "");
        clock_.set_wall_skew(std::chrono::seconds(0));
        clock_.pass(2h);
        EXPECT_EQ(must(guard.check()), "");
    }
}

TEST_F(Retention, TheClockMayJumpWhileTheDaemonIsDown) {
    must(guard_.check());
    for (auto days : {-400, 2, 400}) {
        open();
        SimClock later(kStart + std::chrono::days(days));
        ClockGuard again(store(), later);
        EXPECT_NE(must(again.check()), "") << days;
        must(again.confirm("anna", "seen"));
        SimClock back(kStart);
        ClockGuard first(store(), back);
        must(first.confirm("anna", "seen"));
    }
    SimClock soon(kStart + 23h);
    ClockGuard again(store(), soon);
    EXPECT_EQ(must(again.check()), "");
}

TEST(ClockJump, CountsWhatPassed) {
    EXPECT_EQ(clock_jump(kStart, 0s, kStart + 24h), "");
    EXPECT_NE(clock_jump(kStart, 0s, kStart + 24h + 1s), "");
    EXPECT_EQ(clock_jump(kStart, std::chrono::hours(1000), kStart + 1000h), "");
    EXPECT_NE(clock_jump(kStart, std::chrono::hours(1000), kStart), "");
    EXPECT_NE(clock_jump(kStart, 0s, kForever), "");
    EXPECT_NE(clock_jump(kStart, 0s, Wall::min()), "");
    EXPECT_NE(clock_jump(Wall::min(), 0s, kForever), "");
}

}  // namespace
}  // namespace capstan::pools
