#include "daemon/http_connection.hpp"

#include "config/base/log.hpp"
#include "daemon/api/codec.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServerConnection.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/StreamSocketImpl.h>
#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <istream>
#include <ostream>

namespace capstan::daemon {
namespace {

namespace net = Poco::Net;
using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::seconds kSendLimit{30};

HttpReply refusal(int status, Recovery recovery, std::string happened, std::string advice) {
    Error error{recovery, std::move(happened), std::move(advice), {}};
    return {status, api::encode_error(error)};
}

HttpReply too_slow() {
    return refusal(408, Recovery::retry_later, "the request took too long to arrive", "Repeat it.");
}

// The socket as Poco sees it. Poco limits neither a header's size nor the time that a request takes to arrive.
class LimitedSocket : public net::StreamSocketImpl {
    std::size_t header_left_;  // until the header is through
    bool in_header_ = true, too_slow_ = false, refused_ = false, answered_ = false;
    SteadyClock::time_point deadline_;

  public:
    LimitedSocket(int fd, const ConnectionLimits& limits)
        : net::StreamSocketImpl(fd),
          header_left_(limits.header_max),
          deadline_(SteadyClock::now() + limits.receive_limit) {}
    bool header_too_long() const { return in_header_ && header_left_ == 0; }
    bool too_slow() const { return too_slow_; }
    bool refused() const { return refused_; }
    bool answered() const { return answered_; }
    void header_ended() { in_header_ = false; }
    void reply_begins() { deadline_ = SteadyClock::now() + kSendLimit; }

    using net::StreamSocketImpl::receiveBytes;
    int receiveBytes(void* buffer, int length, int) override {
        auto wanted = static_cast<std::size_t>(length);
        if (in_header_) {
            if (header_left_ == 0) throw net::MessageException("header too long");
            wanted = std::min(wanted, header_left_);
        }
        wait_for(POLLIN);
        auto got = ::recv(sockfd(), buffer, wanted, 0);
        if (got < 0) throw net::ConnectionResetException("peer went away");
        if (in_header_) header_left_ -= static_cast<std::size_t>(got);
        return static_cast<int>(got);
    }
    using net::StreamSocketImpl::sendBytes;
    int sendBytes(const void* buffer, int length, int) override {
        if (in_header_) {  // Poco's own refusal has no reason in it; serve_connection() sends one that has
            refused_ = true;
            return length;
        }
        answered_ = true;
        std::string_view rest(static_cast<const char*>(buffer), static_cast<std::size_t>(length));
        while (!rest.empty()) {
            wait_for(POLLOUT);
            auto sent = ::send(sockfd(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno != EAGAIN && errno != EINTR) throw net::ConnectionResetException("peer went away");
            if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
        }
        return length;
    }
    // After an error Poco shuts down what serve_connection() still has to answer on.
    void shutdown() override {}
    void shutdownSend() override {}
    // Poco asks for these; the peers of a Unix socket have none that it understands.
    net::SocketAddress address() override { return {}; }
    net::SocketAddress peerAddress() override { return {}; }

  private:
    void wait_for(short events) {
        for (;;) {
            auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - SteadyClock::now()).count();
            if (left <= 0) {
                too_slow_ = true;
                throw Poco::TimeoutException("too slow");
            }
            pollfd wait{sockfd(), events, 0};
            int ready = ::poll(&wait, 1, static_cast<int>(left));
            if (ready > 0) return;
            if (ready < 0 && errno != EINTR) throw net::ConnectionResetException("peer went away");
        }
    }
};

class PocoSocket : public net::StreamSocket {
  public:
    explicit PocoSocket(LimitedSocket* limited) : net::StreamSocket(limited) {}
};

struct Exchange {
    const Peer& peer;
    const ConnectionLimits& limits;
    RequestSink& sink;
    LimitedSocket& socket;
};

std::optional<api::Method> method_of(const std::string& name) {
    if (name == "GET") return api::Method::get;
    if (name == "POST") return api::Method::post;
    if (name == "PUT") return api::Method::put;
    if (name == "DELETE") return api::Method::del;
    return std::nullopt;
}

// Reads on to the end of the body, so that the peer is not broken off while it still sends and gets the refusal.
void drain(std::istream& stream, std::size_t most) {
    char space[16384];
    for (std::size_t got = 0; got < most && (stream.read(space, sizeof(space)) || stream.gcount() > 0);)
        got += static_cast<std::size_t>(stream.gcount());
}

std::optional<std::string> read_body(std::istream& stream, std::size_t size_max) {
    std::string body;
    char space[16384];
    while (stream.read(space, sizeof(space)) || stream.gcount() > 0) {
        body.append(space, static_cast<std::size_t>(stream.gcount()));
        if (body.size() > size_max) return std::nullopt;
    }
    return body;
}

class Handler : public net::HTTPRequestHandler {
    Exchange exchange_;

  public:
    explicit Handler(const Exchange& exchange) : exchange_(exchange) {}
    void handleRequest(net::HTTPServerRequest& request, net::HTTPServerResponse& response) override {
        exchange_.socket.header_ended();
        auto reply = answer(request);
        exchange_.socket.reply_begins();
        response.setStatusAndReason(static_cast<net::HTTPResponse::HTTPStatus>(reply.status));
        response.setContentType("application/json");
        response.setKeepAlive(false);
        response.setContentLength64(static_cast<Poco::Int64>(reply.body.size()));
        response.send() << reply.body << std::flush;
    }

