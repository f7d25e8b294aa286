// One connection of the HTTP shell: Poco's HTTPServerConnection over a socket that counts and limits. Pool threads.
#pragma once

#include "daemon/http_server.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>

namespace capstan::daemon {

// The answer of a handler on its way from the control thread to the pool thread that waits. The first one counts.
class Answer {
    std::mutex mutex_;
    std::condition_variable given_;
    std::optional<HttpReply> reply_;

  public:
    void give(HttpReply reply);
    HttpReply wait(std::chrono::milliseconds limit);  // 504 after the limit
};

class RequestSink {
  public:
    virtual ~RequestSink() = default;
    virtual HttpReply ask(HttpRequest request) = 0;  // waits for the handler
};

struct ConnectionLimits {
    std::size_t header_max;
    std::size_t body_max;
    std::chrono::milliseconds receive_limit;
    std::string group;  // of administrators, for the message to others
};

// Reads one request, checks who asks, and answers. The descriptor stays the caller's. Never throws.
void serve_connection(int socket, const Peer& peer, const ConnectionLimits& limits, RequestSink& sink);
void send_busy(int socket);  // 503 without reading or waiting
HttpReply stopping_reply();

}  // namespace capstan::daemon
