#include "daemon/http_server.hpp"

#include "config/base/file.hpp"
#include "config/base/log.hpp"
#include "daemon/api/codec.hpp"
#include "daemon/http_connection.hpp"
#include "daemon/peer.hpp"

#include <fmt/format.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

namespace capstan::daemon {
namespace {

sockaddr_un address_of(const std::string& path) {  // start() has checked the length
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof(address.sun_path) - 1));
    return address;
}
const sockaddr* plain(const sockaddr_un& address) {
    return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}

// Removes a socket file that nobody listens on.
Result<void> clear_stale(const std::string& path) {
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0) return {};
    if (!S_ISSOCK(found.st_mode))
        return fail(Recovery::change_request, fmt::format("{} exists and is not a socket", path),
                    "Remove it, or set another api.socket.");
    FileHandle probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    auto address = address_of(path);
    if (!probe) return fail_errno(errno, "cannot make a socket");
    if (::connect(probe.get(), plain(address), sizeof(address)) == 0 || errno != ECONNREFUSED)
        return fail(Recovery::change_request, fmt::format("another program listens on {}", path),
                    "Stop that daemon first, or set another api.socket.");
    if (::unlink(path.c_str()) != 0) return fail_errno(errno, fmt::format("cannot remove the stale socket {}", path));
    return {};
}

Result<FileHandle> listen_on(const std::string& path) {
    if (path.empty() || path.front() != '/' || path.size() >= sizeof(sockaddr_un::sun_path))
        return fail(Recovery::change_request, fmt::format("'{}' cannot be the path of a socket", path),
                    "It is absolute and has at most 107 bytes.");
    if (auto slash = path.rfind('/'); slash > 0) CAPSTAN_CHECK(make_directories(path.substr(0, slash), 0755));
    CAPSTAN_CHECK(clear_stale(path));
    FileHandle listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    auto address = address_of(path);
    if (!listener || ::bind(listener.get(), plain(address), sizeof(address)) != 0)
        return fail_errno(errno, fmt::format("cannot bind the API's socket {}", path),
                          "Look at the permissions of its directory.");
    // Everybody may connect; the peer's credentials decide what it may do.
    if (::chmod(path.c_str(), 0666) != 0 || ::listen(listener.get(), 64) != 0)
        return fail_errno(errno, fmt::format("cannot listen on the API's socket {}", path));
    return listener;
}

struct Connection {
    FileHandle socket;
    Peer peer;
};

}  // namespace

struct HttpServer::State : std::enable_shared_from_this<HttpServer::State>, RequestSink {
    State(Loop& control, HttpServerOptions chosen, HttpHandler call)
        : loop(control),
          options(std::move(chosen)),
          handler(std::move(call)),
          listener(control.context()),
          retry(control.context()) {}

    Loop& loop;
    const HttpServerOptions options;
    const HttpHandler handler;  // called on the control thread only
    asio::posix::stream_descriptor listener;
    asio::steady_timer retry;
    std::optional<gid_t> group;
    struct stat bound{};  // the socket file that is ours
    bool started = false;
    std::vector<std::thread> threads;

    std::mutex mutex;  // guards what follows
    std::condition_variable work;
    std::deque<std::shared_ptr<Connection>> queued;
    std::set<std::shared_ptr<Connection>> open;  // also the queued ones
    std::set<std::shared_ptr<Answer>> asked;
    bool stopping = false;

    void accept_more();
    void accept_all();
    void take(FileHandle socket);
    void serve();
    HttpReply ask(HttpRequest request) override;
    static Task<void> run(std::shared_ptr<State> self, HttpRequest request, std::shared_ptr<Answer> answer);
};

void HttpServer::State::accept_more() {
    auto self = weak_from_this();
    listener.async_wait(asio::posix::stream_descriptor::wait_read, [self](const boost::system::error_code& error) {
        if (auto state = self.lock(); state && !error) state->accept_all();
    });
}

void HttpServer::State::accept_all() {
    for (;;) {
        FileHandle socket(::accept4(listener.native_handle(), nullptr, nullptr, SOCK_CLOEXEC));
        if (socket) {
            take(std::move(socket));
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN) return accept_more();
        log::warning("api_accept_failed", {{"reason", std::strerror(errno)}});  // out of descriptors: look again later
        retry.expires_after(std::chrono::seconds{1});
        auto self = weak_from_this();
        retry.async_wait([self](const boost::system::error_code& error) {
            if (auto state = self.lock(); state && !error) state->accept_all();
        });
        return;
    }
}

