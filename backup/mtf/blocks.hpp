// Descriptor blocks (DBLK) as values, and their bytes (MTF reference, section 2). Encoding computes sizes, offsets and
// checksums; decoding takes any bytes and never reads past them. Pure; any thread.
#pragma once

#include "backup/mtf/datetime.hpp"
#include "backup/mtf/text.hpp"
#include "config/base/bytes.hpp"
#include "config/base/error.hpp"
#include "config/base/ids.hpp"

#include <cstdint>
#include <string>

namespace capstan::mtf {

constexpr std::uint32_t four_characters(const char (&t)[5]) {
    auto byte = [&](int i) { return static_cast<std::uint32_t>(static_cast<std::uint8_t>(t[i])); };
    return byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
}

enum class BlockType : std::uint32_t {  // other values occur and are kept: SQL Server's MSCI, MSDA, ...
    tape = four_characters("TAPE"),
    set = four_characters("SSET"),
    volume = four_characters("VOLB"),
    directory = four_characters("DIRB"),
    file = four_characters("FILE"),
    corrupt = four_characters("CFIL"),
    end_pad = four_characters("ESPB"),
    end_of_set = four_characters("ESET"),
    end_of_tape = four_characters("EOTM"),
    soft_filemark = four_characters("SFMB"),
};
std::string name_of(BlockType type);  // "FILE"; bytes that are not printable as '?'
bool is_known(BlockType type);

inline constexpr std::size_t kHeaderSize = 52;
inline constexpr std::size_t kFlbSize = 1024;           // what Capstan writes; 512 is read too
inline constexpr std::uint16_t kVendorId = 0x0CBE;      // readers of the Seagate family are only known to accept their own
inline constexpr std::uint8_t kOsWindowsNt = 14, kOsVersion = 2;  // layouts of OS-specific data (reference 2.17)

namespace block_attribute {  // header, offset 4
inline constexpr std::uint32_t continuation = 0x1, compression = 0x4, eos_at_eom = 0x8;
inline constexpr std::uint32_t tape_set_map_exists = 0x10000, tape_fdd_allowed = 0x20000;
inline constexpr std::uint32_t set_fdd_exists = 0x10000, set_encryption = 0x20000;
inline constexpr std::uint32_t eset_fdd_aborted = 0x10000, eset_end_of_family = 0x20000, eset_aborted = 0x40000;
inline constexpr std::uint32_t eotm_no_eset = 0x10000, eotm_invalid_eset = 0x20000;
inline constexpr std::uint32_t sfmb_array_offset = 0x80000000;
}  // namespace block_attribute

struct BlockHeader {
    BlockType type{};
    std::uint32_t attributes = 0;
    std::uint16_t first_event = 0;  // encoding fills it
    std::uint8_t os_id = kOsWindowsNt, os_version = kOsVersion;
    std::uint64_t displayable_size = 0;
    std::uint64_t address = 0;  // FLA: in FLBs from the SSET
    std::uint32_t control_block_id = 0;
    StringType string_type = StringType::utf16;
    bool continuation() const { return attributes & block_attribute::continuation; }
    friend bool operator==(const BlockHeader&, const BlockHeader&) = default;
};

namespace tape_attribute {
inline constexpr std::uint32_t soft_filemarks = 1, media_label = 2;
}
struct MediaHeader {  // TAPE
    BlockHeader header{.type = BlockType::tape};
    MediaFamilyId family{};
    std::uint32_t attributes = tape_attribute::media_label;
    std::uint16_t sequence = 1;
    std::uint16_t password_algorithm = 0;
    std::uint16_t physical_block_units = 512;  // soft filemark block size, in units of 512 bytes
    std::uint16_t catalog_type = 0;            // MBC type; 0: none
    std::uint16_t flb_size = kFlbSize;
    std::uint16_t vendor = kVendorId;
    DateTime date;
    std::uint8_t major_version = 1;
    std::string name, label, password, software;
    bool soft_filemarks() const { return attributes & tape_attribute::soft_filemarks; }
    friend bool operator==(const MediaHeader&, const MediaHeader&) = default;
};

namespace set_attribute {  // exactly one of copy ... daily
inline constexpr std::uint32_t transfer = 1, copy = 2, normal = 4, differential = 8, incremental = 16, daily = 32;
}
struct SetBlock {  // SSET
    BlockHeader header{.type = BlockType::set};
    std::uint32_t attributes = set_attribute::normal;
    std::uint16_t password_algorithm = 0, compression_algorithm = 0;
    std::uint16_t vendor = kVendorId;
    std::uint16_t number = 1;  // data set number, family-wide
    std::uint64_t physical_address = 0;  // PBA of this block on its medium
    DateTime date;
    std::uint8_t software_major = 0, software_minor = 0;
    std::int8_t quarter_hours = 0;  // local time minus UTC in 15 minutes; 127: unknown
    std::uint8_t minor_version = 0, catalog_version = 0;
    std::string name, description, password, user;
    friend bool operator==(const SetBlock&, const SetBlock&) = default;
};

namespace volume_attribute {  // exactly one of drive ... vendor
inline constexpr std::uint32_t no_redirect = 1, non_volume = 2, drive = 4, unc = 8, os_specific = 16, vendor = 32;
}
struct VolumeBlock {  // VOLB
    BlockHeader header{.type = BlockType::volume};
    std::uint32_t attributes = volume_attribute::drive;
    DateTime date;
    std::uint32_t file_system_flags = 0;  // OS data
    std::string device, name, machine;
    friend bool operator==(const VolumeBlock&, const VolumeBlock&) = default;
};

namespace object_attribute {  // of DIRB and FILE, offset 52
inline constexpr std::uint32_t read_only = 0x100, hidden = 0x200, system = 0x400, modified = 0x800;
inline constexpr std::uint32_t empty_directory = 0x10000, in_use = 0x10000;  // DIRB, FILE
inline constexpr std::uint32_t name_in_stream = 0x20000, unreadable = 0x40000;
}  // namespace object_attribute

struct DirectoryBlock {  // DIRB
    BlockHeader header{.type = BlockType::directory};
    std::uint32_t attributes = 0;  // name_in_stream is set by the encoder
    DateTime modified, created, backup, access;
    std::uint32_t id = 0;                  // from 1 in the set
    std::uint32_t windows_attributes = 0;  // OS data
    std::string path;                      // "a/b" from the volume's root, "" is the root
    friend bool operator==(const DirectoryBlock&, const DirectoryBlock&) = default;
};

struct FileBlock {  // FILE; header.displayable_size is the size of the unnamed data
    BlockHeader header{.type = BlockType::file};
    std::uint32_t attributes = 0;
    DateTime modified, created, backup, access;
    std::uint32_t directory_id = 0, id = 0;
    std::uint32_t windows_attributes = 0;
    std::string name;
    friend bool operator==(const FileBlock&, const FileBlock&) = default;
};

namespace corrupt_attribute {
inline constexpr std::uint32_t length_changed = 0x10000, read_error = 0x20000, locked = 0x40000;
}
struct CorruptBlock {  // CFIL: about the object before it
    BlockHeader header{.type = BlockType::corrupt, .string_type = StringType::none};
    std::uint32_t attributes = 0;
    std::uint64_t stream_offset = 0;  // first bad byte
    std::uint16_t stream_number = 1;  // from 1
    friend bool operator==(const CorruptBlock&, const CorruptBlock&) = default;
};

struct EndOfSetBlock {  // ESET
    BlockHeader header{.type = BlockType::end_of_set, .string_type = StringType::none};
    std::uint32_t attributes = set_attribute::normal;
    std::uint32_t corrupt_objects = 0;
    std::uint64_t catalog_address_1 = 0, catalog_address_2 = 0;  // set map and FDD, in either order (reference 2.13)
    std::uint16_t fdd_sequence = 0;
    std::uint16_t number = 1;
    DateTime date;
    friend bool operator==(const EndOfSetBlock&, const EndOfSetBlock&) = default;
};

struct EndOfTapeBlock {  // EOTM
    BlockHeader header{.type = BlockType::end_of_tape, .string_type = StringType::none};
    std::uint64_t last_end_of_set = 0;  // PBA
    friend bool operator==(const EndOfTapeBlock&, const EndOfTapeBlock&) = default;
};

// Encoding: the block, zero-filled up to its first event (a multiple of 4), at the start of `space`, which holds at least
// kFlbSize bytes; returns the first event. Free text that does not fit the FLB is cut. A path or name that does not fit sets
// attribute name_in_stream: the caller writes it as PNAM or FNAM stream next. Nothing is allocated.
std::size_t encode(const MediaHeader& block, MutableBytes space);
std::size_t encode(const SetBlock& block, MutableBytes space);
std::size_t encode(const VolumeBlock& block, MutableBytes space);
std::size_t encode(const DirectoryBlock& block, MutableBytes space);
std::size_t encode(const FileBlock& block, MutableBytes space);
std::size_t encode(const CorruptBlock& block, MutableBytes space);
std::size_t encode(const EndOfSetBlock& block, MutableBytes space);
std::size_t encode(const EndOfTapeBlock& block, MutableBytes space);
std::size_t encode_end_pad(const BlockHeader& header, MutableBytes space);  // ESPB: header only

// Changes what a repeated block changes (attributes, FLA) in an encoded block, checksum included.
void make_continuation(MutableBytes block, std::uint64_t address);

enum class HeaderState : std::uint8_t { valid, checksum_zero, damaged };  // checksum_zero: tolerated for known types
struct DecodedHeader {
    BlockHeader header;
    HeaderState state = HeaderState::damaged;
};
// Errors: fewer than 52 bytes, or a type that is not four printable characters.
Result<DecodedHeader> decode_header(Bytes bytes);
bool looks_like_block(Bytes bytes);  // 52 bytes with printable type and a good checksum (0 only where the type is known)

// Decoding: `bytes` begins with the block and holds up to one FLB. Errors name the block and the field; strings that
// point outside the block make an error too.
Result<MediaHeader> decode_media_header(Bytes bytes);
Result<SetBlock> decode_set(Bytes bytes);
Result<VolumeBlock> decode_volume(Bytes bytes);
Result<DirectoryBlock> decode_directory(Bytes bytes, NameRule rule);
Result<FileBlock> decode_file(Bytes bytes, NameRule rule);
Result<CorruptBlock> decode_corrupt(Bytes bytes);
Result<EndOfSetBlock> decode_end_of_set(Bytes bytes);
Result<EndOfTapeBlock> decode_end_of_tape(Bytes bytes);

}  // namespace capstan::mtf
