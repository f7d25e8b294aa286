// The part of the loader that reads `foreign:` of a library.
#pragma once

#include "config/map_reader.hpp"
#include "config/settings.hpp"

namespace capstan::config {

// `known`: a virtual library, whose slots and ports are counted already; of others the daemon says at its start what they do not have.
void read_foreign(Errors& errors, const YamlNode& node, const std::string& where, const std::optional<VirtualChanger>& known,
                  ForeignSettings& foreign);

}  // namespace capstan::config
