// The command line against a real HTTP shell with handlers of the test's own.
#include "api/served.hpp"
#include "tools/capstan/arguments.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <sstream>

namespace capstan {
namespace {

using api::JobState;

struct Outcome {
    int status;
    std::string out, errors;
};

Outcome run(const std::string& socket, std::vector<std::string> arguments, std::function<bool()> interrupted = {}, bool terminal = false) {
    std::ostringstream out, errors;
    tools::Session session{out, errors};
    session.terminal = terminal;
    if (interrupted) session.interrupted = std::move(interrupted);
    if (!socket.empty()) arguments.insert(arguments.begin(), {"--socket", socket});
    int status = tools::run_capstan(arguments, session);
    return {status, out.str(), errors.str()};
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Usage, HelpAndMistakes) {
    EXPECT_EQ(run("", {"--help"}).status, 0);
    EXPECT_EQ(run("", {}).status, 2);
    EXPECT_EQ(run("", {"library"}).status, 2);
    EXPECT_TRUE(has(run("", {"library"}).errors, "inventory"));
    EXPECT_EQ(run("", {"library", "dance"}).status, 2);
    EXPECT_EQ(run("", {"librar"}).status, 2);
    EXPECT_EQ(run("", {"backup"}).status, 2);
    EXPECT_EQ(run("", {"backup", "/etc"}).status, 2);
    EXPECT_EQ(run("", {"backup", "/etc", "--pool", "P", "--file", "F"}).status, 2);
    EXPECT_EQ(run("", {"backup", "/etc", "--pool", "P", "--type", "weekly"}).status, 2);
    EXPECT_EQ(run("", {"job", "show", "seven"}).status, 2);
    EXPECT_EQ(run("", {"restore", "7:/a", "8:/b"}).status, 2);
    EXPECT_EQ(run("", {"restore", "/a", "--existing", "maybe"}).status, 2);
    EXPECT_EQ(run("", {"restore", "/a", "--at", "yesterday"}).status, 2);
    EXPECT_EQ(run("", {"restore", "7:/a", "--at", "2026-01-01"}).status, 2);
    EXPECT_EQ(run("", {"ls", "/etc"}).status, 2);
    EXPECT_EQ(run("", {"media", "label", "--overwrite"}).status, 2);
    EXPECT_EQ(run("", {"media", "move", "A"}).status, 2);
    EXPECT_EQ(run("", {"pool", "set", "P"}).status, 2);
    EXPECT_EQ(run("", {"queue", "explain", "x"}).status, 2);
}

TEST(Usage, EveryCommandHasAnExample) {
    for (std::vector<std::string> words : std::vector<std::vector<std::string>>{
             {"status"}, {"library", "list"}, {"library", "show"}, {"library", "inventory"}, {"drive", "list"}, {"drive", "show"}, {"media", "list"},
             {"media", "show"}, {"media", "label"}, {"media", "move"}, {"media", "import"}, {"media", "export"}, {"media", "erase"}, {"media", "retire"},
             {"media", "adopt"}, {"pool", "list"}, {"pool", "show"}, {"pool", "create"}, {"pool", "set"}, {"pool", "delete"}, {"request", "list"},
             {"request", "show"}, {"request", "complete"}, {"request", "refuse"}, {"queue", "list"}, {"queue", "cancel"}, {"queue", "explain"},
             {"job", "list"}, {"job", "show"}, {"job", "run"}, {"job", "cancel"}, {"job", "log"}, {"backup"}, {"set", "list"}, {"set", "show"},
             {"set", "verify"}, {"ls"}, {"find"}, {"versions"}, {"restore"}, {"catalog", "rebuild"}, {"catalog", "check"}}) {
        auto title = words.back();
        words.push_back("--help");
        auto outcome = run("", words);
        EXPECT_EQ(outcome.status, 0) << title;
        EXPECT_TRUE(has(outcome.out, "Example: capstan ")) << title << outcome.out;
    }
}

TEST(NoDaemon, IsSaidWithItsSocket) {
    auto outcome = run("/nonexistent/api.sock", {"status"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(has(outcome.errors, "/nonexistent/api.sock"));
    EXPECT_TRUE(has(outcome.errors, "capstand --config"));
    ::setenv("CAPSTAN_SOCKET", "/nonexistent/from-environment.sock", 1);
    EXPECT_TRUE(has(run("", {"status"}).errors, "/nonexistent/from-environment.sock"));
    ::unsetenv("CAPSTAN_SOCKET");
}

api::StatusReply busy_status() {
    api::StatusReply status;
    status.version = "0.1";
    status.host = "tapehost";
    status.libraries.push_back({.name = "LIB1", .state = "ready", .slots = 16, .slots_full = 11, .drives = 2, .ie_ports = 1});
    status.drives.push_back({.name = "D1", .library = "LIB1", .state = "loaded", .activity = "writing", .cartridge = 3, .volume_tag = "CAP003L8", .job = 7, .bytes_per_second = 157'000'000});
    status.pools.push_back({.name = "Free", .kind = "system", .total = 11, .available = 11});
    api::JobInfo job;
    job.id = 7;
    job.kind = "backup";
    job.state = JobState::running;
    job.progress.objects = 80'000;
    job.progress.bytes = 3ULL << 30;
    job.progress.seconds_left = 65;
    status.jobs.push_back(job);
    status.requests.push_back({.id = 2, .kind = "new_media", .message = "Pool Nightly needs a cartridge."});
    status.warnings.push_back("the disk under /var/lib/capstan is 95 % full");
    return status;
}

TEST(Status, IsOneScreen) {
    Served served;
    served.router.on(api::kStatus, [](daemon::Call, api::None) { return answer_with(busy_status()); });
    ASSERT_TRUE(served.start());
    auto outcome = run(served.socket(), {"status"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_TRUE(has(outcome.out, "capstand 0.1 on tapehost")) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "D1     loaded  CAP003L8  writing    7  150 MiB/s")) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "job 7 backup: running, 80,000 objects, 3.00 GiB, 1 min 05 s left"));
    EXPECT_TRUE(has(outcome.out, "OPERATOR: request 2: Pool Nightly needs a cartridge."));
    EXPECT_TRUE(has(outcome.out, "WARNING: the disk"));
    EXPECT_LE(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 24);
    auto json = run(served.socket(), {"status", "--json"});
    auto again = api::decode<api::StatusReply>(json.out, api::UnknownKeys::refuse);
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, busy_status());
}

// A daemon with one job whose states come one after the other.
struct JobStory {
    Served served;
    std::deque<api::JobInfo> states;
    api::BackupRequest backup;
    api::RestoreRequest restore;
    std::uint64_t version = 0;

