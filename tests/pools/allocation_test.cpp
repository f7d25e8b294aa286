// Which cartridge, which drive; with reasons.
#include "support.hpp"

#include "pools/allocation.hpp"
#include "pools/mount_plan.hpp"
#include "pools/store/sql.hpp"

#include <algorithm>
#include <set>

namespace capstan::pools {
namespace {

class Allocation : public StoreTest {
  protected:
    PoolId pool_ = make_pool("Daily");
    AllocationRequest request_{.pool = pool_};
    Wall now_ = kStart;

    AllocationDecision decide() { return choose_medium(must(allocation_snapshot(store(), request_, now_)), request_); }
    std::string reason_for(const AllocationDecision& decision, CartridgeId id) {
        for (const auto& verdict : decision.verdicts)
            if (verdict.cartridge == id) return verdict.reason;
        return "not looked at";
    }
};

TEST_F(Allocation, ContinuesTheOpenMedium) {
    const auto open = allocated("A1", 1, pool_);
    add(cartridge("A2", 2, pool_));
    const auto decision = decide();
    EXPECT_EQ(decision.source, AllocationDecision::Source::open_medium);
    EXPECT_EQ(decision.cartridge, open.id);
    EXPECT_TRUE(decision.append);
    EXPECT_EQ(decision.family, open.family.id);
    EXPECT_EQ(decision.reason, "A1 is the open medium of the pool");
}

TEST_F(Allocation, BeginsANewFamilyWhenThePeriodIsOver) {
    const auto open = allocated("A1", 1, pool_);
    const auto fresh = add(cartridge("A2", 2, pool_));
    now_ = open.family.appendable_until + 1s;
    const auto decision = decide();
    EXPECT_EQ(decision.cartridge, fresh);
    EXPECT_FALSE(decision.append);
    EXPECT_EQ(decision.family, std::nullopt);
    EXPECT_NE(reason_for(decision, open.id).find("allocation period"), std::string::npos);
}

TEST_F(Allocation, DrawsFromFreeOnlyWhenThePoolHasNone) {
    const auto free = add(cartridge("F1", 5, kFreePool));
    auto decision = decide();
    EXPECT_EQ(decision.cartridge, free);
    EXPECT_TRUE(decision.draw_from_free);
    const auto own = add(cartridge("A1", 1, pool_));
    decision = decide();
    EXPECT_EQ(decision.cartridge, own);
    EXPECT_FALSE(decision.draw_from_free);
    PoolPolicy policy;
    policy.draw_from_free = false;
    request_.pool = make_pool("Proud", policy);
    decision = decide();
    EXPECT_EQ(decision.source, AllocationDecision::Source::none);
    EXPECT_EQ(decision.reason, "pool Proud has no medium that can be written and does not draw from Free");
}

TEST_F(Allocation, SaysWhyEachWasTurnedDown) {
    auto bad = [&](const std::string& tag, std::uint32_t slot, auto spoil) {
        auto one = cartridge(tag, slot, pool_);
        spoil(one);
        return add(one);
    };
    const auto protected_one = bad("A1", 1, [](auto& c) { c.write_protected = true; });
    const auto held = bad("A2", 2, [](auto& c) { c.hold = "court"; });
    const auto unidentified = bad("A3", 3, [](auto& c) { c.must_identify = true; });
    const auto busy = add(cartridge("A4", 4, pool_));
    const auto tried = add(cartridge("A5", 5, pool_));
    bad("A6", 6, [](auto& c) { c.library = {}, c.place = {PlaceKind::offline, "vault"}; });
    request_.busy = {{busy, "being moved"}};
    request_.turned_down = {tried};
    auto decision = decide();
    EXPECT_EQ(decision.source, AllocationDecision::Source::none);
    EXPECT_EQ(reason_for(decision, protected_one), "is write protected");
    EXPECT_EQ(reason_for(decision, held), "is held: court");
    EXPECT_EQ(reason_for(decision, unidentified), "its label has to be read first");
    EXPECT_EQ(reason_for(decision, busy), "being moved");
    EXPECT_NE(reason_for(decision, tried).find("turned down"), std::string::npos);
    EXPECT_NE(decision.reason.find("(5 were turned down)"), std::string::npos) << decision.reason;
    EXPECT_EQ(decision.identify, unidentified) << "to be looked at before a person is asked for media";
    request_.busy.push_back({unidentified, "being read"});
    EXPECT_FALSE(decide().identify);
    request_.busy.clear();
    request_.turned_down = {busy, tried, protected_one, held, unidentified};
    EXPECT_EQ(decide().source, AllocationDecision::Source::none);
    EXPECT_FALSE(decide().identify) << "it was looked at";
}

TEST_F(Allocation, NamesTheOnesInTheVault) {
    auto vaulted = cartridge("A6", 6, pool_);
    vaulted.library = {};
    vaulted.place = {PlaceKind::offline, "vault"};
    add(vaulted);
    EXPECT_EQ(decide().reason,
              "pool Daily has no medium that can be written, nor has the pool Free; 1 of its available cartridges are "
              "in no library");
}

TEST_F(Allocation, WaitsOrTakesAnother) {
    const auto open = allocated("A1", 1, pool_);
    const auto fresh = add(cartridge("A2", 2, pool_));
    request_.busy = {{open.id, "in use by job 1 in drive D1"}};
    request_.when_busy = AllocationRequest::WhenBusy::wait;
    auto decision = decide();
    EXPECT_EQ(decision.wait_for, open.id);
    EXPECT_FALSE(decision.cartridge);
    EXPECT_EQ(decision.reason, "A1, the open medium of pool Daily, is in use by job 1 in drive D1");
    request_.when_busy = AllocationRequest::WhenBusy::take_another;
    decision = decide();
    EXPECT_EQ(decision.cartridge, fresh);
    EXPECT_EQ(decision.wait_for, std::nullopt);
    request_.turned_down = {fresh};
    decision = decide();
    EXPECT_EQ(decision.wait_for, open.id) << "better than nothing";
}

TEST_F(Allocation, SpansOnAFreshMediumOfTheSameFamily) {
    const auto open = allocated("A1", 1, pool_);
    const auto fresh = add(cartridge("A2", 2, pool_));
    request_.continuation = AllocationRequest::Continuation{open.family.id, 2};
    const auto decision = decide();
    EXPECT_EQ(decision.cartridge, fresh);
    EXPECT_EQ(decision.family, open.family.id);
    EXPECT_EQ(decision.sequence, 2);
    EXPECT_FALSE(decision.append);
}

TEST_F(Allocation, TakesWhatIsInDoubtSinceTheMountProvesIt) {
    const auto open = allocated("A1", 1, pool_);
    change([&](auto& transaction) { return Cartridges(store()).set_suspect(transaction, open.id, true, kNote); });
    EXPECT_EQ(decide().cartridge, open.id);
    change([&](auto& transaction) { return Families(store()).medium_added(transaction, open.family.id, 2); });
    EXPECT_FALSE(decide().cartridge) << "the family went on elsewhere";
}

TEST_F(Allocation, ManyUnfitOnesDoNotHideTheOneThatIsFit) {
    std::uint32_t slot = 1;
    for (; slot <= 40; ++slot) {
        auto unfit = cartridge("U" + std::to_string(slot), slot, slot % 2 ? pool_ : kFreePool);
        unfit.write_protected = slot % 3 == 0;
        unfit.must_identify = slot % 3 == 1;
        if (slot % 3 == 2) unfit.hold = "court";
        add(unfit);
    }
    const auto nothing = decide();
    EXPECT_FALSE(nothing.cartridge);
    EXPECT_EQ(nothing.verdicts.size(), 40U) << "each with its reason";
    for (; slot <= 80; ++slot)
        request_.busy.push_back({add(cartridge("B" + std::to_string(slot), slot, pool_)), "busy"});
    auto worn = cartridge("F1", slot, kFreePool);
    worn.side.allocations = 9;
    const auto fit = add(worn);
    EXPECT_EQ(decide().cartridge, fit);
}

TEST_F(Allocation, SystemPoolsGiveNothing) {
    request_.pool = kFreePool;
    add(cartridge("F1", 5, kFreePool));
    EXPECT_FALSE(decide().cartridge);
}

// The questions of an allocation use an index whatever the number of cartridges.
TEST_F(Allocation, IsAnsweredFromAnIndex) {
    for (auto question :
         {"SELECT cartridge FROM sides s WHERE s.pool = 10 AND s.state = 'available' AND s.online = 1"
          " ORDER BY s.allocations, s.cartridge LIMIT 16",
          "SELECT cartridge FROM sides s WHERE s.family = 1 AND s.state = 'allocated'",
          "SELECT id FROM cartridges WHERE volume_tag = 'x'",
          "SELECT cartridge FROM sides WHERE media_id = 'x' AND media_id <> ''",
          "SELECT id FROM cartridges WHERE library = 'L' AND place_kind = 'slot' AND place_id = '1' AND place_kind <> "
          "'offline'",
          "SELECT set_number FROM set_extents WHERE cartridge = 1", "SELECT number FROM sets WHERE based_on = 1",
          "SELECT id FROM audit WHERE cartridge = 1 ORDER BY id DESC"}) {
        const auto plan = must(store().database().query(fmt::format("EXPLAIN QUERY PLAN {}", question), {}, "iiit"));
        for (auto row : plan) {
            for (int column = 0; column < 3; ++column) row.integer();
            const auto words = row.text();
            EXPECT_EQ(words.find("SCAN"), std::string::npos) << question << ": " << words;
            EXPECT_EQ(words.find("TEMP B-TREE"), std::string::npos) << question << ": " << words;
        }
    }
}

// Whatever the snapshot: what is chosen may be written, comes from the first source that has any, and everything looked
// at has exactly one verdict.
TEST(ChooseMedium, KeepsItsPromisesForAnySnapshot) {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        SCOPED_TRACE(seed);
        SeededEntropy entropy(seed);
        auto below = [&](std::uint64_t n) { return entropy.next() % n; };
        AllocationSnapshot snapshot;
        snapshot.now = kStart;
        snapshot.pool = {PoolId{10}, {"P"}, PoolKind::application, {}};
        snapshot.pool.policy.draw_from_free = below(2) == 0;
        for (std::uint64_t f = 1; f <= below(3); ++f)
            snapshot.open_families.push_back({MediaFamilyId{static_cast<std::uint32_t>(f)}, PoolId{10}, kStart,
                                              kStart + std::chrono::hours(static_cast<int>(below(3)) - 1), kForever,
                                              static_cast<std::uint16_t>(1 + below(2)), 3, false});
        std::int64_t last_id = 0;
        auto fill = [&](std::vector<Candidate>& into, PoolId pool, SideState usual) {
            for (std::uint64_t n = below(5); n > 0; --n) {
                Candidate one;
                auto& c = one.cartridge;
                c.id = CartridgeId{++last_id};
                c.pool = pool;
                c.place = {below(6) == 0 ? PlaceKind::offline : PlaceKind::slot, std::to_string(last_id)};
                c.write_protected = below(5) == 0;
                c.suspect = below(5) == 0;
                c.must_identify = below(6) == 0;
                if (below(6) == 0) c.hold = "h";
                c.side.state = below(8) == 0 ? SideState::complete : usual;
                c.side.family = MediaFamilyId{static_cast<std::uint32_t>(1 + below(3))};
                c.side.sequence = static_cast<std::uint16_t>(1 + below(2));
                c.side.appendable_until = kStart + 1h;
                c.side.allocations = static_cast<std::uint32_t>(below(3));
                if (below(4) == 0) one.busy = "busy";
                into.push_back(one);
            }
        };
        fill(snapshot.open, PoolId{10}, SideState::allocated);
        fill(snapshot.available, PoolId{10}, SideState::available);
        fill(snapshot.free, kFreePool, SideState::available);
        AllocationRequest request{.pool = PoolId{10}};
        if (below(3) == 0) request.continuation = AllocationRequest::Continuation{MediaFamilyId{1}, 2};
        if (below(2) == 0) request.when_busy = AllocationRequest::WhenBusy::wait;

        const auto decision = choose_medium(snapshot, request);
        EXPECT_FALSE(decision.reason.empty());
        std::set<CartridgeId> judged;
        int chosen = 0;
        for (const auto& verdict : decision.verdicts) {
            EXPECT_TRUE(judged.insert(verdict.cartridge).second) << "two verdicts";
            EXPECT_FALSE(verdict.reason.empty());
            chosen += verdict.chosen;
            if (verdict.chosen) {
                EXPECT_EQ(verdict.cartridge, decision.cartridge);
            }
        }
        EXPECT_EQ(chosen, decision.cartridge ? 1 : 0);
        auto usable = [](const Candidate& one, SideState state) {
            const auto& c = one.cartridge;
            return one.busy.empty() && !c.write_protected && !c.must_identify && c.hold.empty() &&
                   c.place.kind != PlaceKind::offline && c.side.state == state;
        };
        auto any_usable = [&](const std::vector<Candidate>& from) {
            return std::ranges::any_of(from, [&](const auto& one) { return usable(one, SideState::available); });
        };
        using Source = AllocationDecision::Source;
        const auto& from = decision.source == Source::open_medium ? snapshot.open
                           : decision.source == Source::pool      ? snapshot.available
                                                                  : snapshot.free;
        if (decision.cartridge) {
            auto it =
                std::ranges::find_if(from, [&](const auto& one) { return one.cartridge.id == *decision.cartridge; });
            ASSERT_NE(it, from.end());
            EXPECT_TRUE(usable(*it, decision.append ? SideState::allocated : SideState::available));
            EXPECT_EQ(decision.draw_from_free, decision.source == Source::free);
            if (decision.append) {
            }
            if (decision.source == Source::free) {
                EXPECT_FALSE(any_usable(snapshot.available));
            }
            if (request.continuation) {
                EXPECT_EQ(decision.sequence, 2);
            }
            EXPECT_FALSE(decision.wait_for);
            EXPECT_FALSE(decision.identify);
        } else if (!decision.wait_for || request.when_busy == AllocationRequest::WhenBusy::take_another) {
            EXPECT_FALSE(any_usable(snapshot.available));
            if (snapshot.pool.policy.draw_from_free) {
                EXPECT_FALSE(any_usable(snapshot.free));
            }
        }
    }
}

struct Drives {
    std::vector<DriveView> all;
    DriveView& add(const std::string& name) {
        DriveView drive;
        drive.name.text = name;
        drive.library.text = "L";
        return all.emplace_back(drive);
    }
};
MountRequest mount_of(std::int64_t id) {
    return {CartridgeId{id}, "A1", {"L"}, {PlaceKind::slot, "1"}, "", true, std::nullopt};
}

TEST(PlanMount, PrefersMountedThenEmptyThenLongestIdle) {
    Drives drives;
    auto& idle_long = drives.add("D1");
    idle_long.full = true;
    idle_long.cartridge = CartridgeId{5};
    drives.add("D2");
    auto& mounted = drives.add("D3");
    mounted.full = true;
    mounted.cartridge = CartridgeId{1};
    auto plan = plan_mount(drives.all, mount_of(1));
    EXPECT_EQ(plan.kind, MountPlan::Kind::use_mounted);
    EXPECT_EQ(plan.drive.text, "D3");
    plan = plan_mount(drives.all, mount_of(2));
    EXPECT_EQ(plan.kind, MountPlan::Kind::load);
    EXPECT_EQ(plan.drive.text, "D2");
    EXPECT_EQ(plan.reason, "A1: drive D2 is empty");
    drives.all[1].leased = true;
    drives.all[1].leased_by = "job 4";
    drives.all[2].idle_since += 5s;
    plan = plan_mount(drives.all, mount_of(2));
    EXPECT_EQ(plan.kind, MountPlan::Kind::evict);
    EXPECT_EQ(plan.drive.text, "D1");
    EXPECT_EQ(plan.evicted, CartridgeId{5});
    EXPECT_EQ(plan.verdicts.size(), 3U);
    EXPECT_TRUE(plan.verdicts[0].chosen);
    EXPECT_EQ(plan.verdicts[1].reason, "is in use by job 4");
}

TEST(PlanMount, ADriveThatOnlyReadsForNowIsWaitedForToWrite) {
    Drives drives;
    drives.add("D1").why_only_read = "only reads";
    auto plan = plan_mount(drives.all, mount_of(2));
    EXPECT_EQ(plan.kind, MountPlan::Kind::wait);
    EXPECT_EQ(plan.reason, "A1 waits: no drive can be used: drive D1 only reads");
    EXPECT_FALSE(plan.unfit);
    ASSERT_EQ(plan.verdicts.size(), 1U);
    EXPECT_EQ(plan.verdicts[0].reason, "only reads");
    auto reading = mount_of(2);
    reading.for_writing = false;
    EXPECT_EQ(plan_mount(drives.all, reading).kind, MountPlan::Kind::load);
    drives.add("D2");
    EXPECT_EQ(plan_mount(drives.all, mount_of(2)).drive.text, "D2");
    drives.all[1].leased = true;
    EXPECT_EQ(plan_mount(drives.all, mount_of(2)).kind, MountPlan::Kind::wait);
}

TEST(PlanMount, WaitsAsksOrRefusesWithAReason) {
    Drives drives;
    auto& drive = drives.add("D1");
    drive.leased = true;
    drive.leased_by = "job 4";
    EXPECT_EQ(plan_mount(drives.all, mount_of(2)).kind, MountPlan::Kind::wait);
    drives.all[0].usable = false;
    drives.all[0].why_unusable = "is faulted";
    auto plan = plan_mount(drives.all, mount_of(2));
    EXPECT_EQ(plan.kind, MountPlan::Kind::impossible);
    EXPECT_EQ(plan.reason, "A1 cannot be mounted: library L has no drive that can be used");
    auto offline = mount_of(2);
    offline.place = {PlaceKind::offline, "vault"};
    EXPECT_EQ(plan_mount(drives.all, offline).kind, MountPlan::Kind::ask_operator);
    auto busy = mount_of(2);
    busy.busy = "being moved";
    EXPECT_EQ(plan_mount(drives.all, busy).reason, "A1 waits: it is being moved");
    auto elsewhere = mount_of(2);
    elsewhere.library.text = "M";
    EXPECT_EQ(plan_mount(drives.all, elsewhere).kind, MountPlan::Kind::impossible);
    auto unknown_inside = drives.add("D2");
    drives.all[1].full = true;
    EXPECT_EQ(plan_mount(drives.all, mount_of(2)).kind, MountPlan::Kind::wait);
    auto only = mount_of(2);
    only.only_drive = DriveName{"D9"};
    EXPECT_EQ(plan_mount(drives.all, only).reason, "A1 cannot be mounted: drive D9 cannot be used");
}

TEST(PlanMount, IsNotMovedWhileItsDriveIsInUse) {
    Drives drives;
    auto& drive = drives.add("D1");
    drive.full = drive.leased = true;
    drive.leased_by = "job 4";
    drive.cartridge = CartridgeId{1};
    drives.add("D2");
    auto request = mount_of(1);
    request.place = {PlaceKind::drive, "D1"};
    const auto plan = plan_mount(drives.all, request);
    EXPECT_EQ(plan.kind, MountPlan::Kind::wait);
    EXPECT_EQ(plan.reason, "A1 waits: it is in drive D1, in use by job 4");
}

TEST(PlanMount, IsNotTakenOutOfADriveThatCannotBeUsed) {
    Drives drives;
    auto& drive = drives.add("D1");
    drive.full = true;
    drive.usable = false;
    drive.why_unusable = "it does not answer";
    drive.cartridge = CartridgeId{1};
    drives.add("D2");
    auto request = mount_of(1);
    request.place = {PlaceKind::drive, "D1"};
    const auto plan = plan_mount(drives.all, request);
    EXPECT_EQ(plan.kind, MountPlan::Kind::stuck);
    EXPECT_EQ(plan.reason, "A1 is in drive D1, which cannot be used: it does not answer");
    EXPECT_EQ(plan.drive.text, "D1");
}

}  // namespace
}  // namespace capstan::pools
