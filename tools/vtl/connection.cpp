#include "tools/vtl/connection.hpp"

#include "config/base/log.hpp"
#include "drives/virtual/cartridge_format.hpp"
#include "tools/vtl/target.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::iscsi {
namespace {

using std::chrono::seconds;
constexpr std::size_t kLoginDataMax = 8192;  // MaxRecvDataSegmentLength before anything is agreed
constexpr std::uint32_t kQueueDepth = 32;    // commands of one session that wait or run
constexpr seconds kLoginLimit{15};
constexpr std::size_t kDigestSize = 4;

// CRC32C goes over the wire least significant byte first (RFC 7143 clause 13.1).
std::array<std::uint8_t, kDigestSize> digest_on_wire(std::uint32_t crc) {
    return std::bit_cast<std::array<std::uint8_t, kDigestSize>>(LittleEndian<4>{crc});
}

}  // namespace

// What it waits for is not to be carried out behind the back of the session that comes next (RFC 7143 clause 6.3.5).
void Connection::shut_down() {
    stream_.shut_down();
    const std::lock_guard lock(mutex_);
    for (auto& [tag, task] : tasks_) task->aborted = true;
}

std::uint32_t Connection::max_command_sn() const {
    return expected_sn_ + (pending_ < kQueueDepth ? kQueueDepth - pending_ : 0) - 1;
}

// --- the wire ---

std::optional<Connection::Incoming> Connection::read_header() {
    // With its digest in one call: each one more costs as much as several KiB of data.
    std::array<std::uint8_t, kHeaderSize + kDigestSize> begin{};
    const auto digest_size = agreed_.header_digest ? kDigestSize : 0;
    if (!stream_.read(MutableBytes(begin).first(kHeaderSize + digest_size))) return std::nullopt;
    Incoming incoming;
    incoming.header = *scsi::decode<AnyHeader>(Bytes(begin).first(kHeaderSize));
    std::vector<std::uint8_t> extra;
    Bytes whole(begin.data(), kHeaderSize + digest_size);
    if (const std::size_t extra_size = incoming.header.extra_words * 4u; extra_size > 0) {
        extra.assign(whole.begin(), whole.end());
        extra.resize(whole.size() + extra_size);
        if (!stream_.read(MutableBytes(extra).subspan(whole.size()))) return std::nullopt;
        whole = extra;
    }
    if (agreed_.header_digest) {
        const auto right = digest_on_wire(virtual_library::crc32c(whole.first(whole.size() - kDigestSize)));
        if (!std::ranges::equal(right, whole.last(kDigestSize))) return std::nullopt;  // nothing behind it can be trusted
    }
    incoming.data_size = incoming.header.data_length.value();
    if (incoming.data_size > (full_feature_ ? kReceiveMax : kLoginDataMax)) return std::nullopt;
    return incoming;
}

bool Connection::read_data(MutableBytes into) {
    if (into.empty()) return true;
    std::array<std::uint8_t, 3> padding{};
    const auto pad = MutableBytes(padding).first(padded(into.size()) - into.size());
    if (!stream_.read(into) || !stream_.read(pad)) return false;
    if (!agreed_.data_digest) return true;
    std::array<std::uint8_t, kDigestSize> digest{};
    if (!stream_.read(digest)) return false;
    return digest == digest_on_wire(virtual_library::crc32c(pad, virtual_library::crc32c(into)));
}

bool Connection::skip_data(std::size_t size) {
    scratch_.resize(size);
    return read_data(scratch_);
}

bool Connection::send_bytes(MutableBytes header, Bytes data) {
    static constexpr std::array<std::uint8_t, 3> kZeros{};
    const auto pad = Bytes(kZeros).first(padded(data.size()) - data.size());
    std::array<std::uint8_t, kDigestSize> header_digest{}, data_digest{};
    std::array<Bytes, 5> parts{header, Bytes{}, data, pad, Bytes{}};
    if (agreed_.header_digest && full_feature_) {
        header_digest = digest_on_wire(virtual_library::crc32c(header));
        parts[1] = header_digest;
    }
    if (agreed_.data_digest && full_feature_ && !data.empty()) {
        data_digest = digest_on_wire(virtual_library::crc32c(pad, virtual_library::crc32c(data)));
        parts[4] = data_digest;
    }
    if (stream_.write(parts)) return true;
    stream_.shut_down();
    return false;
}

