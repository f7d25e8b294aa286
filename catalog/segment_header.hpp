// What a segment says of itself and of its set: enough for `catalog rebuild` to work from segment files alone.
#pragma once

#include "catalog/object.hpp"
#include "config/base/bytes.hpp"
#include "config/base/error.hpp"
#include "config/base/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace capstan::catalog {

enum class SetType : std::uint8_t { normal, copy, incremental, differential, daily };
inline constexpr std::uint8_t kSetTypes = 5;

// A stretch of a set on one medium. FLAs count from the set's SSET and go on from medium to medium (MTF 1.5, 1.9).
struct MediaExtent {
    Uuid media_id;
    VolumeTag volume_tag;
    MediaFamilyId family{};
    std::uint16_t sequence = 1;        // media sequence number in the family, from 1
    std::uint64_t first_fla = 0;       // the first FLB of the stretch stands at the start of `block`
    std::uint64_t end_fla = 0;         // first FLA behind it
    BlockNumber block{};               // logical object number on the medium
    std::uint32_t block_size = 262144; // bytes; a multiple of 512, at most 16 MiB
    std::uint32_t flb_size = 1024;     // bytes of one FLA unit: 512 or 1024
    friend bool operator==(const MediaExtent&, const MediaExtent&) = default;
};

struct SegmentHeader {
    SetNumber set{};
    Uuid set_uuid;
    std::uint32_t ordinal = 0;    // segments of a set, from 0
    std::string job, pool, set_name;
    SetType type = SetType::normal;
    FileTime started{};           // of the set
    FileTime committed{};         // of this segment
    std::optional<FileTime> keep_until;  // empty: without limit
    bool last = false;            // the set was complete with this segment
    // Counted by the builder, of this segment alone: directories that are only continued do not count.
    std::uint64_t objects = 0, directories = 0, bytes = 0, not_saved = 0;
    std::uint64_t first_fla = 0, end_fla = 0;  // lowest address, and one above the highest, of this segment's objects
    std::vector<std::string> roots;            // the paths that the job was asked to save, as far as known
    std::vector<MediaExtent> extents;          // of the set, as far as it went when this segment was written
    friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

// The stored form (versioned; described in catalog/README.md). Decoding refuses what it does not understand.
std::vector<std::uint8_t> encode_header(const SegmentHeader& header);
Result<SegmentHeader> decode_header(Bytes bytes);

// Where an address lies: the medium's extent, the block to read, and the offset of the DBLK in it. Empty: in no extent.
struct Location {
    Uuid media_id;
    VolumeTag volume_tag;
    std::uint16_t sequence = 1;
    BlockNumber block{};
    std::uint32_t offset = 0;      // bytes
    std::uint32_t block_size = 0;  // bytes
    friend bool operator==(const Location&, const Location&) = default;
};
std::optional<Location> locate(const std::vector<MediaExtent>& extents, std::uint64_t fla);
// The extents of a set from those of its segments, in order of FLA: a later segment knows the end of a stretch better.
std::vector<MediaExtent> merge_extents(const std::vector<const SegmentHeader*>& headers);

}  // namespace capstan::catalog
