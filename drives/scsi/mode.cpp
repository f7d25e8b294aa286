#include "drives/scsi/mode.hpp"

#include "drives/scsi/text.hpp"

namespace capstan::scsi {
namespace {

constexpr std::uint8_t kSaveable = 0x80, kSubpageFormat = 0x40, kPageCodeMask = 0x3F;

struct Head {
    std::uint8_t medium_type = 0, device_specific = 0;
    std::size_t data_length = 0;  // including the length field itself
    std::size_t block_descriptor_length = 0;
};

template <class Header>
std::optional<Head> take_head(Reader& reader) {
    const auto header = take<Header>(reader);
    if (!header) return std::nullopt;
    Head head{.medium_type = header->medium_type, .device_specific = header->device_specific};
    if constexpr (std::is_same_v<Header, ModeHeader6>) {
        head.data_length = std::size_t{header->data_length} + 1;
        head.block_descriptor_length = header->block_descriptor_length;
    } else {
        head.data_length = header->data_length.value() + 2;
        head.block_descriptor_length = header->block_descriptor_length.value();
    }
    return head;
}

std::optional<ModePage> take_page(Reader& reader) {
    const Bytes rest = reader.rest();
    if (rest.size() < 2) return std::nullopt;
    const bool subpage_format = has(rest[0], kSubpageFormat);
    if (subpage_format && rest.size() < 4) return std::nullopt;
    const std::size_t size = subpage_format ? 4 + (std::size_t{rest[2]} << 8 | rest[3]) : std::size_t{2} + rest[1];
    const auto bytes = reader.take(size);
    if (!bytes) return std::nullopt;
    return ModePage{.code = static_cast<std::uint8_t>(rest[0] & kPageCodeMask),
                    .subpage = subpage_format ? rest[1] : std::uint8_t{0},
                    .bytes = {bytes->begin(), bytes->end()}};
}

}  // namespace

std::optional<ModeData> decode_mode_data(ModeForm form, ModeUse use, Bytes bytes) {
    Reader reader(bytes);
    const auto head = form == ModeForm::six ? take_head<ModeHeader6>(reader) : take_head<ModeHeader10>(reader);
    if (!head) return std::nullopt;
    if (use == ModeUse::sense && head->data_length < bytes.size()) {  // what follows the mode data is not ours
        const std::size_t header_size = bytes.size() - reader.left();
        reader = Reader(bytes.subspan(header_size, std::max(head->data_length, header_size) - header_size));
    }
    ModeData data{.medium_type = head->medium_type, .device_specific = head->device_specific};
    const auto descriptors = reader.take(head->block_descriptor_length);
    if (!descriptors) return data;
    data.block_descriptor = decode<BlockDescriptor>(*descriptors);
    while (auto page = take_page(reader)) data.pages.push_back(std::move(*page));
    return data;
}

std::vector<std::uint8_t> encode_mode_data(ModeForm form, ModeUse use, const ModeData& data) {
    std::vector<std::uint8_t> body;
    if (data.block_descriptor) append_wire(body, *data.block_descriptor);
    const std::size_t descriptor_length = body.size();
    for (const auto& page : data.pages) {
        const std::size_t start = body.size();
        body.insert(body.end(), page.bytes.begin(), page.bytes.end());
        if (use == ModeUse::select && body.size() > start) body[start] &= static_cast<std::uint8_t>(~kSaveable);
    }
    const bool sense = use == ModeUse::sense;
    std::vector<std::uint8_t> out;
    if (form == ModeForm::six) {
        append_wire(out, ModeHeader6{.data_length = static_cast<std::uint8_t>(sense ? body.size() + 3 : 0),
                                     .medium_type = data.medium_type,
                                     .device_specific = data.device_specific,
                                     .block_descriptor_length = static_cast<std::uint8_t>(descriptor_length)});
    } else {
        append_wire(out, ModeHeader10{.data_length = BigEndian<2>{sense ? body.size() + 6 : 0},
                                      .medium_type = data.medium_type,
                                      .device_specific = data.device_specific,
                                      .block_descriptor_length = BigEndian<2>{descriptor_length}});
    }
    out.insert(out.end(), body.begin(), body.end());
    return out;
}

}  // namespace capstan::scsi
