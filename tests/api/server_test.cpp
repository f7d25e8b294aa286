#include "api/served.hpp"
#include "daemon/peer.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <atomic>
#include <csignal>
#include <cstring>
#include <fstream>

namespace capstan {
namespace {

using namespace std::chrono_literals;

int connect_raw(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof(address)) != 0) {
        ::close(fd);
        return -1;
    }
    return fd;
}

std::string read_all(int fd) {
    std::string text;
    char space[4096];
    for (ssize_t got = 0; (got = ::read(fd, space, sizeof(space))) > 0;)
        text.append(space, static_cast<std::size_t>(got));
    return text;
}

std::string raw(const std::string& path, const std::string& bytes, bool half_close = true) {
    int fd = connect_raw(path);
    if (fd < 0) return "no connection";
    (void)!::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (half_close) ::shutdown(fd, SHUT_WR);
    auto text = read_all(fd);
    ::close(fd);
    return text;
}

api::StatusReply some_status() {
    api::StatusReply status;
    status.version = "test";
    return status;
}

void serve_status(Served& served) {
    served.router.on(api::kStatus, [](daemon::Call, api::None) { return answer_with(some_status()); });
}

Task<Result<api::PoolInfo>> after_a_while(Loop& loop, std::shared_ptr<Signal> signal) {
    co_await signal->wait();
    if (loop.stopping()) co_return fail(Recovery::cancelled, "stopping");
    co_return api::PoolInfo{};
}

TEST(Server, AnswersARoute) {
    Served served;
    serve_status(served);
    served.router.on(api::kPool, [](daemon::Call call, api::None) {
        api::PoolInfo pool;
        pool.name = call.parameters[0];
        return answer_with(pool);
    });
    served.router.on(api::kInventory, [](daemon::Call call, api::InventoryRequest request) {
        return refuse_with<api::Accepted>(
            {Recovery::retry_later, call.parameters[0] + (request.full ? " full" : " fast"), "Wait.", {}});
    });
    ASSERT_TRUE(served.start());
    auto client = served.client();
    auto status = client.call(api::kStatus);
    ASSERT_TRUE(status) << to_text(status.error());
    EXPECT_EQ(status->version, "test");
    EXPECT_EQ(client.call(api::kPool, {"Nächtlich/1"})->name, "Nächtlich/1");
    auto refused = client.call(api::kInventory, {"LIB1"}, {.full = true});
    ASSERT_FALSE(refused);
    EXPECT_EQ(to_text(refused.error()), "LIB1 full. Wait.");
    EXPECT_EQ(refused.error().recovery, Recovery::retry_later);
}

TEST(Server, RefusesUnknownPathsMethodsAndKeys) {
    Served served;
    serve_status(served);
    served.router.on(api::kBackup, [](daemon::Call, api::BackupRequest) { return answer_with(api::Accepted{}); });
    ASSERT_TRUE(served.start());
    EXPECT_NE(raw(served.socket(), "GET /nothing HTTP/1.1\r\n\r\n").find(" 404 "), std::string::npos);
    EXPECT_NE(raw(served.socket(), "GET /v1/backup HTTP/1.1\r\n\r\n").find(" 405 "), std::string::npos);
    EXPECT_NE(raw(served.socket(), "GET /v1/status?a=b HTTP/1.1\r\n\r\n").find("the key 'a' is not known"),
              std::string::npos);
    auto wrong = served.client().exchange(api::Method::post, "/v1/backup", R"({"pathes":[]})");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().happened, "the key 'pathes' is not known");
}

