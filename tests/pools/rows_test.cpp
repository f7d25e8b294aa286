// Repositories: what goes in comes out, changes are audited, requests out of turn are refused.
#include "support.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace capstan::pools {
namespace {

using Rows = StoreTest;

TEST_F(Rows, CartridgeGoesInAndComesOut) {
    auto one = cartridge("A00001L8", 12, kImportPool, SideState::import);
    one.mounts = 7;
    one.write_protected = one.suspect = one.duplicate_tag = one.must_identify = true;
    one.hold = "court order";
    one.last_mounted = kStart + 5s;
    one.density = 0x5E;
    one.side.media_id.text = "1";
    one.side.domain_id.text = "2";
    one.side.family = MediaFamilyId{0xFFFFFFFF};
    one.side.sequence = 65535;
    one.side.generation = WriteGeneration{9};
    one.side.block_size = 1048576;
    one.side.recorded_end = BlockNumber{1ULL << 40};
    one.side.last_set = 65535;
    one.side.appendable_until = kStart + 24h;
    one.side.keep_until = kForever;
    one.side.bytes_written = 18'000'000'000'000ULL;
    one.side.capacity = 0xFFFFFFFFFFFFFFFFULL;
    one.side.allocations = 3;
    one.side.description = "GNU tar; \"quoted\" 'text'";
    one.side.labelled = kStart - 24h;
    one.side.last_written = kStart;
    one.id = add(one);
    EXPECT_EQ(get(one.id), one);
    Cartridges cartridges(store());
    EXPECT_EQ(must(cartridges.by_tag({"A00001L8"})), std::vector{one});
    EXPECT_EQ(must(cartridges.by_media_id({"1"})), one);
    EXPECT_EQ(must(cartridges.by_media_id({""})), std::nullopt);
    EXPECT_EQ(must(cartridges.at({"LIB1"}, one.place)), one);
    EXPECT_EQ(must(cartridges.in_library({"LIB1"})), std::vector{one});
    EXPECT_TRUE(must(cartridges.in_library({"LIB2"})).empty());
    CartridgeFilter filter{kImportPool, SideState::import, LibraryName{"LIB1"}, PlaceKind::slot};
    EXPECT_EQ(must(cartridges.list(filter)).size(), 1U);
    filter.after = one.id;
    EXPECT_TRUE(must(cartridges.list(filter)).empty());
    EXPECT_FALSE(cartridges.get(CartridgeId{99}));
}

TEST_F(Rows, APlaceHoldsOneCartridge) {
    const auto first = add(cartridge("A1", 1, kFreePool));
    const auto second = add(cartridge("A2", 2, kFreePool));
    auto transaction = must(WriteTransaction::begin(store()));
    auto moved = Cartridges(store()).set_place(transaction, second, {"LIB1"}, {PlaceKind::slot, "1"}, kNote);
    ASSERT_FALSE(moved);
    EXPECT_EQ(moved.error().recovery, Recovery::refresh_inventory);
    EXPECT_EQ(moved.error().happened, "library LIB1: A2 cannot be at slot 1: A1 is there");
    // Also where the repository would not have noticed.
    EXPECT_FALSE(Cartridges(store()).add(transaction, cartridge("A3", 1, kFreePool), kNote));
    must(Cartridges(store()).set_place(transaction, first, {}, {PlaceKind::offline, "vault"}, kNote));
    must(Cartridges(store()).set_place(transaction, second, {}, {PlaceKind::offline, "vault"}, kNote));
    EXPECT_FALSE(Cartridges(store()).set_place(transaction, second, {}, {PlaceKind::slot, "1"}, kNote))
        << "a slot of no library";
}

TEST_F(Rows, EveryChangeIsAudited) {
    const auto pool = make_pool("Daily");
    const auto id = add(cartridge("A1", 1, kFreePool));
    change([&](WriteTransaction& transaction) -> Result<void> {
        Cartridges cartridges(store());
        CAPSTAN_CHECK(
            cartridges.set_place(transaction, id, {"LIB1"}, {PlaceKind::drive, "D1"}, {"job 3", "mount", kStart + 1s}));
        CAPSTAN_CHECK(cartridges.set_pool(transaction, id, pool, kNote));
        CAPSTAN_CHECK(cartridges.apply(transaction, id, SideEvent::allocate, kNote));
        CAPSTAN_CHECK(cartridges.set_hold(transaction, id, "audit", kNote));
        CAPSTAN_CHECK(cartridges.set_hold(transaction, id, "audit", kNote));  // no change, no row
        return cartridges.count_mount(transaction, id, kStart);
    });
    const auto rows = must(Audit(store()).of(id));
    ASSERT_EQ(rows.size(), 5U);
    EXPECT_EQ(rows[0].what, "hold");
    EXPECT_EQ(rows[1].what, "state");
    EXPECT_EQ(rows[1].before + ">" + rows[1].after, "available>allocated");
    EXPECT_EQ(rows[2].what, "pool");
    EXPECT_EQ(rows[3].what, "place");
    EXPECT_EQ(rows[3].before + ">" + rows[3].after, "LIB1 slot 1>LIB1 drive D1");
    EXPECT_EQ(rows[3].note.who, "job 3");
    EXPECT_EQ(rows[3].note.at, kStart + 1s);
    EXPECT_EQ(rows[4].what, "added");
    EXPECT_EQ(get(id).side.allocations, 1U);
    EXPECT_EQ(get(id).mounts, 1U);
}

TEST_F(Rows, RefusesWhatTheTableRefuses) {
    const auto id = add(cartridge("A1", 1, kFreePool, SideState::complete));
    auto transaction = must(WriteTransaction::begin(store()));
    auto refused = Cartridges(store()).apply(transaction, id, SideEvent::allocate, kNote);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().happened, "A1: 'allocate' is not possible while it is complete");
    EXPECT_FALSE(Cartridges(store()).set_pool(transaction, id, kImportPool, kNote));
    const auto pool = must(Pools(store()).create(transaction, {PoolId{}, {"Daily"}, PoolKind::application, {}}));
    must(Cartridges(store()).set_pool(transaction, id, pool, kNote));
    EXPECT_FALSE(Cartridges(store()).set_pool(transaction, id, kFreePool, kNote)) << "complete media do not go to Free";
}

