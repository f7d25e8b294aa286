// Jobs that wait.
#include "pools/store/set_rows.hpp"
#include "pools/store/work_rows.hpp"
#include "tests/daemon/plane.hpp"

#include <algorithm>

namespace capstan::daemon {
namespace {

// Each attempt of one of them changes drives and cartridges, which wakes the other: that must not become a chase.
TEST(Waiting, TwoJobsDoNotTryTheSameUnfitCartridgeForEver) {
    Plane plane;
    plane.start();
    plane.label_all(1);
    auto transaction = pools::WriteTransaction::begin(plane.state()).value();
    pools::AuditNote note{"test", "as after an old database", plane.clock.wall()};
    ASSERT_TRUE(pools::Meta(plane.state()).stop_overwriting(transaction, "media are missing", note));
    ASSERT_TRUE(transaction.commit());
    auto tree = plane.make_tree("tree", 3, 1000);
    auto one = plane.start_backup(tree, "one");
    auto two = plane.start_backup(tree, "two");
    auto before = plane.cartridge("CAP001L8").mounts;
    plane.until([] { return false; }, std::chrono::minutes{55});
    auto mounts = plane.cartridge("CAP001L8").mounts - before;
    EXPECT_GE(mounts, 2u) << "it is tried again after some time";
    EXPECT_LE(mounts, 8u);
    auto requests = plane.plane->queue().requests().newest(1000).value();
    EXPECT_LE(requests.size(), 20u);
    EXPECT_FALSE(pools::is_finished(plane.job(one).state));

    // What an operator decides about it ends the wait at once.
    auto stop = std::find_if(requests.begin(), requests.end(), [](const auto& r) { return raw(r.work_item) == 0; });
    ASSERT_NE(stop, requests.end());
    ASSERT_TRUE(plane.plane->answer_request(stop->id, "seen", true, "anna"));
    EXPECT_EQ(plane.finish(one).state, pools::JobState::complete);
    EXPECT_EQ(plane.finish(two).state, pools::JobState::complete);
}

struct Ground {
    explicit Ground(PlaneOptions options = {}) : plane(options) { plane.start(); }
    pools::OperatorRequest only_request() {
        auto open = plane.plane->queue().requests().submitted().value();
        EXPECT_EQ(open.size(), 1U);
        return open.empty() ? pools::OperatorRequest{} : open.front();
    }
    pools::RequestState state_of(RequestId id) { return plane.plane->queue().requests().get(id).value().state; }
    bool until_asked() {
        return plane.until([this] { return !plane.plane->queue().requests().submitted().value().empty(); });
    }
    ElementAddress port() {
        for (const auto& element : plane.plane->libraries().front()->changer().last_inventory().elements)
            if (element.kind == changer::ElementKind::ie_port) return element.address;
        throw std::runtime_error("no IE port");
    }
    Result<void> import() {
        CAPSTAN_TRY(auto item, start_import(*plane.plane, *plane.plane->libraries().front()));
        return plane.finish_work(item);
    }
    Plane plane;
};

TEST(Waiting, ARequestForNewMediaIsCompletedByTheFact) {
    Ground ground;
    auto& plane = ground.plane;
    ASSERT_TRUE(plane.inventory(false));  // four cartridges, none of them labelled
    auto id = plane.start_backup(plane.make_tree("tree", 3, 1000));
    ASSERT_TRUE(ground.until_asked());
    auto request = ground.only_request();
    EXPECT_EQ(request.kind, pools::RequestKind::new_media);
    EXPECT_NE(request.text.find("Nightly"), std::string::npos) << request.text;
    plane.until([] { return false; }, std::chrono::hours{3});
    EXPECT_EQ(ground.only_request().id, request.id) << "it is raised once";
    plane.label_all(1);
    auto job = plane.finish(id);
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
    EXPECT_EQ(ground.state_of(request.id), pools::RequestState::complete);
}

TEST(Waiting, ASpanningBackupThatRunsOutOfCartridgesGoesOnWithTheNextOne) {
    Ground ground({.capacity = 2'000'000, .early_warning = 400'000});
    auto& plane = ground.plane;
    plane.label_all(1);
    auto id = plane.start_backup(plane.make_tree("long", 30, 60000));
    ASSERT_TRUE(ground.until_asked());
    auto request = ground.only_request();
    EXPECT_EQ(plane.cartridge("CAP001L8").side.state, pools::SideState::complete) << "it is full";
    EXPECT_FALSE(pools::is_finished(plane.job(id).state));
    plane.label("CAP002L8");
    auto job = plane.finish(id);
    ASSERT_EQ(job.state, pools::JobState::complete) << job.message;
    EXPECT_EQ(ground.state_of(request.id), pools::RequestState::complete);
    EXPECT_EQ(pools::Sets(plane.state()).extents(SetNumber{1})->size(), 2U);
    EXPECT_EQ(plane.restore(1, plane.scratch / "restored").state, pools::JobState::complete);
}

TEST(Waiting, ACartridgeThatIsOutsideIsAskedForAndItsReturnCompletesTheRequest) {
    Ground ground;
    auto& plane = ground.plane;
    plane.label_all(1);
    ASSERT_EQ(plane.backup(plane.make_tree("tree", 3, 1000)).state, pools::JobState::complete);
    auto item = start_export(*plane.plane, plane.cartridge("CAP001L8"));
    ASSERT_TRUE(item && plane.finish_work(*item));
    auto taken = plane.library->take_from_port(ground.port());
    ASSERT_TRUE(taken);
    ASSERT_TRUE(plane.inventory(false));
    ASSERT_EQ(plane.cartridge("CAP001L8").place.kind, pools::PlaceKind::offline);

    auto id = plane.start_restore(1, plane.scratch / "restored");
    ASSERT_TRUE(ground.until_asked());
    auto request = ground.only_request();
    EXPECT_EQ(request.kind, pools::RequestKind::mount_this);
    EXPECT_NE(request.text.find("CAP001L8"), std::string::npos) << request.text;
    ASSERT_TRUE(plane.library->put_into_port(*taken, ground.port()));
    auto imported = ground.import();
    ASSERT_TRUE(imported) << to_text(imported.error());
    auto job = plane.finish(id);
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
    EXPECT_EQ(ground.state_of(request.id), pools::RequestState::complete);
}

TEST(Waiting, EndsWithItsReasonAfterADay) {
    Ground ground;
    auto& plane = ground.plane;
    ASSERT_TRUE(plane.inventory(false));
    auto begun = plane.clock.now();
    auto id = plane.start_backup(plane.make_tree("tree", 3, 1000));
    ASSERT_TRUE(plane.until([&] { return pools::is_finished(plane.job(id).state); }, std::chrono::hours{30}));
    EXPECT_GE(plane.clock.now() - begun, std::chrono::hours{24});
    EXPECT_LE(plane.clock.now() - begun, std::chrono::hours{25});
    EXPECT_EQ(plane.job(id).state, pools::JobState::failed);
    EXPECT_NE(plane.job(id).message.find("Nightly"), std::string::npos) << plane.job(id).message;
    EXPECT_TRUE(plane.plane->queue().requests().submitted()->empty());
}

}  // namespace
}  // namespace capstan::daemon
