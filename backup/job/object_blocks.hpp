// An object of a source as MTF describes it, and as the catalog does. Pure.
#pragma once

#include "backup/mtf/blocks.hpp"
#include "backup/source/source.hpp"
#include "catalog/object.hpp"

#include <vector>

namespace capstan::backup {

mtf::DirectoryBlock directory_block(const ObjectRecord& record);
mtf::FileBlock file_block(const ObjectRecord& record);
// Payload of LINK: the first name's path as Windows writes one.
std::vector<std::uint8_t> link_payload(const std::string& first_name);
catalog::ObjectFacts facts_of(const ObjectRecord& record, std::uint64_t address);

}  // namespace capstan::backup
