#include "backup/pump.hpp"
#include "backup/source/tree_count.hpp"
#include "backup/tree.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace capstan::backup {
namespace {

using Paths = std::vector<std::string>;

// Paths below the scratch directory; those above it are left out.
Paths below(const Paths& paths, const std::string& root) {
    Paths result;
    for (const auto& path : paths) {
        if (path.starts_with(root.substr(1) + "/")) result.push_back(path.substr(root.size()));
    }
    return result;
}

TEST(FileSource, NamesDirectoriesBeforeTheirObjectsAndThoseBeforeSubdirectories) {
    ScratchDirectory scratch;
    auto root = std::filesystem::canonical(scratch.path()).string();
    for (const char* name : {"/b", "/b/y", "/a", "/a/x"}) ::mkdir((root + name).c_str(), 0755);
    for (const char* name : {"/c", "/b/a", "/b/z", "/b/y/q", "/A"}) write_file(root + name, "1");
    auto all = pump({.paths = {root}}, "");
    EXPECT_EQ(below(all.paths, root), (Paths{"A", "c", "a", "a/x", "b", "b/a", "b/z", "b/y", "b/y/q"}));
    EXPECT_EQ(all.paths.front(), "?");  // the root of everything is only an ancestor
    EXPECT_EQ(all.counts.objects, all.paths.size());
}

TEST(FileSource, MergesWhatWasChosenTwiceAndMarksAncestors) {
    ScratchDirectory scratch;
    auto root = std::filesystem::canonical(scratch.path()).string();
    for (const char* name : {"/b", "/b/y", "/a", "/a/x"}) ::mkdir((root + name).c_str(), 0755);
    for (const char* name : {"/c", "/b/a", "/b/y/q", "/a/x/1", "/a/2"}) write_file(root + name, "1");
    auto some = pump({.paths = {root + "/b", root + "/b/y", root + "/a/x/", root + "/b", root + "/c"}}, "");
    EXPECT_EQ(below(some.paths, root), (Paths{"c", "a?", "a/x", "a/x/1", "b", "b/a", "b/y", "b/y/q"}));
}

TEST(FileSource, ResolvesLinksInFrontOfTheChosenNameOnly) {
    ScratchDirectory scratch;
    auto root = std::filesystem::canonical(scratch.path()).string();
    ::mkdir((root + "/real").c_str(), 0755);
    write_file(root + "/real/file", "1");
    ASSERT_EQ(::symlink("real", (root + "/link").c_str()), 0);
    EXPECT_EQ(below(pump({.paths = {root + "/link/file"}}, "").paths, root), (Paths{"real?", "real/file"}));
    EXPECT_EQ(below(pump({.paths = {root + "/link"}}, "").paths, root), (Paths{"link"}));
}

TEST(FileSource, SaysWhatIsWrongWithChosenPathsInOneMessage) {
    auto refused = open_file_source({.paths = {"relative", "/nowhere/at/all", "/etc"}});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().happened.find("relative"), std::string::npos);
    EXPECT_NE(refused.error().happened.find("/nowhere/at/all"), std::string::npos);
    EXPECT_EQ(refused.error().recovery, Recovery::change_request);
}

TEST(FileSource, LeavesOutWhatIsExcluded) {
    ScratchDirectory scratch;
    auto root = std::filesystem::canonical(scratch.path()).string();
    for (const char* name : {"/cache", "/keep"}) ::mkdir((root + name).c_str(), 0755);
    for (const char* name : {"/cache/1", "/keep/a.o", "/keep/a.c"}) write_file(root + name, "1");
    auto some = pump({.paths = {root}, .exclude = {"*.o", root + "/cache"}}, "");
    EXPECT_EQ(below(some.paths, root), (Paths{"keep", "keep/a.c"}));
    EXPECT_EQ(some.counts.excluded, 2u);
}

TEST(FileSource, GivesTheSameInlineAndWithThreads) {
    auto inline_walk = pump({.paths = {"/usr/share/doc"}}, "");
    EXPECT_GT(inline_walk.paths.size(), 100u);
    for (unsigned threads : {1u, 2u, 3u})
        EXPECT_EQ(pump({.paths = {"/usr/share/doc"}, .threads = threads}, "").paths, inline_walk.paths);
}

