#include "drives/scsi/attributes.hpp"

#include <algorithm>

namespace capstan::scsi {
namespace {

constexpr std::uint8_t kReadOnly = 0x80, kFormatMask = 0x03;

void put(std::vector<std::uint8_t>& bytes, std::uint64_t value, unsigned size) {
    for (unsigned at = size; at-- > 0;) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * at)));
}
std::optional<Bytes> body_of(Bytes bytes) {
    Reader reader(bytes);
    const auto length = reader.big<4>();
    if (!length) return std::nullopt;
    return reader.rest().first(std::min<std::size_t>(*length, reader.left()));
}
std::vector<std::uint8_t> with_length(const std::vector<std::uint8_t>& body) {
    std::vector<std::uint8_t> bytes;
    put(bytes, body.size(), 4);
    bytes.insert(bytes.end(), body.begin(), body.end());
    return bytes;
}

}  // namespace

std::optional<std::vector<Attribute>> decode_attributes(Bytes bytes) {
    const auto body = body_of(bytes);
    if (!body) return std::nullopt;
    std::vector<Attribute> attributes;
    Reader reader(*body);
    while (reader.left() > 0) {
        const auto id = reader.big<2>(), flags = reader.big<1>(), length = reader.big<2>();
        const auto value = length ? reader.take(*length) : std::nullopt;
        if (!value) break;
        attributes.push_back({static_cast<AttributeId>(*id),
                              static_cast<AttributeFormat>(*flags & kFormatMask),
                              (*flags & kReadOnly) != 0,
                              {value->begin(), value->end()}});
    }
    return attributes;
}

std::vector<std::uint8_t> encode_attributes(std::span<const Attribute> attributes) {
    std::vector<std::uint8_t> body;
    for (const auto& each : attributes) {
        put(body, raw(each.id), 2);
        body.push_back(static_cast<std::uint8_t>(raw(each.format) | (each.read_only ? kReadOnly : 0)));
        put(body, each.value.size(), 2);
        body.insert(body.end(), each.value.begin(), each.value.end());
    }
    return with_length(body);
}

std::optional<std::vector<AttributeId>> decode_attribute_list(Bytes bytes) {
    const auto body = body_of(bytes);
    if (!body) return std::nullopt;
    std::vector<AttributeId> list;
    Reader reader(*body);
    while (const auto id = reader.big<2>()) list.push_back(static_cast<AttributeId>(*id));
    return list;
}

std::vector<std::uint8_t> encode_attribute_list(std::span<const AttributeId> list) {
    std::vector<std::uint8_t> body;
    for (auto id : list) put(body, raw(id), 2);
    return with_length(body);
}

const Attribute* find_attribute(std::span<const Attribute> attributes, AttributeId id) {
    const auto found = std::ranges::find(attributes, id, &Attribute::id);
    return found == attributes.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> number_of(const Attribute& attribute) {
    if (attribute.format != AttributeFormat::binary || attribute.value.empty() || attribute.value.size() > 8) return std::nullopt;
    std::uint64_t number = 0;
    for (auto byte : attribute.value) number = number << 8 | byte;
    return number;
}

std::string text_of(const Attribute& attribute) {
    std::string text(capstan::text_of(attribute.value));
    while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.pop_back();
    return text;
}

Attribute number_attribute(AttributeId id, std::uint64_t value, unsigned size) {
    Attribute attribute{id, AttributeFormat::binary, true, {}};
    put(attribute.value, value, size);
    return attribute;
}

Attribute ascii_attribute(AttributeId id, std::string_view text, std::size_t size) {
    Attribute attribute{id, AttributeFormat::ascii, false, {}};
    for (std::size_t at = 0; at < size; ++at)
        attribute.value.push_back(at < text.size() ? static_cast<std::uint8_t>(text[at]) : std::uint8_t{' '});
    return attribute;
}

Attribute text_attribute(AttributeId id, std::string_view text) {
    constexpr std::size_t kTextSize = 160;
    Attribute attribute{id, AttributeFormat::text, false, std::vector<std::uint8_t>(kTextSize)};
    std::ranges::copy(bytes_of(text.substr(0, kTextSize)), attribute.value.begin());
    return attribute;
}

std::optional<Coherency> decode_coherency(Bytes value) {
    Reader reader(value);
    const auto size = reader.big<1>();
    if (!size || *size > 8) return std::nullopt;
    const auto reference = reader.take(*size);
    const auto count = reader.big<8>(), set = reader.big<8>();
    const auto length = reader.big<2>();
    const auto application = length ? reader.take(*length) : std::nullopt;
    if (!reference || !count || !set || !application || reader.left() > 0) return std::nullopt;
    Coherency coherency{0, *count, *set, {application->begin(), application->end()}};
    for (auto byte : *reference) coherency.change_reference = coherency.change_reference << 8 | byte;
    return coherency;
}

std::vector<std::uint8_t> encode_coherency(const Coherency& coherency) {
    std::vector<std::uint8_t> bytes;
    constexpr unsigned kReferenceSize = 8;
    put(bytes, kReferenceSize, 1);
    put(bytes, coherency.change_reference, kReferenceSize);
    put(bytes, coherency.count, 8);
    put(bytes, coherency.set, 8);
    put(bytes, coherency.application.size(), 2);
    bytes.insert(bytes.end(), coherency.application.begin(), coherency.application.end());
    return bytes;
}

}  // namespace capstan::scsi