  private:
    HttpReply answer(net::HTTPServerRequest& request) {
        auto method = method_of(request.getMethod());
        const auto& target = request.getURI();
        HttpRequest asked;
        asked.path = target.substr(0, target.find('?'));
        if (asked.path.size() < target.size()) asked.query = target.substr(asked.path.size() + 1);
        asked.peer = exchange_.peer;
        auto body_max = exchange_.limits.body_max;
        if (!method || asked.path.empty() || asked.path[0] != '/')
            return refusal(405, Recovery::change_request, "the API does not know this kind of request",
                           "It knows GET, POST, PUT and DELETE of /v1/….");
        asked.method = *method;
        if (!asked.peer.administrator && !(asked.method == api::Method::get && asked.path == api::kStatus.path)) {
            drain(request.stream(), body_max);
            return not_allowed();
        }
        auto too_large = [&] {
            drain(request.stream(), 4 * body_max);
            return refusal(413, Recovery::change_request, fmt::format("the request is larger than {} bytes", body_max),
                           "Ask for less at once.");
        };
        if (request.hasContentLength() &&
            (request.getContentLength64() < 0 || static_cast<std::uint64_t>(request.getContentLength64()) > body_max))
            return too_large();
        if (request.hasContentLength() || request.getChunkedTransferEncoding()) {
            auto body = read_body(request.stream(), body_max);
            if (!body) return too_large();
            if (exchange_.socket.too_slow()) return too_slow();
            if (request.hasContentLength() && body->size() != static_cast<std::size_t>(request.getContentLength64()))
                return refusal(400, Recovery::change_request, "the request ends before its announced length",
                               "Repeat it.");
            asked.body = std::move(*body);
        }
        return exchange_.sink.ask(std::move(asked));
    }

    HttpReply not_allowed() const {
        const auto& group = exchange_.limits.group;
        if (group.empty())
            return refusal(403, Recovery::change_request, "you may only see the status", "Root administers.");
        return refusal(
            403, Recovery::change_request, "you may only see the status",
            fmt::format("Root and the group {0} administer: become a member ('usermod -aG {0} USER') and log in again.",
                        group));
    }
};

class Factory : public net::HTTPRequestHandlerFactory {
    Exchange exchange_;

  public:
    explicit Factory(const Exchange& exchange) : exchange_(exchange) {}
    net::HTTPRequestHandler* createRequestHandler(const net::HTTPServerRequest&) override {
        return new Handler(exchange_);
    }
};

void send_plain(int socket, const HttpReply& reply, std::string_view reason) {
    auto text = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        reply.status, reason, reply.body.size(), reply.body);
    (void)!::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

void Answer::give(HttpReply reply) {
    std::lock_guard lock(mutex_);
    if (!reply_) reply_ = std::move(reply);
    given_.notify_all();
}

HttpReply Answer::wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    if (given_.wait_for(lock, limit, [this] { return reply_.has_value(); })) return *reply_;
    reply_ = refusal(504, Recovery::retry_later, "the daemon did not answer in time",
                     "The work may still go on: look at 'capstan status' before you repeat it.");
    return *reply_;
}

HttpReply stopping_reply() {
    return refusal(503, Recovery::retry_later, "the daemon is stopping", "Repeat the command when it runs again.");
}

void send_busy(int socket) {
    send_plain(
        socket,
        refusal(503, Recovery::retry_later, "the daemon has too many connections", "Repeat the command in a moment."),
        "Service Unavailable");
}

void serve_connection(int socket, const Peer& peer, const ConnectionLimits& limits, RequestSink& sink) {
    int duplicate = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);  // Poco's session closes what it is given
    if (duplicate < 0) return send_busy(socket);
    auto* limited = new LimitedSocket(duplicate, limits);
    PocoSocket stream(limited);  // owns `limited`
    try {
        net::HTTPServerParams::Ptr params(new net::HTTPServerParams);
        params->setKeepAlive(false);
        params->setTimeout(
            Poco::Timespan(std::chrono::duration_cast<std::chrono::microseconds>(limits.receive_limit).count()));
        Exchange exchange{peer, limits, sink, *limited};
        net::HTTPRequestHandlerFactory::Ptr factory(new Factory(exchange));
        net::HTTPServerConnection(stream, params, factory).run();
    } catch (const std::exception& error) {  // the peer went away, or sent what is not HTTP
        log::debug("api_connection_ended", {{"uid", std::to_string(peer.uid)}, {"reason", error.what()}});
    }
    if (limited->answered()) return;  // Poco's streams swallow what the socket throws, so it is asked
    if (limited->too_slow()) return send_plain(socket, too_slow(), "Request Timeout");
    if (limited->header_too_long()) {
        auto happened = fmt::format("the request's header is larger than {} bytes", limits.header_max);
        return send_plain(socket, refusal(431, Recovery::change_request, happened, "Ask for less at once."),
                          "Request Header Fields Too Large");
    }
    if (limited->refused())
        send_plain(socket,
                   refusal(400, Recovery::change_request, "the request is not HTTP", "Use the client of this version."),
                   "Bad Request");
}

}  // namespace capstan::daemon
