// Data streams: the 22-byte header and its attributes (MTF reference, section 3).
#pragma once

#include "backup/mtf/blocks.hpp"
#include "config/base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace capstan::mtf {

enum class StreamId : std::uint32_t {  // other values occur and are kept
    data = four_characters("STAN"),
    path_name = four_characters("PNAM"),
    file_name = four_characters("FNAM"),
    checksum = four_characters("CSUM"),
    corrupt = four_characters("CRPT"),
    pad = four_characters("SPAD"),
    sparse = four_characters("SPAR"),
    set_map = four_characters("TSMP"),
    fdd = four_characters("TFDD"),
    alternate_data = four_characters("ADAT"),
    link = four_characters("LINK"),
    reparse = four_characters("NTRP"),
    gap = four_characters("CPAD"),             // filler; the next header follows without alignment
    posix = four_characters("CPSX"),           // Capstan: POSIX metadata, before the data
    object_hash = four_characters("CHSH"),     // Capstan: hash and outcome, after the data
    set_begin = four_characters("CSET"),       // Capstan, on SSET
    set_end = four_characters("CEND"),         // Capstan, on ESET
};
std::string name_of(StreamId id);

inline constexpr std::size_t kStreamHeaderSize = 22;

namespace stream_attribute {  // file system attributes, offset 4
inline constexpr std::uint16_t modified_by_read = 1, security = 2, non_portable = 4, sparse = 8;
}
namespace stream_media {  // media format attributes, offset 6
inline constexpr std::uint16_t continued = 0x01, variable = 0x02, variable_end = 0x04, encrypted = 0x08, compressed = 0x10;
inline constexpr std::uint16_t checksummed = 0x20;
}

struct StreamHeader {
    StreamId id{};
    std::uint16_t attributes = 0;        // stream_attribute
    std::uint16_t media_attributes = 0;  // stream_media
    std::uint64_t length = 0;            // data bytes, without header and alignment
    std::uint16_t encryption = 0, compression = 0;
    bool has(std::uint16_t media_attribute) const { return media_attributes & media_attribute; }
    friend bool operator==(const StreamHeader&, const StreamHeader&) = default;
};

void encode(const StreamHeader& header, MutableBytes space);  // 22 bytes, checksum included
// Empty unless 22 bytes with a printable id and a good checksum.
std::optional<StreamHeader> decode_stream_header(Bytes bytes);

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace capstan::mtf
