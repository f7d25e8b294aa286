// Percent escapes, base64, UTF-8, times and paths of routes.
#include "daemon/api/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace capstan::api {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

// The length of the UTF-8 character at the front (Unicode 15, table 3-7); 0: not one.
std::size_t utf8_length(std::string_view text) {
    auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    auto follows = [&](std::size_t i) { return (at(i) & 0xC0) == 0x80; };
    auto first = at(0), second = at(1);
    if (first < 0x80) return 1;
    if (first < 0xC2) return 0;
    if (first < 0xE0) return follows(1) ? 2 : 0;
    if (first < 0xF0) {
        bool overlong = first == 0xE0 && second < 0xA0, surrogate = first == 0xED && second > 0x9F;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    bool overlong = first == 0xF0 && second < 0x90, beyond = first > 0xF4 || (first == 0xF4 && second > 0x8F);
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
}

// Digits of a fixed count at the front. Empty: something else.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    int number = 0;
    if (text.size() < count) return std::nullopt;
    for (char c : text.substr(0, count)) {
        if (c < '0' || c > '9') return std::nullopt;
        number = number * 10 + (c - '0');
    }
    text.remove_prefix(count);
    return number;
}

bool take_char(std::string_view& text, char expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::uint32_t> take_fraction(std::string_view& text) {  // ".5": 500000000
    if (!take_char(text, '.')) return 0;
    std::uint32_t nanoseconds = 0;
    std::size_t digits = 0;
    for (; digits < 9 && digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits)
        nanoseconds = nanoseconds * 10 + static_cast<std::uint32_t>(text[digits] - '0');
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    for (; digits < 9; ++digits) nanoseconds *= 10;
    return nanoseconds;
}

std::optional<Time> parse_seconds(std::string_view text) {  // behind the '@'
    Time time;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time.seconds);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    auto fraction = take_fraction(text);
    if (!fraction || !text.empty()) return std::nullopt;
    time.nanoseconds = *fraction;
    return time;
}

std::optional<Time> parse_date(std::string_view text) {
    namespace chrono = std::chrono;
    auto year = take_digits(text, 4);
    if (!year || !take_char(text, '-')) return std::nullopt;
    auto month = take_digits(text, 2);
    if (!month || !take_char(text, '-')) return std::nullopt;
    auto day = take_digits(text, 2);
    if (!day) return std::nullopt;
    chrono::year_month_day date{chrono::year{*year}, chrono::month{static_cast<unsigned>(*month)},
                                chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    Time time{chrono::sys_seconds(chrono::sys_days(date)).time_since_epoch().count(), 0};
    if (text.empty()) return time;
    if (!take_char(text, 'T') && !take_char(text, ' ')) return std::nullopt;
    auto hour = take_digits(text, 2);
    if (!hour || *hour > 23 || !take_char(text, ':')) return std::nullopt;
    auto minute = take_digits(text, 2);
    if (!minute || *minute > 59) return std::nullopt;
    time.seconds += *hour * 3600 + *minute * 60;
    if (take_char(text, ':')) {
        auto second = take_digits(text, 2);
        auto fraction = take_fraction(text);
        if (!second || *second > 59 || !fraction) return std::nullopt;
        time.seconds += *second;
        time.nanoseconds = *fraction;
    }
    take_char(text, 'Z');
    return text.empty() ? std::optional(time) : std::nullopt;
}

// Calls back for each part between slashes.
std::vector<std::string_view> segments(std::string_view path) {
    std::vector<std::string_view> parts;
    for (std::size_t from = 0; from <= path.size();) {
        auto to = std::min(path.find('/', from), path.size());
        parts.push_back(path.substr(from, to - from));
        from = to + 1;
    }
    return parts;
}

}  // namespace

std::string percent_encode(std::string_view bytes) {
    std::string text;
    for (char c : bytes) {
        auto byte = static_cast<unsigned char>(c);
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain)
            text += c;
        else
            text += fmt::format("%{:02X}", byte);
    }
    return text;
}

