// A block that cannot be read costs what lies in it and nothing else, and the report says which block, and what the drive said.
#include "tests/daemon/plane.hpp"

#include "pools/store/work_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

constexpr unsigned kFiles = 60;

struct Holed {
    Holed() {
        plane.start();
        plane.label_all(2);
        tree = plane.make_tree("tree", kFiles, 20000);  // three or four to a block
        auto job = plane.backup(tree);
        EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
        end = raw(pools::Sets(plane.state()).extents(SetNumber{1}).value().front().end_block);
    }
    void break_blocks(std::vector<std::uint64_t> blocks) {
        vl::FaultPlan faults;
        for (auto block : blocks) faults.medium.push_back({"CAP001L8", BlockNumber{block}, vl::MediumFault::When::read});
        plane.library->set_faults(faults);
    }
    std::vector<pools::JobIssue> issues(JobId job) { return pools::Jobs(plane.state()).issues(job, 1000).value(); }
    unsigned restored_from(const std::string& target) {
        unsigned files = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(target)) files += entry.is_regular_file() && entry.file_size() == 20000;
        return files;
    }
    Plane plane;
    std::string tree;
    std::uint64_t end = 0;
};

TEST(BadBlock, CostsWhatLiesInItAndNothingElse) {
    Holed site;
    for (std::uint64_t block = 3; block + 3 < site.end; block += 4) {
        SCOPED_TRACE(fmt::format("block {} of {}", block, site.end));
        site.break_blocks({block});
        const auto target = site.plane.scratch / fmt::format("restored-{}", block);
        auto job = site.plane.restore(1, target);
        EXPECT_EQ(job.state, pools::JobState::complete_with_issues) << job.message;
        const auto whole = site.restored_from(target);
        EXPECT_GE(whole, kFiles - 6);
        EXPECT_LT(whole, kFiles);
        const auto issues = site.issues(job.id);
        EXPECT_GE(issues.size() + whole, kFiles) << "each that is missing is named";
        for (const auto& issue : issues) {
            EXPECT_NE(issue.reason.find(fmt::format("block {} of CAP001L8 cannot be read", block)), std::string::npos) << issue.path << ": " << issue.reason;
            EXPECT_NE(issue.reason.find("03/11/00"), std::string::npos) << issue.reason;
        }
    }
}

TEST(BadBlock, ManyOfThemLeaveWhatLiesBetween) {
    Holed site;
    std::vector<std::uint64_t> blocks;
    for (std::uint64_t block = 4; block + 3 < site.end; block += 5) blocks.push_back(block);
    ASSERT_GE(blocks.size(), 3U);
    site.break_blocks(blocks);
    const auto target = site.plane.scratch / "restored";
    auto job = site.plane.restore(1, target);
    EXPECT_EQ(job.state, pools::JobState::complete_with_issues) << job.message;
    const auto whole = site.restored_from(target);
    EXPECT_GE(whole, kFiles - 6 * blocks.size());
    EXPECT_GE(site.issues(job.id).size() + whole, kFiles);
    site.break_blocks({});
    EXPECT_EQ(site.plane.restore(1, site.plane.scratch / "again").state, pools::JobState::complete);
}

}  // namespace
}  // namespace capstan::daemon
