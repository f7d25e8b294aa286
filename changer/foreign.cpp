#include "changer/foreign.hpp"

#include "config/base/glob.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::changer {
namespace {

bool is_in(const std::vector<config::NumberRange>& ranges, std::uint32_t number) {
    return std::ranges::any_of(ranges, [&](const auto& range) { return range.first <= number && number <= range.last; });
}

bool is_foreign_place(const config::ForeignSettings& foreign, const ElementFact& element) {
    return (element.kind == ElementKind::slot && is_in(foreign.slots, element.number)) ||
           (element.kind == ElementKind::ie_port && is_in(foreign.ports, element.number));
}

}  // namespace

std::string why_foreign(const config::ForeignSettings& foreign, const ElementFact& element, const Inventory& inventory) {
    if (is_foreign_place(foreign, element)) return fmt::format("{} {} is declared foreign", name_of(element.kind), element.number);
    if (!element.full) return "";
    const auto& tag = element.volume_tag.text;
    const auto matches = [&](const std::string& pattern) { return !tag.empty() && glob_match(pattern, tag); };
    if (std::ranges::any_of(foreign.barcodes, matches)) return tag + " is declared foreign";
    const bool is_on_its_way = element.kind == ElementKind::drive || element.kind == ElementKind::picker;
    const auto* source = is_on_its_way && element.source ? inventory.find(*element.source) : nullptr;
    if (source != nullptr && is_foreign_place(foreign, *source))
        return fmt::format("{} is from {} {}, which is declared foreign", tag.empty() ? "the cartridge in it" : tag, name_of(source->kind),
                           source->number);
    return "";
}

std::vector<std::string> beyond_library(const config::ForeignSettings& foreign, const LibraryName& library, const Inventory& inventory) {
    std::vector<std::string> remarks;
    auto check = [&](const std::vector<config::NumberRange>& ranges, ElementKind kind) {
        const auto count = inventory.count(kind);
        for (const auto& range : ranges)
            if (range.last > count)
                remarks.push_back(fmt::format("library {}: {}s {}-{} are declared foreign, but it has only {}: correct `foreign` in its configuration",
                                              library.text, name_of(kind), range.first, range.last, count));
    };
    check(foreign.slots, ElementKind::slot);
    check(foreign.ports, ElementKind::ie_port);
    return remarks;
}

}  // namespace capstan::changer
