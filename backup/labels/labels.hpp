// What the first record of a medium says: whose it is. Pure recognisers of bytes, and our own label. Whether a medium is
// blank is not decided here (that is sense data), nor what may be overwritten (that is pools).
#pragma once

#include "backup/mtf/blocks.hpp"
#include "config/base/bytes.hpp"
#include "config/base/error.hpp"
#include "config/base/ids.hpp"

#include <string>
#include <variant>

namespace capstan::labels {

// Our label: a TAPE block whose media label string carries the vendor field "VS:". Times are Unix seconds; 0: none.
struct MediaLabel {
    Uuid media_id;
    Uuid domain_id;                     // media domain: the installation that owns it
    MediaFamilyId family{};
    std::uint16_t sequence = 1;         // in its family
    WriteGeneration generation{};
    std::uint32_t block_size = 262144;  // of all records; multiple of 1024, 16 KiB to 1 MiB (1024 in .bkf)
    PoolName pool;
    VolumeTag volume_tag;
    std::int64_t created = 0;
    std::int64_t appendable_until = 0;  // 0: for ever
    std::int64_t keep_until = 0;        // upper bound for every set that may still be appended; 0: for ever
    bool continued_family = false;      // TAPE's continuation bit: a set goes on here
    friend bool operator==(const MediaLabel&, const MediaLabel&) = default;
};

inline constexpr std::string_view kSoftware = "Capstan";

mtf::MediaHeader to_media_header(const MediaLabel& label);
// Error: the header is ours by its software name, but its label string or vendor field does not parse.
Result<MediaLabel> to_media_label(const mtf::MediaHeader& header);
bool is_ours(const mtf::MediaHeader& header);
// The label as the medium's first record, `block.size()` bytes (label.block_size).
Result<void> encode_label(const MediaLabel& label, MutableBytes block);

struct ForeignMtf {
    std::string software, name, label;
    MediaFamilyId family{};
    std::uint16_t sequence = 0;
};
struct DamagedCapstan {  // ours by its words, but the label cannot be trusted: never "ours" for a decision
    std::string why;
};
enum class Format : std::uint8_t { ansi_vol1, ebcdic_vol1, ltfs, bacula, bareos, amanda, proxmox, tar, cpio, dump, zeros, unknown };
struct OtherFormat {
    Format format = Format::unknown;
    std::string name;  // volume name or serial where the format has one
};

using Recognition = std::variant<MediaLabel, DamagedCapstan, ForeignMtf, OtherFormat>;

Recognition recognise(Bytes first_record);
std::string describe(const Recognition& recognition);  // one line for an operator: "Bacula volume Full-0001"
std::string_view name_of(Format format);

}  // namespace capstan::labels
