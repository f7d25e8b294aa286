#include "tools/vtl/stream.hpp"

#include <fmt/format.h>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace capstan::iscsi {
namespace {

using std::chrono::seconds;

void set_option(int fd, int level, int option, int value) {
    (void)::setsockopt(fd, level, option, &value, sizeof(value));  // an option that is refused costs time, no more
}

void set_limit(int fd, int option, seconds limit) {
    const timeval value{.tv_sec = limit.count(), .tv_usec = 0};
    (void)::setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

std::string text_of_address(const sockaddr_storage& address, socklen_t size) {
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    const auto* plain = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    if (::getnameinfo(plain, size, host.data(), host.size(), port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "?";
    return address.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host.data(), port.data())
                                         : fmt::format("{}:{}", host.data(), port.data());
}

using NameCall = int (*)(int, sockaddr*, socklen_t*);
std::string address_by(NameCall call, int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    if (call(fd, static_cast<sockaddr*>(static_cast<void*>(&address)), &size) != 0) return "?";
    return text_of_address(address, size);
}

}  // namespace

Stream::Stream(FileHandle socket) : socket_(std::move(socket)) {
    constexpr seconds kSendLimit{60};  // a client that takes nothing for so long is gone
    set_option(socket_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    set_limit(socket_.get(), SO_SNDTIMEO, kSendLimit);
}

bool Stream::read(MutableBytes into) {
    while (!into.empty()) {
        const auto got = ::recv(socket_.get(), into.data(), into.size(), MSG_WAITALL);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        into = into.subspan(static_cast<std::size_t>(got));
    }
    return true;
}

bool Stream::write(std::span<const Bytes> parts) {
    std::array<iovec, 8> pieces{};
    std::size_t count = 0;
    for (auto part : parts)
        if (!part.empty() && count < pieces.size())
            pieces[count++] = {const_cast<std::uint8_t*>(part.data()), part.size()};  // NOLINT: sendmsg does not write there
    std::size_t first = 0;
    while (first < count) {
        msghdr message{};
        message.msg_iov = &pieces[first];
        message.msg_iovlen = count - first;
        auto sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        for (auto left = static_cast<std::size_t>(sent); left > 0;) {
            auto& piece = pieces[first];
            const auto taken = std::min(left, piece.iov_len);
            piece.iov_base = static_cast<std::uint8_t*>(piece.iov_base) + taken;
            piece.iov_len -= taken;
            left -= taken;
            if (piece.iov_len == 0) ++first;
        }
    }
    return true;
}

void Stream::limit_reading(seconds limit) { set_limit(socket_.get(), SO_RCVTIMEO, limit); }
void Stream::shut_down() { (void)::shutdown(socket_.get(), SHUT_RDWR); }
std::string Stream::local_address() const { return address_by(::getsockname, socket_.get()); }
std::string Stream::peer_address() const { return address_by(::getpeername, socket_.get()); }
std::string address_of_listener(const FileHandle& listener) { return address_by(::getsockname, listener.get()); }

Result<FileHandle> listen_on(const std::string& portal) {
    auto refuse = [&](std::string_view why) {
        return fail(Recovery::change_request, fmt::format("portal '{}': {}", portal, why), "Write it as 127.0.0.1:3260 or [::1]:3260.");
    };
    const auto colon = portal.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == portal.size()) return refuse("no address and port");
    auto host = portal.substr(0, colon);
    if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    addrinfo wanted{};
    wanted.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), portal.c_str() + colon + 1, &wanted, &found); error != 0)
        return refuse(::gai_strerror(error));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
    FileHandle listener(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener) return fail_errno(errno, "cannot make a socket");
    set_option(listener.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (::bind(listener.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(listener.get(), 64) != 0)
        return fail_errno(errno, fmt::format("cannot listen on {}", portal), "Choose another portal, or stop the program that has it.");
    return listener;
}

}  // namespace capstan::iscsi
