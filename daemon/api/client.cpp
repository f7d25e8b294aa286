#include "daemon/api/client.hpp"

#include "config/base/file.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/StreamSocketImpl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <istream>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace capstan::api {
namespace {

namespace net = Poco::Net;

// Poco 1.11 makes a StreamSocket from a descriptor only in derived classes.
class UnixSocket : public net::StreamSocket {
  public:
    explicit UnixSocket(int fd) : net::StreamSocket(new net::StreamSocketImpl(fd)) {}
};

std::unexpected<Error> no_answer(const std::string& socket, int error_number) {
    auto reason = std::string(std::strerror(error_number));
    if (error_number == EACCES)
        return fail(Recovery::change_request, fmt::format("the daemon's socket {} may not be opened: {}", socket, reason),
                    "Ask for access to its directory, or name another socket with --socket or CAPSTAN_SOCKET.");
    return fail(Recovery::retry_later, fmt::format("no daemon answers at the socket {}: {}", socket, reason),
                "Start it ('systemctl start capstand', or 'capstand --config FILE'), or name its socket with --socket or CAPSTAN_SOCKET.");
}

Result<FileHandle> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return fail(Recovery::change_request, fmt::format("'{}' cannot be the path of a socket", path), "It has 1 to 107 bytes.");
    std::memcpy(address.sun_path, path.data(), path.size());
    FileHandle handle(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!handle) return fail_errno(errno, "cannot make a socket");
    int connected = 0;
    do {
        connected = ::connect(handle.get(), static_cast<const sockaddr*>(static_cast<const void*>(&address)), sizeof(address));
    } while (connected != 0 && errno == EINTR);
    if (connected != 0) return no_answer(path, errno);
    return handle;
}

Result<std::string> read_body(std::istream& stream) {
    std::string body;
    char space[16384];
    while (stream.read(space, sizeof(space)) || stream.gcount() > 0) {
        body.append(space, static_cast<std::size_t>(stream.gcount()));
        if (body.size() > kReplySizeMax)
            return fail(Recovery::give_up, "the daemon's answer has no end", "Is this the socket of capstand?");
    }
    return body;
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
    try {
        net::HTTPClientSession session{UnixSocket(handle.release())};
        session.setTimeout(Poco::Timespan(timeout_.count(), 0));
        net::HTTPRequest request(std::string(name_of(method)), target, net::HTTPMessage::HTTP_1_1);
        request.setHost("capstand");
        request.setKeepAlive(false);
        if (method != Method::get) {
            request.setContentType("application/json");
            request.setContentLength64(static_cast<Poco::Int64>(body.size()));
        }
        auto& out = session.sendRequest(request);
        if (method != Method::get) out << body;
        out.flush();
        net::HTTPResponse response;
        auto& in = session.receiveResponse(response);
        CAPSTAN_TRY(auto text, read_body(in));
        if (response.hasContentLength() && static_cast<std::uint64_t>(response.getContentLength64()) != text.size())
            return fail(Recovery::retry_later, fmt::format("the daemon at {} broke off its answer", socket_), "Repeat the command; look at the daemon's log.");
        if (response.getStatus() / 100 != 2) return std::unexpected(decode_error(text, response.getStatus()));
        return text;
    } catch (const Poco::TimeoutException&) {
        return fail(Recovery::retry_later, fmt::format("the daemon at {} did not answer within {} s", socket_, timeout_.count()),
                    "Repeat the command; if that does not help, look at the daemon's log.");
    } catch (const Poco::Exception& error) {
        return fail(Recovery::retry_later, fmt::format("the daemon at {} broke off: {}", socket_, error.displayText()),
                    "Is it still running? Look at its log and repeat the command.");
    }
}

}  // namespace capstan::api
