// MTF_DATE_TIME, five bytes: local civil time of the machine that wrote it (MTF reference 2.3).
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace capstan::mtf {

using DateTimeBytes = std::array<std::uint8_t, 5>;

struct DateTime {
    std::uint16_t year = 0;  // 0: unknown; else up to 16383
    std::uint8_t month = 0, day = 0, hour = 0, minute = 0, second = 0;
    constexpr bool known() const { return year != 0; }
    friend constexpr bool operator==(const DateTime&, const DateTime&) = default;
};

// 40 bits, most significant first: year 14, month 4, day 5, hour 5, minute 6, second 6. All zero: unknown.
constexpr DateTimeBytes pack(const DateTime& t) {
    return {static_cast<std::uint8_t>(t.year >> 6),
            static_cast<std::uint8_t>((t.year & 63) << 2 | t.month >> 2),
            static_cast<std::uint8_t>((t.month & 3) << 6 | (t.day & 31) << 1 | t.hour >> 4),
            static_cast<std::uint8_t>((t.hour & 15) << 4 | t.minute >> 2),
            static_cast<std::uint8_t>((t.minute & 3) << 6 | t.second)};
}
constexpr DateTime unpack(const DateTimeBytes& b) {
    return {static_cast<std::uint16_t>(b[0] << 6 | b[1] >> 2),       static_cast<std::uint8_t>((b[1] & 3) << 2 | b[2] >> 6),
            static_cast<std::uint8_t>(b[2] >> 1 & 31),               static_cast<std::uint8_t>((b[2] & 1) << 4 | b[3] >> 4),
            static_cast<std::uint8_t>((b[3] & 15) << 2 | b[4] >> 6), static_cast<std::uint8_t>(b[4] & 63)};
}

// `quarter_hours`: local minus UTC in units of 15 minutes, as in SSET (MTF reference 2.7). Capstan writes UTC and 0.
DateTime from_unix(std::int64_t seconds, int quarter_hours = 0);
std::int64_t to_unix(const DateTime& time, int quarter_hours = 0);  // 0 when unknown; fields out of range are carried over
std::string to_text(const DateTime& time);                          // "2012-11-19 13:05:40", "-" when unknown

}  // namespace capstan::mtf