void HttpServer::State::take(FileHandle socket) {
    auto credentials = credentials_of(socket.get());
    if (!credentials) return;
    Peer peer{credentials->uid, credentials->gid, credentials->pid, false};
    bool own = options.is_own_user ? options.is_own_user(peer.uid) : peer.uid == 0 || peer.uid == ::geteuid();
    peer.administrator = own || (group && in_group(*credentials, *group));
    std::lock_guard lock(mutex);
    std::size_t others = 0;
    for (const auto& connection : open) others += !connection->peer.administrator;
    if (open.size() >= options.connections_max || (!peer.administrator && others >= options.connections_max_others)) {
        send_busy(socket.get());
        return;
    }
    auto connection = std::make_shared<Connection>(std::move(socket), peer);
    open.insert(connection);
    queued.push_back(std::move(connection));
    work.notify_one();
}

void HttpServer::State::serve() {  // a pool thread
    ConnectionLimits limits{options.header_max, options.body_max, options.receive_limit, options.group};
    for (;;) {
        std::shared_ptr<Connection> connection;
        {
            std::unique_lock lock(mutex);
            work.wait(lock, [this] { return stopping || !queued.empty(); });
            if (queued.empty()) return;
            connection = std::move(queued.front());
            queued.pop_front();
        }
        serve_connection(connection->socket.get(), connection->peer, limits, *this);
        std::lock_guard lock(mutex);
        open.erase(connection);  // the descriptor is closed under the lock: stop() never touches a reused one
        connection.reset();
    }
}

HttpReply HttpServer::State::ask(HttpRequest request) {  // a pool thread
    auto answer = std::make_shared<Answer>();
    {
        std::lock_guard lock(mutex);
        if (stopping) return stopping_reply();
        asked.insert(answer);
    }
    auto self = shared_from_this();
    loop.post([self, answer, asked_for = std::move(request)]() mutable {
        if (self->loop.stopping()) return answer->give(stopping_reply());
        self->loop.spawn(run(self, std::move(asked_for), answer));
    });
    auto reply = answer->wait(options.handler_limit);
    std::lock_guard lock(mutex);
    asked.erase(answer);
    return reply;
}

Task<void> HttpServer::State::run(std::shared_ptr<State> self, HttpRequest request, std::shared_ptr<Answer> answer) {
    struct Guard {  // the loop may destroy this coroutine while it waits
        std::shared_ptr<Answer> answer;
        ~Guard() { answer->give(stopping_reply()); }
    } guard{answer};
    auto task = self->handler(std::move(request));
    HttpReply reply = co_await std::move(task);
    guard.answer->give(std::move(reply));
}

HttpServer::HttpServer(Loop& loop, HttpServerOptions options, HttpHandler handler)
    : state_(std::make_shared<State>(loop, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() { stop(); }

Result<void> HttpServer::start() {
    auto& state = *state_;
    if (!state.options.group.empty()) {
        state.group = group_id(state.options.group);
        if (!state.group)
            log::warning("api_group_missing",
                         {{"group", state.options.group},
                          {"advice", "only root administers until it is made and the daemon restarted"}});
    }
    CAPSTAN_TRY(auto listener, listen_on(state.options.socket));
    if (::lstat(state.options.socket.c_str(), &state.bound) != 0) return fail_errno(errno, "the API's socket vanished");
    state.listener.assign(listener.release());
    state.started = true;
    for (unsigned i = 0; i < std::max(1U, state.options.threads); ++i)
        state.threads.emplace_back([s = state_] { s->serve(); });
    state.accept_more();
    log::info("api_listening", {{"socket", state.options.socket}});
    return {};
}

void HttpServer::stop() {
    auto& state = *state_;
    if (!state.started) return;
    state.started = false;
    boost::system::error_code ignored;
    state.listener.close(ignored);
    state.retry.cancel();
    struct stat now{};
    if (::lstat(state.options.socket.c_str(), &now) == 0 && now.st_ino == state.bound.st_ino &&
        now.st_dev == state.bound.st_dev)
        ::unlink(state.options.socket.c_str());
    {
        std::lock_guard lock(state.mutex);
        state.stopping = true;
        for (const auto& answer : state.asked) answer->give(stopping_reply());
        for (const auto& connection : state.open)
            ::shutdown(connection->socket.get(), SHUT_RD);  // no request comes any more
        state.work.notify_all();
    }
    for (int i = 0; i < 100; ++i) {  // a second for the answers on their way
        std::this_thread::sleep_for(std::chrono::milliseconds{i < 20 ? 1 : 12});
        std::lock_guard lock(state.mutex);
        if (state.open.empty()) break;
    }
    {
        std::lock_guard lock(state.mutex);
        for (const auto& connection : state.open) ::shutdown(connection->socket.get(), SHUT_RDWR);
    }
    for (auto& thread : state.threads) thread.join();
    state.threads.clear();
}

}  // namespace capstan::daemon