TEST(Server, SurvivesGarbage) {
    Served served;
    serve_status(served);
    ASSERT_TRUE(served.start());
    std::string noise(70'000, '\x01');
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * 31 % 251);
    for (const auto& bytes :
         {std::string(), std::string("\r\n\r\n"), std::string("GET"), std::string("GET /v1/status"),
          std::string("\0\0\0\0", 4), noise, std::string("DELETE * HTTP/9.9\r\n\r\n"),
          std::string("POST /v1/backup HTTP/1.1\r\nContent-Length: -5\r\n\r\n"),
          std::string("POST /v1/backup HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
          std::string("POST /v1/backup HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
          std::string("POST /v1/backup HTTP/1.1\r\nContent-Length: 100\r\n\r\nshort"),
          "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n",
          "GET / HTTP/1.1\r\n" + std::string(20'000, 'b') + ": c\r\n\r\n"})
        EXPECT_EQ(raw(served.socket(), bytes).find(" 200 "), std::string::npos);
    EXPECT_TRUE(served.client().call(api::kStatus));
}

TEST(Server, LimitsHeaderBodyAndTime) {
    Served served;
    serve_status(served);
    std::atomic<std::size_t> got = 0;
    served.router.on(api::kComplete, [&](daemon::Call, api::AnswerRequest request) {
        got = request.note.size();
        return answer_with(api::OperatorRequest{});
    });
    served.options.receive_limit = 300ms;
    ASSERT_TRUE(served.start());
    std::string header = "GET /v1/status HTTP/1.1\r\n";
    for (int i = 0; i < 10; ++i) header += "a" + std::to_string(i) + ": " + std::string(8000, 'b') + "\r\n";
    auto refused_header = raw(served.socket(), header);
    EXPECT_NE(refused_header.find(" 431 "), std::string::npos) << refused_header;
    EXPECT_NE(raw(served.socket(), "GET /v1/status HTTP/1.1\r\nslow", false).find(" 408 "), std::string::npos);
    EXPECT_NE(raw(served.socket(), "POST /v1/backup HTTP/1.1\r\nContent-Length: 10\r\n\r\nslow", false).find(" 408 "),
              std::string::npos);
    api::AnswerRequest request{std::string(4 * 1024 * 1024 - 20, 'x')};
    auto allowed = served.client().call(api::kComplete, {"1"}, request);
    EXPECT_TRUE(allowed) << to_text(allowed.error());
    EXPECT_EQ(got, request.note.size());
    request.note += std::string(100, 'x');
    auto refused = served.client().call(api::kComplete, {"1"}, request);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().happened.find("larger than 4194304 bytes"), std::string::npos)
        << refused.error().happened;
    auto chunk = "POST /v1/requests/1/complete HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n500000\r\n" +
                 std::string(0x500000, ' ') + "\r\n0\r\n\r\n";
    EXPECT_NE(raw(served.socket(), chunk).find(" 413 "), std::string::npos);
}

TEST(Server, GivesUpOnASlowHandlerButNotOnTheNextOne) {
    Served served;
    serve_status(served);
    auto signal = std::make_shared<Signal>(served.loop);
    served.router.on(api::kPool, [&](daemon::Call, api::None) { return after_a_while(served.loop, signal); });
    served.options.handler_limit = 100ms;
    ASSERT_TRUE(served.start());
    auto late = served.client().call(api::kPool, {"p"});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().happened, "the daemon did not answer in time");
    served.on_control([&] {
        signal->notify();
        return 0;
    });
    EXPECT_TRUE(served.client().call(api::kStatus));
}

TEST(Server, StopAnswersThoseWhoWait) {
    Served served;
    auto signal = std::make_shared<Signal>(served.loop);
    served.router.on(api::kPool, [&](daemon::Call, api::None) { return after_a_while(served.loop, signal); });
    ASSERT_TRUE(served.start());
    int idle = connect_raw(served.socket());
    auto waiting = std::async(std::launch::async, [&] { return served.client().call(api::kPool, {"p"}); });
    std::this_thread::sleep_for(100ms);
    served.stop();
    auto answer = waiting.get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().happened, "the daemon is stopping");
    EXPECT_FALSE(std::filesystem::exists(served.socket()));
    auto gone = served.client().call(api::kPool, {"p"});
    ASSERT_FALSE(gone);
    EXPECT_NE(gone.error().happened.find("no daemon answers at the socket " + served.socket()), std::string::npos);
    EXPECT_NE(gone.error().advice.find("capstand --config"), std::string::npos);
    EXPECT_EQ(read_all(idle), "");
    ::close(idle);
}

TEST(Server, ServesManyAtOnce) {
    Served served;
    serve_status(served);
    ASSERT_TRUE(served.start());
    std::vector<std::future<int>> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(std::async(std::launch::async, [&] {
            int good = 0;
            for (int n = 0; n < 50; ++n) good += served.client().call(api::kStatus).has_value();
            return good;
        }));
    }
    for (auto& client : clients) EXPECT_EQ(client.get(), 50);
}

TEST(Server, LimitsConnections) {
    Served served;
    serve_status(served);
    served.options.connections_max = 3;
    ASSERT_TRUE(served.start());
    std::vector<int> held{connect_raw(served.socket()), connect_raw(served.socket()), connect_raw(served.socket())};
    auto busy = served.client().call(api::kStatus);
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().happened, "the daemon has too many connections");
    for (int fd : held) ::close(fd);
    bool freed = false;
    for (int i = 0; i < 100 && !freed; ++i) {
        std::this_thread::sleep_for(10ms);
        freed = served.client().call(api::kStatus).has_value();
    }
    EXPECT_TRUE(freed);
}