TEST_F(Rows, PoolsHaveUniqueNames) {
    PoolPolicy policy;
    policy.draw_from_free = false;
    policy.keep_for = 100h;
    const auto id = make_pool("Daily", policy);
    EXPECT_GE(raw(id), 10);
    EXPECT_EQ(must(Pools(store()).by_name({"Daily"})).policy, policy);
    EXPECT_EQ(must(Pools(store()).list()).size(), 4U);
    auto missing = Pools(store()).by_name({"Dayly"});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().advice, "There are: Free, Import, Unrecognized, Daily.");
    {
        auto transaction = must(WriteTransaction::begin(store()));
        EXPECT_FALSE(Pools(store()).create(transaction, {PoolId{}, {"Daily"}, PoolKind::application, {}}));
        EXPECT_FALSE(Pools(store()).remove(transaction, kFreePool));
        EXPECT_FALSE(Pools(store()).set_policy(transaction, kFreePool, policy));
    }
    policy.draw_from_free = true;
    EXPECT_EQ(change([&](auto& transaction) { return Pools(store()).ensure(transaction, {"Daily"}, policy); }), id);
    EXPECT_EQ(must(Pools(store()).get(id)).policy, policy);
    add(cartridge("A1", 1, id));
    auto transaction = must(WriteTransaction::begin(store()));
    EXPECT_FALSE(Pools(store()).remove(transaction, id)) << "it has a cartridge";
}

