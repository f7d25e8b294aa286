// capstan mtf list|extract|check FILE: reads any MTF medium without daemon and database.
#pragma once

#include "tools/mtf/medium_input.hpp"

#include <iosfwd>
#include <span>
#include <string>

namespace capstan::tools {

// `arguments` as behind "capstan mtf". Exit status: 0 done, 1 refused, failed or faults found, 2 wrong usage.
int run_mtf(std::span<const std::string> arguments, std::ostream& out, std::ostream& errors,
            const OpenMedium& open_medium = open_medium_file);

}  // namespace capstan::tools
