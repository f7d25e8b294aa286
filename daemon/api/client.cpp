#include "daemon/api/client.hpp"

#include "config/base/file.hpp"
#include "daemon/api/http_reply.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace capstan::api {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::unexpected<Error> no_answer(const std::string& socket, int error_number) {
    auto reason = std::string(std::strerror(error_number));
    if (error_number == EACCES)
        return fail(Recovery::change_request,
                    fmt::format("the daemon's socket {} may not be opened: {}", socket, reason),
                    "Ask for access to its directory, or name another socket with --socket or CAPSTAN_SOCKET.");
    return fail(Recovery::retry_later, fmt::format("no daemon answers at the socket {}: {}", socket, reason),
                "Start it ('systemctl start capstand', or 'capstand --config FILE'), or name its socket with --socket "
                "or CAPSTAN_SOCKET.");
}

std::unexpected<Error> broken_off(const std::string& socket) {
    return fail(Recovery::retry_later, fmt::format("the daemon at {} broke off its answer", socket),
                "Is it still running? Look at its log and repeat the command.");
}

Result<FileHandle> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return fail(Recovery::change_request, fmt::format("'{}' cannot be the path of a socket", path),
                    "It has 1 to 107 bytes.");
    std::memcpy(address.sun_path, path.data(), path.size());
    FileHandle handle(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!handle) return fail_errno(errno, "cannot make a socket");
    int connected = 0;
    do {
        connected =
            ::connect(handle.get(), static_cast<const sockaddr*>(static_cast<const void*>(&address)), sizeof(address));
    } while (connected != 0 && errno == EINTR);
    if (connected != 0) return no_answer(path, errno);
    return handle;
}

std::string request_text(Method method, const std::string& target, const std::string& body) {
    auto text = fmt::format("{} {} HTTP/1.1\r\nHost: capstand\r\nConnection: close\r\n", name_of(method), target);
    if (method != Method::get)
        text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
    return text + "\r\n" + body;
}

enum class Wait : std::uint8_t { ready, interrupted, timed_out };
Wait wait_for(int socket, short events, SteadyClock::time_point deadline) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    pollfd wait{socket, events, 0};
    int ready = left <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left));
    return ready > 0 ? Wait::ready : ready == 0 ? Wait::timed_out : Wait::interrupted;
}

}  // namespace

std::string_view name_of(Method method) {
    switch (method) {
        case Method::get: return "GET";
        case Method::post: return "POST";
        case Method::put: return "PUT";
        case Method::del: break;
    }
    return "DELETE";
}

Result<std::string> Client::exchange(Method method, const std::string& target, const std::string& body) {
    CAPSTAN_TRY(auto handle, connect_to(socket_));
    auto deadline = SteadyClock::now() + timeout_;
    auto text = request_text(method, target, body);
    auto too_late = [&] {
        return fail(Recovery::retry_later,
                    fmt::format("the daemon at {} did not answer within {} s", socket_, timeout_.count()),
                    "Look at 'capstan status' and the daemon's log before you repeat the command.");
    };
    for (std::string_view rest = text; !rest.empty();) {
        auto sent = ::send(handle.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
        if (sent >= 0 || errno == EINTR) continue;
        if (errno != EAGAIN) break;  // refused before it was read: the reason may lie in the answer
        if (wait_for(handle.get(), POLLOUT, deadline) == Wait::timed_out) return too_late();
    }
    std::string received;
    for (;;) {
        auto waited = wait_for(handle.get(), POLLIN, deadline);
        if (waited == Wait::timed_out) return too_late();
        if (waited == Wait::interrupted) {
            if (interrupted_ && interrupted_()) return fail(Recovery::cancelled, "interrupted", "");
            continue;
        }
        char space[65536];
        auto got = ::recv(handle.get(), space, sizeof(space), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        received.append(space, static_cast<std::size_t>(got));
        if (received.size() > kReplySizeMax)
            return fail(Recovery::give_up, "the daemon's answer has no end", "Is this the socket of capstand?");
    }
    auto reply = parse_http_reply(received);
    if (!reply) return broken_off(socket_);
    if (reply->status / 100 != 2) return std::unexpected(decode_error(reply->body, reply->status));
    return std::move(reply->body);
}

}  // namespace capstan::api
