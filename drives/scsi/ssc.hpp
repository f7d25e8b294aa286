// Commands of a tape drive (SSC-4) and their replies. Counts are blocks or bytes as each field says.
#pragma once

#include "drives/scsi/cdb.hpp"

namespace capstan::scsi {

struct LoadUnloadCdb {  // SSC-4 7.2
    static constexpr Opcode kOpcode = Opcode::load_unload;
    static constexpr std::uint8_t kImmediate = 0x01;  // byte 1
    static constexpr std::uint8_t kLoad = 0x01;       // byte 4; else unload
    static constexpr std::uint8_t kRetension = 0x02;
    static constexpr std::uint8_t kEndOfTape = 0x04;
    static constexpr std::uint8_t kHold = 0x08;  // keep the cartridge in the drive, threaded or not
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t immediate = 0;
    std::array<std::uint8_t, 2> reserved_2{};
    std::uint8_t flags = 0;  // byte 4
    std::uint8_t control = 0;
    friend constexpr bool operator==(const LoadUnloadCdb&, const LoadUnloadCdb&) = default;
};
static_assert(sizeof(LoadUnloadCdb) == 6);
static_assert(encode(LoadUnloadCdb{.flags = LoadUnloadCdb::kLoad}) == Wire<LoadUnloadCdb>{0x1B, 0, 0, 0, 0x01, 0});

struct RewindCdb {  // SSC-4 7.12
    static constexpr Opcode kOpcode = Opcode::rewind;
    static constexpr std::uint8_t kImmediate = 0x01;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t immediate = 0;  // byte 1
    std::array<std::uint8_t, 3> reserved_2{};
    std::uint8_t control = 0;
    friend constexpr bool operator==(const RewindCdb&, const RewindCdb&) = default;
};
static_assert(sizeof(RewindCdb) == 6);

struct Read6Cdb {  // SSC-4 5.3 READ(6)
    static constexpr Opcode kOpcode = Opcode::read_6;
    static constexpr std::uint8_t kFixed = 0x01;
    static constexpr std::uint8_t kSuppressIncorrectLength = 0x02;  // SILI
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;          // byte 1
    BigEndian<3> transfer_length{};  // bytes 2-4: bytes, or blocks with kFixed
    std::uint8_t control = 0;
    friend constexpr bool operator==(const Read6Cdb&, const Read6Cdb&) = default;
};
static_assert(sizeof(Read6Cdb) == 6);

struct Write6Cdb {  // SSC-4 5.6 WRITE(6)
    static constexpr Opcode kOpcode = Opcode::write_6;
    static constexpr std::uint8_t kFixed = 0x01;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;          // byte 1
    BigEndian<3> transfer_length{};  // bytes 2-4: bytes, or blocks with kFixed
    std::uint8_t control = 0;
    friend constexpr bool operator==(const Write6Cdb&, const Write6Cdb&) = default;
};
static_assert(sizeof(Write6Cdb) == 6);
static_assert(encode(Write6Cdb{.transfer_length = BigEndian<3>{0x040000}}) == Wire<Write6Cdb>{0x0A, 0, 0x04, 0, 0, 0});

struct WriteFilemarks6Cdb {  // SSC-4 5.7
    static constexpr Opcode kOpcode = Opcode::write_filemarks_6;
    static constexpr std::uint8_t kImmediate = 0x01;  // return before the mark is on the medium
    static constexpr std::uint8_t kSetmarks = 0x02;   // WSMK, obsolete: a device server refuses it
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1
    BigEndian<3> count{};    // bytes 2-4; 0 without kImmediate: synchronise the buffer, write no mark
    std::uint8_t control = 0;
    friend constexpr bool operator==(const WriteFilemarks6Cdb&, const WriteFilemarks6Cdb&) = default;
};
static_assert(sizeof(WriteFilemarks6Cdb) == 6);

enum class SpaceCode : std::uint8_t { blocks = 0, filemarks = 1, sequential_filemarks = 2, end_of_data = 3 };

struct Space6Cdb {  // SSC-4 7.16
    static constexpr Opcode kOpcode = Opcode::space_6;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t code = 0;  // byte 1, bits 3-0
    BigEndian<3> count{};   // bytes 2-4, two's complement; negative: towards BOT
    std::uint8_t control = 0;
    friend constexpr bool operator==(const Space6Cdb&, const Space6Cdb&) = default;
};
static_assert(sizeof(Space6Cdb) == 6);
static_assert(encode(Space6Cdb{.code = 1, .count = signed_on_wire<3>(-2)}) ==
              Wire<Space6Cdb>{0x11, 1, 0xFF, 0xFF, 0xFE, 0});

struct Space16Cdb {  // SSC-4 7.17
    static constexpr Opcode kOpcode = Opcode::space_16;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t code = 0;  // byte 1, bits 3-0
    std::array<std::uint8_t, 2> reserved_2{};
    BigEndian<8> count{};  // bytes 4-11, two's complement
    BigEndian<2> parameter_length{};
    std::uint8_t reserved_14 = 0;
    std::uint8_t control = 0;
    friend constexpr bool operator==(const Space16Cdb&, const Space16Cdb&) = default;
};
static_assert(sizeof(Space16Cdb) == 16);

struct Locate10Cdb {  // SSC-4 7.3
    static constexpr Opcode kOpcode = Opcode::locate_10;
    static constexpr std::uint8_t kImmediate = 0x01;
    static constexpr std::uint8_t kChangePartition = 0x02;
    static constexpr std::uint8_t kBlockTypeVendor = 0x04;  // BT
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1
    std::uint8_t reserved_2 = 0;
    BigEndian<4> block{};  // bytes 3-6, logical object number
    std::uint8_t reserved_7 = 0;
    std::uint8_t partition = 0;  // byte 8
    std::uint8_t control = 0;
    friend constexpr bool operator==(const Locate10Cdb&, const Locate10Cdb&) = default;
};
static_assert(sizeof(Locate10Cdb) == 10);

struct Locate16Cdb {  // SSC-4 7.4
    static constexpr Opcode kOpcode = Opcode::locate_16;
    static constexpr std::uint8_t kImmediate = 0x01;
    static constexpr std::uint8_t kChangePartition = 0x02;
    static constexpr std::uint8_t kDestinationMask = 0x18;  // DEST_TYPE
    enum class Destination : std::uint8_t { object = 0x00, file = 0x08, end_of_data = 0x18 };
    static constexpr std::uint8_t kExplicitAddressMode = 0x01;  // byte 2: BAM
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1
    std::uint8_t address_mode = 0;
    std::uint8_t partition = 0;  // byte 3
    BigEndian<8> identifier{};   // bytes 4-11: logical object number or logical file number
    std::array<std::uint8_t, 3> reserved_12{};
    std::uint8_t control = 0;
    friend constexpr bool operator==(const Locate16Cdb&, const Locate16Cdb&) = default;
};
static_assert(sizeof(Locate16Cdb) == 16);
static_assert(encode(Locate16Cdb{.identifier = BigEndian<8>{0x01020304050607}}) ==
              Wire<Locate16Cdb>{0x92, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0});

struct ReadBlockLimitsCdb {  // SSC-4 7.7
    static constexpr Opcode kOpcode = Opcode::read_block_limits;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1, bit 0 MLOI: refused where not supported
    std::array<std::uint8_t, 3> reserved_2{};
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ReadBlockLimitsCdb&, const ReadBlockLimitsCdb&) = default;
};
static_assert(sizeof(ReadBlockLimitsCdb) == 6);

