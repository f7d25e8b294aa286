// Patterns of `capstan find`: shell patterns (config/base/glob.hpp) over the bytes of names and paths.
#pragma once

#include "config/base/glob.hpp"

namespace capstan::catalog {

// With a '/' in it a pattern is held against the path from the root, otherwise against the name alone.
bool matches_object(std::string_view pattern, std::string_view path);

}  // namespace capstan::catalog
