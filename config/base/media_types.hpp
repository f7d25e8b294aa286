// Which cartridges there are and which drives take them: what the last two characters of an LTO bar code say, the density codes of
// MODE SENSE, and what each generation of drives reads and writes. Facts alone; pure, any thread.
// Source: the LTO programme's bar code label specification and compatibility table; reference: tape-facts.
#pragma once

#include "config/base/ids.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace capstan {

enum class MediumUse : std::uint8_t { data, write_once, cleaning };

struct MediaType {
    std::string_view media_id;   // the end of its bar code
    std::string_view name;       // for people: "LTO-8"
    std::uint8_t density = 0;    // 0: cleaning, nothing is recorded
    std::uint64_t capacity = 0;  // bytes, uncompressed
    MediumUse use = MediumUse::data;
};
// By a bar code of six characters and the media id, or one that begins with CLN (cleaning). nullptr: it does not say. Tags of any other
// length say nothing: "TAPEL8" may well be a name.
const MediaType* media_type_of(const VolumeTag& volume_tag);
const MediaType* media_type_of(std::string_view media_id);
std::span<const MediaType> media_types();
const MediaType* media_type_of_density(std::uint8_t density);  // of cartridges that are written more than once
// The name of a density: "LTO-8". Empty: an unknown one.
std::string_view name_of_density(std::uint8_t density);
bool is_cleaning(const VolumeTag& volume_tag);

// A density that a drive reads; `writes`: and writes.
struct DensityAbility {
    std::uint8_t density = 0;
    bool writes = false;
    friend constexpr bool operator==(DensityAbility, DensityAbility) = default;
};
// Of an LTO drive of that generation, its own first. Empty: there is none.
std::span<const DensityAbility> lto_abilities(unsigned generation);

}  // namespace capstan