    JobStory() {
        served.router.on(api::kBackup, [this](daemon::Call, api::BackupRequest request) {
            backup = std::move(request);
            return answer_with(api::Accepted{.job = 7});
        });
        served.router.on(api::kRestore, [this](daemon::Call, api::RestoreRequest request) {
            restore = std::move(request);
            return answer_with(api::Accepted{.job = 7});
        });
        served.router.on(api::kJobProgress, [this](daemon::Call call, api::WatchRequest) {
            EXPECT_EQ(call.parameters[0], "7");
            auto now = states.front();
            if (states.size() > 1) states.pop_front();
            now.version = ++version;
            return answer_with(now);
        });
    }
    void then(JobState state, std::uint64_t objects = 0, std::int64_t request = 0) {
        api::JobInfo job;
        job.id = 7;
        job.kind = "backup";
        job.pool = "Nightly";
        job.state = state;
        job.sets = {41};
        job.progress.objects = job.progress.objects_saved = objects;
        job.request = request;
        if (request != 0) job.reason = "pool Nightly has no cartridge";
        states.push_back(job);
    }
};

TEST(Backup, FollowsTheJobAndSaysWhatWasSaved) {
    JobStory story;
    story.then(JobState::queued);
    story.then(JobState::running, 10);
    story.then(JobState::completed, 1234);
    ASSERT_TRUE(story.served.start());
    auto outcome = run(story.served.socket(), {"backup", "/etc", "relative", "--pool", "Nightly", "--exclude", "*.tmp", "--exclude", "a b", "--cross", "--name", "n"});
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    EXPECT_TRUE(has(outcome.out, "Set:        41")) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "1,234 objects"));
    EXPECT_TRUE(has(outcome.errors, "job 7 backup: running, 10 objects"));
    ASSERT_EQ(story.backup.paths.size(), 2U);
    EXPECT_EQ(story.backup.paths[0], "/etc");
    EXPECT_TRUE(story.backup.paths[1].starts_with('/') && story.backup.paths[1].ends_with("/relative"));
    EXPECT_EQ(story.backup.exclude, (std::vector<std::string>{"*.tmp", "a b"}));
    EXPECT_TRUE(story.backup.cross_file_systems);
    EXPECT_EQ(story.backup.type, "normal");
}