Result<std::string> percent_decode(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {  // forms write a blank so; percent_encode never does
            bytes += ' ';
        } else if (text[i] != '%') {
            bytes += text[i];
        } else {
            int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1,
                low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return fail(Recovery::change_request, "the address holds a '%' without two hexadecimal digits",
                            "Write '%25' for a percent sign.");
            bytes += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return bytes;
}

std::string base64_encode(std::string_view bytes) {  // RFC 4648 section 4
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        auto count = std::min<std::size_t>(3, bytes.size() - i);
        for (std::size_t j = 0; j < 3; ++j)
            group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j) text += j <= count ? kBase64[group >> (18 - 6 * j) & 63] : '=';
    }
    return text;
}

Result<std::string> base64_decode(std::string_view text) {
    auto wrong = [] {
        return fail(Recovery::change_request, "the text is not base64",
                    "Encode it as RFC 4648 section 4 says, with padding.");
    };
    if (text.size() % 4 != 0) return wrong();
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 4) {
        auto group = text.substr(i, 4);
        bool last = i + 4 == text.size();
        std::size_t padding = last && group.ends_with("==") ? 2 : last && group.ends_with('=') ? 1 : 0;
        std::uint32_t value = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            auto digit = j < 4 - padding ? kBase64.find(group[j]) : 0;
            if (digit == std::string_view::npos) return wrong();
            value = value << 6 | static_cast<std::uint32_t>(digit);
        }
        for (std::size_t j = 0; j < 3 - padding; ++j) bytes += static_cast<char>(value >> (16 - 8 * j) & 0xFF);
    }
    return bytes;
}

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        auto length = utf8_length(bytes);
        if (length == 0) return false;
        bytes.remove_prefix(length);
    }
    return true;
}

std::string repair_utf8(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        auto length = utf8_length(bytes);
        text += length == 0 ? std::string_view("\xEF\xBF\xBD") : bytes.substr(0, length);
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return text;
}

std::string time_text(const Time& time) {
    namespace chrono = std::chrono;
    constexpr std::int64_t kYear0 = -62167219200, kYear10000 = 253402300800;
    std::string fraction;
    if (time.nanoseconds != 0) {
        fraction = fmt::format(".{:09}", time.nanoseconds);
        fraction.erase(fraction.find_last_not_of('0') + 1);
    }
    if (time.seconds < kYear0 || time.seconds >= kYear10000) return fmt::format("@{}{}", time.seconds, fraction);
    auto days = chrono::floor<chrono::days>(chrono::sys_seconds(chrono::seconds(time.seconds)));
    chrono::year_month_day date(days);
    auto rest = time.seconds - chrono::sys_seconds(days).time_since_epoch().count();
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), rest / 3600,
                       rest / 60 % 60, rest % 60, fraction);
}

Result<Time> parse_time(std::string_view text) {
    auto time = text.starts_with('@') ? parse_seconds(text.substr(1)) : parse_date(text);
    if (time) return *time;
    return fail(Recovery::change_request, fmt::format("'{}' is not a time", repair_utf8(text.substr(0, 60))),
                "Write it in UTC, such as 2026-11-22T16:20:00Z or 2026-11-22.");
}

std::string fill_path(std::string_view pattern, const std::vector<std::string>& parameters) {
    std::string path;
    std::size_t used = 0;
    for (auto segment : segments(pattern.substr(1))) {
        path += '/';
        if (segment.starts_with('{'))
            path += used < parameters.size() ? percent_encode(parameters[used++]) : "";
        else
            path += segment;
    }
    return path;
}

std::optional<std::vector<std::string>> match_path(std::string_view pattern, std::string_view path) {
    auto expected = segments(pattern), found = segments(path);
    std::vector<std::string> parameters;
    if (expected.size() != found.size()) return std::nullopt;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (!expected[i].starts_with('{')) {
            if (expected[i] != found[i]) return std::nullopt;
            continue;
        }
        auto decoded = percent_decode(found[i]);
        if (!decoded || decoded->empty()) return std::nullopt;
        parameters.push_back(std::move(*decoded));
    }
    return parameters;
}

}  // namespace capstan::api
