// A job whose objects are too many for one set, and the line that finds its catalog again.
#include "pools/store/set_rows.hpp"
#include "pools/store/work_rows.hpp"
#include "tests/daemon/plane.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

std::string read_all(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct SeveralSets : testing::Test {
    SeveralSets() {
        plane.start();
        plane.label_all(2);
        tree = plane.make_tree("tree", kFiles, 3000);
        std::filesystem::create_hard_link(tree + "/d0/file-0", tree + "/d2/name-of-file-0");
        job = plane.backup(tree);
        for (const auto& set : plane.sets())
            if (set.type == "normal") sets.insert(sets.begin(), set.number);
    }
    // Files of the tree that are missing or others below `to`, and directories that have other times.
    unsigned differences(const std::string& to, bool times = true) const {
        unsigned found = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(tree)) {
            auto there = to + entry.path().string();
            if (entry.is_regular_file() && read_all(entry.path()) != read_all(there)) ++found;
            std::error_code none;
            if (times && entry.is_directory() && entry.last_write_time() != std::filesystem::last_write_time(there, none)) ++found;
        }
        return found;
    }
    pools::Job restore_path(const std::string& path, const std::string& to) {
        api::RestoreRequest request;
        request.paths = {path};
        request.to = to;
        return plane.finish(plane.run(plane.plane->jobs().start_restore(request, "test")));
    }
    static constexpr unsigned kFiles = 40;
    Plane plane{{.set_objects_max = 10, .bootstrap_files = {"bootstrap.txt", "nowhere/bootstrap.txt"}}};
    std::string tree;
    pools::Job job;
    std::vector<SetNumber> sets;
};

TEST_F(SeveralSets, TheJobGoesOnInTheNextSet) {
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
    EXPECT_GE(sets.size(), 5U);
    std::uint64_t objects = 0;
    for (auto number : sets) {
        auto set = plane.set(raw(number));
        EXPECT_EQ(set.state, pools::SetState::complete);
        EXPECT_LE(set.objects, 10U + 6U) << "and the directories on the way";
        objects += set.objects;
    }
    EXPECT_EQ(objects, job.counts.objects);
    EXPECT_GE(objects, kFiles + 1 + 3);
}

TEST_F(SeveralSets, ARestoreByPathTakesAllOfThem) {
    auto to = plane.scratch / "all";
    auto restored = restore_path(tree, to);
    EXPECT_EQ(restored.state, pools::JobState::complete) << restored.message;
    EXPECT_EQ(differences(to), 0U);
}

// In every set it is only the way to what was chosen.
TEST_F(SeveralSets, ARestoreOfADirectoryAboveTakesAllOfThem) {
    auto to = plane.scratch / "above";
    auto restored = restore_path(tree.substr(0, tree.rfind('/')), to);
    EXPECT_EQ(restored.state, pools::JobState::complete) << restored.message;
    EXPECT_EQ(differences(to), 0U);
}

TEST_F(SeveralSets, AnotherRunOfTheSameNameIsAnotherRun) {
    std::filesystem::remove(tree + "/d1/file-1");
    ASSERT_EQ(plane.backup(tree).state, pools::JobState::complete);
    auto to = plane.scratch / "second";
    ASSERT_EQ(restore_path(tree, to).state, pools::JobState::complete);
    EXPECT_EQ(differences(to), 0U);
    EXPECT_FALSE(std::filesystem::exists(to + tree + "/d1/file-1")) << "of the run before";
}

TEST_F(SeveralSets, EachCanBeRestoredByItself) {
    auto to = plane.scratch / "one";
    for (auto set : sets) {
        auto restored = plane.restore(raw(set), to);
        EXPECT_EQ(restored.state, pools::JobState::complete) << restored.message;
    }
    EXPECT_EQ(differences(to, false), 0U) << "a directory that is there keeps its own times";
    auto last = plane.restore(raw(sets.back()), plane.scratch / "last");
    EXPECT_EQ(last.state, pools::JobState::complete) << "a link to what another set has would be missing";
}

TEST_F(SeveralSets, ARebuildBringsAllOfThemBack) {
    std::map<std::uint64_t, std::vector<std::string>> before;
    for (auto set : sets) before[raw(set)] = plane.listing(raw(set));
    plane.cut_power();
    plane.forget_state();
    plane.start();
    ASSERT_TRUE(plane.inventory());
    auto rebuilt = plane.finish(plane.plane->jobs().start_rebuild({}, "test"));
    EXPECT_EQ(rebuilt.state, pools::JobState::complete) << rebuilt.message;
    for (auto set : sets) EXPECT_EQ(plane.listing(raw(set)), before[raw(set)]) << raw(set);
    auto to = plane.scratch / "from-the-tapes";
    ASSERT_EQ(restore_path(tree, to).state, pools::JobState::complete);
    EXPECT_EQ(differences(to), 0U) << "they are still one run";
}

TEST_F(SeveralSets, TheReportSaysWhereTheCatalogLies) {
    auto issues = pools::Jobs(plane.state()).issues(job.id).value();
    auto note = std::find_if(issues.begin(), issues.end(),
                             [](const auto& issue) { return issue.reason.find("catalog-set") != std::string::npos; });
    ASSERT_NE(note, issues.end());
    EXPECT_EQ(note->kind, pools::IssueKind::note);
    EXPECT_NE(note->reason.find("volume CAP001L8"), std::string::npos) << note->reason;
    auto line = read_all(plane.scratch / "bootstrap.txt");
    EXPECT_NE(line.find(fmt::format("job {}: volume CAP001L8 family", raw(job.id))), std::string::npos) << line;
    EXPECT_LE(line.size(), 1024U);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    EXPECT_TRUE(std::any_of(issues.begin(), issues.end(), [](const auto& issue) {
        return issue.reason.find("nowhere/bootstrap.txt") != std::string::npos;
    }));
}

}  // namespace
}  // namespace capstan::daemon
