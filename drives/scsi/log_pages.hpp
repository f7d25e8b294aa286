// LOG SENSE (SPC-4 6.10, 7.3) and the pages that a tape drive has (SSC-4 8.2; LTO drives add 31h). Numbers are big-endian and of any
// length up to eight bytes; each device has its own selection of pages and parameters.
#pragma once

#include "drives/scsi/cdb.hpp"

#include <optional>
#include <vector>

namespace capstan::scsi {

enum class LogPageCode : std::uint8_t {
    supported_pages = 0x00,
    write_errors = 0x02,
    read_errors = 0x03,
    sequential_access = 0x0C,
    volume_statistics = 0x17,
    tape_alert = 0x2E,
    tape_capacity = 0x31,
};

struct LogSenseCdb {  // SPC-4 6.10
    static constexpr Opcode kOpcode = Opcode::log_sense;
    static constexpr std::uint8_t kCumulative = 0x40;  // byte 2, bits 7-6: cumulative values
    static constexpr std::uint8_t kPageMask = 0x3F;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;
    std::uint8_t page = kCumulative;  // byte 2
    std::uint8_t subpage = 0;
    std::uint8_t reserved_4 = 0;
    BigEndian<2> parameter_pointer{};  // bytes 5-6: parameters from this code on
    BigEndian<2> allocation_length{};  // bytes 7-8
    std::uint8_t control = 0;
    friend constexpr bool operator==(const LogSenseCdb&, const LogSenseCdb&) = default;
};
static_assert(sizeof(LogSenseCdb) == 10);

struct LogParameter {
    std::uint16_t code = 0;
    std::uint8_t control = 0;
    std::vector<std::uint8_t> value;  // at most 255
    friend bool operator==(const LogParameter&, const LogParameter&) = default;
};
struct LogPage {
    LogPageCode code{};
    std::vector<LogParameter> parameters;  // in the order of the device
    friend bool operator==(const LogPage&, const LogPage&) = default;
};

// Parameters that are cut off are left out. Empty: the bytes end in the header, or it is a subpage. Not for supported_pages.
std::optional<LogPage> decode_log_page(Bytes bytes);
std::vector<std::uint8_t> encode_log_page(const LogPage& page);
std::optional<std::vector<LogPageCode>> decode_supported_log_pages(Bytes bytes);
std::vector<std::uint8_t> encode_supported_log_pages(std::span<const LogPageCode> pages);

const LogParameter* find_parameter(const LogPage& page, std::uint16_t code);
std::optional<std::uint64_t> number_of(const LogParameter& parameter);                  // empty: no value, or longer than eight bytes
LogParameter number_parameter(std::uint16_t code, std::uint64_t value, unsigned size);  // size 1 to 8

// TapeAlert (SSC-4 4.2.20, page 2Eh): which of the flags 1 to 64 are set. Many drives clear them when they are read.
std::vector<std::uint8_t> set_alerts(const LogPage& page);

}  // namespace capstan::scsi
