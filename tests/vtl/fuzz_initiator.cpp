#include "drives/scsi/iscsi/discovery.hpp"
#include "drives/scsi/iscsi/iscsi_transport.hpp"
#include "drives/scsi/spc.hpp"
#include "tools/vtl/pdu.hpp"
#include "tools/vtl/stream.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

// decodes: drives/scsi/iscsi/iscsi_transport.cpp drives/scsi/iscsi/discovery.cpp

// The input as an address; then as what a target answers to our initiator. First byte of the input: bit 0 a discovery session, bit 1 CHAP, bit 2 the login is answered as it should
// be. Then answers, one for each PDU that comes: a byte of flags (bit 0: its tag and numbers fit to what was asked, bit 1: another answer
// follows at once), a byte of its length in units of 4, that many bytes. Behind the last one the target goes away.
namespace {

using namespace capstan;
using namespace capstan::iscsi;
using namespace std::chrono_literals;

class FuzzTarget {
  public:
    FuzzTarget() : listener_(listen_on("127.0.0.1:0").value()), address_(address_of_listener(listener_)) {
        std::thread([this] { serve_all(); }).detach();  // as long as the program
    }
    const std::string& address() const { return address_; }
    void say(bool logs_in, Bytes answers) {
        const std::lock_guard lock(mutex_);
        logs_in_ = logs_in;
        answers_ = Reader(answers);
    }

