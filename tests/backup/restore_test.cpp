#include "backup/pump.hpp"
#include "backup/tree.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <thread>

namespace capstan::backup {
namespace {

std::string text_of(const std::vector<Issue>& issues) {
    std::string text;
    for (const auto& issue : issues)
        text += std::string(name_of(issue.kind)) + " " + issue.path + ": " + issue.text + "\n";
    return text;
}

struct TwoTrees : testing::Test {
    ScratchDirectory from, to;
    std::string source = std::filesystem::canonical(from.path()).string();
    std::string target = to.path() + source;  // the whole path is kept below the target
};

TEST_F(TwoTrees, EveryOddObjectComesBackAsItWas) {
    auto failed = make_odd_tree(source);
    if (!failed.empty()) std::printf("not on this machine: %s\n", failed.c_str());
    for (unsigned threads : {0u, 2u}) {
        ScratchDirectory other;
        auto done = pump({.paths = {source}, .threads = threads}, other.path());
        EXPECT_EQ(text_of(done.source_issues), "");
        EXPECT_EQ(text_of(done.issues), "");
        auto before = look_at(source), after = look_at(other.path() + source);
        EXPECT_EQ(before.size(), 35u);
        EXPECT_EQ(difference(before, after), "");
        EXPECT_EQ(done.restored.failed, 0u);
    }
}

TEST_F(TwoTrees, TheComparisonSeesASingleByteAndANewFile) {
    make_odd_tree(source);
    pump({.paths = {source}}, to.path());
    write_file(target + "/plain/one byte", "y");
    write_file(target + "/plain/new", "n");
    auto found = difference(look_at(source), look_at(target));
    EXPECT_NE(found.find("! plain/one byte"), std::string::npos);
    EXPECT_NE(found.find("+ plain/new"), std::string::npos);
}

TEST_F(TwoTrees, DepthBeyondPathMaxComesBackWithFewDescriptors) {
    make_deep_tree(source, 5000);
    auto done = pump({.paths = {source}, .threads = 2}, to.path());
    EXPECT_EQ(text_of(done.source_issues), "");
    EXPECT_EQ(text_of(done.issues), "");
    EXPECT_LT(done.descriptors_max, 400u);
    struct rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    auto raised = limit;
    raised.rlim_cur = raised.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &raised);  // the independent look holds every directory open
    auto before = look_at(source);
    EXPECT_EQ(before.size(), 5001u);
    EXPECT_EQ(difference(before, look_at(target)), "");
}

TEST_F(TwoTrees, ExistingFilesAreKeptOrReplacedAsAsked) {
    write_file(source + "/file", "saved");
    ::mkdir(target.c_str(), 0755);
    auto put = [&](const std::string& text, time_t when) {
        std::filesystem::create_directories(target);
        write_file(target + "/file", text);
        struct timespec times[2] = {{when, 0}, {when, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, (target + "/file").c_str(), times, 0), 0);
    };
    put("old", 1000);
    auto kept = pump({.paths = {source}}, to.path(), Existing::never);
    EXPECT_EQ(read_whole(target + "/file"), "old");
    ASSERT_EQ(kept.issues.size(), 1u);
    EXPECT_EQ(kept.issues[0].kind, IssueKind::kept);
    EXPECT_EQ(kept.restored.kept, 1u);
    pump({.paths = {source}}, to.path(), Existing::older);
    EXPECT_EQ(read_whole(target + "/file"), "saved");
    put("newer", 4000000000);
    EXPECT_EQ(pump({.paths = {source}}, to.path(), Existing::older).restored.kept, 1u);
    EXPECT_EQ(read_whole(target + "/file"), "newer");
    pump({.paths = {source}}, to.path(), Existing::always);
    EXPECT_EQ(read_whole(target + "/file"), "saved");
    EXPECT_EQ(difference(look_at(source), look_at(target)), "");
}

// Without privileges, and where a name must be replaced, files are made in another way.
TEST_F(TwoTrees, WhoIsNotRootRestoresToo) {
    write_file(source + "/one", "1");
    ::mkdir((source + "/d").c_str(), 0755);
    write_file(source + "/d/two", "22");
    ::chmod(source.c_str(), 0755);
    ::chmod(to.path().c_str(), 0777);
    auto child = ::fork();
    if (child == 0) {
        if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(9);
        auto first = pump({.paths = {source}, .threads = 2}, to.path());
        auto second = pump({.paths = {source}, .threads = 2}, to.path(), Existing::always);
        ::_exit(first.restored.failed == 0 && second.restored.failed == 0 && second.restored.kept == 0 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(read_whole(target + "/one") + read_whole(target + "/d/two"), "122");
    std::size_t names = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(to.path())) names += entry.is_regular_file();
    EXPECT_EQ(names, 2u) << "a temporary name was left";
}

TEST_F(TwoTrees, AKeptTreeStaysAsItIsAndIsNamed) {
    make_odd_tree(source);
    pump({.paths = {source}}, to.path());
    auto before = look_at(target);
    auto again = pump({.paths = {source}}, to.path());
    EXPECT_EQ(difference(before, look_at(target)), "");
    EXPECT_EQ(again.restored.failed, 0u) << text_of(again.issues);
    EXPECT_EQ(again.issues.size(), again.restored.kept);
}

// An entry of an ACL for user 1234 (acl(5) as the kernel takes it): in the target it would give him what nobody gave
// him.
TEST_F(TwoTrees, TheDefaultAclOfTheTargetComesUponNothing) {
    const auto acl = [](std::vector<std::array<std::uint32_t, 3>> entries) {
        std::string bytes("\2\0\0\0", 4);
        for (auto [tag, permissions, id] : entries)
            for (auto [value, size] : {std::pair{tag, 2}, std::pair{permissions, 2}, std::pair{id, 4}})
                for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
        return bytes;
    }({{1, 7, ~0u}, {2, 7, 1234}, {4, 5, ~0u}, {0x10, 7, ~0u}, {0x20, 0, ~0u}});
    write_file(source + "/small", "1");
    write_file(source + "/large", std::string(3'000'000, 'l'));
    ::mkdir((source + "/directory").c_str(), 0711);
    write_file(source + "/directory/inner", "2");
    ASSERT_EQ(::mkfifo((source + "/fifo").c_str(), 0640), 0);
    std::filesystem::create_directories(target);
    if (::setxattr(target.c_str(), "system.posix_acl_default", acl.data(), acl.size(), 0) != 0)
        GTEST_SKIP() << "no ACLs here";
    for (auto existing : {Existing::never, Existing::always}) {
        auto done = pump({.paths = {source}, .threads = 2}, to.path(), existing);
        EXPECT_EQ(done.restored.failed, 0u) << text_of(done.issues);
        auto before = look_at(source), after = look_at(target);
        before.erase("."), after.erase(".");  // under `never` what existed keeps its own
        EXPECT_EQ(difference(before, after), "");
    }
    EXPECT_EQ(difference(look_at(source), look_at(target)), "") << "the directory itself was replaced, too";
}

// What the first run made is made anew, whole and with all that belongs to it; what was there before, and what somebody
// put there since, is kept.
TEST_F(TwoTrees, ARestoreThatWasCutOffIsFinishedByTheNextRun) {
    make_odd_tree(source);
    std::filesystem::create_directories(target + "/mine");
    ::mkdir((source + "/mine").c_str(), 0711);
    ::chmod((target + "/mine").c_str(), 0700);
    for (const char* name : {"/mine/old", "/mine/new"}) write_file(source + name, "saved");
    write_file(target + "/mine/old", "mine");
    std::this_thread::sleep_for(std::chrono::milliseconds{120});
    const auto since = std::chrono::system_clock::now();
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    pump({.paths = {source}}, to.path());
    // As the crash left it: an unfinished directory, one file not there, one half named, one without its last touches.
    ::chmod((target + "/plain").c_str(), 0700);
    std::size_t removed = 0;
    for (const auto& entry : std::filesystem::directory_iterator(target + "/plain"))
        if (entry.is_regular_file() && ::unlink(entry.path().c_str()) == 0 && ++removed == 2) break;
    write_file(target + "/plain/.capstan-restore-7-3", "half");
    write_file(target + "/mine/.capstan-restore-8-1", "of another run");
    ::unlink((target + "/mine/new").c_str());
    write_file(target + "/mine/new", "put there by somebody");
    auto again = pump({.paths = {source}}, to.path(), Existing::never, {}, CutOffRun{since, "7"});
    EXPECT_EQ(again.restored.failed, 0u) << text_of(again.issues);
    EXPECT_EQ(again.restored.kept, 2u + 3u)
        << "and what is locked, which had its last touch: " << text_of(again.issues);
    EXPECT_EQ(read_whole(target + "/mine/old"), "mine");
    EXPECT_EQ(read_whole(target + "/mine/new"), "put there by somebody");
    EXPECT_EQ(read_whole(target + "/mine/.capstan-restore-8-1"), "of another run");
    struct stat mine{};
    ASSERT_EQ(::stat((target + "/mine").c_str(), &mine), 0);
    EXPECT_EQ(mine.st_mode & 07777, 0700u) << "a directory that was there before keeps its mode";
    for (const auto& tree : {source, target}) std::filesystem::remove_all(tree + "/mine");
    auto before = look_at(source), after = look_at(target);
    before.erase("."), after.erase(".");  // it was changed just now
    EXPECT_EQ(difference(before, after), "");
}

// Made for this a moment before, for its owner alone: it must not get the mode of the directory that was saved.
TEST_F(TwoTrees, TheTargetItselfKeepsItsMode) {
    write_file(source + "/file", "saved");
    const auto since = std::chrono::system_clock::now();
    auto own = to.path() + "/own";
    ASSERT_EQ(::mkdir(own.c_str(), 0700), 0);
    pump({.paths = {source}}, own, Existing::never, {}, CutOffRun{since, "7"});
    struct stat status{};
    ASSERT_EQ(::stat(own.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0700u);
    EXPECT_EQ(read_whole(own + source + "/file"), "saved");
}

TEST_F(TwoTrees, AlwaysReplacesWhateverIsInThePlace) {
    ::mkdir((source + "/directory").c_str(), 0751);
    write_file(source + "/directory/x", "x");
    write_file(source + "/file", "saved");
    ASSERT_EQ(::symlink("here", (source + "/link").c_str()), 0);
    std::filesystem::create_directories(target + "/file");
    write_file(target + "/directory", "was a file");
    write_file(target + "/link", "was a file");
    auto done = pump({.paths = {source}}, to.path(), Existing::always);
    EXPECT_EQ(text_of(done.issues), "");
    EXPECT_EQ(difference(look_at(source), look_at(target)), "");
}

TEST_F(TwoTrees, LinksToWhatWasNotRestoredAreNamed) {
    write_file(source + "/a", "1");
    ASSERT_EQ(::link((source + "/a").c_str(), (source + "/b").c_str()), 0);
    std::filesystem::create_directories(target);
    write_file(target + "/a", "something else");
    auto done = pump({.paths = {source}}, to.path());
    EXPECT_FALSE(std::filesystem::exists(target + "/b"));
    EXPECT_NE(text_of(done.issues).find("is not what was saved"), std::string::npos);
}

TEST_F(TwoTrees, TheOwnersNameCountsMoreThanItsNumber) {
    IssueQueue issues;
    for (bool numeric : {false, true}) {
        ScratchDirectory scratch;
        auto sink = std::move(open_restore_target({.root = scratch.path(), .numeric_owner = numeric}, issues).value());
        Metadata m{.mode = 0100600, .uid = 4242, .gid = 4243, .user = "daemon", .group = "no such group"};
        ASSERT_EQ(sink->begin({"f", m}), ObjectSink::Verdict::write_data);
        sink->finish("");
        ASSERT_TRUE(sink->close());
        struct stat stat{};
        ASSERT_EQ(::stat((scratch.path() + "/f").c_str(), &stat), 0);
        EXPECT_EQ(stat.st_uid, numeric ? 4242u : 1u);
        EXPECT_EQ(stat.st_gid, 4243u);
    }
}

struct Hostile : testing::Test {
    ScratchDirectory scratch;
    std::string root = scratch.path() + "/target", outside = scratch.path() + "/outside";
    IssueQueue issues;
    std::unique_ptr<ObjectSink> sink;
    void SetUp() override {
        ::mkdir(outside.c_str(), 0755);
        write_file(outside + "/victim", "unharmed");
        ::chmod((outside + "/victim").c_str(), 0600);
        sink = std::move(open_restore_target({.root = root, .existing = Existing::always}, issues).value());
    }
    void TearDown() override {
        EXPECT_TRUE(sink->close());
        EXPECT_EQ(read_whole(outside + "/victim"), "unharmed");
        auto all = look_at(outside);
        EXPECT_EQ(all.size(), 1u);
        EXPECT_NE(all["victim"].find("100600 "), std::string::npos);
    }
    void put(const std::string& path, Metadata metadata) {
        if (sink->begin({path, std::move(metadata)}) == ObjectSink::Verdict::write_data) {
            sink->write(0, bytes_of("evil"));
            sink->finish("");
        }
    }
    static Metadata file() { return {.mode = 0100644, .size = 4}; }
    static Metadata directory() { return {.mode = 0040777}; }
    static Metadata link(std::string target) { return {.mode = 0120777, .target = std::move(target)}; }
};

TEST_F(Hostile, NamesThatLeadOutAreRefused) {
    const std::string names[] = {
        "../outside/victim",    "a/../../outside/victim", "..", ".", "a//b", "/etc/x", "a/", "a/./b",
        std::string("a\0b", 3), std::string(256, 'x')};
    for (const auto& name : names) {
        put(name, file());
        put(name, directory());
    }
    EXPECT_EQ(sink->counts().failed, 20u);
    EXPECT_EQ(look_at(root).size(), 0u);
}

TEST_F(Hostile, LinksFromTheMediumAreNotFollowed) {
    put("door", link(outside));
    put("door/victim", file());
    put("door/new", file());
    put("door/directory", directory());
    put("file", link(outside + "/victim"));
    put("file", file());  // replaces the link, does not write through it
    EXPECT_EQ(sink->counts().failed, 3u);
    EXPECT_EQ(read_whole(root + "/file"), "evil");
}

TEST_F(Hostile, HardLinksReachNothingThatWasThereBefore) {
    write_file(root + "/mine", "mine");
    auto m = file();
    m.first_name = "mine";
    put("stolen", m);
    for (const char* name : {"../outside/victim", "/etc/passwd", "nowhere/at/all"}) {
        m.first_name = name;
        put("stolen", m);
    }
    put("door", link(outside));
    m.first_name = "door/victim";
    put("stolen", m);
    EXPECT_EQ(sink->counts().failed, 5u);
    EXPECT_FALSE(std::filesystem::exists(root + "/stolen"));
}

TEST_F(Hostile, ADirectoryThatBecomesALinkMeanwhileLeadsNowhere) {
    put("d", directory());
    put("d/one", file());
    put("other", directory());
    std::filesystem::rename(root + "/d", root + "/moved");
    ASSERT_EQ(::symlink(outside.c_str(), (root + "/d").c_str()), 0);
    put("d/two", file());
    EXPECT_EQ(sink->counts().failed, 1u);
}

TEST_F(Hostile, DataBeyondTheSizeAndUnknownTypesAreRefused) {
    ASSERT_EQ(sink->begin({"f", file()}), ObjectSink::Verdict::write_data);
    EXPECT_FALSE(sink->write(std::uint64_t{1} << 50, bytes_of("far")));
    sink->finish("");
    EXPECT_EQ(sink->begin({"socket", {.mode = 0140777}}), ObjectSink::Verdict::skipped);
    EXPECT_EQ(sink->begin({"nothing", {.mode = 0}}), ObjectSink::Verdict::skipped);
    EXPECT_EQ(look_at(root).size(), 0u);
}

}  // namespace
}  // namespace capstan::backup
