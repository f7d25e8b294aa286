#include "drives/scsi/spc.hpp"

#include "drives/scsi/text.hpp"

#include <fmt/format.h>

namespace capstan::scsi {
namespace {

constexpr std::uint8_t kTypeMask = 0x1F, kRemovable = 0x80;
constexpr std::size_t kInquirySize = 96;

// As much of a text field as came.
Bytes field(Bytes bytes, std::size_t offset, std::size_t size) {
    if (bytes.size() <= offset) return {};
    return bytes.subspan(offset, std::min(size, bytes.size() - offset));
}

std::optional<Bytes> vpd_body(Bytes bytes, VpdPage page) {
    const auto header = decode<VpdHeader>(bytes);
    if (!header || header->page_code != raw(page)) return std::nullopt;
    return field(bytes, sizeof(VpdHeader), header->page_length.value());
}

std::vector<std::uint8_t> vpd_page(DeviceType type, VpdPage page, Bytes body) {
    const auto header =
        encode(VpdHeader{.peripheral = raw(type), .page_code = raw(page), .page_length = BigEndian<2>{body.size()}});
    std::vector<std::uint8_t> out(header.begin(), header.end());
    out.insert(out.end(), body.begin(), body.end());
    return out;
}

}  // namespace

std::string trimmed_text(Bytes bytes) {
    auto blank = [](std::uint8_t c) { return c == ' ' || c == 0; };
    while (!bytes.empty() && blank(bytes.back())) bytes = bytes.first(bytes.size() - 1);
    while (!bytes.empty() && blank(bytes.front())) bytes = bytes.subspan(1);
    std::string text(text_of(bytes));
    for (char& c : text) {
        if (c < 0x20 || c > 0x7E)
            c = '?';  // SPC-4 4.3.1: graphic codes of ASCII; others would reach terminals and logs
    }
    return text;
}

void append_padded(std::vector<std::uint8_t>& out, std::string_view text, std::size_t size) {
    const Bytes bytes = bytes_of(text.substr(0, size));
    out.insert(out.end(), bytes.begin(), bytes.end());
    out.insert(out.end(), size - bytes.size(), ' ');
}

std::optional<InquiryData> decode_inquiry(Bytes bytes) {
    if (bytes.size() < 5) return std::nullopt;
    const Bytes whole = bytes.first(std::min(bytes.size(), std::size_t{5} + bytes[4]));
    InquiryData data;
    data.peripheral_qualifier = whole[0] >> 5;
    data.device_type = static_cast<DeviceType>(whole[0] & kTypeMask);
    data.removable = has(whole[1], kRemovable);
    data.version = whole[2];
    data.vendor = trimmed_text(field(whole, 8, 8));
    data.product = trimmed_text(field(whole, 16, 16));
    data.revision = trimmed_text(field(whole, 32, 4));
    return data;
}

std::vector<std::uint8_t> encode_inquiry(const InquiryData& data) {
    std::vector<std::uint8_t> out{
        static_cast<std::uint8_t>(data.peripheral_qualifier << 5 | (raw(data.device_type) & kTypeMask)),
        flag_if(data.removable, kRemovable),
        data.version,
        0x02,              // response data format
        kInquirySize - 5,  // additional length
        0,
        0,
        0x02,  // CMDQUE
    };
    append_padded(out, data.vendor, 8);
    append_padded(out, data.product, 16);
    append_padded(out, data.revision, 4);
    out.resize(kInquirySize);
    return out;
}

std::string serial_number_of(const Designator& designator) {
    const Bytes bytes = designator.bytes;
    switch (designator.type) {
        case Designator::Type::t10_vendor_id: {
            // Vendor (8) and product (16) come first in what LTO drives and libraries send; a shorter one is vendor +
            // serial.
            const std::size_t skip = bytes.size() > 24 ? 24 : std::min<std::size_t>(bytes.size(), 8);
            return trimmed_text(bytes.subspan(skip));
        }
        case Designator::Type::vendor_specific:
        case Designator::Type::scsi_name:
            return designator.code_set == Designator::CodeSet::binary ? std::string{} : trimmed_text(bytes);
        case Designator::Type::eui64:
        case Designator::Type::naa: {
            std::string digits;
            for (auto byte : bytes) digits += fmt::format("{:02X}", byte);
            return digits;
        }
        case Designator::Type::relative_port:
        case Designator::Type::target_port_group:
        case Designator::Type::logical_unit_group: break;
    }
    return {};
}

std::optional<Designator> take_designator(Reader& reader) {
    const auto head = reader.take(4);
    const auto bytes = head ? reader.take((*head)[3]) : std::nullopt;
    if (!bytes) return std::nullopt;
    return Designator{.code_set = static_cast<Designator::CodeSet>((*head)[0] & 0x0F),
                      .type = static_cast<Designator::Type>((*head)[1] & 0x0F),
                      .association = static_cast<Designator::Association>((*head)[1] >> 4 & 0x03),
                      .bytes = {bytes->begin(), bytes->end()}};
}

void append_designator(std::vector<std::uint8_t>& out, const Designator& designator) {
    const std::size_t size = std::min<std::size_t>(designator.bytes.size(), 255);
    out.push_back(raw(designator.code_set));
    out.push_back(static_cast<std::uint8_t>(raw(designator.association) << 4 | raw(designator.type)));
    out.push_back(0);
    out.push_back(static_cast<std::uint8_t>(size));
    out.insert(out.end(), designator.bytes.begin(), designator.bytes.begin() + static_cast<std::ptrdiff_t>(size));
}

std::optional<std::vector<std::uint8_t>> decode_vpd_supported_pages(Bytes bytes) {
    const auto body = vpd_body(bytes, VpdPage::supported_pages);
    if (!body) return std::nullopt;
    return std::vector<std::uint8_t>(body->begin(), body->end());
}

std::optional<std::string> decode_vpd_serial_number(Bytes bytes) {
    const auto body = vpd_body(bytes, VpdPage::unit_serial_number);
    if (!body) return std::nullopt;
    return trimmed_text(*body);
}

std::optional<std::vector<Designator>> decode_vpd_identification(Bytes bytes) {
    const auto body = vpd_body(bytes, VpdPage::device_identification);
    if (!body) return std::nullopt;
    std::vector<Designator> designators;
    Reader reader(*body);
    while (auto designator = take_designator(reader)) designators.push_back(std::move(*designator));
    return designators;
}

std::vector<std::uint8_t> encode_vpd_supported_pages(DeviceType type, Bytes page_codes) {
    return vpd_page(type, VpdPage::supported_pages, page_codes);
}
std::vector<std::uint8_t> encode_vpd_serial_number(DeviceType type, std::string_view serial_number) {
    return vpd_page(type, VpdPage::unit_serial_number, bytes_of(serial_number));
}
std::vector<std::uint8_t> encode_vpd_identification(DeviceType type, const std::vector<Designator>& designators) {
    std::vector<std::uint8_t> body;
    for (const auto& designator : designators) append_designator(body, designator);
    return vpd_page(type, VpdPage::device_identification, body);
}

}  // namespace capstan::scsi
