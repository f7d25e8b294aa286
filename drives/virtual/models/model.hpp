// What kind of drive a virtual drive is: one constant per model, each in a file of its own beside this one. Names and figures follow
// the generations of hardware; the identity is ours. A drive without a model takes every cartridge and knows every command.
#pragma once

#include "config/base/media_types.hpp"
#include "drives/scsi/cdb.hpp"

#include <string>

namespace capstan::virtual_library {

struct DriveModel {
    std::string_view name;      // of the configuration and the command line
    std::string_view product;   // INQUIRY, at most 16
    std::string_view revision;  // at most 4
    std::string_view media_id;  // its own generation's cartridges; empty: their bar codes have none
    std::uint8_t density = 0;   // of its own generation
    std::span<const DensityAbility> densities;
    std::uint32_t block_size_max = 0;
    bool optimises_new_media = false;  // the first load of a cartridge of its own generation takes long
    bool knows_position = true;        // READ POSITION in every form; else only the short one, which says "unknown"
    bool programmable_early_warning = true;
    bool block_protection = true;
    std::span<const scsi::Opcode> lacks;  // commands that it does not offer

    const DensityAbility* ability(std::uint8_t medium_density) const;  // nullptr: it cannot even read it
    bool is_newer(std::uint8_t medium_density) const { return medium_density > density; }  // LTO's codes ascend
};

extern const DriveModel kLto6, kLto8, kLto9, kLto10, kOld;

const DriveModel* find_model(std::string_view name);
std::string model_names();  // "lto-6, lto-8, …", for messages

}  // namespace capstan::virtual_library
