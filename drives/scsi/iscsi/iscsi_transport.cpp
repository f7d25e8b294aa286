#include "drives/scsi/iscsi/iscsi_transport.hpp"

#include "drives/scsi/sense.hpp"
#include "drives/scsi/status.hpp"

#include <fmt/format.h>
extern "C" {
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
}

#include <poll.h>
#include <sys/socket.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>

namespace capstan::scsi {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

Result<IscsiAddress> iscsi_address(std::string_view text) {
    const std::string whole(text);
    auto refuse = [&] {
        return fail(Recovery::change_request, fmt::format("'{}' is no address of an iSCSI logical unit", whole),
                    "Write PORTAL/TARGET/LUN, for example 127.0.0.1:3260/iqn.2026-11.org.example:library/0.");
    };
    constexpr std::string_view kScheme = "iscsi://";
    if (text.starts_with(kScheme)) text.remove_prefix(kScheme.size());
    const auto first = text.find('/');
    const auto last = text.rfind('/');
    if (first == std::string_view::npos || first == last || first == 0 || last == first + 1) return refuse();
    IscsiAddress address{std::string(text.substr(0, first)), std::string(text.substr(first + 1, last - first - 1)), 0};
    const auto lun = text.substr(last + 1);
    constexpr std::uint16_t kLunMax = 255;  // one level, peripheral addressing
    const auto [end, error] = std::from_chars(lun.data(), lun.data() + lun.size(), address.lun);
    if (error != std::errc{} || end != lun.data() + lun.size() || address.lun > kLunMax) return refuse();
    const bool has_port = address.portal.rfind(':') != std::string::npos && address.portal.back() != ']';
    if (!has_port) address.portal += ":3260";
    return address;
}

std::string to_text(const IscsiAddress& address) { return fmt::format("{}/{}/{}", address.portal, address.target, address.lun); }

// A context of libiscsi that is logged in. Everything waits in until(), on the caller's thread.
class IscsiTransport::Session {
  public:
    Session(const IscsiAddress& address, const IscsiOptions& options) : address_(address), options_(options) {}
    Result<void> log_in();
    Result<ScsiReply> execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in, milliseconds timeout);
    bool alive();
    bool ended() const { return ended_; }  // under the last command

  private:
    struct Answer {
        int status = 0;
        bool there = false;
    };
    static void answered(iscsi_context*, int status, void*, void* answer) {
        auto& known = *static_cast<Answer*>(answer);
        known = {status, true};
    }
    // Lets libiscsi work until `done`; false: the time is over, or the session is lost.
    bool until(const std::function<bool()>& done, Clock::time_point end);
    std::string reason() const { return iscsi_get_error(context_.get()); }
    std::unexpected<Error> failed(std::string_view what) const {
        return fail(Recovery::retry_later, fmt::format("iSCSI {}: {}: {}", to_text(address_), what, reason()),
                    "Look at the target, its portal and the network; the connection is tried again.");
    }
    void set_session_id();
    Result<ScsiReply> reply_of(const scsi_task& task, int status, std::size_t asked, Clock::time_point begun) const;

    IscsiAddress address_;
    IscsiOptions options_;
    bool ended_ = false;
    // Told again when the connection ends; so they outlive the context, which is below them.
    Answer connected_, logged_in_;
    std::unique_ptr<iscsi_context, int (*)(iscsi_context*)> context_{nullptr, iscsi_destroy_context};
};

bool IscsiTransport::Session::until(const std::function<bool()>& done, Clock::time_point end) {
    while (!done()) {
        const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
        if (left <= milliseconds{0}) return false;
        pollfd wait{iscsi_get_fd(context_.get()), static_cast<short>(iscsi_which_events(context_.get())), 0};
        constexpr milliseconds kMost{1000};  // libiscsi looks after its own clocks then
        const int ready = ::poll(&wait, 1, static_cast<int>(std::min(left, kMost).count()));
        if (ready < 0 && errno != EINTR) return false;
        if (iscsi_service(context_.get(), ready > 0 ? wait.revents : 0) != 0) return done();
    }
    return true;
}

