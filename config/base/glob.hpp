// Shell patterns over bytes, as find(1) understands them: `*` any bytes (a '/' too), `?` one byte, `[a-z]` and `[!a-z]` one of a set,
// `\x` the byte x itself. A '[' that is never closed stands for itself. Time: O(pattern x text).
#pragma once

#include <string_view>

namespace capstan {

bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace capstan