struct BlockLimitsData {           // the reply
    std::uint8_t granularity = 0;  // byte 0, bits 4-0: block lengths are multiples of 2^granularity
    BigEndian<3> block_size_max{};
    BigEndian<2> block_size_min{};
    friend constexpr bool operator==(const BlockLimitsData&, const BlockLimitsData&) = default;
};
static_assert(sizeof(BlockLimitsData) == 6);

struct Erase6Cdb {  // SSC-4 5.2
    static constexpr Opcode kOpcode = Opcode::erase_6;
    static constexpr std::uint8_t kLong = 0x01;  // to the end of the medium; else at least make EOD here
    static constexpr std::uint8_t kImmediate = 0x02;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1
    std::array<std::uint8_t, 3> reserved_2{};
    std::uint8_t control = 0;
    friend constexpr bool operator==(const Erase6Cdb&, const Erase6Cdb&) = default;
};
static_assert(sizeof(Erase6Cdb) == 6);

struct AllowOverwriteCdb {  // SSC-4 7.1: in append-only mode, what the next write, or the next FORMAT MEDIUM, may destroy
    static constexpr Opcode kOpcode = Opcode::allow_overwrite;
    static constexpr std::uint8_t kModeMask = 0x0F;
    enum class Mode : std::uint8_t { nothing = 0, at_position = 1, format = 2 };
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t reserved_1 = 0;
    std::uint8_t mode = 0;  // byte 2, bits 3-0: Mode
    std::uint8_t partition = 0;
    BigEndian<8> object{};  // bytes 4-11: where the drive must stand, for at_position
    std::array<std::uint8_t, 3> reserved_12{};
    std::uint8_t control = 0;
    friend constexpr bool operator==(const AllowOverwriteCdb&, const AllowOverwriteCdb&) = default;
};
static_assert(sizeof(AllowOverwriteCdb) == 16);
static_assert(encode(AllowOverwriteCdb{.mode = 1, .object = BigEndian<8>{0x0102}}) ==
              Wire<AllowOverwriteCdb>{0x82, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0});

