// Which elements and cartridges of a library are not ours, by the configuration. Pure; any thread.
#pragma once

#include "changer/element_map.hpp"
#include "config/settings.hpp"

namespace capstan::changer {

// Why the element is none of ours: "slot 5 is declared foreign", "ABC001L8 is declared foreign"; empty: it is ours. A slot or IE port is
// foreign by its number, whatever lies in it; any element by the barcode of the cartridge in it; a drive or picker also when the robot says
// that the cartridge came out of a foreign slot or IE port.
std::string why_foreign(const config::ForeignSettings& foreign, const ElementFact& element, const Inventory& inventory);

// What the configuration declares foreign and the library does not have: "library LIB1: slots 90-95 are declared foreign, it has 60".
std::vector<std::string> beyond_library(const config::ForeignSettings& foreign, const LibraryName& library, const Inventory& inventory);

}  // namespace capstan::changer
