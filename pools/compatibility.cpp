#include "pools/compatibility.hpp"

#include "config/units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::pools {

MediumGeneration generation_of(const VolumeTag& volume_tag, std::uint8_t noted_density) {
    if (is_cleaning(volume_tag)) return {.cleaning = true, .name = "cleaning"};
    if (noted_density != 0) {
        const auto name = name_of_density(noted_density);
        return {.density = noted_density, .name = name.empty() ? fmt::format("density {:02X}h", noted_density) : std::string(name)};
    }
    const auto* type = media_type_of(volume_tag);
    return type == nullptr ? MediumGeneration{} : MediumGeneration{.density = type->density, .name = std::string(type->name)};
}

std::string why_unfit(const DriveAbilities& drive, const MediumGeneration& medium, bool for_writing) {
    if (medium.cleaning) return "is not given cleaning cartridges for data";
    if (drive.densities.empty() || medium.density == 0) return {};
    const auto able = std::ranges::find(drive.densities, medium.density, &DensityAbility::density);
    if (able == drive.densities.end()) return fmt::format("does not read {} cartridges", medium.name);
    if (for_writing && !able->writes) return fmt::format("reads {} cartridges but does not write them", medium.name);
    return {};
}

std::string why_too_large(const DriveAbilities& drive, std::uint32_t block_size) {
    if (drive.block_size_max == 0 || block_size <= drive.block_size_max) return {};
    return fmt::format("takes blocks of at most {}, not of {}", config::size_text(drive.block_size_max), config::size_text(block_size));
}

std::string name_with_kind(const DriveName& drive, const DriveAbilities& abilities) {
    return abilities.kind.empty() ? drive.text : fmt::format("{} ({})", drive.text, abilities.kind);
}

}  // namespace capstan::pools
