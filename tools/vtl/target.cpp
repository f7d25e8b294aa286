#include "tools/vtl/target.hpp"

#include "config/base/log.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <cerrno>
#include <thread>

namespace capstan::iscsi {

using virtual_library::NexusId;

template <class Call>
void Target::tell_disk(Call call) {
    if (!options_.disk) return;
    const std::lock_guard lock(options_.disk->mutex());
    call(*options_.disk);
}

Result<void> Target::start() {
    tell_disk([this](auto& disk) { disk.set_unit_count(units()); });
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

std::uint8_t Target::units() const { return static_cast<std::uint8_t>(library_->drives() + (options_.disk ? 2 : 1)); }

std::optional<std::uint8_t> Target::unit_of_library(std::uint8_t unit) const {
    if (!options_.disk) return unit;
    if (unit == 0) return std::nullopt;
    return static_cast<std::uint8_t>(unit - 1);
}

Result<virtual_library::VirtualLibrary::Answered> Target::serve(NexusId nexus, std::uint8_t unit, const scsi::Cdb& cdb, scsi::DataOut data_out,
                                                                MutableBytes data_in) {
    constexpr std::chrono::hours kAsLongAsItTakes{24};  // the initiator has the clock
    if (const auto its = unit_of_library(unit)) return library_->serve(nexus, *its, cdb, data_out, data_in, kAsLongAsItTakes);
    const std::lock_guard lock(options_.disk->mutex());
    auto answer = options_.disk->serve({nexus, cdb, data_out, data_in});
    return virtual_library::VirtualLibrary::Answered{answer.status, {answer.sense, answer.transferred, {}}};
}

std::vector<NexusId> Target::abort_tasks(std::uint8_t unit) {
    std::vector<std::pair<NexusId, std::shared_ptr<Connection>>> sessions;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [nexus, session] : sessions_)
            if (auto connection = session.lock()) sessions.emplace_back(nexus, std::move(connection));
    }
    std::vector<NexusId> whose;
    for (const auto& [nexus, connection] : sessions)
        if (connection->abort_tasks(unit) > 0) whose.push_back(nexus);
    return whose;
}

void Target::clear_tasks(std::uint8_t unit, NexusId by) {
    for (const auto nexus : abort_tasks(unit)) {
        if (nexus == by) continue;
        if (const auto its = unit_of_library(unit)) library_->tasks_cleared(*its, nexus);
        else tell_disk([nexus](auto& disk) { disk.tasks_cleared(nexus); });
    }
}

void Target::reset_unit(std::uint8_t unit) {
    abort_tasks(unit);
    if (const auto its = unit_of_library(unit)) library_->reset_unit(*its);
    else tell_disk([](auto& disk) { disk.reset(); });
}

std::size_t Target::drop_sessions() {
    std::lock_guard lock(mutex_);
    for (const auto& connection : connections_) connection->shut_down();
    return connections_.size();
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
    std::thread([connection] { connection->serve(); }).detach();
}

void Target::forget(const std::shared_ptr<Connection>& connection) {
    std::lock_guard lock(mutex_);
    connections_.erase(connection);
    changed_.notify_all();
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
        tell_disk([&](auto& disk) { disk.forget_nexus(port.second); });
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
    const auto name = fmt::format("{},i,0x{}", initiator, session);
    library_->name_nexus(nexus, name);
    tell_disk([&](auto& disk) { disk.name_nexus(nexus, name); });
    if (former) {
        former->shut_down();
        library_->lose_nexus(nexus);
        tell_disk([&](auto& disk) { disk.lose_nexus(nexus); });
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
    tell_disk([&](auto& disk) { disk.lose_nexus(nexus); });
}

}  // namespace capstan::iscsi
