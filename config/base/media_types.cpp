#include "config/base/media_types.hpp"

#include <algorithm>
#include <iterator>

namespace capstan {
namespace {

constexpr std::uint64_t kGB = 1'000'000'000, kTB = 1000 * kGB;
constexpr std::string_view kCleaningPrefix = "CLN";
constexpr std::size_t kLabelSize = 8;  // six characters and the media id

constexpr MediaType kTypes[] = {
    {"L1", "LTO-1", 0x40, 100 * kGB},
    {"L2", "LTO-2", 0x42, 200 * kGB},
    {"L3", "LTO-3", 0x44, 400 * kGB},
    {"L4", "LTO-4", 0x46, 800 * kGB},
    {"L5", "LTO-5", 0x58, 1500 * kGB},
    {"L6", "LTO-6", 0x5A, 2500 * kGB},
    {"L7", "LTO-7", 0x5C, 6 * kTB},
    {"M8", "LTO-7 type M", 0x5D, 9 * kTB},
    {"L8", "LTO-8", 0x5E, 12 * kTB},
    {"L9", "LTO-9", 0x60, 18 * kTB},
    {"LA", "LTO-10", 0x62, 30 * kTB},
    {"PA", "LTO-10 of 40 TB", 0x63, 40 * kTB},
    {"LT", "LTO-3 WORM", 0x44, 400 * kGB, MediumUse::write_once},
    {"LU", "LTO-4 WORM", 0x46, 800 * kGB, MediumUse::write_once},
    {"LV", "LTO-5 WORM", 0x58, 1500 * kGB, MediumUse::write_once},
    {"LW", "LTO-6 WORM", 0x5A, 2500 * kGB, MediumUse::write_once},
    {"LX", "LTO-7 WORM", 0x5C, 6 * kTB, MediumUse::write_once},
    {"LY", "LTO-8 WORM", 0x5E, 12 * kTB, MediumUse::write_once},
    {"LZ", "LTO-9 WORM", 0x60, 18 * kTB, MediumUse::write_once},
    {"CU", "cleaning", 0, 0, MediumUse::cleaning},
};

// From LTO-1 on. Up to LTO-7 a drive reads two generations back and writes one; LTO-8 and LTO-9 do both with one; LTO-10 with none.
constexpr DensityAbility kLto1[] = {{0x40, true}};
constexpr DensityAbility kLto2[] = {{0x42, true}, {0x40, true}};
constexpr DensityAbility kLto3[] = {{0x44, true}, {0x42, true}, {0x40, false}};
constexpr DensityAbility kLto4[] = {{0x46, true}, {0x44, true}, {0x42, false}};
constexpr DensityAbility kLto5[] = {{0x58, true}, {0x46, true}, {0x44, false}};
constexpr DensityAbility kLto6[] = {{0x5A, true}, {0x58, true}, {0x46, false}};
constexpr DensityAbility kLto7[] = {{0x5C, true}, {0x5A, true}, {0x58, false}};
constexpr DensityAbility kLto8[] = {{0x5E, true}, {0x5D, true}, {0x5C, true}};
constexpr DensityAbility kLto9[] = {{0x60, true}, {0x5E, true}};
constexpr DensityAbility kLto10[] = {{0x62, true}, {0x63, true}};
constexpr std::span<const DensityAbility> kLto[] = {kLto1, kLto2, kLto3, kLto4, kLto5, kLto6, kLto7, kLto8, kLto9, kLto10};

}  // namespace

std::span<const MediaType> media_types() { return kTypes; }

const MediaType* media_type_of(std::string_view media_id) {
    const auto* found = std::ranges::find(kTypes, media_id, &MediaType::media_id);
    return found == std::end(kTypes) ? nullptr : found;
}

const MediaType* media_type_of(const VolumeTag& volume_tag) {
    const std::string_view text = volume_tag.text;
    if (text.size() < kCleaningPrefix.size()) return nullptr;
    if (is_cleaning(volume_tag)) return media_type_of("CU");
    return text.size() == kLabelSize ? media_type_of(text.substr(kLabelSize - 2)) : nullptr;
}

bool is_cleaning(const VolumeTag& volume_tag) {
    const std::string_view text = volume_tag.text;
    return text.starts_with(kCleaningPrefix) || (text.size() == kLabelSize && text.ends_with("CU"));
}

const MediaType* media_type_of_density(std::uint8_t density) {
    if (density == 0) return nullptr;
    const auto* found = std::ranges::find(kTypes, density, &MediaType::density);
    return found == std::end(kTypes) ? nullptr : found;
}

std::string_view name_of_density(std::uint8_t density) {
    const auto* type = media_type_of_density(density);
    return type == nullptr ? std::string_view{} : type->name;
}

std::span<const DensityAbility> lto_abilities(unsigned generation) {
    return generation == 0 || generation > std::size(kLto) ? std::span<const DensityAbility>{} : kLto[generation - 1];
}

}  // namespace capstan