TEST(FileSource, WhatFollowsInAnotherSetBeginsWithItsDirectories) {
    ScratchDirectory scratch;
    auto root = std::filesystem::canonical(scratch.path()).string();
    for (const char* name : {"/a", "/a/x", "/b"}) ::mkdir((root + name).c_str(), 0755);
    for (const char* name : {"/a/1", "/a/2", "/a/x/3", "/b/4"}) write_file(root + name, "1");
    ASSERT_EQ(::link((root + "/a/1").c_str(), (root + "/a/x/1").c_str()), 0);
    // The set is ended before each object in turn; of each one, how the next set begins.
    std::vector<std::string> all;
    for (std::size_t ended_before = 1;; ++ended_before) {
        auto source = open_file_source({.paths = {root}}).value();
        ObjectRecord record;
        Paths first, second;
        bool in_second = false;
        for (std::size_t given = 0;; ++given) {
            if (given == ended_before) source->end_set();
            auto step = source->next(record);
            if (step == SourceStep::end) break;
            if (step == SourceStep::next_set) {
                EXPECT_FALSE(in_second);
                in_second = true;
                continue;
            }
            if (record.path.size() >= root.size() || in_second)
                (in_second ? second : first)
                    .push_back("/" + record.path + (record.metadata.path_only ? "?" : "") +
                               (record.metadata.first_name.empty() ? "" : "=" + record.metadata.first_name));
            source->finish_object();
        }
        if (!in_second) break;
        // Those on the way, in order, then the object; what was in the first set does not come again as itself.
        ASSERT_FALSE(second.empty());
        std::string inner = "/";
        for (const auto& path : second) {
            if (!path.ends_with('?')) break;
            auto directory = path.substr(0, path.size() - 1);
            EXPECT_TRUE(directory.starts_with(inner)) << directory << " after " << inner;
            inner = directory;
        }
        for (const auto& path : second) {
            const bool on_the_way = path.ends_with('?');
            EXPECT_TRUE(on_the_way || std::count(first.begin(), first.end(), path) == 0) << path;
            auto link = path.find('=');
            if (link == std::string::npos) continue;
            EXPECT_NE(std::find(second.begin(), second.end(), "/" + path.substr(link + 1)), second.end())
                << "the data of " << path << " are in another set";
        }
    }
}

TEST(FileSource, ACountAheadFindsWhatWillBeSaved) {
    ScratchDirectory scratch;
    auto root = std::filesystem::canonical(scratch.path()).string();
    ::mkdir((root + "/d").c_str(), 0755);
    write_file(root + "/d/one", std::string(1000, '1'));
    write_file(root + "/two", std::string(234, '2'));
    write_file(root + "/left-out", std::string(5000, '3'));
    ASSERT_EQ(::symlink("two", (root + "/link").c_str()), 0);
    const FileSourceOptions options{.paths = {root}, .exclude = {"left-out"}};
    TreeCount count;
    EXPECT_EQ(count_tree(options, count), true);
    EXPECT_EQ(count.bytes, 1234u);
    EXPECT_EQ(count.objects, pump(options, "").counts.objects);
    TreeCount stopped;
    stopped.stop = true;
    EXPECT_EQ(count_tree(options, stopped), false);
}

TEST(FileSource, EndsItsThreadsWhenItIsDroppedEarly) {
    Doorbell doorbell;
    auto source = open_file_source({.paths = {"/usr/share"}, .threads = 3, .doorbell = &doorbell});
    ASSERT_TRUE(source);
    ObjectRecord record;
    (*source)->next(record);
}

TEST(FileSource, CountsSocketsAndNamesOtherFileSystems) {
    auto all = pump({.paths = {"/dev"}}, "");  // holds mount points on every machine
    if (std::filesystem::exists("/dev/pts")) {
        EXPECT_TRUE(std::any_of(all.source_issues.begin(), all.source_issues.end(), [](const Issue& issue) {
            return issue.path == "dev/pts" && issue.kind == IssueKind::other_file_system;
        }));
    }
    auto chosen_twice = pump({.paths = {"/dev", "/dev/pts"}}, "");
    EXPECT_TRUE(std::find(chosen_twice.paths.begin(), chosen_twice.paths.end(), "dev/pts/ptmx") !=
                chosen_twice.paths.end());
    ScratchDirectory scratch;
    make_odd_tree(scratch.path());
    EXPECT_EQ(pump({.paths = {scratch.path()}}, "").counts.sockets, 1u);
}

