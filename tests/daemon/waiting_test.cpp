// Jobs that wait.
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

}  // namespace
}  // namespace capstan::daemon
