// The command line: lists, details, errors, work items, pools.
#include "cli/command_line.hpp"

#include <algorithm>

namespace capstan {
namespace {

TEST(Lists, ComeInPages) {
    Served served;
    std::vector<std::string> cursors;
    served.router.on(api::kFind, [&](daemon::Call, api::FindQuery query) {
        cursors.push_back(query.cursor);
        EXPECT_EQ(query.pattern, "*.conf");
        EXPECT_EQ(query.set, 7U);
        api::ObjectList page;
        for (int i = 0; i < 3; ++i)
            page.objects.push_back({.name = "/etc/x" + std::to_string(cursors.size()) + std::to_string(i),
                                    .kind = "file",
                                    .size = 5,
                                    .set = 7});
        page.objects.push_back({.name = "/odd\xFF\n", .kind = "symlink", .set = 7});
        if (cursors.size() < 3) page.next = "c" + std::to_string(cursors.size());
        return answer_with(page);
    });
    ASSERT_TRUE(served.start());
    auto outcome = run(served.socket(), {"find", "*.conf", "--set", "7"});
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    EXPECT_EQ(cursors, (std::vector<std::string>{"", "c1", "c2"}));
    EXPECT_TRUE(has(outcome.out, "/etc/x32"));
    EXPECT_TRUE(has(outcome.out, "/odd\\xFF\\x0A"));
    cursors.clear();
    auto json = run(served.socket(), {"find", "*.conf", "--set", "7", "--json"});
    auto list = api::decode<api::ObjectList>(json.out, api::UnknownKeys::refuse);
    ASSERT_TRUE(list);
    EXPECT_EQ(list->objects.size(), 12U);
    EXPECT_EQ(list->objects[3].name, "/odd\xFF\n");
}

TEST(Errors, OfTheDaemonAreShownWithTheirAdvice) {
    Served served;
    served.router.on(api::kPoolDelete, [](daemon::Call call, api::None) {
        return refuse_with<api::None>(
            {Recovery::change_request, "pool " + call.parameters[0] + " holds 3 cartridges", "Move them first.", {}});
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
    auto outcome = run(served.socket(), {"pool", "create", "Weekly", "--block-size", "64KiB", "--retention", "90d",
                                         "--draw-from-free", "false"});
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
    served.router.on(api::kLibraries,
                     [&](daemon::Call, api::None) { return answer_with(api::LibraryList{libraries}); });
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

TEST(Drive, IsEnabledByName) {
    Served served;
    std::string enabled;
    served.router.on(api::kDriveEnable, [&](daemon::Call call, api::None) {
        enabled = call.parameters[0];
        return answer_with(api::Accepted{});
    });
    ASSERT_TRUE(served.start());
    EXPECT_EQ(run(served.socket(), {"drive", "enable"}).status, 2);
    EXPECT_EQ(run(served.socket(), {"drive", "enable", "D1"}).status, 0);
    EXPECT_EQ(enabled, "D1");
}

void serve_media(Served& served) {
    auto now = api::Time{1'790'000'000, 0};
    api::MediaInfo medium{.cartridge = 3,
                          .volume_tag = "CAP003L8",
                          .label = "L",
                          .pool = "P",
                          .state = "allocated",
                          .place = "LIB1 slot 5",
                          .capacity = 1ULL << 40,
                          .written = 1ULL << 30,
                          .sets = 2,
                          .labelled = now};
    served.router.on(api::kMedia,
                     [=](daemon::Call, api::MediaQuery) { return answer_with(api::MediaList{{medium, {}}, ""}); });
    served.router.on(api::kMedium, [=](daemon::Call, api::None) {
        return answer_with(
            api::MediaDetails{medium, 1, 1, 2, 262144, 99, {{.set = 1, .name = "n", .written = now}}, {{.drive = "D1", .recovered = 2, .hard = 1}}, {"labelled"}});
    });
    served.router.on(api::kLibrary, [](daemon::Call, api::None) {
        return answer_with(api::LibraryDetails{
            {.name = "LIB1"}, {{.kind = "ie_port", .number = 1}, {.kind = "drive", .number = 1, .drive = "D1"}}});
    });
    served.router.on(api::kDrives,
                     [](daemon::Call, api::None) { return answer_with(api::DriveList{{{.name = "D1"}}}); });
    served.router.on(api::kDrive, [](daemon::Call, api::None) {
        return answer_with(api::DriveInfo{.name = "D1", .cartridge = 3, .dismount_in_seconds = 5});
    });
    served.router.on(api::kPools, [](daemon::Call, api::None) {
        return answer_with(api::PoolList{{{.name = "Free", .kind = "system"}, {.name = "P", .append_seconds = 0}}});
    });
}

void serve_work(Served& served) {
    auto now = api::Time{1'790'000'000, 0};
    served.router.on(api::kRequests, [](daemon::Call, api::RequestQuery) {
        return answer_with(api::RequestList{{{.id = 1, .message = "m"}}});
    });
    served.router.on(api::kRequest, [](daemon::Call, api::None) { return answer_with(api::OperatorRequest{.id = 1}); });
    served.router.on(api::kComplete, [](daemon::Call, api::AnswerRequest request) {
        return answer_with(api::OperatorRequest{.id = 1, .answer = request.note});
    });
    served.router.on(api::kQueue, [](daemon::Call, api::WorkQuery) { return answer_with(api::WorkList{{{.id = 1}}}); });
    served.router.on(api::kQueueExplain, [](daemon::Call, api::None) {
        return answer_with(api::Explanation{{.id = 1}, "It waits.", {{"D1", "busy", "job 6"}}});
    });
    served.router.on(api::kJobExplain,
                     [](daemon::Call, api::None) { return answer_with(api::Explanation{{}, "It runs.", {}}); });
    served.router.on(api::kJobs,
                     [](daemon::Call, api::JobQuery) { return answer_with(api::JobList{{{.id = 1}}, "more"}); });
    served.router.on(api::kJob, [](daemon::Call, api::None) { return answer_with(api::JobInfo{.id = 1}); });
    served.router.on(api::kJobLog, [=](daemon::Call, api::LogQuery) {
        return answer_with(api::JobLog{
            {{now, "info", "began", "", {}}, {now, "error", "no permission", "/x\xFF", api::ObjectOutcome::not_saved}},
            ""});
    });
    served.router.on(api::kConfiguredJobs, [](daemon::Call, api::None) {
        return answer_with(api::ConfiguredJobList{{{.name = "j", .paths = {"/etc"}}}});
    });
    served.router.on(api::kSets, [=](daemon::Call, api::SetQuery) {
        return answer_with(api::SetList{{{.set = 1, .media = {"A", "B"}, .keep_until = now}}, ""});
    });
    served.router.on(api::kSet,
                     [](daemon::Call, api::None) { return answer_with(api::SetInfo{.set = 1, .paths = {"/etc"}}); });
    served.router.on(api::kBrowse, [](daemon::Call, api::BrowseQuery query) {
        return answer_with(api::ObjectList{{{.name = query.path, .kind = "directory"}}, {}, ""});
    });
    served.router.on(api::kVersions, [](daemon::Call, api::VersionsQuery) { return answer_with(api::ObjectList{}); });
    served.router.on(api::kCatalogCheck,
                     [](daemon::Call, api::None) { return answer_with(api::CatalogCheck{1, 2, 3, {}}); });
}

// Every command that only shows something: no crash, the text has what matters, the JSON is one object.
struct Shown {
    std::vector<std::string> words;
    const char* expected;
};
TEST(Shows, EveryListAndDetail) {
    Served served;
    serve_media(served);
    serve_work(served);
    ASSERT_TRUE(served.start());
    for (const auto& c : std::vector<Shown>{{{"media", "list"}, "CAP003L8"},
                                            {{"media", "show", "CAP003L8"}, "256KiB each"},
                                            {{"library", "show", "LIB1"}, "drive 1 (D1)"},
                                            {{"drive", "list"}, "D1"},
                                            {{"drive", "show", "D1"}, "Dismount in:"},
                                            {{"pool", "list"}, "never"},
                                            {{"request", "list"}, "TO DO"},
                                            {{"request", "show", "1"}, "Request:"},
                                            {{"request", "complete", "1", "--note", "in the port"}, "in the port"},
                                            {{"queue", "list"}, "ITEM"},
                                            {{"queue", "explain", "1"}, "busy"},
                                            {{"queue", "explain", "job:1"}, "It runs."},
                                            {{"job", "list"}, "newest 1"},
                                            {{"job", "list", "--configured"}, "/etc"},
                                            {{"job", "show", "1"}, "queued"},
                                            {{"job", "log", "1"}, "not_saved  /x\\xFF: no permission"},
                                            {{"set", "list"}, "A B"},
                                            {{"set", "show", "1"}, "Paths:"},
                                            {{"ls", "1:/etc"}, "/etc/"},
                                            {{"ls", "1"}, "drwx"},
                                            {{"versions", "/etc"}, "No set has it."},
                                            {{"catalog", "check"}, "No problem found."}}) {
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
