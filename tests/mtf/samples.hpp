// Where the real MTF files are: CAPSTAN_SAMPLES, else beside the checkout. Absent: the test is skipped, in CI it fails.
#pragma once

#include "config/base/file.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace capstan::mtf::test {

inline std::string sample_path(const std::string& name) {
    const char* folder = std::getenv("CAPSTAN_SAMPLES");
    return (folder != nullptr ? std::string(folder) : std::string(CAPSTAN_SOURCE_DIR) + "/../shared/samples/mtf") + '/' + name;
}

inline std::optional<std::vector<std::uint8_t>> sample(const std::string& name) {
    auto bytes = read_file(sample_path(name), std::size_t{16} << 20);
    if (bytes) return *std::move(bytes);
    EXPECT_EQ(std::getenv("CI"), nullptr) << to_text(bytes.error());
    return std::nullopt;
}

}  // namespace capstan::mtf::test

#define CAPSTAN_SAMPLE(variable, name)                    \
    const auto variable = capstan::mtf::test::sample(name); \
    if (!variable) GTEST_SKIP() << "no samples: set CAPSTAN_SAMPLES"