TEST(Backup, DrawsOneLineOnATerminal) {
    JobStory story;
    story.then(JobState::running, 10);
    story.then(JobState::running, 20);
    story.then(JobState::completed, 20);
    ASSERT_TRUE(story.served.start());
    auto outcome = run(story.served.socket(), {"backup", "/etc", "--pool", "Nightly"}, {}, true);
    EXPECT_TRUE(has(outcome.errors, "\rjob 7 backup: running, 20 objects"));
    EXPECT_FALSE(has(outcome.errors, "\n"));
    EXPECT_TRUE(outcome.errors.ends_with('\r'));
}

TEST(Backup, TakesNamesOfAnyBytes) {
    JobStory story;
    story.then(JobState::completed);
    ASSERT_TRUE(story.served.start());
    EXPECT_EQ(run(story.served.socket(), {"backup", "/a\xFF\n", "--pool", "P"}).status, 0);
    EXPECT_EQ(story.backup.paths, (std::vector<std::string>{"/a\xFF\n"}));
}

TEST(Backup, ExitStatusTellsTheOutcome) {
    struct Case { JobState state; int status; };
    for (auto c : {Case{JobState::completed, 0}, Case{JobState::incomplete, 3}, Case{JobState::failed, 1}, Case{JobState::cancelled, 1}}) {
        JobStory story;
        story.then(c.state);
        ASSERT_TRUE(story.served.start());
        EXPECT_EQ(run(story.served.socket(), {"backup", "/etc", "--pool", "Nightly"}).status, c.status);
        auto json = run(story.served.socket(), {"backup", "/etc", "--pool", "Nightly", "--json"});
        EXPECT_EQ(json.status, c.status);
        auto job = api::decode<api::JobInfo>(json.out, api::UnknownKeys::refuse);
        ASSERT_TRUE(job) << json.out;
        EXPECT_EQ(job->state, c.state);
        EXPECT_EQ(json.errors, "");
    }
}

TEST(Backup, NoWaitEndsWhereAnOperatorIsNeeded) {
    JobStory story;
    story.then(JobState::running);
    story.then(JobState::waiting, 0, 3);
    story.then(JobState::completed);
    ASSERT_TRUE(story.served.start());
    auto outcome = run(story.served.socket(), {"backup", "/etc", "--pool", "Nightly", "--no-wait"});
    EXPECT_EQ(outcome.status, 4);
    EXPECT_TRUE(has(outcome.errors, "pool Nightly has no cartridge"));
    EXPECT_TRUE(has(outcome.errors, "capstan request show 3"));
    JobStory patient;
    patient.then(JobState::waiting, 0, 3);
    patient.then(JobState::completed);
    ASSERT_TRUE(patient.served.start());
    EXPECT_EQ(run(patient.served.socket(), {"backup", "/etc", "--pool", "Nightly"}).status, 0);
    EXPECT_EQ(run(patient.served.socket(), {"backup", "/etc", "--pool", "Nightly", "--detach"}).out, "job 7\n");
}

TEST(Backup, CtrlCDetachesAndSaysHowToCancel) {
    JobStory story;
    story.then(JobState::running, 10);
    ASSERT_TRUE(story.served.start());
    int asked = 0;
    auto outcome = run(story.served.socket(), {"backup", "/etc", "--pool", "Nightly"}, [&] { return ++asked > 3; });
    EXPECT_EQ(outcome.status, 130);
    EXPECT_TRUE(has(outcome.errors, "capstan job cancel 7")) << outcome.errors;
    EXPECT_TRUE(has(outcome.errors, "capstan job show 7 --watch"));
}

