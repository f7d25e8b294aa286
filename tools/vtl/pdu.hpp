// The protocol data units of iSCSI (RFC 7143 clause 11): one struct per basic header segment of 48 bytes, its fields in wire order
// and alignment 1. Encoding is a bit_cast (drives/scsi/cdb.hpp). Both directions are here, since a test plays the initiator.
// Pure values, any thread.
#pragma once

#include "drives/scsi/cdb.hpp"

namespace capstan::iscsi {

inline constexpr std::size_t kHeaderSize = 48;
inline constexpr std::uint32_t kNoTag = 0xFFFFFFFF;

enum class PduCode : std::uint8_t {  // clause 11.2.1.2
    nop_out = 0x00,
    scsi_command = 0x01,
    task_request = 0x02,
    login_request = 0x03,
    text_request = 0x04,
    data_out = 0x05,
    logout_request = 0x06,
    snack_request = 0x10,
    nop_in = 0x20,
    scsi_response = 0x21,
    task_response = 0x22,
    login_response = 0x23,
    text_response = 0x24,
    data_in = 0x25,
    logout_response = 0x26,
    ready_to_transfer = 0x31,
    reject = 0x3F,
};
namespace flag {
inline constexpr std::uint8_t kImmediate = 0x40;                                    // byte 0
inline constexpr std::uint8_t kFinal = 0x80, kContinue = 0x40, kTransit = 0x80;     // byte 1
inline constexpr std::uint8_t kRead = 0x40, kWrite = 0x20;                          // SCSI Command
inline constexpr std::uint8_t kOverflow = 0x04, kUnderflow = 0x02, kStatus = 0x01;  // SCSI Response, Data-In
}

// What every header begins with; the rest depends on the code.
struct AnyHeader {
    std::uint8_t code = 0;          // byte 0: immediate, code
    std::uint8_t flags = 0;         // byte 1
    std::array<std::uint8_t, 2> specific_2{};
    std::uint8_t extra_words = 0;   // byte 4: additional header segments, in words of 4 bytes
    BigEndian<3> data_length{};     // bytes 5-7, without padding
    std::array<std::uint8_t, 8> lun{};
    BigEndian<4> task_tag{};        // bytes 16-19, the initiator's
    std::array<std::uint8_t, 28> specific_20{};
    PduCode pdu_code() const { return static_cast<PduCode>(code & 0x3F); }
    bool immediate() const { return scsi::has(code, flag::kImmediate); }
    friend constexpr bool operator==(const AnyHeader&, const AnyHeader&) = default;
};
static_assert(sizeof(AnyHeader) == kHeaderSize);

struct ScsiCommandPdu {  // 11.3
    std::uint8_t code = raw(PduCode::scsi_command);
    std::uint8_t flags = 0;
    std::array<std::uint8_t, 2> reserved_2{};
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 8> lun{};
    BigEndian<4> task_tag{};
    BigEndian<4> expected_length{};  // 20-23: of the data transfer
    BigEndian<4> command_sn{};       // 24-27
    BigEndian<4> expected_status_sn{};
    std::array<std::uint8_t, 16> cdb{};
    friend constexpr bool operator==(const ScsiCommandPdu&, const ScsiCommandPdu&) = default;
};
static_assert(sizeof(ScsiCommandPdu) == kHeaderSize);

struct ScsiResponsePdu {  // 11.4
    std::uint8_t code = raw(PduCode::scsi_response);
    std::uint8_t flags = flag::kFinal;
    std::uint8_t response = 0;  // 0: completed at target, 1: target failure
    std::uint8_t status = 0;    // SAM: 02h CHECK CONDITION, 18h RESERVATION CONFLICT …
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 8> reserved_8{};
    BigEndian<4> task_tag{};
    BigEndian<4> snack_tag{};
    BigEndian<4> status_sn{};  // 24-27
    BigEndian<4> expected_command_sn{};
    BigEndian<4> max_command_sn{};
    BigEndian<4> expected_data_sn{};
    BigEndian<4> read_residual{};
    BigEndian<4> residual{};  // 44-47
    friend constexpr bool operator==(const ScsiResponsePdu&, const ScsiResponsePdu&) = default;
};
static_assert(sizeof(ScsiResponsePdu) == kHeaderSize);

struct TaskRequestPdu {  // 11.5
    std::uint8_t code = raw(PduCode::task_request);
    std::uint8_t flags = flag::kFinal;  // and the function
    std::array<std::uint8_t, 2> reserved_2{};
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 8> lun{};
    BigEndian<4> task_tag{};
    BigEndian<4> referenced_tag{};  // 20-23
    BigEndian<4> command_sn{};
    BigEndian<4> expected_status_sn{};
    BigEndian<4> referenced_command_sn{};
    BigEndian<4> expected_data_sn{};
    std::array<std::uint8_t, 8> reserved_40{};
    friend constexpr bool operator==(const TaskRequestPdu&, const TaskRequestPdu&) = default;
};
static_assert(sizeof(TaskRequestPdu) == kHeaderSize);
enum class TaskFunction : std::uint8_t {
    abort_task = 1,
    abort_task_set = 2,
    clear_aca = 3,
    clear_task_set = 4,
    logical_unit_reset = 5,
    target_warm_reset = 6,
    target_cold_reset = 7,
    task_reassign = 8,
};
enum class TaskAnswer : std::uint8_t { complete = 0, no_task = 1, no_unit = 2, no_reassign = 4, not_supported = 5 };

// The answers that say nothing but their numbers: task management, NOP-In, text, logout.
struct TaskResponsePdu {  // 11.6
    std::uint8_t code = raw(PduCode::task_response);
    std::uint8_t flags = flag::kFinal;
    std::uint8_t response = 0;
    std::uint8_t reserved_3 = 0;
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 8> reserved_8{};
    BigEndian<4> task_tag{};
    BigEndian<4> reserved_20{};
    BigEndian<4> status_sn{};
    BigEndian<4> expected_command_sn{};
    BigEndian<4> max_command_sn{};
    std::array<std::uint8_t, 12> reserved_36{};
    friend constexpr bool operator==(const TaskResponsePdu&, const TaskResponsePdu&) = default;
};
static_assert(sizeof(TaskResponsePdu) == kHeaderSize);

struct DataOutPdu {  // 11.7
    std::uint8_t code = raw(PduCode::data_out);
    std::uint8_t flags = 0;
    std::array<std::uint8_t, 2> reserved_2{};
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 8> lun{};
    BigEndian<4> task_tag{};
    BigEndian<4> transfer_tag{};  // 20-23: of the R2T that asked for it; kNoTag: unasked
    BigEndian<4> reserved_24{};
    BigEndian<4> expected_status_sn{};
    BigEndian<4> reserved_32{};
    BigEndian<4> data_sn{};
    BigEndian<4> offset{};  // 40-43
    BigEndian<4> reserved_44{};
    friend constexpr bool operator==(const DataOutPdu&, const DataOutPdu&) = default;
};
static_assert(sizeof(DataOutPdu) == kHeaderSize);

struct DataInPdu {  // 11.7
    std::uint8_t code = raw(PduCode::data_in);
    std::uint8_t flags = 0;
    std::uint8_t reserved_2 = 0;
    std::uint8_t status = 0;  // with flag::kStatus
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 8> lun{};
    BigEndian<4> task_tag{};
    BigEndian<4> transfer_tag{kNoTag};
    BigEndian<4> status_sn{};
    BigEndian<4> expected_command_sn{};
    BigEndian<4> max_command_sn{};
    BigEndian<4> data_sn{};
    BigEndian<4> offset{};
    BigEndian<4> residual{};
    friend constexpr bool operator==(const DataInPdu&, const DataInPdu&) = default;
};
static_assert(sizeof(DataInPdu) == kHeaderSize);

struct ReadyToTransferPdu {  // 11.8
    std::uint8_t code = raw(PduCode::ready_to_transfer);
    std::uint8_t flags = flag::kFinal;
    std::array<std::uint8_t, 2> reserved_2{};
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 8> lun{};
    BigEndian<4> task_tag{};
    BigEndian<4> transfer_tag{};
    BigEndian<4> status_sn{};  // the next one's, not used up
    BigEndian<4> expected_command_sn{};
    BigEndian<4> max_command_sn{};
    BigEndian<4> ready_sn{};  // 36-39: counts the R2Ts of the task
    BigEndian<4> offset{};
    BigEndian<4> desired_length{};
    friend constexpr bool operator==(const ReadyToTransferPdu&, const ReadyToTransferPdu&) = default;
};
static_assert(sizeof(ReadyToTransferPdu) == kHeaderSize);

struct TextPdu {  // 11.10, 11.11: request and response; also NOP-Out and NOP-In, 11.18, 11.19
    std::uint8_t code = 0;
    std::uint8_t flags = flag::kFinal;
    std::array<std::uint8_t, 2> reserved_2{};
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 8> lun{};
    BigEndian<4> task_tag{};
    BigEndian<4> transfer_tag{kNoTag};
    BigEndian<4> command_or_status_sn{};   // request: CmdSN; response: StatSN
    BigEndian<4> expected_sn{};            // request: ExpStatSN; response: ExpCmdSN
    BigEndian<4> max_command_sn{};         // response
    std::array<std::uint8_t, 12> reserved_36{};
    friend constexpr bool operator==(const TextPdu&, const TextPdu&) = default;
};
static_assert(sizeof(TextPdu) == kHeaderSize);

enum class Stage : std::uint8_t { security = 0, operational = 1, full_feature = 3 };  // 11.12.3

struct LoginRequestPdu {  // 11.12
    std::uint8_t code = raw(PduCode::login_request) | flag::kImmediate;
    std::uint8_t flags = 0;  // transit, continue, current stage (bits 3-2), next stage (bits 1-0)
    std::uint8_t version_max = 0;
    std::uint8_t version_min = 0;
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 6> session_id{};  // 8-13: ISID, the initiator's half
    BigEndian<2> session_handle{};             // 14-15: TSIH, 0 for a new session
    BigEndian<4> task_tag{};
    BigEndian<2> connection_id{};
    BigEndian<2> reserved_22{};
    BigEndian<4> command_sn{};
    BigEndian<4> expected_status_sn{};
    std::array<std::uint8_t, 16> reserved_32{};
    Stage current_stage() const { return static_cast<Stage>(flags >> 2 & 3); }
    Stage next_stage() const { return static_cast<Stage>(flags & 3); }
    friend constexpr bool operator==(const LoginRequestPdu&, const LoginRequestPdu&) = default;
};
static_assert(sizeof(LoginRequestPdu) == kHeaderSize);

struct LoginResponsePdu {  // 11.13
    std::uint8_t code = raw(PduCode::login_response);
    std::uint8_t flags = 0;
    std::uint8_t version_max = 0;
    std::uint8_t version_active = 0;
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 6> session_id{};
    BigEndian<2> session_handle{};
    BigEndian<4> task_tag{};
    BigEndian<4> reserved_20{};
    BigEndian<4> status_sn{};
    BigEndian<4> expected_command_sn{};
    BigEndian<4> max_command_sn{};
    BigEndian<2> status{};  // 36-37: class, detail; LoginStatus
    std::array<std::uint8_t, 10> reserved_38{};
    friend constexpr bool operator==(const LoginResponsePdu&, const LoginResponsePdu&) = default;
};
static_assert(sizeof(LoginResponsePdu) == kHeaderSize);
enum class LoginStatus : std::uint16_t {  // 11.13.5
    success = 0x0000,
    initiator_error = 0x0200,
    authentication_failure = 0x0201,
    target_not_found = 0x0203,
    unsupported_version = 0x0205,
    too_many_connections = 0x0206,
    missing_parameter = 0x0207,
    session_type_not_supported = 0x0209,
    session_does_not_exist = 0x020A,
    invalid_request = 0x020B,
    out_of_resources = 0x0302,
};

struct LogoutRequestPdu {  // 11.14
    std::uint8_t code = raw(PduCode::logout_request);
    std::uint8_t flags = flag::kFinal;  // and the reason: 0 session, 1 connection, 2 connection for recovery
    std::array<std::uint8_t, 2> reserved_2{};
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 8> reserved_8{};
    BigEndian<4> task_tag{};
    BigEndian<2> connection_id{};
    BigEndian<2> reserved_22{};
    BigEndian<4> command_sn{};
    BigEndian<4> expected_status_sn{};
    std::array<std::uint8_t, 16> reserved_32{};
    friend constexpr bool operator==(const LogoutRequestPdu&, const LogoutRequestPdu&) = default;
};
static_assert(sizeof(LogoutRequestPdu) == kHeaderSize);

struct LogoutResponsePdu {  // 11.15
    std::uint8_t code = raw(PduCode::logout_response);
    std::uint8_t flags = flag::kFinal;
    std::uint8_t response = 0;  // 0: closed, 1: no such connection, 2: recovery not supported
    std::uint8_t reserved_3 = 0;
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 8> reserved_8{};
    BigEndian<4> task_tag{};
    BigEndian<4> reserved_20{};
    BigEndian<4> status_sn{};
    BigEndian<4> expected_command_sn{};
    BigEndian<4> max_command_sn{};
    BigEndian<4> reserved_36{};
    BigEndian<2> time_to_wait{};
    BigEndian<2> time_to_retain{};
    BigEndian<4> reserved_44{};
    friend constexpr bool operator==(const LogoutResponsePdu&, const LogoutResponsePdu&) = default;
};
static_assert(sizeof(LogoutResponsePdu) == kHeaderSize);

struct RejectPdu {  // 11.17; its data is the header that was refused
    std::uint8_t code = raw(PduCode::reject);
    std::uint8_t flags = flag::kFinal;
    std::uint8_t reason = 0;
    std::uint8_t reserved_3 = 0;
    std::uint8_t extra_words = 0;
    BigEndian<3> data_length{};
    std::array<std::uint8_t, 8> reserved_8{};
    BigEndian<4> task_tag{kNoTag};
    BigEndian<4> reserved_20{};
    BigEndian<4> status_sn{};
    BigEndian<4> expected_command_sn{};
    BigEndian<4> max_command_sn{};
    std::array<std::uint8_t, 12> reserved_36{};
    friend constexpr bool operator==(const RejectPdu&, const RejectPdu&) = default;
};
static_assert(sizeof(RejectPdu) == kHeaderSize);
enum class RejectReason : std::uint8_t {
    data_digest = 0x02,
    snack = 0x03,
    protocol_error = 0x04,
    not_supported = 0x05,
    invalid_field = 0x09,
};

// A header of 48 bytes as the struct that its code calls for.
template <class Pdu>
Pdu as(const AnyHeader& header) {
    static_assert(sizeof(Pdu) == kHeaderSize);
    return std::bit_cast<Pdu>(header);
}

constexpr std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

// A logical unit number of one level, in peripheral or flat addressing (SAM-5 4.7). Empty: another form.
constexpr std::optional<std::uint8_t> unit_number(const std::array<std::uint8_t, 8>& lun) {
    for (std::size_t i = 2; i < lun.size(); ++i)
        if (lun[i] != 0) return std::nullopt;
    if (lun[0] == 0x00 || lun[0] == 0x40) return lun[1];
    return std::nullopt;
}
constexpr std::array<std::uint8_t, 8> lun_of(std::uint8_t unit) { return {0, unit}; }

}  // namespace capstan::iscsi
