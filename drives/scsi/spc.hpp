// Commands of every SCSI device (SPC-4): INQUIRY, TEST UNIT READY, REQUEST SENSE, PREVENT/ALLOW, REPORT SUPPORTED
// OPERATION CODES. Mode pages are in mode.hpp. Decoders are pure, take any bytes, and give std::nullopt when the fixed
// head is not whole; a list that was cut by the allocation length gives its whole entries.
#pragma once

#include "drives/scsi/cdb.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace capstan::scsi {

struct TestUnitReadyCdb {  // SPC-4 6.47
    static constexpr Opcode kOpcode = Opcode::test_unit_ready;
    std::uint8_t opcode = raw(kOpcode);
    std::array<std::uint8_t, 4> reserved_1{};
    std::uint8_t control = 0;
    friend constexpr bool operator==(const TestUnitReadyCdb&, const TestUnitReadyCdb&) = default;
};
static_assert(sizeof(TestUnitReadyCdb) == 6);

struct RequestSenseCdb {  // SPC-4 6.39
    static constexpr Opcode kOpcode = Opcode::request_sense;
    static constexpr std::uint8_t kDescriptorFormat = 0x01;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1
    std::array<std::uint8_t, 2> reserved_2{};
    std::uint8_t allocation_length = 0;  // byte 4
    std::uint8_t control = 0;
    friend constexpr bool operator==(const RequestSenseCdb&, const RequestSenseCdb&) = default;
};
static_assert(sizeof(RequestSenseCdb) == 6);

struct ReportLunsCdb {  // SPC-4 6.33
    static constexpr Opcode kOpcode = Opcode::report_luns;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t reserved_1 = 0;
    std::uint8_t select_report = 0;  // byte 2: 0 all but well known ones, 1 well known ones, 2 all
    std::array<std::uint8_t, 3> reserved_3{};
    BigEndian<4> allocation_length{};  // bytes 6-9
    std::uint8_t reserved_10 = 0;
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ReportLunsCdb&, const ReportLunsCdb&) = default;
};
static_assert(sizeof(ReportLunsCdb) == 12);

struct PreventAllowCdb {  // SPC-4 6.x PREVENT ALLOW MEDIUM REMOVAL (also SMC-3, SSC-4)
    static constexpr Opcode kOpcode = Opcode::prevent_allow_medium_removal;
    std::uint8_t opcode = raw(kOpcode);
    std::array<std::uint8_t, 3> reserved_1{};
    std::uint8_t prevent = 0;  // byte 4, bits 1-0: 0 allow, 1 prevent
    std::uint8_t control = 0;
    friend constexpr bool operator==(const PreventAllowCdb&, const PreventAllowCdb&) = default;
};
static_assert(sizeof(PreventAllowCdb) == 6);
static_assert(encode(PreventAllowCdb{.prevent = 1}) == Wire<PreventAllowCdb>{0x1E, 0, 0, 0, 1, 0});

// --- INQUIRY, SPC-4 6.6 ---
struct InquiryCdb {
    static constexpr Opcode kOpcode = Opcode::inquiry;
    static constexpr std::uint8_t kVitalProductData = 0x01;  // EVPD
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;            // byte 1
    std::uint8_t page_code = 0;        // byte 2, with EVPD
    BigEndian<2> allocation_length{};  // bytes 3-4
    std::uint8_t control = 0;
    friend constexpr bool operator==(const InquiryCdb&, const InquiryCdb&) = default;
};
static_assert(sizeof(InquiryCdb) == 6);
static_assert(encode(InquiryCdb{.flags = 1, .page_code = 0x80, .allocation_length = BigEndian<2>{0x1FC}}) ==
              Wire<InquiryCdb>{0x12, 0x01, 0x80, 0x01, 0xFC, 0});

enum class DeviceType : std::uint8_t { disk = 0x00, tape = 0x01, changer = 0x08, unknown = 0x1F };

struct InquiryData {
    std::uint8_t peripheral_qualifier = 0;  // 0: a device is there; 3: no such logical unit
    DeviceType device_type = DeviceType::unknown;
    bool removable = false;
    std::uint8_t version = 6;  // SPC-4
    std::string vendor;        // 8 characters on the wire, trailing blanks trimmed
    std::string product;       // 16
    std::string revision;      // 4
    friend bool operator==(const InquiryData&, const InquiryData&) = default;
};
std::optional<InquiryData> decode_inquiry(Bytes bytes);  // needs byte 0-4; texts that are cut are as long as they came
std::vector<std::uint8_t> encode_inquiry(const InquiryData& data);  // 96 bytes

