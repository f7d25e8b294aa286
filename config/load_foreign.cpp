#include "config/load_foreign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace capstan::config {
namespace {

constexpr std::uint32_t kNumberMax = 65'535;  // element addresses have 16 bits

std::optional<std::uint32_t> number_of(std::string_view text) {
    std::uint32_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end || number < 1 || number > kNumberMax) return std::nullopt;
    return number;
}

// "40" or "1-20".
std::optional<NumberRange> range_of(std::string_view text) {
    const auto dash = text.find('-');
    const auto first = number_of(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number_of(text.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    return NumberRange{*first, *last};
}

std::string why_no_pattern(std::string_view pattern) {
    if (pattern.empty()) return "is empty";
    if (std::ranges::any_of(pattern, [](char c) { return c <= ' ' || c > '~'; })) return "has characters that no barcode has";
    if (pattern.find_first_not_of('*') == std::string_view::npos) return "would make every cartridge foreign";
    for (auto open = pattern.find('['); open != std::string_view::npos; open = pattern.find('[', open + 1)) {
        const auto close = pattern.find(']', open + 2);
        if (close == std::string_view::npos) return "has a '[' that is never closed";
        open = close;
    }
    return "";
}

class ForeignReader {
  public:
    ForeignReader(Errors& errors, MapReader& map) : errors_(errors), map_(map) {}

    void ranges(std::string_view key, std::string_view kind, std::optional<std::uint32_t> count, std::vector<NumberRange>& ranges) {
        for (const auto& [item, where] : map_.take_list(key)) {
            const auto range = item->kind == YamlNode::Kind::scalar ? range_of(item->text) : std::nullopt;
            if (!range) {
                errors_.add(item->place, where, fmt::format("{} is neither a number nor a range of numbers", in_quotes(item->text)),
                            fmt::format("Write {} as 'capstan library show' counts them, from 1: 40, or 1-20.", kind));
                continue;
            }
            if (count && range->last > *count)
                errors_.add(item->place, where, fmt::format("{} goes beyond the library's {} {}", in_quotes(item->text), *count, kind),
                            "Correct the number, or make the library larger.");
            const auto other = std::ranges::find_if(
                ranges, [&](const auto& each) { return each.first <= range->last && range->first <= each.last; });
            if (other != ranges.end())
                errors_.add(item->place, where, fmt::format("{} overlaps {}-{}", in_quotes(item->text), other->first, other->last),
                            "Name each once.");
            ranges.push_back(*range);
        }
    }
    void patterns(std::vector<std::string>& patterns) {
        for (const auto& [item, where] : map_.take_list("barcodes")) {
            const auto why = item->kind == YamlNode::Kind::scalar ? why_no_pattern(item->text) : "is not a pattern";
            if (!why.empty())
                errors_.add(item->place, where, fmt::format("{} {}", in_quotes(item->text), why),
                            "Write a shell pattern in quotes, such as \"ABC*\" or \"[X-Z]?????L8\".");
            patterns.push_back(item->text);
        }
    }

  private:
    Errors& errors_;
    MapReader& map_;
};

}  // namespace

void read_foreign(Errors& errors, const YamlNode& node, const std::string& where, const std::optional<VirtualChanger>& known,
                  ForeignSettings& foreign) {
    MapReader map(errors, node, where);
    ForeignReader reader(errors, map);
    reader.ranges("slots", "slots", known ? std::optional(known->slots) : std::nullopt, foreign.slots);
    reader.ranges("ports", "IE ports", known ? std::optional(known->ie_ports) : std::nullopt, foreign.ports);
    reader.patterns(foreign.barcodes);
    map.finish();
}

}  // namespace capstan::config
