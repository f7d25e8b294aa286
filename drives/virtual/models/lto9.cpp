// Reads and writes LTO-8 and 9; measures a new LTO-9 cartridge at its first load.
#include "drives/virtual/models/model.hpp"

namespace capstan::virtual_library {

const DriveModel kLto9{.name = "lto-9",
                       .product = "VIRTUAL LTO-9",
                       .revision = "0100",
                       .media_id = "L9",
                       .density = 0x60,
                       .densities = lto_abilities(9),
                       .block_size_max = 8u << 20,
                       .optimises_new_media = true};

}  // namespace capstan::virtual_library