TEST(Restore, UnderstandsSetAndPath) {
    JobStory story;
    story.then(JobState::completed);
    ASSERT_TRUE(story.served.start());
    const auto& socket = story.served.socket();
    EXPECT_EQ(run(socket, {"restore", "41:/etc/hosts", "41:etc/passwd", "--to", "/tmp/r", "--existing", "always"}).status, 0);
    EXPECT_EQ(story.restore.set, 41U);
    EXPECT_EQ(story.restore.paths, (std::vector<std::string>{"/etc/hosts", "/etc/passwd"}));
    EXPECT_EQ(story.restore.to, "/tmp/r");
    EXPECT_EQ(story.restore.existing, api::Existing::always);
    EXPECT_EQ(run(socket, {"restore", "41:"}).status, 0);
    EXPECT_EQ(story.restore.set, 41U);
    EXPECT_TRUE(story.restore.paths.empty());
    EXPECT_EQ(story.restore.existing, api::Existing::never);
    EXPECT_EQ(run(socket, {"restore", "/a:b", "--at", "2026-11-22 10:00"}).status, 0);
    EXPECT_EQ(story.restore.set, std::nullopt);
    EXPECT_EQ(story.restore.paths, (std::vector<std::string>{"/a:b"}));
    EXPECT_EQ(story.restore.at->seconds, 1795341600);
}

TEST(Lists, ComeInPages) {
    Served served;
    std::vector<std::string> cursors;
    served.router.on(api::kFind, [&](daemon::Call, api::FindQuery query) {
        cursors.push_back(query.cursor);
        EXPECT_EQ(query.pattern, "*.conf");
        EXPECT_EQ(query.set, 7U);
        api::ObjectList page;
        for (int i = 0; i < 3; ++i) page.objects.push_back({.path = "/etc/x" + std::to_string(cursors.size()) + std::to_string(i), .kind = "file", .size = 5, .set = 7});
        page.objects.push_back({.path = "/odd\xFF\n", .kind = "symlink", .target = "t\x1B", .set = 7});
        if (cursors.size() < 3) page.next = "c" + std::to_string(cursors.size());
        return answer_with(page);
    });
    ASSERT_TRUE(served.start());
    auto outcome = run(served.socket(), {"find", "*.conf", "--set", "7"});
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    EXPECT_EQ(cursors, (std::vector<std::string>{"", "c1", "c2"}));
    EXPECT_TRUE(has(outcome.out, "/etc/x32"));
    EXPECT_TRUE(has(outcome.out, "/odd\\xFF\\x0A -> t\\x1B"));
    cursors.clear();
    auto json = run(served.socket(), {"find", "*.conf", "--set", "7", "--json"});
    auto list = api::decode<api::ObjectList>(json.out, api::UnknownKeys::refuse);
    ASSERT_TRUE(list);
    EXPECT_EQ(list->objects.size(), 12U);
    EXPECT_EQ(list->objects[3].path, "/odd\xFF\n");
}

