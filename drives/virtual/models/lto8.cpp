// Reads and writes LTO-7, LTO-7 type M and LTO-8.
#include "drives/virtual/models/model.hpp"

namespace capstan::virtual_library {

const DriveModel kLto8{.name = "lto-8",
                       .product = "VIRTUAL LTO-8",
                       .revision = "0100",
                       .media_id = "L8",
                       .density = 0x5E,
                       .densities = lto_abilities(8),
                       .block_size_max = 8u << 20};

}  // namespace capstan::virtual_library
