// The files of one virtual cartridge, as bytes (prose: README.md). Pure: no file is opened here.
#pragma once

#include "config/base/bytes.hpp"
#include "config/base/error.hpp"
#include "config/base/media_types.hpp"
#include "drives/virtual/fault_plan.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace capstan::virtual_library {

// What a cartridge is, apart from what was written on it: file `medium`, text, one `key value` per line, a checksum
// last.
struct MediumInfo {
    std::string id;  // the name of its directory: 1-31 of A-Z a-z 0-9 . _ -, never changes
    enum class Barcode : std::uint8_t { readable, missing, unreadable } barcode = Barcode::readable;
    VolumeTag volume_tag;  // what is printed on it, 1-32 printable ASCII without blanks; may be double; empty: nothing
    std::uint8_t density = 0x5E;                  // LTO-8; reference: tape-facts
    std::uint64_t capacity = 12'000'000'000'000;  // bytes of user data
    std::uint64_t early_warning = 5'000'000'000;  // distance from the end at which early warning begins, <= capacity
    bool write_protected = false;                 // the tab
    std::uint64_t segment_size = 64ull << 30;     // bytes per data file, >= 4096 (ext4 holds no file of 18 TB)
    std::optional<std::uint32_t> cleaning_uses;   // a cleaning cartridge: how often it will still clean
    bool optimised = true;                        // false: its first load in a drive of its generation measures it
    std::uint64_t full_capacity = 0;              // where SET CAPACITY made it shorter: what it was; else 0
    struct Defect {
        BlockNumber block{};
        MediumFault::When when = MediumFault::When::read;
        friend bool operator==(const Defect&, const Defect&) = default;
    };
    std::vector<Defect> defects;  // objects that cannot be read, or not be written; at most 65,536
    friend bool operator==(const MediumInfo&, const MediumInfo&) = default;
};
bool is_cartridge_id(std::string_view text);
Result<void> check(const MediumInfo& info);  // every limit above
// The distance from the end that counts: of a cartridge that was made shorter at most half of it.
std::uint64_t early_warning_of(const MediumInfo& info);
// A new cartridge of that type: its density, that it cleans, that it is still to be measured.
void take_generation(MediumInfo& info, const MediaType& type);
std::string encode(const MediumInfo& info);
Result<MediumInfo> decode_medium_info(std::string_view text);

// One logical object of the tape: file `index`, 32 bytes per object, object n at byte 32 n.
struct IndexRecord {
    enum class Kind : std::uint8_t { block = 0x42, filemark = 0x46 } kind = Kind::block;
    std::uint32_t size = 0;    // bytes of the block, 1 to 2^24 - 1; a filemark has 0
    std::uint64_t offset = 0;  // of the block in the cartridge's data; a filemark has the end of data before it
    std::uint64_t filemarks_before = 0;  // filemarks among the objects before this one: SPACE is a binary search
    std::uint64_t batch = 0;             // number of the first object that was synchronised together with this one
    friend bool operator==(const IndexRecord&, const IndexRecord&) = default;
};
inline constexpr std::size_t kIndexRecordSize = 32;
inline constexpr std::uint32_t kBlockSizeMax = 0xFFFFFF;
std::array<std::uint8_t, kIndexRecordSize> encode(const IndexRecord& record, BlockNumber number);
// Empty unless the bytes are the undamaged record of just this object.
std::optional<IndexRecord> decode_index_record(Bytes bytes, BlockNumber number);

std::uint32_t crc32c(Bytes bytes, std::uint32_t seed = 0);

}  // namespace capstan::virtual_library