TEST(Errors, OfTheDaemonAreShownWithTheirAdvice) {
    Served served;
    served.router.on(api::kPoolDelete, [](daemon::Call call, api::None) {
        return refuse_with<api::None>({Recovery::change_request, "pool " + call.parameters[0] + " holds 3 cartridges", "Move them first.", {}});
    });
    ASSERT_TRUE(served.start());
    auto outcome = run(served.socket(), {"pool", "delete", "Weekly/1"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.errors, "capstan: pool Weekly/1 holds 3 cartridges. Move them first.\n");
    auto json = run(served.socket(), {"pool", "delete", "Weekly", "--json"});
    EXPECT_EQ(api::decode_error(json.errors, 422).recovery, Recovery::change_request);
    EXPECT_EQ(run(served.socket(), {"pool", "list"}).status, 1);  // the daemon has no such route: an older one
}

TEST(Work, IsFollowedToItsEnd) {
    Served served;
    std::vector<std::int64_t> failing{12};
    served.router.on(api::kLabel, [](daemon::Call, api::LabelRequest request) {
        EXPECT_EQ(request.library, "LIB1");
        return answer_with(api::WorkAccepted{{11, 12}, {"CAP009L8 was left out: it is not blank"}});
    });
    served.router.on(api::kQueueItem, [&](daemon::Call call, api::WatchRequest watch) {
        api::WorkItem item;
        item.id = std::stoll(call.parameters[0]);
        item.operation = "label";
        item.subject = "CAP0" + call.parameters[0] + "L8";
        item.version = watch.after + 1;
        bool fails = std::find(failing.begin(), failing.end(), item.id) != failing.end();
        item.state = watch.after == 0 ? "running" : fails ? "failed" : "completed";
        if (fails) item.reason = "the robot is jammed", item.advice = "Free it.";
        return answer_with(item);
    });
    ASSERT_TRUE(served.start());
    auto outcome = run(served.socket(), {"media", "label", "--library", "LIB1"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(has(outcome.out, "label CAP011L8: done"));
    EXPECT_TRUE(has(outcome.errors, "CAP009L8 was left out"));
    EXPECT_TRUE(has(outcome.errors, "label CAP012L8 failed: the robot is jammed. Free it."));
    failing.clear();
    EXPECT_EQ(run(served.socket(), {"media", "label", "--library", "LIB1"}).status, 0);
}

TEST(Pool, OptionsBecomeAChange) {
    Served served;
    api::PoolChange change;
    served.router.on(api::kPoolCreate, [&](daemon::Call, api::PoolChange request) {
        change = std::move(request);
        return answer_with(api::PoolInfo{.name = change.name, .kind = "application", .block_size = 65536});
    });
    served.router.on(api::kPoolSet, [&](daemon::Call call, api::PoolChange request) {
        EXPECT_EQ(call.parameters[0], "Weekly");
        change = std::move(request);
        return answer_with(api::PoolInfo{.name = "Weekly"});
    });
    ASSERT_TRUE(served.start());
    auto outcome = run(served.socket(), {"pool", "create", "Weekly", "--block-size", "64KiB", "--retention", "90d", "--draw-from-free", "false"});
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    EXPECT_EQ(change.name, "Weekly");
    EXPECT_EQ(change.block_size, 65536U);
    EXPECT_EQ(change.retention, "90d");
    EXPECT_EQ(change.draw_from_free, false);
    EXPECT_EQ(change.return_to_free, std::nullopt);
    EXPECT_EQ(run(served.socket(), {"pool", "set", "Weekly", "--append", "true"}).status, 0);
    EXPECT_EQ(change.append, "true");
    EXPECT_EQ(change.block_size, std::nullopt);
}

TEST(Inventory, TakesTheOnlyLibrary) {
    Served served;
    std::vector<api::LibraryInfo> libraries{{.name = "LIB1"}};
    served.router.on(api::kLibraries, [&](daemon::Call, api::None) { return answer_with(api::LibraryList{libraries}); });
    served.router.on(api::kInventory, [](daemon::Call call, api::InventoryRequest request) {
        EXPECT_EQ(call.parameters[0], "LIB1");
        EXPECT_TRUE(request.full);
        return answer_with(api::Accepted{});
    });
    ASSERT_TRUE(served.start());
    EXPECT_EQ(run(served.socket(), {"library", "inventory", "--full"}).status, 0);
    libraries.push_back({.name = "LIB2"});
    EXPECT_EQ(run(served.socket(), {"library", "inventory", "--full"}).status, 2);
    EXPECT_EQ(run(served.socket(), {"library", "inventory", "LIB1", "--full"}).status, 0);
}

// Every command that only shows something, against replies with all members filled: no crash, and the JSON decodes.
TEST(Shows, EveryListAndDetail) {
    Served served;
    auto now = api::Time{1'790'000'000, 0};
    api::MediaInfo medium{.cartridge = 3, .volume_tag = "CAP003L8", .label = "L", .pool = "P", .state = "allocated", .place = "LIB1 slot 5", .capacity = 1ULL << 40, .written = 1ULL << 30, .sets = 2, .labelled = now};
    served.router.on(api::kMedia, [=](daemon::Call, api::MediaQuery) { return answer_with(api::MediaList{{medium, {}}, ""}); });
    served.router.on(api::kMedium, [=](daemon::Call, api::None) { return answer_with(api::MediaDetails{medium, 1, 1, 2, 262144, 99, {{.set = 1, .name = "n", .written = now}}, {"labelled"}}); });
    served.router.on(api::kLibrary, [](daemon::Call, api::None) { return answer_with(api::LibraryDetails{{.name = "LIB1"}, {{.kind = "ie_port", .number = 1}, {.kind = "drive", .number = 1, .drive = "D1"}}}); });
    served.router.on(api::kDrives, [](daemon::Call, api::None) { return answer_with(api::DriveList{{{.name = "D1"}}}); });
    served.router.on(api::kDrive, [](daemon::Call, api::None) { return answer_with(api::DriveInfo{.name = "D1", .cartridge = 3, .dismount_in_seconds = 5}); });
    served.router.on(api::kPools, [](daemon::Call, api::None) { return answer_with(api::PoolList{{{.name = "Free", .kind = "system"}, {.name = "P", .append_seconds = 0}}}); });
    served.router.on(api::kRequests, [](daemon::Call, api::RequestQuery) { return answer_with(api::RequestList{{{.id = 1, .message = "m"}}}); });
    served.router.on(api::kRequest, [](daemon::Call, api::None) { return answer_with(api::OperatorRequest{.id = 1}); });
    served.router.on(api::kComplete, [](daemon::Call, api::AnswerRequest request) { return answer_with(api::OperatorRequest{.id = 1, .answer = request.note}); });
    served.router.on(api::kQueue, [](daemon::Call, api::WorkQuery) { return answer_with(api::WorkList{{{.id = 1}}}); });
    served.router.on(api::kQueueExplain, [](daemon::Call, api::None) { return answer_with(api::Explanation{{.id = 1}, "It waits.", {{"D1", "busy", "job 6"}}}); });
    served.router.on(api::kJobExplain, [](daemon::Call, api::None) { return answer_with(api::Explanation{{}, "It runs.", {}}); });
    served.router.on(api::kJobs, [](daemon::Call, api::JobQuery) { return answer_with(api::JobList{{{.id = 1}}, "more"}); });
    served.router.on(api::kJob, [](daemon::Call, api::None) { return answer_with(api::JobInfo{.id = 1}); });
    served.router.on(api::kJobLog, [=](daemon::Call, api::LogQuery) { return answer_with(api::JobLog{{{now, "info", "began", "", {}}, {now, "error", "no permission", "/x\xFF", api::ObjectOutcome::not_saved}}, ""}); });
    served.router.on(api::kConfiguredJobs, [](daemon::Call, api::None) { return answer_with(api::ConfiguredJobList{{{.name = "j", .paths = {"/etc"}}}}); });
    served.router.on(api::kSets, [=](daemon::Call, api::SetQuery) { return answer_with(api::SetList{{{.set = 1, .media = {"A", "B"}, .keep_until = now}}, ""}); });
    served.router.on(api::kSet, [](daemon::Call, api::None) { return answer_with(api::SetInfo{.set = 1, .paths = {"/etc"}}); });
    served.router.on(api::kBrowse, [](daemon::Call, api::BrowseQuery query) { return answer_with(api::ObjectList{{{.path = query.path, .kind = "directory"}}, ""}); });
    served.router.on(api::kVersions, [](daemon::Call, api::VersionsQuery) { return answer_with(api::ObjectList{}); });
    served.router.on(api::kCatalogCheck, [](daemon::Call, api::None) { return answer_with(api::CatalogCheck{1, 2, 3, {}}); });
    ASSERT_TRUE(served.start());
    struct Case { std::vector<std::string> words; const char* expected; };
    for (const auto& c : std::vector<Case>{
             {{"media", "list"}, "CAP003L8"}, {{"media", "show", "CAP003L8"}, "256KiB each"}, {{"library", "show", "LIB1"}, "drive 1 (D1)"}, {{"drive", "list"}, "D1"},
             {{"drive", "show", "D1"}, "Dismount in:"}, {{"pool", "list"}, "never"}, {{"request", "list"}, "TO DO"}, {{"request", "show", "1"}, "Request:"},
             {{"request", "complete", "1", "--note", "in the port"}, "in the port"}, {{"queue", "list"}, "ITEM"}, {{"queue", "explain", "1"}, "busy"},
             {{"queue", "explain", "job:1"}, "It runs."}, {{"job", "list"}, "newest 1"}, {{"job", "list", "--configured"}, "/etc"}, {{"job", "show", "1"}, "queued"},
             {{"job", "log", "1"}, "not_saved  /x\\xFF: no permission"}, {{"set", "list"}, "A B"}, {{"set", "show", "1"}, "Paths:"}, {{"ls", "1:/etc"}, "/etc/"},
             {{"ls", "1"}, "drwx"}, {{"versions", "/etc"}, "No set has it."}, {{"catalog", "check"}, "No problem found."}}) {
        auto words = c.words;
        auto outcome = run(served.socket(), words);
        EXPECT_EQ(outcome.status, 0) << words[0] << " " << outcome.errors;
        if (!(words[0] == "ls" && words[1] == "1")) {
            EXPECT_TRUE(has(outcome.out, c.expected)) << outcome.out;
        }
        words.push_back("--json");
        auto json = run(served.socket(), words);
        EXPECT_EQ(json.status, 0);
        EXPECT_TRUE(json.out.starts_with("{\n")) << json.out;
    }
}

}  // namespace
}  // namespace capstan
