// How much there is to do, said while a job runs.
#include "pools/store/work_rows.hpp"
#include "tests/daemon/plane.hpp"

namespace capstan::daemon {
namespace {

struct Progress : testing::Test {
    Progress() {
        plane.start();
        plane.label_all(1);
        tree = plane.make_tree("tree", 12, 30000);
    }
    // As a client sees the job at some moment between its begin and its end.
    api::JobInfo while_running(JobId id, const std::function<bool(const api::JobInfo&)>& wanted) {
        api::JobInfo seen;
        plane.until([&] {
            auto info = plane.plane->jobs().info(id).value();
            if (wanted(info)) seen = info;
            return !plane.plane->jobs().is_running(id) || wanted(info);
        });
        return seen;
    }
    Plane plane;
    std::string tree;
};

TEST_F(Progress, ABackupIsExpectedToBeAsTheLastOneOfItsName) {
    auto first = plane.start_backup(tree, "nightly");
    EXPECT_EQ(plane.plane->jobs().info(first)->progress.objects_expected, 0U) << "of the first one nothing is known";
    auto done = plane.finish(first);
    ASSERT_EQ(done.state, pools::JobState::complete);
    auto second = plane.start_backup(tree, "nightly");
    auto seen = while_running(second, [](const api::JobInfo& info) { return info.progress.objects_expected > 0; });
    EXPECT_EQ(seen.progress.objects_expected, done.counts.objects);
    EXPECT_EQ(seen.progress.bytes_expected, 12U * 30000U);
    EXPECT_TRUE(seen.progress.expected_about);
    plane.finish(second);
    auto other = plane.start_backup(tree, "another name");
    plane.poll();
    EXPECT_EQ(plane.plane->jobs().info(other)->progress.objects_expected, 0U);
}

TEST_F(Progress, ARestoreOfChosenPathsCountsThem) {
    plane.backup(tree, "nightly");
    api::RestoreRequest request;
    request.set = 1;
    request.paths = {tree + "/d1"};
    request.to = plane.scratch / "restored";
    auto id = plane.run(plane.plane->jobs().start_restore(request, "test")).value();
    auto seen = while_running(id, [](const api::JobInfo& info) { return info.progress.objects_expected > 0; });
    EXPECT_EQ(seen.progress.bytes_expected, 4U * 30000U);
    EXPECT_GE(seen.progress.objects_expected, 5U);
    EXPECT_FALSE(seen.progress.expected_about);
    EXPECT_EQ(plane.finish(id).counts.bytes, 4U * 30000U);
}

TEST_F(Progress, WhatWasKeptIsStillSaidWhenTheJobIsOver) {
    plane.backup(tree, "nightly");
    auto to = plane.scratch / "restored";
    plane.restore(1, to);
    auto again = plane.restore(1, to);
    EXPECT_EQ(again.state, pools::JobState::complete);
    EXPECT_EQ(plane.plane->jobs().info(again.id)->progress.objects_kept, 12U);
}

}  // namespace
}  // namespace capstan::daemon