TEST_F(Rows, FamiliesNumberTheirSets) {
    const auto pool = must(Pools(store()).get(make_pool("Daily")));
    const auto family = change([&](auto& transaction) { return Families(store()).begin(transaction, pool, kStart); });
    EXPECT_EQ(family.appendable_until, kStart + pool.policy.append_for);
    EXPECT_EQ(family.keep_until, family.appendable_until + pool.policy.keep_for);
    EXPECT_EQ(must(Families(store()).get(family.id)), family);
    EXPECT_EQ(change([&](auto& transaction) { return Families(store()).take_set_number(transaction, family.id); }), 1);
    EXPECT_EQ(change([&](auto& transaction) { return Families(store()).take_set_number(transaction, family.id); }), 2);
    EXPECT_EQ(must(Families(store()).open_of(pool.id)).size(), 1U);
    const auto much_later = family.appendable_until + 1s;
    const auto next_family =
        change([&](auto& transaction) { return Families(store()).begin(transaction, pool, much_later); });
    EXPECT_EQ(must(Families(store()).open_of(pool.id)), std::vector{next_family}) << "the old period has ended";
    change([&](auto& transaction) { return Families(store()).close(transaction, next_family.id); });
    change([&](auto& transaction) { return Families(store()).close(transaction, family.id); });
    EXPECT_TRUE(must(Families(store()).open_of(pool.id)).empty());
}

TEST_F(Rows, AFamilyOfForeverDoesNotRunPastTheEndOfTime) {
    PoolPolicy policy;
    policy.keep_for = std::chrono::seconds::max();
    const auto pool = must(Pools(store()).get(make_pool("Archive", policy)));
    EXPECT_EQ(pool.policy.keep_for, policy.keep_for);
    const auto family = change([&](auto& transaction) { return Families(store()).begin(transaction, pool, kStart); });
    EXPECT_EQ(must(Families(store()).get(family.id)).keep_until, kForever);
}

TEST_F(Rows, JobsAndTheirLedger) {
    Job job;
    job.kind = JobKind::restore;
    job.name = "nightly";
    job.parameters = R"({"paths":["/etc"]})";
    job.owner = "root";
    job.created = kStart;
    job.id = change([&](auto& transaction) { return Jobs(store()).add(transaction, job); });
    EXPECT_EQ(must(Jobs(store()).get(job.id)), job);
    const std::string odd("/a\0b\xFF\n", 6);
    const std::vector<JobIssue> issues{{job.id, IssueKind::not_saved, odd, "Permission denied"},
                                       {job.id, IssueKind::note, "", "a note"}};
    change([&](WriteTransaction& transaction) -> Result<void> {
        CAPSTAN_CHECK(Jobs(store()).apply(transaction, job.id, JobEvent::start, "", kStart + 1s));
        CAPSTAN_CHECK(Jobs(store()).add_counts(transaction, job.id, {10, 1000, 1, 2, 3, 4}));
        return Jobs(store()).add_issues(transaction, issues);
    });
    EXPECT_EQ(must(Jobs(store()).issues(job.id)), issues);
    EXPECT_EQ(must(Jobs(store()).issues(job.id, 1, 1)).front().reason, "a note");
    EXPECT_EQ(must(Jobs(store()).issue_count(job.id)), 2U);
    EXPECT_EQ(must(Jobs(store()).unfinished()).size(), 1U);
    change([&](auto& transaction) {
        return Jobs(store()).apply(transaction, job.id, JobEvent::finished_with_issues, "done", kStart + 9s);
    });
    const auto ended = must(Jobs(store()).get(job.id));
    EXPECT_EQ(ended.state, JobState::complete_with_issues);
    EXPECT_EQ(ended.started, kStart + 1s);
    EXPECT_EQ(ended.ended, kStart + 9s);
    EXPECT_EQ(ended.counts, (JobCounts{10, 1000, 1, 2, 3, 4}));
    EXPECT_TRUE(must(Jobs(store()).unfinished()).empty());
    auto transaction = must(WriteTransaction::begin(store()));
    EXPECT_FALSE(Jobs(store()).apply(transaction, job.id, JobEvent::cancel, "", kStart));
}

