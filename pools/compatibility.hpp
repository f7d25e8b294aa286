// Which drive takes which cartridge: asked before a robot moves anything. Pure; any thread.
// What is not known speaks against nothing: a cartridge whose bar code says no generation, or a drive that does not tell what it
// reads, is tried, and the drive itself decides.
#pragma once

#include "config/base/media_types.hpp"
#include "pools/media.hpp"

#include <string>
#include <vector>

namespace capstan::pools {

struct MediumGeneration {
    std::uint8_t density = 0;  // code of MODE SENSE; 0: not known
    bool cleaning = false;
    std::string name;  // "LTO-8", "density 55h"; empty: not known
};
// What a drive said of it at an earlier load counts more than its bar code: labels are stuck on by people.
MediumGeneration generation_of(const VolumeTag& volume_tag, std::uint8_t noted_density);

struct DriveAbilities {
    std::string kind;                       // "LTO-8"; empty: not known
    std::vector<DensityAbility> densities;  // what it reads and writes; empty: not known
    std::uint32_t block_size_max = 0;       // of the drive and its host adapter; 0: not known
};
// Empty: nothing is known against it. Else what speaks against it, to be said after the drive's name: "does not write LTO-6 cartridges".
std::string why_unfit(const DriveAbilities& drive, const MediumGeneration& medium, bool for_writing);
// The same for the size of the blocks that are on the medium or are to be written; 0: not known.
std::string why_too_large(const DriveAbilities& drive, std::uint32_t block_size);
// "D1 (LTO-8)", or "D1".
std::string name_with_kind(const DriveName& drive, const DriveAbilities& abilities);

}  // namespace capstan::pools
