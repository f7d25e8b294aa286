// Type 1 catalogs, read only: set map (TSMP) and file/directory detail (TFDD) (MTF reference 4.2, 4.3). They are hints:
// everything can be recovered by walking the sets.
#pragma once

#include "backup/mtf/blocks.hpp"

#include <vector>

namespace capstan::mtf {

struct CatalogVolume {
    std::uint32_t attributes = 0;
    std::uint64_t address = 0;  // FLA
    std::string device, name, machine;
};

struct SetMapEntry {
    std::uint16_t media_sequence = 0, number = 0, fdd_media_sequence = 0;
    std::uint32_t attributes = 0;
    std::uint64_t set_address = 0, fdd_address = 0;  // PBA: hints (reference 1.5)
    std::uint32_t directories = 0, files = 0, corrupt = 0;
    DateTime date;
    std::string name, description, user;
    std::vector<CatalogVolume> volumes;
};

struct SetMap {
    MediaFamilyId family{};  // NTBackup stores 0
    std::vector<SetMapEntry> sets;
};

struct CatalogObject {  // of TFDD: VOLB, DIRB or FILE
    BlockType type{};
    std::uint16_t media_sequence = 0;
    std::uint64_t address = 0, displayable_size = 0;  // address: FLA
    std::uint32_t attributes = 0;
    DateTime modified;
    std::string name;  // path of a directory, name of a file, device of a volume
};

// `payload`: data of the stream. Errors name the entry that contradicts itself.
Result<SetMap> decode_set_map(Bytes payload);
Result<std::vector<CatalogObject>> decode_fdd(Bytes payload, NameRule rule = NameRule::plain);

}  // namespace capstan::mtf