  private:
    void serve_all() {
        for (;;) {
            FileHandle socket(::accept(listener_.get(), nullptr, nullptr));
            if (!socket) return;
            const timeval patience{.tv_sec = 0, .tv_usec = 50'000};
            ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
            Stream client(std::move(socket));
            while (answer_one(client)) {
            }
        }
    }
    static std::optional<AnyHeader> hear(Stream& client) {
        scsi::Wire<AnyHeader> bytes{};
        if (!client.read(bytes)) return std::nullopt;
        const auto header = *scsi::decode<AnyHeader>(bytes);
        std::vector<std::uint8_t> data(padded(header.data_length.value()));
        return client.read(data) ? std::optional(header) : std::nullopt;
    }
    // Where libiscsi 1.19 itself falls or never ends, which drives/scsi/iscsi/README.md tells of: Data-In or R2T for what was no
    // command, and an R2T for gigabytes, or in pieces of nothing.
    void keep_from_known_faults(const AnyHeader& asked, std::vector<std::uint8_t>& answer) const {
        constexpr std::uint8_t kCodeMask = 0x3F;
        constexpr std::size_t kLengthAt = 44;  // of an R2T
        if (answer.empty()) return;
        const auto code = answer[0] & kCodeMask;
        const bool command = asked.pdu_code() == PduCode::scsi_command, moves_data = code == raw(PduCode::ready_to_transfer) || code == raw(PduCode::data_in);
        if (moves_data && (!command || (code == raw(PduCode::ready_to_transfer) && (!logs_in_ || answer.size() < kHeaderSize))))
            answer[0] = raw(PduCode::login_response);
        else if (code == raw(PduCode::ready_to_transfer)) answer[kLengthAt] = answer[kLengthAt + 1] = 0;
    }
    bool answer_one(Stream& client) {
        const auto asked = hear(client);
        if (!asked) return false;
        constexpr std::uint8_t kTransit = 0x80, kStages = 0x07;
        const std::lock_guard lock(mutex_);
        const auto request = as<LoginRequestPdu>(*asked);
        if (logs_in_ && asked->pdu_code() == PduCode::login_request) {
            LoginResponsePdu reply;
            reply.flags = request.flags & (kTransit | 0x0F);
            if ((reply.flags & kStages) == 0) reply.flags = kTransit | 1;
            reply.session_id = request.session_id;
            reply.session_handle = BigEndian<2>{1};
            reply.task_tag = asked->task_tag;
            reply.expected_command_sn = BigEndian<4>{request.command_sn.value()};
            reply.max_command_sn = BigEndian<4>{request.command_sn.value() + 8};
            constexpr std::string_view kText("HeaderDigest=None\0\0\0", 20);  // padded
            reply.data_length = BigEndian<3>{kText.size() - 2};
            const auto header = scsi::encode(reply);
            const std::array<Bytes, 2> parts{header, bytes_of(kText)};
            return client.write(parts);
        }
        for (bool more = true; more;) {
            const auto flags = answers_.big<1>(), words = answers_.big<1>();
            const auto said = flags && words ? answers_.take(std::min<std::size_t>(*words * 4, answers_.left())) : std::nullopt;
            if (!said) return false;
            std::vector<std::uint8_t> bytes(said->begin(), said->end());
            if (scsi::has(static_cast<std::uint8_t>(*flags), 1) && bytes.size() >= kHeaderSize) {
                auto header = *scsi::decode<ScsiResponsePdu>(Bytes(bytes).first(kHeaderSize));
                header.task_tag = asked->task_tag;
                header.expected_command_sn = BigEndian<4>{request.command_sn.value() + 1};
                header.max_command_sn = BigEndian<4>{request.command_sn.value() + 8};
                std::ranges::copy(scsi::encode(header), bytes.begin());
            }
            keep_from_known_faults(*asked, bytes);
            const Bytes part(bytes);
            if (!bytes.empty() && !client.write(std::span(&part, 1))) return false;
            more = scsi::has(static_cast<std::uint8_t>(*flags), 2);
        }
        return true;
    }

    FileHandle listener_;
    std::string address_;
    std::mutex mutex_;
    bool logs_in_ = false;
    Reader answers_{{}};
};

void ask(scsi::IscsiTransport& initiator, bool writes) {
    constexpr std::size_t kAsked = 96, kGuard = 512;
    constexpr auto kPatience = 20ms;
    std::vector<std::uint8_t> space(kAsked + 2 * kGuard, 0xA5);
    const auto inquiry = scsi::to_cdb(scsi::InquiryCdb{.allocation_length = BigEndian<2>{kAsked}});
    const auto reply = initiator.execute(inquiry, {}, MutableBytes(space).subspan(kGuard, kAsked), kPatience);
    if (reply && reply->transferred > kAsked) __builtin_trap();
    const auto intact = [](std::uint8_t byte) { return byte == 0xA5; };
    if (!std::all_of(space.begin(), space.begin() + kGuard, intact) || !std::all_of(space.end() - kGuard, space.end(), intact)) __builtin_trap();
    if (!writes) return;
    const std::vector<std::uint8_t> block(1024, 0x5A);
    const std::array<Bytes, 2> pieces{Bytes(block).first(512), Bytes(block).subspan(512)};
    scsi::Cdb write;
    write.size = 6;
    write.bytes = {0x0A, 0, 0, 4, 0, 0};
    const auto written = initiator.execute(write, pieces, {}, kPatience);
    if (written && written->transferred > block.size()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kInputMax = 16 << 10;
    if (size == 0 || size > kInputMax) return 0;
    const std::string text(data, data + size);
    if (const auto address = scsi::iscsi_address(text); address && scsi::iscsi_address(scsi::to_text(*address)) != *address) __builtin_trap();
    static FuzzTarget target;
    const bool logs_in = scsi::has(data[0], 4);
    target.say(logs_in, Bytes(data + 1, size - 1));
    scsi::IscsiOptions options;
    options.header_digest = false;
    options.connect_limit = 100ms;
    if (scsi::has(data[0], 2)) options.user = "u", options.secret = "secret-of-twelve";
    if (scsi::has(data[0], 1)) {
        const auto targets = scsi::discover_targets(target.address(), options);
        if (targets && std::ranges::any_of(*targets, [size](const auto& name) { return name.size() > size; })) __builtin_trap();
    } else {
        scsi::IscsiTransport initiator({target.address(), "t", 0}, options);
        ask(initiator, logs_in);  // a login may have agreed on pieces of nothing, which a write would send without end
    }
    target.say(false, {});  // `data` goes
    return 0;
}
