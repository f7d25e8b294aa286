#include "drives/scsi/models.hpp"

#include <algorithm>

namespace capstan::scsi {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kLoad = 15min;
// A new LTO-9 or LTO-10 cartridge is measured at its first load: up to two hours (reference: tape-facts), and the load itself.
constexpr std::chrono::seconds kOptimisingLoad = 135min;
constexpr unsigned kFirstThatOptimises = 9;

// Beginnings of product names that the generation follows. IBM: ULT3580-TD8, ULTRIUM-HH8; HP and HPE: Ultrium 8-SCSI; Quantum:
// ULTRIUM 8; and our own. The same drives are sold under many vendors' names.
constexpr std::string_view kLtoProducts[] = {"ULT3580-TD", "ULT3580-HH", "ULTRIUM-TD",  "ULTRIUM-HH",
                                             "ULTRIUM ",   "Ultrium ",   "VIRTUAL LTO-"};

struct Quirk {
    std::string_view vendor, product;
    bool narrow_element_status = false;
};
constexpr Quirk kQuirks[] = {
    {.vendor = "IET", .product = "VIRTUAL-CHANGER", .narrow_element_status = true},
};

// One or two digits. Older products put other numbers there ("Ultrium 1760"): what is no generation counts as none.
unsigned generation_at(std::string_view text) {
    constexpr unsigned kBase = 10, kNewest = 10;
    unsigned number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') break;
        number = number * kBase + static_cast<unsigned>(c - '0');
        if (number > kNewest) return 0;
    }
    return number;
}

}  // namespace

Model find_model(std::string_view vendor, std::string_view product) {
    Model model{.load_limit = kOptimisingLoad};
    for (const auto beginning : kLtoProducts) {
        if (!product.starts_with(beginning)) continue;
        model.lto_generation = generation_at(product.substr(beginning.size()));
        if (model.lto_generation != 0 && model.lto_generation < kFirstThatOptimises) model.load_limit = kLoad;
        break;
    }
    for (const auto& quirk : kQuirks)
        if (quirk.vendor == vendor && quirk.product == product) model.narrow_element_status = quirk.narrow_element_status;
    return model;
}

std::chrono::seconds load_limit(const Model& model, std::chrono::seconds reported) { return std::max(model.load_limit, reported); }

}  // namespace capstan::scsi