TEST_F(Rows, WorkItemsWaitInOrderOfPriority) {
    WorkItem low;
    low.kind = WorkKind::mount;
    low.cartridge = CartridgeId{3};
    low.library.text = "LIB1";
    low.reason = "asked for by job 1";
    low.created = kStart;
    low.deadline = kStart + 24h;
    WorkItem high = low;
    high.priority = 7;
    low.id = change([&](auto& transaction) { return WorkItems(store()).add(transaction, low); });
    high.id = change([&](auto& transaction) { return WorkItems(store()).add(transaction, high); });
    EXPECT_EQ(must(WorkItems(store()).unfinished()), (std::vector{high, low}));
    auto apply = [&](WorkEvent event, const std::string& reason) {
        return change([&](auto& transaction) {
            return WorkItems(store()).apply(transaction, low.id, event, reason, kStart + 1h);
        });
    };
    EXPECT_EQ(apply(WorkEvent::block, "every drive is busy"), WorkState::waiting);
    EXPECT_EQ(must(WorkItems(store()).get(low.id)).reason, "every drive is busy");
    EXPECT_EQ(apply(WorkEvent::start, ""), WorkState::in_process);
    change([&](auto& transaction) {
        return WorkItems(store()).assign(transaction, low.id, CartridgeId{4}, {"LIB1"}, {"D1"});
    });
    EXPECT_FALSE(WorkItems(store()).get(WorkItemId{77}));
    {
        auto transaction = must(WriteTransaction::begin(store()));
        EXPECT_FALSE(WorkItems(store()).apply(transaction, low.id, WorkEvent::cancel, "", kStart));
    }
    EXPECT_EQ(apply(WorkEvent::interrupted, "the daemon ended"), WorkState::queued);
    EXPECT_EQ(must(WorkItems(store()).get(low.id)).interruptions, 1U);
    EXPECT_EQ(apply(WorkEvent::interrupted, "and once more, before it began"), WorkState::queued);
    EXPECT_EQ(must(WorkItems(store()).get(low.id)).interruptions, 1U);
    EXPECT_EQ(apply(WorkEvent::passed, "mounted"), WorkState::passed);
    EXPECT_EQ(apply(WorkEvent::failed, "late news"), WorkState::passed);
    const auto done = must(WorkItems(store()).get(low.id));
    EXPECT_EQ(done.reason, "mounted");
    EXPECT_EQ(done.finished, kStart + 1h);
    EXPECT_EQ(done.drive.text, "D1");
    EXPECT_EQ(must(WorkItems(store()).unfinished()), std::vector{high});
}

TEST_F(Rows, TheJournalRemembersWhatWasIntended) {
    JournalEntry entry;
    entry.cartridge = CartridgeId{3};
    entry.library.text = "LIB1";
    entry.source = {PlaceKind::slot, "4"};
    entry.destination = {PlaceKind::drive, "D1"};
    entry.work_item = WorkItemId{9};
    entry.at = kStart;
    entry.id = must(Journal(store()).intend(entry));
    open();
    EXPECT_EQ(must(Journal(store()).open_of({"LIB1"})), std::vector{entry});
    EXPECT_TRUE(must(Journal(store()).open_of({"LIB2"})).empty());
    change([&](auto& transaction) {
        return Journal(store()).end(transaction, entry.id, JournalState::done, "ok", kStart + 3s);
    });
    EXPECT_TRUE(must(Journal(store()).open()).empty());
    EXPECT_EQ(must(Journal(store()).of(CartridgeId{3})).front().detail, "ok");
    auto transaction = must(WriteTransaction::begin(store()));
    EXPECT_FALSE(Journal(store()).end(transaction, entry.id, JournalState::failed, "", kStart)) << "it ended before";
}

