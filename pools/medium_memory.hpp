// What Capstan leaves in the memory of a cartridge (MAM) at the end of each set, as text. The label on the tape stays the only proof of
// whose a medium is; this says more about it: until when something on it is kept and, while nothing on the tape has changed, where the
// data end and which set is the last (design rule 2). Pure functions.
#pragma once

#include "pools/on_medium.hpp"

#include <string>
#include <string_view>

namespace capstan::pools {

// "1|MEDIA-ID|G3|E1234|K1790000000|C5:SET-UUID:1790000000|U6:SET-UUID:0", times as Unix seconds, 0: for ever. C and U where there are
// such sets. At most 300 bytes.
std::string encode(const MediumMemory& memory);
std::optional<MediumMemory> decode_medium_memory(std::string_view text);  // `current` is false

// Fills end, end_of_data, last_closed and unfinished from the memory. False: it does not prove them, the tape must be read.
bool take_end_from_memory(OnMedium& medium);

}  // namespace capstan::pools
