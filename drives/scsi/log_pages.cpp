#include "drives/scsi/log_pages.hpp"

#include <algorithm>

namespace capstan::scsi {
namespace {

constexpr std::uint8_t kSubpageFormat = 0x40, kPageMask = 0x3F;
constexpr std::size_t kHeaderSize = 4;
constexpr unsigned kAlerts = 64;

struct Header {
    std::uint8_t code = 0;
    Bytes body;
};
std::optional<Header> read_header(Bytes bytes) {
    Reader reader(bytes);
    const auto code = reader.big<1>(), subpage = reader.big<1>(), length = reader.big<2>();
    if (!length || (*code & kSubpageFormat) != 0 || *subpage != 0) return std::nullopt;
    return Header{static_cast<std::uint8_t>(*code & kPageMask), reader.rest().first(std::min<std::size_t>(*length, reader.left()))};
}

std::vector<std::uint8_t> with_header(LogPageCode code, const std::vector<std::uint8_t>& body) {
    std::vector<std::uint8_t> bytes{raw(code), 0, static_cast<std::uint8_t>(body.size() >> 8), static_cast<std::uint8_t>(body.size())};
    bytes.insert(bytes.end(), body.begin(), body.end());
    return bytes;
}

}  // namespace

std::optional<LogPage> decode_log_page(Bytes bytes) {
    const auto header = read_header(bytes);
    if (!header) return std::nullopt;
    LogPage page{static_cast<LogPageCode>(header->code), {}};
    Reader reader(header->body);
    while (reader.left() > 0) {
        const auto code = reader.big<2>(), control = reader.big<1>(), length = reader.big<1>();
        const auto value = length ? reader.take(*length) : std::nullopt;
        if (!value) break;
        page.parameters.push_back({static_cast<std::uint16_t>(*code), static_cast<std::uint8_t>(*control), {value->begin(), value->end()}});
    }
    return page;
}

std::vector<std::uint8_t> encode_log_page(const LogPage& page) {
    std::vector<std::uint8_t> body;
    for (const auto& each : page.parameters) {
        const std::uint8_t head[kHeaderSize] = {static_cast<std::uint8_t>(each.code >> 8), static_cast<std::uint8_t>(each.code),
                                                each.control, static_cast<std::uint8_t>(each.value.size())};
        body.insert(body.end(), std::begin(head), std::end(head));
        body.insert(body.end(), each.value.begin(), each.value.end());
    }
    return with_header(page.code, body);
}

std::optional<std::vector<LogPageCode>> decode_supported_log_pages(Bytes bytes) {
    const auto header = read_header(bytes);
    if (!header || header->code != raw(LogPageCode::supported_pages)) return std::nullopt;
    std::vector<LogPageCode> pages;
    for (auto code : header->body) pages.push_back(static_cast<LogPageCode>(code & kPageMask));
    return pages;
}

std::vector<std::uint8_t> encode_supported_log_pages(std::span<const LogPageCode> pages) {
    std::vector<std::uint8_t> body;
    for (auto page : pages) body.push_back(raw(page));
    return with_header(LogPageCode::supported_pages, body);
}

const LogParameter* find_parameter(const LogPage& page, std::uint16_t code) {
    const auto found = std::ranges::find(page.parameters, code, &LogParameter::code);
    return found == page.parameters.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> number_of(const LogParameter& parameter) {
    if (parameter.value.empty() || parameter.value.size() > 8) return std::nullopt;
    std::uint64_t number = 0;
    for (auto byte : parameter.value) number = number << 8 | byte;
    return number;
}

LogParameter number_parameter(std::uint16_t code, std::uint64_t value, unsigned size) {
    LogParameter parameter{code, 0x03, {}};  // binary format list parameter
    for (unsigned at = size; at-- > 0;) parameter.value.push_back(static_cast<std::uint8_t>(value >> (8 * at)));
    return parameter;
}

std::vector<std::uint8_t> set_alerts(const LogPage& page) {
    std::vector<std::uint8_t> set;
    for (const auto& each : page.parameters)
        if (each.code >= 1 && each.code <= kAlerts && !each.value.empty() && (each.value.back() & 1) != 0)
            set.push_back(static_cast<std::uint8_t>(each.code));
    return set;
}

}  // namespace capstan::scsi