TEST_F(Rows, OperatorRequestsEndOnce) {
    OperatorRequest request;
    request.kind = RequestKind::new_media;
    request.pool = kFreePool;
    request.work_item = WorkItemId{1};
    request.text = "Bring a cartridge for the pool Daily.";
    request.created = kStart;
    request.deadline = kStart + 24h;
    request.id = change([&](auto& transaction) { return OperatorRequests(store()).add(transaction, request); });
    EXPECT_EQ(must(OperatorRequests(store()).submitted()), std::vector{request});
    EXPECT_EQ(change([&](auto& t) {
                  return OperatorRequests(store()).apply(t, request.id, RequestEvent::satisfied, "A2 came", kStart);
              }),
              RequestState::complete);
    EXPECT_TRUE(must(OperatorRequests(store()).submitted()).empty());
    EXPECT_EQ(must(OperatorRequests(store()).get(request.id)).answer, "A2 came");
    auto transaction = must(WriteTransaction::begin(store()));
    EXPECT_FALSE(OperatorRequests(store()).apply(transaction, request.id, RequestEvent::refuse, "", kStart));
}

TEST_F(Rows, DevicesAreRemembered) {
    DeviceSeen drive{DeviceSeen::Kind::drive, "D1", "ULT3580-TD8", "123", "", kStart};
    EXPECT_FALSE(must(Devices(store()).of(DeviceSeen::Kind::drive, "D1")));
    change([&](auto& transaction) { return Devices(store()).seen(transaction, drive); });
    drive.before = std::exchange(drive.serial, "456");
    change([&](auto& transaction) { return Devices(store()).seen(transaction, drive); });
    EXPECT_EQ(must(Devices(store()).of(DeviceSeen::Kind::drive, "D1")), drive);
    EXPECT_FALSE(must(Devices(store()).of(DeviceSeen::Kind::library, "D1")));
}

TEST_F(Rows, ASetGoesInAndComesOut) {
    const auto pool = make_pool("Daily");
    Set set = set_row(pool, MediaFamilyId{4}, "uuid-1", kForever);
    set.based_on = SetNumber{17};
    set.file = "/backups/x.bkf";
    set.number = change([&](auto& transaction) { return Sets(store()).begin(transaction, set); });
    EXPECT_EQ(must(Sets(store()).get(set.number)), set);
    EXPECT_EQ(must(Sets(store()).by_uuid({"uuid-1"})), set);
    EXPECT_EQ(must(Sets(store()).unfinished()), std::vector{set});
    SetFilter filter;
    filter.name = "nightly";
    filter.pool = pool;
    filter.state = SetState::running;
    EXPECT_EQ(must(Sets(store()).list(filter)), std::vector{set});
    filter.before = set.number;
    EXPECT_TRUE(must(Sets(store()).list(filter)).empty());
    auto transaction = must(WriteTransaction::begin(store()));
    EXPECT_FALSE(Sets(store()).begin(transaction, set)) << "a set's uuid is its own";
}

TEST_F(Rows, AnImportedSetKeepsItsNumberAndPushesOursOn) {
    const auto id = add(cartridge("A1", 1, kImportPool, SideState::import));
    Set set = set_row(PoolId{}, MediaFamilyId{40}, "uuid-9", kForever);
    set.number = SetNumber{900};
    set.state = SetState::complete;
    change([&](auto& transaction) {
        return Sets(store()).take_in(transaction, set, {{set.number, id, 1, 0, BlockNumber{2}, BlockNumber{9}}}, {});
    });
    EXPECT_EQ(must(Sets(store()).get(SetNumber{900})), set);
    EXPECT_EQ(must(Sets(store()).on_cartridge(id)).size(), 1U);
    EXPECT_EQ(raw(must(Meta(store()).next_set())), 901U);
    EXPECT_EQ(raw(must(Meta(store()).next_family())), 41U);
}

}  // namespace
}  // namespace capstan::pools