enum class VpdPage : std::uint8_t { supported_pages = 0x00, unit_serial_number = 0x80, device_identification = 0x83 };
struct VpdHeader {                // SPC-4 7.8.1
    std::uint8_t peripheral = 0;  // byte 0: qualifier and device type
    std::uint8_t page_code = 0;
    BigEndian<2> page_length{};
    friend constexpr bool operator==(const VpdHeader&, const VpdHeader&) = default;
};
static_assert(sizeof(VpdHeader) == 4);

struct Designator {  // SPC-4 7.8.6.1
    enum class CodeSet : std::uint8_t { reserved = 0, binary = 1, ascii = 2, utf8 = 3 };
    enum class Type : std::uint8_t {
        vendor_specific = 0,
        t10_vendor_id = 1,
        eui64 = 2,
        naa = 3,
        relative_port = 4,
        target_port_group = 5,
        logical_unit_group = 6,
        scsi_name = 8
    };
    enum class Association : std::uint8_t { logical_unit = 0, target_port = 1, target_device = 2 };
    CodeSet code_set = CodeSet::binary;
    Type type = Type::vendor_specific;
    Association association = Association::logical_unit;
    std::vector<std::uint8_t> bytes;
    friend bool operator==(const Designator&, const Designator&) = default;
};
// The serial number that a designator holds: what follows vendor and product of a T10 designator, the text of a vendor
// specific one, the digits of an NAA or EUI-64 one. Empty when it has none.
std::string serial_number_of(const Designator& designator);

// Each refuses (std::nullopt) a page with another page code.
std::optional<std::vector<std::uint8_t>> decode_vpd_supported_pages(Bytes bytes);
std::optional<std::string> decode_vpd_serial_number(Bytes bytes);  // blanks trimmed on both sides
std::optional<std::vector<Designator>> decode_vpd_identification(Bytes bytes);
std::vector<std::uint8_t> encode_vpd_supported_pages(DeviceType type, Bytes page_codes);
std::vector<std::uint8_t> encode_vpd_serial_number(DeviceType type, std::string_view serial_number);
std::vector<std::uint8_t> encode_vpd_identification(DeviceType type, const std::vector<Designator>& designators);

// --- REPORT SUPPORTED OPERATION CODES, SPC-4 6.35 ---
struct ReportOperationCodesCdb {
    static constexpr Opcode kOpcode = Opcode::maintenance_in;
    static constexpr std::uint8_t kServiceAction = 0x0C;
    static constexpr std::uint8_t kReturnTimeouts = 0x80;  // RCTD
    enum class Options : std::uint8_t { all = 0, one_opcode = 1, one_service_action = 2, one_either = 3 };
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t service_action = kServiceAction;  // byte 1, bits 4-0
    std::uint8_t options = 0;                      // byte 2: RCTD, reporting options in bits 2-0
    std::uint8_t requested_opcode = 0;             // byte 3
    BigEndian<2> requested_service_action{};       // bytes 4-5
    BigEndian<4> allocation_length{};              // bytes 6-9
    std::uint8_t reserved_10 = 0;
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ReportOperationCodesCdb&, const ReportOperationCodesCdb&) = default;
};
static_assert(sizeof(ReportOperationCodesCdb) == 12);
static_assert(encode(ReportOperationCodesCdb{.options = 0x80, .allocation_length = BigEndian<4>{0x4000}}) ==
              Wire<ReportOperationCodesCdb>{0xA3, 0x0C, 0x80, 0, 0, 0, 0, 0, 0x40, 0, 0, 0});

struct CommandTimeouts {  // zero: the device says nothing
    std::chrono::seconds nominal{};
    std::chrono::seconds recommended{};
    friend bool operator==(const CommandTimeouts&, const CommandTimeouts&) = default;
};
struct SupportedCommand {
    std::uint8_t opcode = 0;
    std::optional<std::uint16_t> service_action;
    std::uint16_t cdb_size = 0;
    std::optional<CommandTimeouts> timeouts;
    friend bool operator==(const SupportedCommand&, const SupportedCommand&) = default;
};
std::optional<std::vector<SupportedCommand>> decode_supported_commands(Bytes bytes);
std::vector<std::uint8_t> encode_supported_commands(
    const std::vector<SupportedCommand>& commands);  // timeouts where present

struct OneCommandSupport {
    enum class Support : std::uint8_t { unknown = 0, not_supported = 1, standard = 3, vendor_specific = 5 };
    Support support = Support::unknown;
    std::vector<std::uint8_t> usage;  // which CDB bits are evaluated; empty when not supported
    std::optional<CommandTimeouts> timeouts;
    friend bool operator==(const OneCommandSupport&, const OneCommandSupport&) = default;
};
std::optional<OneCommandSupport> decode_one_command(Bytes bytes);
std::vector<std::uint8_t> encode_one_command(const OneCommandSupport& support);

}  // namespace capstan::scsi
