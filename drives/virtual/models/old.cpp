// A drive of the nineties: no LOCATE, no position, no cartridge memory, no mode commands of ten bytes. Whoever uses it counts.
#include "drives/virtual/models/model.hpp"

namespace capstan::virtual_library {
namespace {

using scsi::Opcode;
constexpr std::uint8_t kDlt20GB = 0x1A;
constexpr DensityAbility kDensities[] = {{kDlt20GB, true}};
constexpr Opcode kLacks[] = {Opcode::locate_10,     Opcode::locate_16,      Opcode::space_16,        Opcode::mode_select_10,
                             Opcode::mode_sense_10, Opcode::read_attribute, Opcode::write_attribute, Opcode::report_density_support,
                             Opcode::set_capacity,  Opcode::format_medium,   Opcode::allow_overwrite,
                             Opcode::security_protocol_in};

}  // namespace

const DriveModel kOld{.name = "old",
                      .product = "VIRTUAL OLD",
                      .revision = "0100",
                      .media_id = "",
                      .density = kDlt20GB,
                      .densities = kDensities,
                      .block_size_max = 256u << 10,
                      .knows_position = false,
                      .programmable_early_warning = false,
                      .block_protection = false,
                      .lacks = kLacks};

}  // namespace capstan::virtual_library