// --- READ POSITION, SSC-4 7.8 ---
enum class PositionForm : std::uint8_t { short_block = 0x00, short_vendor = 0x01, long_form = 0x06, extended = 0x08 };

struct ReadPositionCdb {
    static constexpr Opcode kOpcode = Opcode::read_position;
    static constexpr std::uint8_t kServiceActionMask = 0x1F;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t service_action = 0;  // byte 1, bits 4-0: PositionForm
    std::array<std::uint8_t, 5> reserved_2{};
    BigEndian<2> allocation_length{};  // bytes 7-8, only for the extended form
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ReadPositionCdb&, const ReadPositionCdb&) = default;
};
static_assert(sizeof(ReadPositionCdb) == 10);

struct ShortPositionData {                                  // 20 bytes
    static constexpr std::uint8_t kBeginning = 0x80;        // BOP
    static constexpr std::uint8_t kEnd = 0x40;              // EOP: between early warning and the end
    static constexpr std::uint8_t kCountUnknown = 0x20;     // LOCU
    static constexpr std::uint8_t kBytesUnknown = 0x10;     // BYCU
    static constexpr std::uint8_t kLocationUnknown = 0x04;  // LOLU (BPU)
    static constexpr std::uint8_t kOverflow = 0x02;         // PERR: a number does not fit its field
    static constexpr std::uint8_t kEarlyWarning = 0x01;     // BPEW: beyond programmable early warning
    std::uint8_t flags = 0;
    std::uint8_t partition = 0;
    std::array<std::uint8_t, 2> reserved_2{};
    BigEndian<4> first{};  // bytes 4-7: next object between host and drive
    BigEndian<4> last{};   // bytes 8-11: next object between buffer and medium
    std::uint8_t reserved_12 = 0;
    BigEndian<3> objects_in_buffer{};
    BigEndian<4> bytes_in_buffer{};
    friend constexpr bool operator==(const ShortPositionData&, const ShortPositionData&) = default;
};
static_assert(sizeof(ShortPositionData) == 20);

struct LongPositionData {  // 32 bytes
    static constexpr std::uint8_t kBeginning = 0x80;
    static constexpr std::uint8_t kEnd = 0x40;
    static constexpr std::uint8_t kMarksUnknown = 0x08;     // MPU: file number unknown
    static constexpr std::uint8_t kLocationUnknown = 0x04;  // LONU: object number (and partition) unknown
    static constexpr std::uint8_t kEarlyWarning = 0x01;
    std::uint8_t flags = 0;
    std::array<std::uint8_t, 3> reserved_1{};
    BigEndian<4> partition{};  // bytes 4-7
    BigEndian<8> object{};     // bytes 8-15
    BigEndian<8> file{};       // bytes 16-23: filemarks between BOP and here
    BigEndian<8> obsolete_24{};
    friend constexpr bool operator==(const LongPositionData&, const LongPositionData&) = default;
};
static_assert(sizeof(LongPositionData) == 32);

struct ExtendedPositionData {  // 32 bytes; flags as in the short form
    std::uint8_t flags = 0;
    std::uint8_t partition = 0;
    BigEndian<2> additional_length{0x1C};  // bytes 2-3
    std::uint8_t reserved_4 = 0;
    BigEndian<3> objects_in_buffer{};  // bytes 5-7
    BigEndian<8> first{};              // bytes 8-15
    BigEndian<8> last{};               // bytes 16-23
    BigEndian<8> bytes_in_buffer{};    // bytes 24-31
    friend constexpr bool operator==(const ExtendedPositionData&, const ExtendedPositionData&) = default;
};
static_assert(sizeof(ExtendedPositionData) == 32);

// What the drive says about where it is. A field is there only when the form has it and the drive knows it.
struct Position {
    bool at_beginning = false;  // BOP
    bool at_end = false;        // EOP: between early warning and the end of the partition
    bool beyond_early_warning = false;
    std::uint32_t partition = 0;
    std::optional<BlockNumber> block;      // next object between host and drive
    std::optional<BlockNumber> on_medium;  // next object between buffer and medium: all before it are on the medium
    std::optional<FilemarkCount> file;     // long form: filemarks before here
    std::optional<std::uint32_t> objects_in_buffer;
    std::optional<std::uint64_t> bytes_in_buffer;
    friend bool operator==(const Position&, const Position&) = default;
};
std::optional<Position> decode_position(PositionForm form, Bytes bytes);  // std::nullopt: shorter than the form

struct BlockLimits {
    std::uint32_t size_min = 1;
    std::uint32_t size_max = 0;  // 0: no limit is given
    std::uint8_t granularity = 0;
    friend bool operator==(const BlockLimits&, const BlockLimits&) = default;
};
std::optional<BlockLimits> decode_block_limits(Bytes bytes);

}  // namespace capstan::scsi
