#include "config/units.hpp"

#include <gtest/gtest.h>

namespace capstan::config {
namespace {

using std::chrono::seconds;

TEST(ParseSize, TakesNumbersWithUnits) {
    EXPECT_EQ(parse_size("0"), 0U);
    EXPECT_EQ(parse_size("4096"), 4096U);
    EXPECT_EQ(parse_size("256KiB"), 262144U);
    EXPECT_EQ(parse_size("64 GiB"), 64ULL << 30);
    EXPECT_EQ(parse_size("1.5GiB"), 3ULL << 29);
    EXPECT_EQ(parse_size("1MB"), 1000000U);
    EXPECT_EQ(parse_size("8191PiB"), 8191ULL << 50);
}

TEST(ParseSize, RefusesEverythingElse) {
    for (auto text : {"", "KiB", "-1", "1kib", "1 KiB ", " 1KiB", "1  KiB", "1.KiB", "1.5", "1.5B", "1e3", "0x10",
                      "99999999999999999999", "8192PiB", "9223372036854775808", "1.1234567GiB", "256Ki", "1,5GiB"})
        EXPECT_FALSE(parse_size(text)) << text;
}

TEST(ParseDuration, TakesNumbersWithUnits) {
    EXPECT_EQ(parse_duration("0"), seconds{0});
    EXPECT_EQ(parse_duration("90s"), seconds{90});
    EXPECT_EQ(parse_duration("5min"), seconds{300});
    EXPECT_EQ(parse_duration("1h30min"), seconds{5400});
    EXPECT_EQ(parse_duration("2w"), seconds{14 * 86400});
    EXPECT_EQ(parse_duration("1y"), seconds{365 * 86400});
}

TEST(ParseDuration, RefusesEverythingElse) {
    for (auto text :
         {"", "5", "min", "5m", "-5min", "5 min", "5min ", "1.5h", "1001y", "1h3", "999999999999999999999s", "forever"})
        EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Texts, RoundTripAndReadWell) {
    for (std::uint64_t size : {0ULL, 1ULL, 1000ULL, 1024ULL, 262144ULL, 3ULL << 29, 1ULL << 40, (1ULL << 40) + 1})
        EXPECT_EQ(parse_size(size_text(size)), size);
    for (auto time : {seconds{0}, seconds{59}, seconds{300}, seconds{86400}, seconds{90061}})
        EXPECT_EQ(parse_duration(duration_text(time)), time);
    EXPECT_EQ(size_text(262144), "256KiB");
    EXPECT_EQ(duration_text(seconds{30 * 86400}), "30d");
    EXPECT_EQ(size_for_people(12), "12 B");
    EXPECT_EQ(size_for_people(1536), "1.50 KiB");
    EXPECT_EQ(size_for_people(1023 * 1024), "1.00 MiB");
    EXPECT_EQ(size_for_people(823ULL << 20), "823 MiB");
    EXPECT_EQ(duration_for_people(seconds{12}), "12 s");
    EXPECT_EQ(duration_for_people(seconds{125}), "2 min 05 s");
    EXPECT_EQ(duration_for_people(seconds{7500}), "2 h 05 min");
}

}  // namespace
}  // namespace capstan::config
