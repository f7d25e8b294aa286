// What a tape drive can read and write, and how a cartridge is made blank and shorter: REPORT DENSITY SUPPORT, SET CAPACITY, FORMAT
// MEDIUM (SSC-5). Decoders are pure, take any bytes, and give the whole entries of a list that was cut.
#pragma once

#include "drives/scsi/cdb.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace capstan::scsi {

struct ReportDensityCdb {  // SSC-5, REPORT DENSITY SUPPORT
    static constexpr Opcode kOpcode = Opcode::report_density_support;
    static constexpr std::uint8_t kMedia = 0x01;       // byte 1: of the cartridge that is loaded
    static constexpr std::uint8_t kMediumType = 0x02;  // byte 1: medium types instead of densities
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;
    std::array<std::uint8_t, 5> reserved_2{};
    BigEndian<2> allocation_length{};  // bytes 7-8
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ReportDensityCdb&, const ReportDensityCdb&) = default;
};
static_assert(sizeof(ReportDensityCdb) == 10);
static_assert(encode(ReportDensityCdb{.flags = 1, .allocation_length = BigEndian<2>{0x4000}}) ==
              Wire<ReportDensityCdb>{0x44, 0x01, 0, 0, 0, 0, 0, 0x40, 0, 0});

struct DensityHeader {
    BigEndian<2> available_length{2};  // bytes that follow this field
    std::array<std::uint8_t, 2> reserved_2{};
    friend constexpr bool operator==(const DensityHeader&, const DensityHeader&) = default;
};
static_assert(sizeof(DensityHeader) == 4);

struct DensityDescriptor {
    static constexpr std::uint8_t kWritable = 0x80;      // byte 2: WRTOK
    static constexpr std::uint8_t kDuplicate = 0x40;     // byte 2: DUP, another entry has the same primary code
    static constexpr std::uint8_t kDefault = 0x20;       // byte 2: DEFLT
    static constexpr std::uint8_t kLengthValid = 0x01;   // byte 2: DLV
    static constexpr std::size_t kLengthCountsFrom = 5;  // DESCRIPTOR LENGTH counts what follows it
    std::uint8_t primary_code = 0;
    std::uint8_t secondary_code = 0;
    std::uint8_t flags = 0;
    BigEndian<2> descriptor_length{};  // bytes 3-4, with kLengthValid
    BigEndian<3> bits_per_mm{};        // bytes 5-7
    BigEndian<2> media_width{};        // bytes 8-9, tenths of a millimetre
    BigEndian<2> tracks{};             // bytes 10-11
    BigEndian<4> capacity{};           // bytes 12-15, MB (10^6), uncompressed
    std::array<std::uint8_t, 8> organization{};
    std::array<std::uint8_t, 8> name{};
    std::array<std::uint8_t, 20> description{};
    friend constexpr bool operator==(const DensityDescriptor&, const DensityDescriptor&) = default;
};
static_assert(sizeof(DensityDescriptor) == 52);

struct Density {
    std::uint8_t primary_code = 0;  // as MODE SENSE says it
    std::uint8_t secondary_code = 0;
    bool writable = false;  // some cartridge of this density can be written; all entries can be read
    bool duplicate = false;
    bool is_default = false;  // what the drive takes for density code 00h
    std::uint32_t bits_per_mm = 0;
    std::uint16_t media_width = 0;  // tenths of a millimetre
    std::uint16_t tracks = 0;
    std::uint32_t capacity_mb = 0;  // 0: not told
    std::string organization, name, description;  // at most 8, 8, 20 printable characters
    friend bool operator==(const Density&, const Density&) = default;
};
// std::nullopt: the bytes end in the header. An entry shorter than the standard's fields, and what follows it, is left out.
std::optional<std::vector<Density>> decode_densities(Bytes bytes);
std::vector<std::uint8_t> encode_densities(std::span<const Density> densities);

struct SetCapacityCdb {  // SSC-5, SET CAPACITY: at the beginning of the tape only; what it holds is lost
    static constexpr Opcode kOpcode = Opcode::set_capacity;
    static constexpr std::uint8_t kImmediate = 0x01;
    static constexpr std::uint16_t kWhole = 0xFFFF;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1
    std::uint8_t reserved_2 = 0;
    BigEndian<2> proportion{kWhole};  // bytes 3-4, in 65535ths of the full length
    std::uint8_t control = 0;
    friend constexpr bool operator==(const SetCapacityCdb&, const SetCapacityCdb&) = default;
};
static_assert(sizeof(SetCapacityCdb) == 6);
static_assert(encode(SetCapacityCdb{.proportion = BigEndian<2>{0x1234}}) == Wire<SetCapacityCdb>{0x0B, 0, 0, 0x12, 0x34, 0});

struct FormatMediumCdb {  // SSC-5, FORMAT MEDIUM: at the beginning of the tape only; what it holds is lost
    static constexpr Opcode kOpcode = Opcode::format_medium;
    static constexpr std::uint8_t kVerify = 0x02, kImmediate = 0x01;
    static constexpr std::uint8_t kFormatMask = 0x0F;  // byte 2: 0 as the drive likes it; 1, 2 with partitions
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;   // byte 1
    std::uint8_t format = 0;  // byte 2
    BigEndian<2> transfer_length{};
    std::uint8_t control = 0;
    friend constexpr bool operator==(const FormatMediumCdb&, const FormatMediumCdb&) = default;
};
static_assert(sizeof(FormatMediumCdb) == 6);
static_assert(encode(FormatMediumCdb{.flags = FormatMediumCdb::kImmediate}) == Wire<FormatMediumCdb>{0x04, 0x01, 0, 0, 0, 0});

}  // namespace capstan::scsi
