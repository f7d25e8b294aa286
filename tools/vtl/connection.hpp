// One iSCSI connection, which is one session: login, then SCSI commands until either side ends it (RFC 7143, error recovery
// level 0). serve() runs on the connection's own thread; blocks are carried out there (tools/vtl/readers.hpp), everything else by the
// threads of the unit queues, and both answer.
#pragma once

#include "drives/virtual/library.hpp"
#include "tools/vtl/login.hpp"
#include "tools/vtl/readers.hpp"
#include "tools/vtl/stream.hpp"
#include "tools/vtl/unit_queue.hpp"

#include <map>

namespace capstan::iscsi {

class Target;

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(std::shared_ptr<Target> target, FileHandle socket) : target_(std::move(target)), stream_(std::move(socket)) {}
    void serve();      // returns when the connection has ended and nothing that this thread carried out is left
    void shut_down();  // any thread
    std::size_t abort_tasks(std::optional<std::uint8_t> unit);  // those of one logical unit or all, unanswered; how many. Any thread

  private:
    struct Incoming {
        AnyHeader header;
        std::size_t data_size = 0;  // its data segment is still to be read
    };
    std::optional<Incoming> read_header();
    bool read_data(MutableBytes into);  // the data segment, its padding and digest
    bool skip_data(std::size_t size);

    bool step();
    void finish();  // the connection has ended
    bool log_in();
    bool send_login(const LoginRequestPdu& request, const LoginReply& reply);
    bool handle(const Incoming& incoming);
    bool take_number(const AnyHeader& header);  // false: drop the PDU, it is out of the window
    bool reject(const AnyHeader& header, RejectReason reason);
    bool text(const Incoming& incoming);
    bool ping(const Incoming& incoming);
    bool log_out(const AnyHeader& header);

    // connection_tasks.cpp
    bool command(const Incoming& incoming);
    bool data_out(const Incoming& incoming);
    bool manage(const AnyHeader& header);
    TaskAnswer manage_tasks(const TaskRequestPdu& request);
    bool more_or_run(const std::shared_ptr<Task>& task, bool sequence_ended);
    void run(Task& task);
    void answer(Task& task, Result<virtual_library::VirtualLibrary::Answered> answered);
    bool send_read_data(const Task& task, std::size_t size, bool with_status);

    // With mutex_ held.
    template <class Pdu>
    bool send(Pdu pdu, Bytes data = {});
    bool send_bytes(MutableBytes header, Bytes data);
    template <class Pdu>
    void number(Pdu& pdu);  // takes the next StatSN
    std::uint32_t max_command_sn() const;

    std::shared_ptr<Target> target_;
    Stream stream_;
    Agreed agreed_;  // set at the end of the login, then constant
    bool full_feature_ = false;
    bool discovery_ = false;
    std::string initiator_;
    virtual_library::NexusId nexus_{};
    Readers readers_{[this] { return step(); }, [this] { finish(); }};

    std::mutex mutex_;  // guards what follows and writing to the stream
    std::uint32_t status_sn_ = 1;
    std::uint32_t expected_sn_ = 0;  // of the initiator's next command
    std::uint32_t pending_ = 0;      // commands that were numbered and not answered
    std::uint32_t next_transfer_tag_ = 1;
    std::map<std::uint32_t, std::shared_ptr<Task>> tasks_;
    std::map<std::uint8_t, std::shared_ptr<UnitQueue>> queues_;
    drives::RingMemory memory_;
    std::vector<std::uint8_t> scratch_;
};

template <class Pdu>
bool Connection::send(Pdu pdu, Bytes data) {
    pdu.data_length = BigEndian<3>{data.size()};
    auto bytes = scsi::encode(pdu);
    return send_bytes(bytes, data);
}

template <class Pdu>
void Connection::number(Pdu& pdu) {
    pdu.status_sn = BigEndian<4>{status_sn_++};
    pdu.expected_command_sn = BigEndian<4>{expected_sn_};
    pdu.max_command_sn = BigEndian<4>{max_command_sn()};
}

}  // namespace capstan::iscsi
