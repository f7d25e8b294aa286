#include "daemon/api/http_reply.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace capstan::api {
namespace {

// The line at the front, without its end. Empty: there is no whole line.
std::optional<std::string_view> take_line(std::string_view& text) {
    auto end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

bool same_word(std::string_view a, std::string_view b) {  // field names and codings have no case
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}

std::optional<std::string> join_chunks(std::string_view text) {
    std::string body;
    for (;;) {
        auto line = take_line(text);
        if (!line) return std::nullopt;
        std::uint64_t size = 0;
        auto [end, error] = std::from_chars(line->data(), line->data() + line->size(), size, 16);
        if (error != std::errc{} || (end != line->data() + line->size() && *end != ';')) return std::nullopt;
        if (size == 0) return body;
        if (size > text.size()) return std::nullopt;
        body += text.substr(0, size);
        text.remove_prefix(size);
        if (auto after = take_line(text); !after || !after->empty()) return std::nullopt;
    }
}

}  // namespace

std::optional<ParsedReply> parse_http_reply(std::string_view bytes) {
    auto first = take_line(bytes);
    ParsedReply reply;
    if (!first || !first->starts_with("HTTP/1.") || first->size() < 12 || (*first)[8] != ' ') return std::nullopt;
    auto [end, error] = std::from_chars(first->data() + 9, first->data() + 12, reply.status);
    if (error != std::errc{} || end != first->data() + 12 || reply.status < 100) return std::nullopt;
    std::optional<std::uint64_t> length;
    bool chunked = false;
    for (;;) {
        auto line = take_line(bytes);
        if (!line) return std::nullopt;
        if (line->empty()) break;
        auto colon = line->find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        auto name = line->substr(0, colon), value = trimmed(line->substr(colon + 1));
        if (same_word(name, "transfer-encoding")) chunked = same_word(value, "chunked");
        if (!same_word(name, "content-length")) continue;
        std::uint64_t number = 0;
        auto [stop, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (problem != std::errc{} || stop != value.data() + value.size()) return std::nullopt;
        length = number;
    }
    if (chunked) {
        auto body = join_chunks(bytes);
        if (!body) return std::nullopt;
        reply.body = std::move(*body);
    } else {
        if (length && *length > bytes.size()) return std::nullopt;
        reply.body = bytes.substr(0, length.value_or(bytes.size()));
    }
    return reply;
}

}  // namespace capstan::api
