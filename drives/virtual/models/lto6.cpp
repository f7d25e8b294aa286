// Reads LTO-4, 5 and 6, writes 5 and 6.
#include "drives/virtual/models/model.hpp"

namespace capstan::virtual_library {

const DriveModel kLto6{.name = "lto-6",
                       .product = "VIRTUAL LTO-6",
                       .revision = "0100",
                       .media_id = "L6",
                       .density = 0x5A,
                       .densities = lto_abilities(6),
                       .block_size_max = 8u << 20};

}  // namespace capstan::virtual_library
