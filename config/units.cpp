#include "config/units.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

namespace capstan::config {
namespace {

constexpr std::uint64_t kSizeMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kSecondsMax = 1000LL * 365 * 86400;

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};
constexpr Unit kSizeUnits[] = {
    {"B", 1},
    {"KiB", 1ULL << 10},
    {"MiB", 1ULL << 20},
    {"GiB", 1ULL << 30},
    {"TiB", 1ULL << 40},
    {"PiB", 1ULL << 50},
    {"KB", 1000},
    {"MB", 1'000'000ULL},
    {"GB", 1'000'000'000ULL},
    {"TB", 1'000'000'000'000ULL},
};
constexpr Unit kTimeUnits[] = {
    {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}, {"y", 365 * 86400},
};

// Takes the digits at the front. Empty: none, or too many.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
    auto whole = take_number(text);
    if (!whole) return std::nullopt;
    std::uint64_t fraction = 0, scale = 1;
    bool has_fraction = false;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        auto digits = text.substr(0, text.find_first_not_of("0123456789"));
        if (digits.empty() || digits.size() > 6) return std::nullopt;
        fraction = *take_number(text);
        for (std::size_t i = 0; i < digits.size(); ++i) scale *= 10;
        has_fraction = true;
    }
    if (text.starts_with(' ')) text.remove_prefix(1);
    std::uint64_t factor = 0;
    if (text.empty() && !has_fraction) factor = 1;
    for (const auto& unit : kSizeUnits)
        if (unit.name == text) factor = unit.factor;
    if (factor == 0 || (has_fraction && factor == 1)) return std::nullopt;
    if (*whole > kSizeMax / factor) return std::nullopt;
    auto part = static_cast<std::uint64_t>(static_cast<long double>(factor) * static_cast<long double>(fraction) /
                                           static_cast<long double>(scale));
    auto size = *whole * factor;
    if (part > kSizeMax - size) return std::nullopt;
    return size + part;
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
    if (text == "0") return std::chrono::seconds{0};
    if (text.empty()) return std::nullopt;
    std::int64_t total = 0;
    while (!text.empty()) {
        auto number = take_number(text);
        if (!number) return std::nullopt;
        auto name = text.substr(0, text.find_first_of("0123456789"));
        text.remove_prefix(name.size());
        std::uint64_t factor = 0;
        for (const auto& unit : kTimeUnits)
            if (unit.name == name) factor = unit.factor;
        if (factor == 0 || *number > static_cast<std::uint64_t>(kSecondsMax) / factor) return std::nullopt;
        total += static_cast<std::int64_t>(*number * factor);
        if (total > kSecondsMax) return std::nullopt;
    }
    return std::chrono::seconds{total};
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 5> names{"KiB", "MiB", "GiB", "TiB", "PiB"};
    std::string_view name;
    for (auto larger : names) {
        if (bytes == 0 || bytes % 1024 != 0) break;
        bytes /= 1024;
        name = larger;
    }
    return fmt::format("{}{}", bytes, name);
}

std::string size_for_people(std::uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    constexpr std::array<std::string_view, 6> names{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < names.size()) value /= 1024, ++unit;
    return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, names[unit]);
}

std::string duration_text(std::chrono::seconds time) {
    auto count = time.count();
    for (auto unit : {kTimeUnits[3], kTimeUnits[2], kTimeUnits[1]}) {
        auto factor = static_cast<std::int64_t>(unit.factor);
        if (count != 0 && count % factor == 0) return fmt::format("{}{}", count / factor, unit.name);
    }
    return fmt::format("{}s", count);
}

std::string duration_for_people(std::chrono::seconds time) {
    auto s = time.count();
    if (s < 0) return "0 s";
    if (s < 60) return fmt::format("{} s", s);
    if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
    if (s < 86400) return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
    return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
}

}  // namespace capstan::config
