// Our label: a TAPE block whose media label string (MTF reference 2.6) ends with the vendor field
// "VS:1/G<generation>/A<appendable until>/K<keep until>/B<block size>/P<pool>". README.md has the prose.
#include "backup/labels/labels.hpp"
#include "backup/mtf/continuation.hpp"
#include "config/base/split.hpp"

#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace capstan::labels {

namespace {

constexpr std::string_view kTag = "MTF Media Label", kVersion = "1.0", kVendor = "Capstan", kProduct = "Capstan1";
constexpr std::size_t kLabelMax = 320;  // characters that the TAPE block has room for

// The label's allowed characters are letters, digits, + - _ : / . { }. Others, and those that separate fields, become +XX.
std::string escape(std::string_view text) {
    std::string out;
    for (char c : text) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
        if (plain) out.push_back(c);
        else out += fmt::format("+{:02X}", static_cast<std::uint8_t>(c));
    }
    return out;
}

template <class Number>
bool parse(std::string_view text, Number& value, int base = 10) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

bool unescape(std::string_view text, std::string& out) {
    out.clear();
    while (!text.empty()) {
        if (text[0] != '+') {
            out.push_back(text[0]);
            text.remove_prefix(1);
            continue;
        }
        unsigned byte = 0;
        if (text.size() < 3 || !parse(text.substr(1, 2), byte, 16)) return false;
        out.push_back(static_cast<char>(byte));
        text.remove_prefix(3);
    }
    return true;
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i];
        const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !digit) return false;
    }
    return true;
}

bool braced_uuid(std::string_view text, Uuid& uuid) {
    if (text.size() != 38 || text.front() != '{' || text.back() != '}' || !is_uuid(text.substr(1, 36))) return false;
    uuid.text = text.substr(1, 36);
    return true;
}

std::unexpected<Error> damaged(std::string what) {
    return fail(Recovery::ask_operator, "Capstan label: " + std::move(what),
                "The medium is not used until an operator says what it is.");
}

bool vendor_field(std::string_view text, MediaLabel& label) {
    const auto parts = split(text, '/');
    if (parts.size() < 6 || parts[0] != "VS:1") return false;
    std::uint32_t generation = 0;
    auto number = [&](std::size_t i, char letter, auto& value) {
        return parts[i].starts_with(letter) && parse(parts[i].substr(1), value);
    };
    const bool good = number(1, 'G', generation) && number(2, 'A', label.appendable_until) &&
                      number(3, 'K', label.keep_until) && number(4, 'B', label.block_size) && parts[5].starts_with('P') &&
                      unescape(parts[5].substr(1), label.pool.text);
    label.generation = WriteGeneration{generation};
    return good && generation > 0;
}

std::string label_string(const MediaLabel& label) {
    const auto t = mtf::from_unix(label.created);
    const auto stamp = fmt::format("{:04}/{:02}/{:02}.{:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second);
    return fmt::format("{}|{}|{}|{}|{}|{}|1|{{{}}}|{{{}}}|VS:1/G{}/A{}/K{}/B{}/P{}", kTag, kVersion, kVendor, kProduct, stamp,
                       escape(label.volume_tag.text), label.media_id.text, label.domain_id.text, raw(label.generation),
                       label.appendable_until, label.keep_until, label.block_size, escape(label.pool.text));
}

}  // namespace

mtf::MediaHeader to_media_header(const MediaLabel& label) {
    mtf::MediaHeader header;
    if (label.continued_family) header.header.attributes |= mtf::block_attribute::continuation;
    header.family = label.family;
    header.sequence = label.sequence;
    header.physical_block_units = static_cast<std::uint16_t>(label.block_size / 512);
    if (label.block_size == mtf::kFlbSize) header.attributes |= mtf::tape_attribute::soft_filemarks;
    header.date = mtf::from_unix(label.created);
    header.name = label.volume_tag.text;
    header.label = label_string(label);
    header.software = kSoftware;
    return header;
}

bool is_ours(const mtf::MediaHeader& header) {
    const auto fields = split(header.label, '|');
    return header.software == kSoftware || (fields.size() > 2 && fields[2] == kVendor);
}

Result<MediaLabel> to_media_label(const mtf::MediaHeader& header) {
    const auto fields = split(header.label, '|');
    if (fields.size() != 10 || fields[0] != kTag || fields[1] != kVersion || fields[2] != kVendor || fields[3] != kProduct)
        return damaged(fmt::format("'{}' is no label string of this version", mtf::printable(header.label)));
    if (header.software != kSoftware) return damaged("the software name is another program's");
    MediaLabel label;
    label.family = header.family;
    label.sequence = header.sequence;
    label.created = mtf::to_unix(header.date);
    label.continued_family = header.header.continuation();
    if (!unescape(fields[5], label.volume_tag.text)) return damaged("the volume tag is not escaped correctly");
    if (!braced_uuid(fields[7], label.media_id)) return damaged("the media id is no UUID");
    if (!braced_uuid(fields[8], label.domain_id)) return damaged("the media domain id is no UUID");
    if (!vendor_field(fields[9], label)) return damaged("the vendor field does not parse");
    if (label.block_size != header.physical_block_units * 512U) return damaged("its two block sizes differ");
    return label;
}

Result<void> encode_label(const MediaLabel& label, MutableBytes block) {
    if (block.size() != label.block_size)
        return fail(Recovery::change_request, fmt::format("label of {}: {} bytes of memory for a block of {}",
                                                          label.volume_tag.text, block.size(), label.block_size));
    const auto header = to_media_header(label);
    if (header.label.size() > kLabelMax)
        return fail(Recovery::change_request, fmt::format("label of {}: the pool name '{}' is too long", label.volume_tag.text, label.pool.text),
                    "Give the pool a shorter name.");
    const auto back = to_media_label(header);  // a label that would not be read back is not written
    if (!back) return std::unexpected(back.error());
    return mtf::encode_padded(header, {}, block);
}

}  // namespace capstan::labels
