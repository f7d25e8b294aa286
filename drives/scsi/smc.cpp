#include "drives/scsi/smc.hpp"

#include "drives/scsi/text.hpp"

namespace capstan::scsi {
namespace {

using Head = ElementDescriptorHead;

bool known_type(std::uint8_t type) {
    return type >= raw(ElementType::medium_transport) && type <= raw(ElementType::data_transfer);
}

std::size_t tags_size(std::uint8_t volume_tag_flags) {
    return (has(volume_tag_flags, ElementStatusPageHeader::kPrimaryVolumeTag) ? kVolumeTagSize : 0) +
           (has(volume_tag_flags, ElementStatusPageHeader::kAlternateVolumeTag) ? kVolumeTagSize : 0);
}

// A tag with bytes that no bar code has was not read properly: robots fill such a field with FFh or line noise. Two of
// them must not look like two cartridges with one tag.
std::string volume_tag_text(Bytes field) {
    const bool odd =
        std::any_of(field.begin(), field.end(), [](std::uint8_t c) { return c != 0 && (c < 0x20 || c > 0x7E); });
    return odd ? std::string{} : trimmed_text(field);
}

// Precondition: the descriptor holds its head and its volume tags (checked for the whole page).
ElementStatus decode_descriptor(const ElementStatusPageHeader& page, Bytes bytes) {
    Reader reader(bytes);
    const Head head = *take<Head>(reader);
    ElementStatus status;
    status.type = static_cast<ElementType>(page.element_type);
    status.address = element(head.address);
    status.full = has(head.flags, Head::kFull);
    status.exception = has(head.flags, Head::kException);
    if (status.exception) status.asc = head.asc, status.ascq = head.ascq;
    // A picker has no ACCESS bit; the robot always reaches its own hand.
    status.accessible = status.type == ElementType::medium_transport || has(head.flags, Head::kAccess);
    if (status.type == ElementType::import_export) {
        status.placed_by_operator = has(head.flags, Head::kImportExport);
        status.export_enabled = has(head.flags, Head::kExportEnabled);
        status.import_enabled = has(head.flags, Head::kImportEnabled);
    }
    if (has(head.source_flags, Head::kSourceValid)) {
        status.source = element(head.source);
        status.inverted = has(head.source_flags, Head::kInvert);
    }
    status.medium_type = head.source_flags & Head::kMediumTypeMask;
    if (has(page.volume_tag_flags, ElementStatusPageHeader::kPrimaryVolumeTag)) {
        const Bytes tag = *reader.take(kVolumeTagSize);
        status.volume_tag.text = volume_tag_text(tag.first(32));
        status.volume_sequence = static_cast<std::uint16_t>(decode<BigEndian<2>>(tag.subspan(34))->value());
    }
    if (has(page.volume_tag_flags, ElementStatusPageHeader::kAlternateVolumeTag)) {
        status.alternate_volume_tag = volume_tag_text(reader.take(kVolumeTagSize)->first(32));
    }
    // Without DVCID some changers send four reserved bytes here, others nothing.
    if (auto device = take_designator(reader); device && !device->bytes.empty()) {
        device->association = Designator::Association::logical_unit;
        status.device = std::move(*device);
    }
    return status;
}

void append_volume_tag(std::vector<std::uint8_t>& out, std::string_view text, std::uint16_t sequence) {
    append_padded(out, text, 32);
    append_wire(out, BigEndian<2>{});
    append_wire(out, BigEndian<2>{sequence});
}

std::vector<std::uint8_t> encode_descriptor(const ElementStatus& status, std::uint8_t volume_tag_flags) {
    Head head{.address = on_wire(status.address)};
    head.flags = flag_if(status.full, Head::kFull) | flag_if(status.exception, Head::kException) |
                 flag_if(status.accessible && status.type != ElementType::medium_transport, Head::kAccess);
    if (status.type == ElementType::import_export) {
        head.flags |= flag_if(status.placed_by_operator, Head::kImportExport) |
                      flag_if(status.export_enabled, Head::kExportEnabled) |
                      flag_if(status.import_enabled, Head::kImportEnabled);
    }
    if (status.exception) head.asc = status.asc, head.ascq = status.ascq;
    head.source_flags = status.medium_type & Head::kMediumTypeMask;
    if (status.source) {
        head.source = on_wire(*status.source);
        head.source_flags |= Head::kSourceValid | flag_if(status.inverted, Head::kInvert);
    }
    std::vector<std::uint8_t> out;
    append_wire(out, head);
    if (has(volume_tag_flags, ElementStatusPageHeader::kPrimaryVolumeTag)) {
        append_volume_tag(out, status.volume_tag.text, status.volume_sequence);
    }
    if (has(volume_tag_flags, ElementStatusPageHeader::kAlternateVolumeTag)) {
        append_volume_tag(out, status.alternate_volume_tag, 0);
    }
    return out;
}

// One page: descriptors of one length, so the longest decides.
void append_page(std::vector<std::uint8_t>& out, std::span<const ElementStatus> elements,
                 ElementStatusOptions options) {
    std::uint8_t tag_flags = 0;
    if (options.volume_tags) {
        tag_flags = ElementStatusPageHeader::kPrimaryVolumeTag;
        for (const auto& status : elements) {
            tag_flags |= flag_if(!status.alternate_volume_tag.empty(), ElementStatusPageHeader::kAlternateVolumeTag);
        }
    }
    std::vector<std::vector<std::uint8_t>> descriptors;
    std::size_t length = 0;
    for (const auto& status : elements) {
        auto descriptor = encode_descriptor(status, tag_flags);
        if (options.device_identifier && status.device) {
            append_designator(descriptor, *status.device);
        } else {
            append_wire(descriptor, BigEndian<4>{});
        }
        length = std::max(length, descriptor.size());
        descriptors.push_back(std::move(descriptor));
    }
    append_wire(out, ElementStatusPageHeader{.element_type = raw(elements.front().type),
                                             .volume_tag_flags = tag_flags,
                                             .descriptor_length = BigEndian<2>{length},
                                             .byte_count = BigEndian<3>{length * elements.size()}});
    for (auto& descriptor : descriptors) {
        descriptor.resize(length);
        out.insert(out.end(), descriptor.begin(), descriptor.end());
    }
}

}  // namespace

std::optional<ElementStatusReport> decode_element_status(Bytes bytes) {
    Reader reader(bytes);
    const auto header = take<ElementStatusHeader>(reader);
    if (!header) return std::nullopt;
    ElementStatusReport report;
    report.first = element(header->first);
    report.count = static_cast<std::uint16_t>(header->count.value());
    report.bytes_needed = static_cast<std::uint32_t>(sizeof(ElementStatusHeader) + header->byte_count.value());
    Reader pages(reader.rest().first(std::min<std::size_t>(reader.left(), header->byte_count.value())));
    while (auto page = take<ElementStatusPageHeader>(pages)) {
        const std::size_t length = page->descriptor_length.value();
        const std::size_t whole = page->byte_count.value();
        const Bytes body = *pages.take(std::min(whole, pages.left()));
        if (whole == 0) continue;  // an empty page may have any descriptor length
        if (!known_type(page->element_type)) {
            if (length > 0) report.unknown = static_cast<std::uint16_t>(report.unknown + body.size() / length);
            continue;
        }
        if (length < sizeof(Head) + tags_size(page->volume_tag_flags)) return std::nullopt;
        Reader descriptors(body);
        while (auto descriptor = descriptors.take(length)) {
            if (report.elements.size() + report.unknown >= report.count)
                return report;  // more than promised is not believed
            report.elements.push_back(decode_descriptor(*page, *descriptor));
        }
    }
    return report;
}

std::vector<std::uint8_t> encode_element_status(const std::vector<ElementStatus>& elements,
                                                ElementStatusOptions options) {
    std::vector<std::uint8_t> pages;
    ElementAddress lowest = elements.empty() ? ElementAddress{} : elements.front().address;
    for (std::size_t start = 0; start < elements.size();) {
        std::size_t end = start;
        while (end < elements.size() && elements[end].type == elements[start].type) {
            lowest = std::min(lowest, elements[end++].address);
        }
        append_page(pages, std::span(elements).subspan(start, end - start), options);
        start = end;
    }
    std::vector<std::uint8_t> out;
    append_wire(out, ElementStatusHeader{.first = on_wire(lowest),
                                         .count = BigEndian<2>{elements.size()},
                                         .byte_count = BigEndian<3>{pages.size()}});
    out.insert(out.end(), pages.begin(), pages.end());
    return out;
}

}  // namespace capstan::scsi
