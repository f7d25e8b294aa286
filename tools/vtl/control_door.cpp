#include "tools/vtl/control_door.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace capstan::iscsi {
namespace {

constexpr std::size_t kLineMax = 4096, kAnswerMax = 4u << 20;
constexpr std::string_view kOk = "ok\n", kNo = "no: ";

// By the directory's handle: a path of any length, where an address of this kind has 108 bytes.
struct Place {
    FileHandle directory;
    sockaddr_un address{};
};
Result<Place> place_in(const std::string& directory) {
    Place place;
    CAPSTAN_TRY(place.directory, open_file(directory, O_RDONLY | O_DIRECTORY));
    place.address.sun_family = AF_UNIX;
    const auto path = fmt::format("/proc/self/fd/{}/control", place.directory.get());
    std::memcpy(place.address.sun_path, path.c_str(), path.size() + 1);
    return place;
}
const sockaddr* generic(const sockaddr_un& address) { return static_cast<const sockaddr*>(static_cast<const void*>(&address)); }

void limit(int socket) {
    const timeval value{.tv_sec = 10, .tv_usec = 0};
    (void)::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof(value));
    (void)::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof(value));
}

// Up to the end of the line, or of the connection.
std::string receive(int socket, std::size_t most, bool one_line) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (text.size() < most && !(one_line && text.find('\n') != std::string::npos)) {
        const auto got = ::recv(socket, buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
}

bool send_all(int socket, std::string_view text) {
    while (!text.empty()) {
        const auto sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

}  // namespace

Result<void> ControlDoor::open() {
    CAPSTAN_TRY(auto place, place_in(directory_));
    listener_ = FileHandle(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener_) return fail_errno(errno, "cannot make a socket");
    (void)::unlink(place.address.sun_path);
    const auto before = ::umask(0177);
    const bool bound = ::bind(listener_.get(), generic(place.address), sizeof(place.address)) == 0;
    const int error = errno;
    ::umask(before);
    if (!bound) return fail_errno(error, fmt::format("cannot make {}/control", directory_));
    if (::listen(listener_.get(), 16) != 0) return fail_errno(errno, fmt::format("cannot listen on {}/control", directory_));
    thread_ = std::thread([this] { serve(); });
    return {};
}

ControlDoor::~ControlDoor() {
    if (!thread_.joinable()) return;
    (void)::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    (void)::unlink((directory_ + "/control").c_str());
}

void ControlDoor::serve() {
    for (;;) {
        FileHandle socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (socket)
            answer(std::move(socket));
        else if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

void ControlDoor::answer(FileHandle socket) {
    limit(socket.get());
    const auto line = receive(socket.get(), kLineMax, true);
    const auto end = line.find('\n');
    if (end == std::string::npos) return;
    const auto done = control_.obey(std::string_view(line).substr(0, end));
    (void)send_all(socket.get(), done ? std::string(kOk) + *done : std::string(kNo) + to_text(done.error()) + "\n");
}

Result<std::string> ask_control(const std::string& directory, const std::string& line) {
    if (line.size() >= kLineMax || line.find('\n') != std::string::npos)
        return fail(Recovery::change_request, "the act is no line of text");
    CAPSTAN_TRY(auto place, place_in(directory));
    const FileHandle socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno(errno, "cannot make a socket");
    limit(socket.get());
    if (::connect(socket.get(), generic(place.address), sizeof(place.address)) != 0)
        return fail_errno(errno, fmt::format("no capstan-vtl serves {}", directory), "Start one: capstan-vtl DIRECTORY.");
    if (!send_all(socket.get(), line + "\n")) return fail_errno(errno, "capstan-vtl took no act");
    const auto answer = receive(socket.get(), kAnswerMax, false);
    if (answer.starts_with(kOk)) return answer.substr(kOk.size());
    if (!answer.starts_with(kNo)) return fail(Recovery::give_up, "capstan-vtl ended before it answered");
    auto why = answer.substr(kNo.size());
    while (!why.empty() && why.back() == '\n') why.pop_back();
    return fail(Recovery::change_request, std::move(why));
}

}  // namespace capstan::iscsi
