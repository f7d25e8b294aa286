// The command line against a real HTTP shell with handlers of the test's own: usage, status, jobs.
#include "cli/command_line.hpp"

#include <algorithm>
#include <deque>

namespace capstan {
namespace {

using api::JobState;

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
    for (std::vector<std::string> words : std::vector<std::vector<std::string>>{{"status"},
                                                                                {"library", "list"},
                                                                                {"library", "show"},
                                                                                {"library", "inventory"},
                                                                                {"drive", "list"},
                                                                                {"drive", "show"},
                                                                                {"drive", "enable"},
                                                                                {"drive", "disable"},
                                                                                {"library", "enable"},
                                                                                {"library", "disable"},
                                                                                {"library", "probe"},
                                                                                {"media", "list"},
                                                                                {"media", "show"},
                                                                                {"media", "label"},
                                                                                {"media", "move"},
                                                                                {"media", "import"},
                                                                                {"media", "export"},
                                                                                {"media", "erase"},
                                                                                {"media", "retire"},
                                                                                {"media", "adopt"},
                                                                                {"pool", "list"},
                                                                                {"pool", "show"},
                                                                                {"pool", "create"},
                                                                                {"pool", "set"},
                                                                                {"pool", "delete"},
                                                                                {"request", "list"},
                                                                                {"request", "show"},
                                                                                {"request", "complete"},
                                                                                {"request", "refuse"},
                                                                                {"queue", "list"},
                                                                                {"queue", "cancel"},
                                                                                {"queue", "explain"},
                                                                                {"job", "list"},
                                                                                {"job", "show"},
                                                                                {"job", "run"},
                                                                                {"job", "cancel"},
                                                                                {"job", "log"},
                                                                                {"backup"},
                                                                                {"set", "list"},
                                                                                {"set", "show"},
                                                                                {"set", "verify"},
                                                                                {"ls"},
                                                                                {"find"},
                                                                                {"versions"},
                                                                                {"restore"},
                                                                                {"catalog", "rebuild"},
                                                                                {"catalog", "check"}}) {
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
    status.libraries.push_back(
        {.name = "LIB1", .state = "ready", .slots = 16, .slots_full = 11, .drives = 2, .ie_ports = 1});
    status.drives.push_back({.name = "D1",
                             .library = "LIB1",
                             .state = "loaded",
                             .activity = "writing",
                             .cartridge = 3,
                             .volume_tag = "CAP003L8",
                             .job = 7,
                             .bytes_per_second = 157'000'000});
    status.pools.push_back({.name = "Free", .kind = "system", .total = 11, .available = 11});
    api::JobInfo job;
    job.id = 7;
    job.kind = "backup";
    job.state = JobState::running;
    job.progress.objects = 80'000;
    job.progress.bytes = 3ULL << 30;
    job.progress.objects_expected = 90'000;
    job.progress.expected_about = true;
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
    EXPECT_TRUE(has(outcome.out, "job 7 backup: running, 80,000 objects of about 90,000, 3.00 GiB, about 1 min 05 s left"));
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
    auto outcome = run(story.served.socket(), {"backup", "/etc", "relative", "--pool", "Nightly", "--exclude", "*.tmp",
                                               "--exclude", "a b", "--cross", "--name", "n"});
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
    struct Case {
        JobState state;
        int status;
    };
    for (auto c : {Case{JobState::completed, 0}, Case{JobState::incomplete, 3}, Case{JobState::failed, 1},
                   Case{JobState::cancelled, 1}}) {
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
    EXPECT_EQ(
        run(socket, {"restore", "41:/etc/hosts", "41:etc/passwd", "--to", "/tmp/r", "--existing", "always"}).status, 0);
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

}  // namespace
}  // namespace capstan