// The same for this unit each time: with the initiator's name it is the nexus that a reservation belongs to.
void IscsiTransport::Session::set_session_id() {
    std::uint32_t hash = 2166136261;  // FNV-1a
    for (char c : address_.target) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619;
    iscsi_set_isid_random(context_.get(), hash & 0xFFFFFF, address_.lun);
}

Result<void> IscsiTransport::Session::log_in() {
    context_.reset(iscsi_create_context(options_.initiator.c_str()));
    if (!context_) return fail(Recovery::give_up, "libiscsi gives no context", "The machine may be out of memory.");
    auto* context = context_.get();
    iscsi_set_noautoreconnect(context, 1);
    iscsi_set_targetname(context, address_.target.c_str());
    iscsi_set_session_type(context, ISCSI_SESSION_NORMAL);
    iscsi_set_header_digest(context, options_.header_digest ? ISCSI_HEADER_DIGEST_CRC32C_NONE : ISCSI_HEADER_DIGEST_NONE_CRC32C);
    iscsi_set_tcp_keepalive(context, 30, 3, 10);
    set_session_id();
    if (!options_.user.empty()) iscsi_set_initiator_username_pwd(context, options_.user.c_str(), options_.secret.c_str());
    const auto end = Clock::now() + options_.connect_limit;
    if (iscsi_connect_async(context, address_.portal.c_str(), answered, &connected_) != 0) return failed("cannot connect");
    const bool in_time = until([&] { return connected_.there; }, end);
    if (!in_time || connected_.status != SCSI_STATUS_GOOD) return failed("cannot connect");
    // Not iscsi_full_connect: that asks TEST UNIT READY until it has swallowed every unit attention.
    if (iscsi_login_async(context, answered, &logged_in_) != 0) return failed("cannot log in");
    const bool answered_in_time = until([&] { return logged_in_.there; }, end);
    if (!answered_in_time || logged_in_.status != SCSI_STATUS_GOOD) {
        auto error = failed("the login was refused");
        error.error().recovery = Recovery::ask_operator;
        error.error().advice = "Compare the target's name and the CHAP user and secret with those of the target.";
        return error;
    }
    return {};
}

// Before a command is sent: what the target did meanwhile. Its pings are answered; a connection that it has ended is found out while
// nothing of ours is on its way. libiscsi itself hides such an end (iscsi_service() is content, and the login stays), so the socket is asked.
bool IscsiTransport::Session::alive() {
    if (!context_ || iscsi_is_logged_in(context_.get()) == 0) return false;
    constexpr int kPiecesMax = 1000;  // a target that never stops talking is not to keep us
    for (int piece = 0; piece < kPiecesMax; ++piece) {
        pollfd wait{iscsi_get_fd(context_.get()), static_cast<short>(iscsi_which_events(context_.get())), 0};
        const int ready = ::poll(&wait, 1, 0);
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return false;
        if (ready == 0) return true;
        std::uint8_t next = 0;
        const auto waiting = ::recv(wait.fd, &next, sizeof(next), MSG_PEEK | MSG_DONTWAIT);
        if (waiting == 0 || (waiting < 0 && errno != EAGAIN && errno != EINTR)) return false;
        if (iscsi_service(context_.get(), wait.revents) != 0 || iscsi_is_logged_in(context_.get()) == 0) return false;
    }
    return true;
}

