// The HTTP shell of the API: connections on a Unix socket are accepted on the control loop and served by Poco's
// HTTPServerConnection on a few threads of their own; a request becomes a value, its handler runs on the control thread.
// One request for each connection. The socket file is open to everybody: who may do what is decided by the peer's
// credentials (SO_PEERCRED). Root, the daemon's own user and the configured group administer; all others may ask for the
// status, and get 403 for everything else before their body is read.
// Control thread, but for what the comments say.
#pragma once

#include "config/base/async.hpp"
#include "config/base/error.hpp"
#include "daemon/api/routes.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>

namespace capstan::daemon {

struct Peer {
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;
    bool administrator = false;
};

struct HttpRequest {
    api::Method method = api::Method::get;
    std::string path;   // encoded, as sent
    std::string query;  // behind the `?`
    std::string body;
    Peer peer;
};
struct HttpReply {
    int status = 200;
    std::string body;  // JSON
};
// Runs on the control thread. Its reply is awaited for `handler_limit`; a later one is dropped.
using HttpHandler = std::function<Task<HttpReply>(HttpRequest)>;

struct HttpServerOptions {
    std::string socket;              // absolute path, at most 107 bytes; its directory is made when it is missing
    std::string group;               // of administrators; empty: none. A group that does not exist is only logged
    unsigned threads = 8;
    unsigned connections_max = 64;           // open or waiting for a thread; more get 503
    unsigned connections_max_others = 4;     // of them for peers that do not administer
    std::size_t header_max = 64 * 1024;
    std::size_t body_max = 4 * 1024 * 1024;  // more: 413
    std::chrono::milliseconds receive_limit{10'000};  // for the whole request to arrive: 408
    std::chrono::milliseconds handler_limit{55'000};  // 504
    std::function<bool(uid_t)> is_own_user;  // tests: who counts as root or the daemon's user; empty: as above
};

class HttpServer {
  public:
    HttpServer(Loop& loop, HttpServerOptions options, HttpHandler handler);
    ~HttpServer();  // stop()
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // Binds (a stale socket file is replaced only if nobody listens on it) and accepts from now on.
    Result<void> start();
    // Accepts no more, removes the socket file, answers waiting requests with 503 and ends the threads: within about a
    // second, which it blocks. Handlers that still run end by the loop's own stop. A second call does nothing.
    void stop();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace capstan::daemon
