#include "tools/vtl/target.hpp"

#include "config/base/log.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <cerrno>
#include <thread>

namespace capstan::iscsi {

using virtual_library::NexusId;

Result<void> Target::start() {
    CAPSTAN_TRY(listener_, listen_on(options_.portal));
    acceptor_ = std::thread([self = shared_from_this()] { self->accept_all(); });
    return {};
}

void Target::stop() {
    constexpr std::chrono::seconds kPatience{5};  // a command that hangs keeps its own thread, not the program
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        for (const auto& connection : connections_) connection->shut_down();
    }
    (void)::shutdown(listener_.get(), SHUT_RDWR);
    if (acceptor_.joinable()) acceptor_.join();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [this] { return connections_.empty(); });
}

void Target::accept_all() {
    for (;;) {
        FileHandle socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        {
            std::lock_guard lock(mutex_);
            if (stopping_) return;
        }
        if (socket) {
            serve(std::move(socket));
        } else if (errno != EINTR && errno != ECONNABORTED) {  // out of descriptors, most likely
            log::warning("accept-failed", {{"error", std::to_string(errno)}});
            std::this_thread::sleep_for(std::chrono::milliseconds{200});
        }
    }
}

void Target::serve(FileHandle socket) {
    auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket));
    {
        std::lock_guard lock(mutex_);
        if (stopping_ || connections_.size() >= options_.connections_max) return;
        connections_.insert(connection);
    }
    std::thread([self = shared_from_this(), connection] {
        connection->serve();
        std::lock_guard lock(self->mutex_);
        self->connections_.erase(connection);
        self->changed_.notify_all();
    }).detach();
}

std::vector<std::uint8_t> Target::random_bytes(std::size_t count) {
    std::lock_guard lock(mutex_);
    std::vector<std::uint8_t> bytes(count);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    return bytes;
}

std::uint16_t Target::next_handle() {
    std::lock_guard lock(mutex_);
    if (++last_handle_ == 0) ++last_handle_;
    return last_handle_;
}

// With mutex_ held. Initiators that make up a new session id for each login would fill the memory.
void Target::forget_idle_ports() {
    constexpr std::size_t kPortsMax = 4096;
    if (ports_.size() < kPortsMax) return;
    std::erase_if(ports_, [this](const auto& port) {
        if (sessions_.contains(port.second)) return false;
        library_->forget_nexus(port.second);
        return true;
    });
}

NexusId Target::begin_session(const std::string& initiator, const std::array<std::uint8_t, 6>& session_id,
                              std::shared_ptr<Connection> connection) {
    std::shared_ptr<Connection> former;
    NexusId nexus{};
    {
        std::lock_guard lock(mutex_);
        forget_idle_ports();
        auto [port, fresh] = ports_.try_emplace({initiator, session_id});
        if (fresh) port->second = NexusId{++last_nexus_};
        nexus = port->second;
        former = std::exchange(sessions_[nexus], connection).lock();
    }
    std::string session;
    for (auto byte : session_id) session += fmt::format("{:02x}", byte);
    library_->name_nexus(nexus, fmt::format("{},i,0x{}", initiator, session));
    if (former) {
        former->shut_down();
        library_->lose_nexus(nexus);
    }
    return nexus;
}

void Target::end_session(NexusId nexus, const Connection* connection) {
    {
        std::lock_guard lock(mutex_);
        auto session = sessions_.find(nexus);
        if (session == sessions_.end() || session->second.lock().get() != connection) return;  // another one has taken its place
        sessions_.erase(session);
    }
    library_->lose_nexus(nexus);
}

}  // namespace capstan::iscsi
