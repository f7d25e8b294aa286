#include "changer/element_map.hpp"

#include <algorithm>
#include <unordered_map>

namespace capstan::changer {

std::string_view name_of(ElementKind kind) {
    switch (kind) {
        case ElementKind::picker: return "picker";
        case ElementKind::slot: return "slot";
        case ElementKind::ie_port: return "IE port";
        case ElementKind::drive: return "drive";
    }
    return "element";
}

namespace {
template <class Test>
const ElementFact* find_first(const std::vector<ElementFact>& elements, Test test) {
    auto found = std::find_if(elements.begin(), elements.end(), test);
    return found == elements.end() ? nullptr : &*found;
}
}  // namespace

const ElementFact* Inventory::find(ElementKind kind, std::uint32_t number) const {
    return find_first(elements, [&](const auto& fact) { return fact.kind == kind && fact.number == number; });
}
const ElementFact* Inventory::find(ElementAddress address) const {
    return find_first(elements, [&](const auto& fact) { return fact.address == address; });
}
const ElementFact* Inventory::find(const VolumeTag& tag) const {
    if (tag.empty()) return nullptr;
    return find_first(elements, [&](const auto& fact) { return fact.volume_tag == tag; });
}
const ElementFact* Inventory::drive_with_serial(const std::string& serial) const {
    if (serial.empty()) return nullptr;
    return find_first(elements, [&](const auto& fact) { return fact.kind == ElementKind::drive && fact.drive_serial == serial; });
}

std::vector<VolumeTag> Inventory::duplicate_tags() const {
    std::unordered_map<VolumeTag, unsigned> seen;
    std::vector<VolumeTag> twice;
    for (const auto& fact : elements) {
        if (!fact.volume_tag.empty() && ++seen[fact.volume_tag] == 2) twice.push_back(fact.volume_tag);
    }
    return twice;
}

std::vector<ElementAddress> Inventory::without_tag() const {
    std::vector<ElementAddress> found;
    for (const auto& fact : elements) {
        if (fact.full && fact.volume_tag.empty()) found.push_back(fact.address);
    }
    return found;
}

std::size_t Inventory::count(ElementKind kind) const {
    return static_cast<std::size_t>(std::count_if(elements.begin(), elements.end(), [&](const auto& fact) { return fact.kind == kind; }));
}

}  // namespace capstan::changer