// --- login ---

bool Connection::send_login(const LoginRequestPdu& request, const LoginReply& reply) {
    LoginResponsePdu pdu;
    pdu.flags = reply.flags;
    pdu.session_id = request.session_id;
    pdu.task_tag = request.task_tag;
    pdu.status = BigEndian<2>{raw(reply.status)};
    if (reply.done) pdu.session_handle = BigEndian<2>{target_->next_handle()};  // before the lock: the target's comes first
    std::lock_guard lock(mutex_);
    number(pdu);
    return send(pdu, encode_text(reply.keys));
}

bool Connection::log_in() {
    constexpr int kStepsMax = 64;
    stream_.limit_reading(kLoginLimit);
    Login login(target_->settings(), target_->random_bytes(16));
    std::vector<std::uint8_t> collected;
    for (int step = 0; step < kStepsMax; ++step) {
        auto incoming = read_header();
        if (!incoming || incoming->header.pdu_code() != PduCode::login_request) return false;
        const auto request = as<LoginRequestPdu>(incoming->header);
        const auto before = collected.size();
        if (before + incoming->data_size > kTextMax) return false;
        collected.resize(before + incoming->data_size);
        if (!read_data(MutableBytes(collected).subspan(before))) return false;
        expected_sn_ = static_cast<std::uint32_t>(request.command_sn.value());
        if (scsi::has(request.flags, flag::kContinue)) {
            LoginReply go_on;
            go_on.flags = static_cast<std::uint8_t>(raw(request.current_stage()) << 2);
            if (!send_login(request, go_on)) return false;
            continue;
        }
        auto keys = decode_text(collected);
        collected.clear();
        LoginReply reply;
        if (!keys) reply.status = LoginStatus::initiator_error;
        else if (request.session_handle.value() != 0) reply.status = LoginStatus::session_does_not_exist;  // one connection each
        else reply = login.step(request, *keys);
        if (reply.done && !login.discovery()) {
            nexus_ = target_->begin_session(login.initiator(), request.session_id, shared_from_this());
        }
        if (!send_login(request, reply)) return false;
        if (reply.status != LoginStatus::success) {
            log::warning("login-refused", {{"peer", stream_.peer_address()},
                                           {"initiator", login.initiator()},
                                           {"status", fmt::format("{:04x}", raw(reply.status))}});
            return false;
        }
        if (!reply.done) continue;
        agreed_ = login.agreed();
        discovery_ = login.discovery();
        initiator_ = login.initiator();
        full_feature_ = true;
        stream_.limit_reading(seconds{0});
        return true;
    }
    return false;
}

void Connection::serve() {
    if (!log_in()) return finish();
    log::info(discovery_ ? "discovery" : "login", {{"peer", stream_.peer_address()}, {"initiator", initiator_}});
    readers_.serve();
}

bool Connection::step() {
    const auto incoming = read_header();
    return incoming && handle(*incoming);
}

void Connection::finish() {
    stream_.shut_down();
    {
        std::lock_guard lock(mutex_);
        for (auto& [unit, queue] : queues_) queue->close();
        for (auto& [tag, task] : tasks_) task->aborted = true;
        tasks_.clear();
    }
    if (raw(nexus_) != 0) {
        target_->end_session(nexus_, this);
        log::info("logout", {{"peer", stream_.peer_address()}, {"initiator", initiator_}});
    }
    target_->forget(shared_from_this());
}

// --- full feature phase ---

bool Connection::take_number(const AnyHeader& header) {
    if (header.immediate()) return true;
    const auto number = static_cast<std::uint32_t>(as<ScsiCommandPdu>(header).command_sn.value());
    std::lock_guard lock(mutex_);
    if (number != expected_sn_ || pending_ >= kQueueDepth) return false;
    ++expected_sn_;
    return true;
}

