// Secrets stand in files of their own, not in configurations and not on command lines.
#pragma once

#include "config/base/error.hpp"

#include <string>

namespace capstan {

// The one line of the file, without its end. CHAP's limits (RFC 7143 clause 9.2.1): at most 255 bytes. change_request: empty or too long.
Result<std::string> read_secret(const std::string& path);

}  // namespace capstan
