// The virtual library as an iSCSI target on one TCP portal: who is logged in, and which nexus he is. Any thread.
#pragma once

#include "drives/virtual/disk.hpp"
#include "drives/virtual/library.hpp"
#include "tools/vtl/connection.hpp"
#include "tools/vtl/stalls.hpp"

#include <random>
#include <set>
#include <thread>

namespace capstan::iscsi {

struct TargetOptions {
    TargetSettings settings;
    std::string portal = "127.0.0.1:3260";
    std::size_t connections_max = 256;
    std::shared_ptr<virtual_library::Disk> disk;  // LUN 0; the library's LUNs begin behind it. Empty: they begin at 0
};

class Target : public std::enable_shared_from_this<Target> {
  public:
    Target(std::shared_ptr<virtual_library::VirtualLibrary> library, TargetOptions options)
        : library_(std::move(library)), options_(std::move(options)) {}
    Result<void> start();
    void stop();  // ends every connection and waits a while for them
    std::size_t drop_sessions();  // ends every connection; returns how many there were
    Stalls& stalls() { return stalls_; }
    std::string address() const { return address_of_listener(listener_); }

    // For connections.
    const TargetSettings& settings() const { return options_.settings; }
    virtual_library::VirtualLibrary& library() { return *library_; }
    std::uint8_t units() const;                                                // logical units, all in a row from 0
    std::optional<std::uint8_t> unit_of_library(std::uint8_t unit) const;      // as the library counts; empty: the disk
    Result<virtual_library::VirtualLibrary::Answered> serve(virtual_library::NexusId nexus, std::uint8_t unit, const scsi::Cdb& cdb,
                                                            scsi::DataOut data_out, MutableBytes data_in);
    // Tasks of every session end unanswered (SAM-5: one task set for all). Reset: every nexus gets 29/03. Cleared by one nexus: the
    // others that lost something get 2F/00.
    void reset_unit(std::uint8_t unit);
    void clear_tasks(std::uint8_t unit, virtual_library::NexusId by);
    std::vector<std::uint8_t> random_bytes(std::size_t count);
    std::uint16_t next_handle();
    // A second login of the same initiator port ends its first session (RFC 7143 clause 6.3.5), and the nexus is lost.
    virtual_library::NexusId begin_session(const std::string& initiator, const std::array<std::uint8_t, 6>& session_id,
                                           std::shared_ptr<Connection> connection);
    void forget(const std::shared_ptr<Connection>& connection);  // it has ended
    void end_session(virtual_library::NexusId nexus, const Connection* connection);

  private:
    using InitiatorPort = std::pair<std::string, std::array<std::uint8_t, 6>>;
    template <class Call>
    void tell_disk(Call call);
    std::vector<virtual_library::NexusId> abort_tasks(std::uint8_t unit);  // whose there were
    void accept_all();
    void forget_idle_ports();
    void serve(FileHandle socket);

    std::shared_ptr<virtual_library::VirtualLibrary> library_;
    TargetOptions options_;
    Stalls stalls_;
    FileHandle listener_;
    std::thread acceptor_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    std::set<std::shared_ptr<Connection>> connections_;
    std::map<InitiatorPort, virtual_library::NexusId> ports_;  // kept: a port that comes back is the same nexus
    std::map<virtual_library::NexusId, std::weak_ptr<Connection>> sessions_;
    std::uint64_t last_nexus_ = 0;
    std::uint16_t last_handle_ = 0;
    std::random_device random_;
};

}  // namespace capstan::iscsi
