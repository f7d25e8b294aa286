// Sizes, times and their text, as the configuration and the command line write them. Pure; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace capstan::config {

// "4096", "256KiB", "64GiB", "100TiB"; also B, KB, MB, GB, TB (powers of 1000) and "1.5GiB". No blanks before the unit but
// one. Empty: not a size, or more than 2^63-1 bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);
// "90s", "5min", "24h", "30d", "2w", "1y" (365 days), or several: "1h30min". A number needs its unit, except 0.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

std::string size_text(std::uint64_t bytes);             // the largest unit that is exact: "256KiB", "1000"
std::string size_for_people(std::uint64_t bytes);       // three digits: "1.50 GiB", "823 MiB", "12 B"
std::string duration_text(std::chrono::seconds time);   // the largest unit that is exact: "30d", "90s", "0s"
std::string duration_for_people(std::chrono::seconds time);  // two units: "2 h 05 min", "3 d 4 h", "12 s"

}  // namespace capstan::config