Result<ScsiReply> IscsiTransport::Session::execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in, milliseconds timeout) {
    const auto begun = Clock::now();
    std::size_t out_size = 0;
    std::array<scsi_iovec, 8> out{};
    std::size_t out_count = 0;
    for (auto part : data_out) {
        if (out_count == out.size()) return fail(Recovery::change_request, "more than 8 pieces of data for one command");
        out[out_count++] = {const_cast<std::uint8_t*>(part.data()), part.size()};  // NOLINT: libiscsi does not write there
        out_size += part.size();
    }
    auto cdb_bytes = cdb.bytes;
    const auto asked = out_size > 0 ? out_size : data_in.size();
    const auto direction = out_size > 0 ? SCSI_XFER_WRITE : asked > 0 ? SCSI_XFER_READ : SCSI_XFER_NONE;
    const std::unique_ptr<scsi_task, void (*)(scsi_task*)> task(
        scsi_create_task(cdb.size, cdb_bytes.data(), direction, static_cast<int>(asked)), scsi_free_scsi_task);
    if (!task) return fail(Recovery::give_up, "libiscsi gives no task", "The machine may be out of memory.");
    scsi_iovec in{data_in.data(), data_in.size()};
    if (direction == SCSI_XFER_WRITE) scsi_task_set_iov_out(task.get(), out.data(), static_cast<int>(out_count));
    if (direction == SCSI_XFER_READ) scsi_task_set_iov_in(task.get(), &in, 1);
    Answer answer;
    if (iscsi_scsi_command_async(context_.get(), address_.lun, task.get(), answered, nullptr, &answer) != 0) {
        auto error = failed("cannot send the command");
        context_.reset();
        ended_ = true;
        return error;
    }
    const bool in_time = until([&] { return answer.there; }, begun + timeout);
    if (in_time && answer.status != SCSI_STATUS_CANCELLED && answer.status != SCSI_STATUS_ERROR)
        return reply_of(*task, answer.status, asked, begun);
    const bool too_late = !in_time && Clock::now() >= begun + timeout;
    auto what = too_late ? fmt::format("no answer to command {:02x}h within {} ms", cdb.bytes[0], timeout.count())
                         : fmt::format("the session was lost during command {:02x}h", cdb.bytes[0]);
    context_.reset();  // before the task's memory goes: libiscsi refers to it
    ended_ = !too_late;
    return fail(Recovery::stop_device, fmt::format("iSCSI {}: {}; its outcome is unknown", to_text(address_), what),
                "Look at the target, its portal and the network.");
}

Result<ScsiReply> IscsiTransport::Session::reply_of(const scsi_task& task, int status, std::size_t asked, Clock::time_point begun) const {
    ScsiReply reply;
    reply.took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
    reply.transferred = asked;
    if (task.residual_status == SCSI_RESIDUAL_UNDERFLOW) reply.transferred = asked - std::min(asked, task.residual);
    auto name = [&] { return to_text(address_); };
    switch (status) {
        case SCSI_STATUS_GOOD: return reply;
        case SCSI_STATUS_CHECK_CONDITION: {
            constexpr std::size_t kLength = 2;  // before the sense data themselves (RFC 7143 clause 11.4.7.2)
            const auto size = static_cast<std::size_t>(std::max(task.datain.size, 0));
            const Bytes data{task.datain.data, task.datain.data ? size : 0};
            if (data.size() > kLength) reply.sense = decode_sense(data.subspan(kLength));
            if (reply.sense) return reply;
            return fail(Recovery::stop_device, fmt::format("iSCSI {}: CHECK CONDITION without sense data", name()),
                        "Look at the device; its state is unknown.");
        }
        default: break;
    }
    constexpr int kStatusMax = 0xFF;  // above: libiscsi's own
    if (status <= kStatusMax) return std::unexpected(error_from_status(static_cast<Status>(status), fmt::format("iSCSI {}", name())));
    return fail(Recovery::stop_device, fmt::format("iSCSI {}: the command ended with {}; its outcome is unknown", name(), reason()),
                "Look at the device and its connection.");
}

IscsiTransport::IscsiTransport(IscsiAddress address, IscsiOptions options)
    : address_(std::move(address)), options_(std::move(options)) {}
IscsiTransport::~IscsiTransport() = default;

Result<ScsiReply> IscsiTransport::execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in, std::chrono::milliseconds timeout) {
    if (!session_ || !session_->alive()) {
        session_.reset();
        ended_ = true;
        auto session = std::make_unique<Session>(address_, options_);
        CAPSTAN_CHECK(session->log_in());
        session_ = std::move(session);
        ended_ = false;
        constexpr SenseCode kNexusLost{0x6, 0x29, 0x07};
        if (std::exchange(was_in_, true)) return ScsiReply{Sense{.code = kNexusLost, .information = {}}, 0, {}};
    }
    auto reply = session_->execute(cdb, data_out, data_in, timeout);
    ended_ = session_->ended();
    if (!reply && (ended_ || reply.error().recovery == Recovery::stop_device)) session_.reset();
    return reply;
}

}  // namespace capstan::scsi
