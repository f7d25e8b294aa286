// Which drive is which data transfer element of which changer, and the configuration that says so.
#pragma once

#include "tools/probe/devices.hpp"

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace capstan::tools {

// How it was found which drive an element is.
enum class Found : std::uint8_t {
    reported,     // the changer says it: serial number or designator
    beginning,    // the changer cuts the serial number, and one drive alone begins like that
    elimination,  // the changer says nothing, and it is the only one that is left
    loading,      // a cartridge was moved into the element, and this drive noticed
};

struct ProbedElement {
    std::uint32_t number = 1;  // the library's first, second… drive element
    ElementAddress address{};
    bool full = false;
    std::string reported;               // the serial number that the changer gives; empty: none
    std::optional<std::size_t> device;  // into the list of devices; empty: not found
    Found found = Found::reported;      // of `device`
    std::vector<std::size_t> like;      // drives whose serial numbers begin as the reported one; more than one: not decided
    std::string not_by_loading;         // why loading did not decide it; empty: it was not tried, or it did
};
struct ProbedLibrary {
    std::size_t changer = 0;  // into the list of devices
    std::uint32_t slots = 0, ports = 0;
    std::vector<ProbedElement> drives;
    std::string trouble;  // its elements could not be read
};
struct Probed {
    std::vector<ProbedDevice> devices;
    std::vector<ProbedLibrary> libraries;
    std::vector<std::size_t> unused;  // tape drives that no changer claims
};

// Asks each changer for its elements. A drive is found by the serial number or the designator that its changer reports, then by a
// common beginning that no other drive and no other element has (some changers cut what they report); where one drive element and
// one drive are left over, they belong together.
Probed find_libraries(std::vector<ProbedDevice> devices);
// Pure: the last two ways, for the elements and drives that are left.
void pair_what_is_left(Probed& probed);

struct ConfigurationOptions {
    std::string portal, user, secret_file;  // empty portal: this machine
    bool tried_by_loading = false;          // else a comment says that it can be tried
};
// YAML to paste; what was not decided stands in it as a comment.
void print_configuration(const Probed& probed, const ConfigurationOptions& options, std::ostream& out);
std::string to_json(const Probed& probed);

}  // namespace capstan::tools
