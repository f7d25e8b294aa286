#include "backup/labels/foreign.hpp"
#include "backup/labels/labels.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::labels {

Recognition recognise(Bytes first_record) {
    const auto decoded = mtf::decode_header(first_record);
    if (!decoded || !mtf::is_known(decoded->header.type)) return recognise_other(first_record);
    if (decoded->header.type != mtf::BlockType::tape) {
        if (!mtf::looks_like_block(first_record)) return recognise_other(first_record);
        return ForeignMtf{.name = mtf::name_of(decoded->header.type) + " block without a media header"};
    }
    const auto header = mtf::decode_media_header(first_record.first(std::min(first_record.size(), mtf::kFlbSize)));
    if (!header) {
        // A TAPE block that cannot be read may be ours: never taken for a stranger's by mistake.
        return DamagedCapstan{header.error().happened};
    }
    const bool intact = decoded->state == mtf::HeaderState::valid;
    if (is_ours(*header)) {
        if (!intact) return DamagedCapstan{"TAPE block: its header checksum is wrong"};
        auto label = to_media_label(*header);
        if (!label) return DamagedCapstan{label.error().happened};
        return *std::move(label);
    }
    return ForeignMtf{header->software, header->name, header->label, header->family, header->sequence};
}

namespace {

struct Describe {
    std::string operator()(const MediaLabel& label) const {
        if (label.block_size == mtf::kFlbSize)  // a .bkf file: no volume tag, no pool
            return fmt::format("Capstan backup file, media id {}", label.media_id.text);
        return fmt::format("Capstan medium {} of pool {}, media id {}, family {:08X} sequence {}, generation {}",
                           label.volume_tag.empty() ? "without volume tag" : mtf::printable(label.volume_tag.text),
                           mtf::printable(label.pool.text), label.media_id.text, raw(label.family), label.sequence,
                           raw(label.generation));
    }
    std::string operator()(const DamagedCapstan& damaged) const { return "damaged MTF label: " + damaged.why; }
    std::string operator()(const ForeignMtf& foreign) const {
        if (foreign.software.empty()) return fmt::format("MTF medium, {}", mtf::printable(foreign.name));
        return fmt::format("MTF medium '{}' written by {}", mtf::printable(foreign.name),
                           mtf::printable(foreign.software));
    }
    std::string operator()(const OtherFormat& other) const {
        auto text = std::string(name_of(other.format));
        if (!other.name.empty()) text += ' ' + mtf::printable(other.name);
        return text;
    }
};

}  // namespace

std::string describe(const Recognition& recognition) { return std::visit(Describe{}, recognition); }

}  // namespace capstan::labels