struct Change {
    const char* name;
    void (*make)(const std::string& path);
    ObjectOutcome::State state;
    IssueKind kind;
};
class ChangedWhileRead : public testing::TestWithParam<Change> {};
TEST_P(ChangedWhileRead, IsSavedAndNamed) {
    ScratchDirectory scratch;
    auto file = std::filesystem::canonical(scratch.path()).string() + "/file";
    write_file(file, std::string(1000000, 'a'));
    auto source = open_file_source({.paths = {file}});
    ASSERT_TRUE(source);
    ObjectRecord record;
    while ((*source)->next(record) == SourceStep::object && !record.has_data()) (*source)->finish_object();
    ASSERT_EQ(record.metadata.size, 1000000u);
    std::vector<std::uint8_t> space(400000);
    ASSERT_TRUE((*source)->next_extent());
    ASSERT_EQ((*source)->read(space).value(), 400000u);
    GetParam().make(file);
    std::size_t total = 400000;
    for (std::size_t got = 1; got > 0; total += got) got = (*source)->read(space).value();
    EXPECT_LE(total, 1000000u);
    EXPECT_EQ((*source)->finish_object().state, GetParam().state);
    auto issues = (*source)->take_issues();
    ASSERT_EQ(issues.size(), 1u);
    EXPECT_EQ(issues[0].kind, GetParam().kind);
    EXPECT_EQ("/" + issues[0].path, file);
}
INSTANTIATE_TEST_SUITE_P(
    Files, ChangedWhileRead,
    testing::Values(Change{"Grew", [](const std::string& path) { ASSERT_EQ(::truncate(path.c_str(), 2000000), 0); },
                           ObjectOutcome::State::grew, IssueKind::grew},
                    Change{"Shrank", [](const std::string& path) { ASSERT_EQ(::truncate(path.c_str(), 500000), 0); },
                           ObjectOutcome::State::shrank, IssueKind::shrank},
                    Change{"Rewritten", [](const std::string& path) { write_file(path, std::string(1000000, 'b')); },
                           ObjectOutcome::State::changed, IssueKind::changed}),
    [](const auto& each) { return each.param.name; });

TEST(FileSource, GoesOnWhenAnObjectVanishes) {
    ScratchDirectory scratch;
    auto root = std::filesystem::canonical(scratch.path()).string();
    for (int i = 0; i < 10; ++i) write_file(root + "/f" + std::to_string(i), "x");
    ::mkdir((root + "/gone").c_str(), 0755);
    auto all = pump({.paths = {root}}, "", Existing::never, [&](ObjectRecord& record) {
        if (!record.path.ends_with("/f3")) return;
        ::unlink((root + "/f5").c_str());
        ::rmdir((root + "/gone").c_str());
    });
    ASSERT_EQ(all.source_issues.size(), 2u);
    EXPECT_EQ(all.source_issues[0].kind, IssueKind::vanished);
    EXPECT_TRUE(all.source_issues[0].path.ends_with("/f5"));
    EXPECT_TRUE(all.source_issues[1].path.ends_with("/gone"));
    EXPECT_EQ(all.counts.not_saved, 2u);
    EXPECT_TRUE(all.paths.back().ends_with("/f9"));
}

TEST(FileSource, FindsTheWayBackFromADeepTree) {
    ScratchDirectory scratch;
    auto root = std::filesystem::canonical(scratch.path()).string();
    make_deep_tree(root, 100);
    std::string path = root;
    for (int i = 0; i < 100; ++i) {
        path += "/d" + std::to_string(i % 10);
        if (i % 7 == 0) ::mkdir((path + "/e").c_str(), 0755);
    }
    ::mkdir((root + "/zz").c_str(), 0755);
    auto all = pump({.paths = {root}}, "");
    EXPECT_EQ(below(all.paths, root).size(), 100u + 15u + 1u + 1u);
    EXPECT_TRUE(all.source_issues.empty());
    // A directory far down is moved while the walk is below it: nothing is lost.
    auto moved = pump({.paths = {root}}, "", Existing::never, [&](ObjectRecord& record) {
        if (record.path.ends_with("/bottom") && !record.path.ends_with("elsewhere/bottom") &&
            std::filesystem::exists(root + "/d0/d1/d2"))
            std::filesystem::rename(root + "/d0/d1/d2", scratch.path() + "/zz/elsewhere");
    });
    auto again = below(moved.paths, root);
    for (const char* name : {"zz", "d0/d1/d2/d3/d4/d5/d6/d7/e", "d0/e"})
        EXPECT_TRUE(std::find(again.begin(), again.end(), name) != again.end()) << name;
    EXPECT_TRUE(moved.source_issues.empty());
}

TEST(FileSource, ReadsFilesWhoseSizeIsNotTold) {
    auto source = open_file_source({.paths = {"/proc/version"}});
    ASSERT_TRUE(source);
    ObjectRecord record;
    while ((*source)->next(record) == SourceStep::object && !record.has_data()) (*source)->finish_object();
    ASSERT_EQ(record.path, "proc/version");
    EXPECT_FALSE(record.size_known);
    ASSERT_TRUE((*source)->next_extent());
    std::vector<std::uint8_t> space(65536);
    EXPECT_GT((*source)->read(space).value(), 10u);
    EXPECT_EQ((*source)->read(space).value(), 0u);
    EXPECT_EQ((*source)->finish_object().state, ObjectOutcome::State::ok);
}

}  // namespace
}  // namespace capstan::backup