TEST(Server, AllowsOthersTheStatusAlone) {
    Served served;
    serve_status(served);
    int backups = 0;
    served.router.on(api::kBackup, [&](daemon::Call, api::BackupRequest) {
        ++backups;
        return answer_with(api::Accepted{});
    });
    served.options.is_own_user = [](uid_t) { return false; };  // nobody is root here
    served.options.group = "capstan-test-no-such-group";
    served.options.connections_max_others = 1;
    ASSERT_TRUE(served.start());
    EXPECT_TRUE(served.client().call(api::kStatus));
    std::this_thread::sleep_for(50ms);
    api::BackupRequest request;
    request.paths = {std::string(1'000'000, 'x')};
    auto refused = served.client().call(api::kBackup, {}, request);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().happened, "you may only see the status");
    EXPECT_NE(refused.error().advice.find("capstan-test-no-such-group"), std::string::npos);
    EXPECT_EQ(backups, 0);
    EXPECT_NE(raw(served.socket(), "POST /v1/status HTTP/1.1\r\nContent-Length: 0\r\n\r\n").find(" 403 "),
              std::string::npos);
    int held = connect_raw(served.socket());
    auto busy = served.client().call(api::kStatus);
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().happened, "the daemon has too many connections");
    ::close(held);
}

// A real other user, with and without the group, where the test may become one.
TEST(Server, KnowsTheGroupOfAnotherUser) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    auto group = daemon::group_id("daemon");
    if (!group) GTEST_SKIP() << "there is no group 'daemon'";
    Served served;
    serve_status(served);
    served.router.on(api::kPools, [](daemon::Call, api::None) { return answer_with(api::PoolList{}); });
    served.options.group = "daemon";
    ASSERT_TRUE(served.start());
    std::filesystem::permissions(std::filesystem::path(served.socket()).parent_path().parent_path(),
                                 std::filesystem::perms(0755));
    auto ask_as = [&](gid_t primary, std::vector<gid_t> others) {
        pid_t child = ::fork();
        if (child == 0) {
            bool changed =
                ::setgroups(others.size(), others.data()) == 0 && ::setgid(primary) == 0 && ::setuid(65534) == 0;
            if (!changed) ::_exit(99);
            auto text = raw(served.socket(), "GET /v1/pools HTTP/1.1\r\n\r\n");
            ::_exit(text.find(" 200 ") != std::string::npos ? 1 : text.find(" 403 ") != std::string::npos ? 2 : 3);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        return WEXITSTATUS(status);
    };
    EXPECT_EQ(ask_as(65534, {}), 2);
    EXPECT_EQ(ask_as(65534, {*group}), 1);
    EXPECT_EQ(ask_as(*group, {}), 1);
}

TEST(Server, ReplacesOnlyAStaleSocket) {
    Served first;
    serve_status(first);
    ASSERT_TRUE(first.start());
    struct stat found{};
    ASSERT_EQ(::stat(first.socket().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0666U);
    Served second;
    second.options.socket = first.socket();
    auto refused = second.start();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().happened.find("another program listens"), std::string::npos);
    EXPECT_TRUE(first.client().call(api::kStatus));

    Served third;
    std::filesystem::create_directories(std::filesystem::path(third.socket()).parent_path());
    int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, third.socket().data(), third.socket().size());
    ASSERT_EQ(::bind(stale, static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof(address)), 0);
    ::close(stale);
    serve_status(third);
    ASSERT_TRUE(third.start());
    EXPECT_TRUE(third.client().call(api::kStatus));

    Served fourth;
    std::filesystem::create_directories(std::filesystem::path(fourth.socket()).parent_path());
    std::ofstream(fourth.socket()) << "a file";
    auto file = fourth.start();
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().happened.find("is not a socket"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(fourth.socket()));

    Served fifth;
    fifth.options.socket = "/tmp/" + std::string(200, 'x');
    EXPECT_FALSE(fifth.start());
}

TEST(Client, SaysWhatDoesNotAnswer) {
    api::Client nobody("/nonexistent/api.sock");
    EXPECT_NE(nobody.call(api::kStatus).error().happened.find("/nonexistent/api.sock"), std::string::npos);
    EXPECT_FALSE(api::Client("").call(api::kStatus));
    EXPECT_FALSE(api::Client(std::string(200, 'x')).call(api::kStatus));
}

}  // namespace
}  // namespace capstan