bool Connection::handle(const Incoming& incoming) {
    const auto& header = incoming.header;
    const auto code = header.pdu_code();
    const bool numbered = code != PduCode::data_out && code != PduCode::snack_request;
    if (numbered && !take_number(header)) return skip_data(incoming.data_size);
    const bool only_text = discovery_ && code != PduCode::text_request && code != PduCode::logout_request && code != PduCode::nop_out;
    if (only_text) return skip_data(incoming.data_size) && reject(header, RejectReason::protocol_error);
    switch (code) {
        case PduCode::scsi_command: return command(incoming);
        case PduCode::data_out: return data_out(incoming);
        case PduCode::nop_out: return ping(incoming);
        case PduCode::text_request: return text(incoming);
        case PduCode::task_request: return skip_data(incoming.data_size) && manage(header);
        case PduCode::logout_request: return skip_data(incoming.data_size) && log_out(header);
        case PduCode::snack_request: return skip_data(incoming.data_size) && reject(header, RejectReason::snack);
        case PduCode::login_request: return false;  // the login phase is over
        default: return skip_data(incoming.data_size) && reject(header, RejectReason::not_supported);
    }
}

bool Connection::reject(const AnyHeader& header, RejectReason reason) {
    RejectPdu pdu;
    pdu.reason = raw(reason);
    std::lock_guard lock(mutex_);
    number(pdu);
    return send(pdu, scsi::encode(header));
}

bool Connection::ping(const Incoming& incoming) {
    std::vector<std::uint8_t> data(incoming.data_size);
    if (!read_data(data)) return false;
    if (incoming.header.task_tag.value() == kNoTag) return true;  // it wants no answer
    data.resize(std::min<std::size_t>(data.size(), agreed_.send_max));
    TextPdu pdu;
    pdu.code = raw(PduCode::nop_in);
    pdu.lun = incoming.header.lun;
    pdu.task_tag = incoming.header.task_tag;
    std::lock_guard lock(mutex_);
    pdu.command_or_status_sn = BigEndian<4>{status_sn_++};
    pdu.expected_sn = BigEndian<4>{expected_sn_};
    pdu.max_command_sn = BigEndian<4>{max_command_sn()};
    return send(pdu, data);
}

// SendTargets is the one question that is understood; it fits one PDU.
bool Connection::text(const Incoming& incoming) {
    std::vector<std::uint8_t> data(incoming.data_size);
    if (!read_data(data)) return false;
    const auto keys = decode_text(data);
    if (!keys || scsi::has(incoming.header.flags, flag::kContinue)) return reject(incoming.header, RejectReason::protocol_error);
    TextKeys reply;
    for (const auto& key : *keys) {
        if (key.name != "SendTargets") {
            reply.push_back({key.name, "NotUnderstood"});
            continue;
        }
        const bool named = key.value == target_->settings().name || (key.value.empty() && !discovery_);
        if (key.value != "All" && !named) continue;
        reply.push_back({"TargetName", target_->settings().name});
        reply.push_back({"TargetAddress", stream_.local_address() + ",1"});
    }
    TextPdu pdu;
    pdu.code = raw(PduCode::text_response);
    pdu.task_tag = incoming.header.task_tag;
    std::lock_guard lock(mutex_);
    pdu.command_or_status_sn = BigEndian<4>{status_sn_++};
    pdu.expected_sn = BigEndian<4>{expected_sn_};
    pdu.max_command_sn = BigEndian<4>{max_command_sn()};
    return send(pdu, encode_text(reply));
}

bool Connection::log_out(const AnyHeader& header) {
    constexpr std::uint8_t kForRecovery = 2, kNotSupported = 2;
    LogoutResponsePdu pdu;
    pdu.task_tag = header.task_tag;
    const bool recovery = (header.flags & 0x7F) == kForRecovery;
    if (recovery) pdu.response = kNotSupported;
    std::lock_guard lock(mutex_);
    number(pdu);
    return send(pdu) && recovery;  // otherwise the connection ends
}

}  // namespace capstan::iscsi
