#include "backup/mtf/datetime.hpp"

#include <fmt/format.h>

namespace capstan::mtf {

namespace {
// Days since 1970-01-01 of a proleptic Gregorian date, by eras of 400 years that begin on 1 March.
std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const auto year_of_era = static_cast<unsigned>(year - era * 400);
    const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + static_cast<std::int64_t>(day_of_era) - 719468;
}
}  // namespace

DateTime from_unix(std::int64_t seconds, int quarter_hours) {
    constexpr std::int64_t kFirst = -62135596800, kLast = 454902739199;  // years 1 to 16383: what 14 bits hold
    seconds += static_cast<std::int64_t>(quarter_hours) * 900;
    if (seconds < kFirst || seconds > kLast) return {};
    std::int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) rest += 86400, --days;
    days += 719468;
    const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const auto day_of_era = static_cast<unsigned>(days - era * 146097);
    const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned shifted_month = (5 * day_of_year + 2) / 153;
    const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    DateTime time;
    time.year = static_cast<std::uint16_t>(static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2));
    time.month = static_cast<std::uint8_t>(month);
    time.day = static_cast<std::uint8_t>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    time.hour = static_cast<std::uint8_t>(rest / 3600);
    time.minute = static_cast<std::uint8_t>(rest / 60 % 60);
    time.second = static_cast<std::uint8_t>(rest % 60);
    return time;
}

std::int64_t to_unix(const DateTime& time, int quarter_hours) {
    if (!time.known()) return 0;
    const unsigned month = time.month == 0 ? 1 : time.month;
    const std::int64_t year = time.year + (month - 1) / 12;
    return days_from_civil(year, (month - 1) % 12 + 1, time.day == 0 ? 1 : time.day) * 86400 + time.hour * 3600 +
           time.minute * 60 + time.second - static_cast<std::int64_t>(quarter_hours) * 900;
}

std::string to_text(const DateTime& t) {
    if (!t.known()) return "-";
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second);
}

}  // namespace capstan::mtf
