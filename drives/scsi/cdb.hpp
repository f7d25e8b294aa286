// Wire structs and command descriptor blocks. A wire struct has its fields in wire order, alignment 1 and no padding;
// so encoding is a bit_cast and can be checked by the compiler. Pure functions, any thread.
#pragma once

#include "config/base/bytes.hpp"
#include "config/base/ids.hpp"
#include "drives/scsi/transport.hpp"

#include <algorithm>
#include <bit>
#include <type_traits>

namespace capstan::scsi {

// Operation codes (SPC-4 annex D.3) of the commands that Capstan sends or answers.
enum class Opcode : std::uint8_t {
    test_unit_ready = 0x00,
    rewind = 0x01,
    request_sense = 0x03,
    format_medium = 0x04,
    read_block_limits = 0x05,
    initialize_element_status = 0x07,
    read_6 = 0x08,
    write_6 = 0x0A,
    set_capacity = 0x0B,
    write_filemarks_6 = 0x10,
    space_6 = 0x11,
    inquiry = 0x12,
    mode_select_6 = 0x15,
    erase_6 = 0x19,
    mode_sense_6 = 0x1A,
    load_unload = 0x1B,
    prevent_allow_medium_removal = 0x1E,
    locate_10 = 0x2B,
    position_to_element = 0x2B,  // of a changer; a tape drive's LOCATE
    read_position = 0x34,
    initialize_element_status_with_range = 0x37,
    report_density_support = 0x44,
    log_sense = 0x4D,
    mode_select_10 = 0x55,
    mode_sense_10 = 0x5A,
    persistent_reserve_in = 0x5E,
    persistent_reserve_out = 0x5F,
    allow_overwrite = 0x82,
    read_attribute = 0x8C,
    write_attribute = 0x8D,
    space_16 = 0x91,
    locate_16 = 0x92,
    report_luns = 0xA0,
    security_protocol_in = 0xA2,
    maintenance_in = 0xA3,
    move_medium = 0xA5,
    exchange_medium = 0xA6,
    read_element_status = 0xB8,
};

template <class T>
concept WireStruct = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T> && alignof(T) == 1;
template <class T>
concept CdbStruct = WireStruct<T> && (sizeof(T) == 6 || sizeof(T) == 10 || sizeof(T) == 12 || sizeof(T) == 16) &&
                    requires { T::kOpcode; };

template <WireStruct T>
using Wire = std::array<std::uint8_t, sizeof(T)>;
template <WireStruct T>
constexpr Wire<T> encode(const T& value) {
    return std::bit_cast<Wire<T>>(value);
}

// The first sizeof(T) bytes as a T; empty when there are fewer.
template <WireStruct T>
constexpr std::optional<T> decode(Bytes bytes) {
    if (bytes.size() < sizeof(T)) return std::nullopt;
    Wire<T> wire{};
    std::copy_n(bytes.begin(), sizeof(T), wire.begin());
    return std::bit_cast<T>(wire);
}
template <WireStruct T>
std::optional<T> take(Reader& reader) {
    auto bytes = reader.take(sizeof(T));
    return bytes ? decode<T>(*bytes) : std::nullopt;
}

template <CdbStruct T>
constexpr Cdb to_cdb(const T& value) {
    Cdb cdb;
    const auto wire = encode(value);
    std::copy(wire.begin(), wire.end(), cdb.bytes.begin());
    cdb.size = static_cast<std::uint8_t>(wire.size());
    return cdb;
}
// For a device server. Empty when the operation code is another command's or the CDB is too short.
template <CdbStruct T>
constexpr std::optional<T> from_cdb(const Cdb& cdb) {
    if (cdb.size < sizeof(T) || cdb.bytes[0] != raw(T::kOpcode)) return std::nullopt;
    return decode<T>(Bytes(cdb.bytes).first(sizeof(T)));
}
constexpr Opcode opcode_of(const Cdb& cdb) { return static_cast<Opcode>(cdb.bytes[0]); }
// Length of a CDB by its operation code's group (SPC-4 4.2.5.1); 0: reserved, vendor specific or variable.
constexpr std::uint8_t cdb_size_of_group(std::uint8_t opcode) {
    constexpr std::uint8_t sizes[] = {6, 10, 10, 0, 16, 12, 0, 0};
    return sizes[opcode >> 5];
}

constexpr BigEndian<2> on_wire(ElementAddress address) { return BigEndian<2>{raw(address)}; }
constexpr ElementAddress element(BigEndian<2> field) {
    return ElementAddress{static_cast<std::uint16_t>(field.value())};
}
// Two's complement of N bytes: residuals and SPACE counts.
template <std::size_t N>
constexpr std::int64_t signed_value(BigEndian<N> field) {
    const std::uint64_t sign = std::uint64_t{1} << (8 * N - 1);
    return static_cast<std::int64_t>((field.value() ^ sign) - sign);
}
template <std::size_t N>
constexpr BigEndian<N> signed_on_wire(std::int64_t value) {
    return BigEndian<N>{static_cast<std::uint64_t>(value)};
}
constexpr bool has(std::uint8_t byte, std::uint8_t mask) { return (byte & mask) == mask; }
constexpr std::uint8_t flag_if(bool condition, std::uint8_t mask) { return condition ? mask : std::uint8_t{0}; }

static_assert(signed_value(BigEndian<3>{0xFFFFFE}) == -2 && signed_value(signed_on_wire<8>(-9)) == -9);

}  // namespace capstan::scsi
