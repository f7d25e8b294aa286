// File `geometry` of a virtual library, as text: one `key value` per line, a checksum last. Pure. Internal to
// drives/virtual.
#pragma once

#include "drives/virtual/library.hpp"

#include <string_view>

namespace capstan::virtual_library {

// What `media` says, as media ids in the order of the cartridges; empty id: a bar code without one. Without `media`: `cartridges` of the
// first drive's own kind.
Result<std::vector<std::string>> media_of(const LibraryGeometry& geometry);
Result<void> check(const LibraryGeometry& geometry);  // change_request, naming the field
std::string encode(const LibraryGeometry& geometry);
Result<LibraryGeometry> decode_geometry(std::string_view text);

}  // namespace capstan::virtual_library
