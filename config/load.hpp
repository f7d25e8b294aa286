// Reads the YAML file of settings. Every error of a file is found in one pass and said with its place and with what would be
// right. Nothing is taken from a file that has an error. Pure but for the file that load_file reads; any thread.
#pragma once

#include "config/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace capstan::config {

struct ConfigError {
    int line = 0, column = 0;  // from 1; 0: the file as a whole
    std::string where;         // path of the setting: "libraries[0].drives[1].name"; empty: the file
    std::string problem;       // the fact
    std::string advice;        // what would be right
};

struct LoadOutcome {
    std::string file;  // name for messages
    Settings settings;
    std::vector<ConfigError> errors;  // in the order of the file; at most kErrorsMax
    bool ok() const { return errors.empty(); }
};
inline constexpr std::size_t kErrorsMax = 100;
inline constexpr std::size_t kFileSizeMax = 1024 * 1024;

LoadOutcome load_text(std::string_view text, std::string file_name);
LoadOutcome load_file(const std::string& path);  // a file that cannot be read is an error of the outcome

// What `capstand --check-config FILE` prints: each error on its line, "FILE:12:5: pools[0].retention: …", or one line that
// says how many libraries, drives, pools and jobs the file has.
std::string check_text(const LoadOutcome& outcome);

}  // namespace capstan::config
