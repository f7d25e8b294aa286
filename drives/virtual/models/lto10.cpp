// Reads and writes LTO-10 alone; measures a new cartridge at its first load.
#include "drives/virtual/models/model.hpp"

namespace capstan::virtual_library {

const DriveModel kLto10{.name = "lto-10",
                        .product = "VIRTUAL LTO-10",
                        .revision = "0100",
                        .media_id = "LA",
                        .density = 0x62,
                        .densities = lto_abilities(10),
                        .block_size_max = 8u << 20,
                        .optimises_new_media = true};

}  // namespace capstan::virtual_library
