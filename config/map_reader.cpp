#include "config/map_reader.hpp"

#include "config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <tuple>

namespace capstan::config {

std::vector<ConfigError> Errors::sorted() && {
    std::sort(errors_.begin(), errors_.end(), [](const ConfigError& a, const ConfigError& b) {
        return std::tie(a.line, a.column, a.where, a.problem) < std::tie(b.line, b.column, b.where, b.problem);
    });
    if (errors_.size() > kErrorsMax) errors_.resize(kErrorsMax);
    return std::move(errors_);
}

std::string join(const std::vector<std::string>& words) {
    std::string joined;
    for (const auto& word : words) joined += (joined.empty() ? "" : ", ") + word;
    return joined;
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t kShown = 60;
    std::string shown;
    for (char c : text.substr(0, kShown)) shown += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    return "'" + shown + (text.size() > kShown ? "…'" : "'");
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
    std::optional<std::string> best;
    std::size_t best_changes = std::max<std::size_t>(2, word.size() / 3) + 1;
    if (word.size() > 64) return best;
    for (const auto& candidate : candidates) {
        std::vector<std::size_t> row(candidate.size() + 1);  // Levenshtein, one row at a time
        std::iota(row.begin(), row.end(), std::size_t{0});
        for (std::size_t i = 0; i < word.size(); ++i) {
            auto diagonal = row[0]++;
            for (std::size_t j = 0; j < candidate.size(); ++j) {
                auto changed = diagonal + (word[i] != candidate[j]);
                diagonal = row[j + 1];
                row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
            }
        }
        if (row.back() < best_changes && row.back() < candidate.size()) best_changes = row.back(), best = candidate;
    }
    return best;
}

std::optional<std::string> why_not_absolute(std::string_view path) {
    if (!path.starts_with('/')) return "is not an absolute path";
    if (path.size() > 4095) return "is longer than 4095 bytes";
    if (path.size() > 1 && path.ends_with('/')) return "ends with a slash";
    std::string_view rest = path.substr(1);
    while (!rest.empty()) {
        auto part = rest.substr(0, rest.find('/'));
        if (part == "." || part == "..") return "has the part '.' or '..'";
        if (part.empty()) return "has two slashes in a row";
        rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    }
    return std::nullopt;
}

MapReader::MapReader(Errors& errors, const YamlNode& node, std::string where)
    : errors_(errors), node_(node), where_(std::move(where)) {
    if (node.kind == YamlNode::Kind::scalar || node.kind == YamlNode::Kind::list) {
        errors_.add(node.place, where_, node.kind == YamlNode::Kind::list ? "is a list" : "is a single value",
                    "Write settings here, each as 'key: value' on its own line.");
        return;
    }
    for (const auto& entry : node.entries) {
        auto [first, fresh] = key_places_.emplace(entry.key, entry.place);
        if (fresh) {
            present_.emplace(entry.key, &entry.value);
        } else {
            errors_.add(entry.place, this->where(entry.key), "is set twice",
                        fmt::format("It stands in line {} already; remove one of the two.", first->second.line));
        }
    }
}

void MapReader::finish() {
    std::vector<std::string> known(known_.begin(), known_.end());
    for (const auto& [key, place] : key_places_) {
        if (known_.contains(key)) continue;
        auto near = nearest(key, known);
        auto advice = near ? fmt::format("Did you mean '{}'?", *near) : fmt::format("Known here: {}.", join(known));
        errors_.add(place, where_, fmt::format("the key {} is not known", in_quotes(key)), advice);
    }
}

std::string MapReader::where(std::string_view key) const {
    return where_.empty() ? std::string(key) : key.empty() ? where_ : fmt::format("{}.{}", where_, key);
}

const YamlNode* MapReader::take(std::string_view key, Need need) {
    known_.emplace(key);
    auto found = present_.find(key);
    if (found == present_.end()) {
        bool is_map = node_.kind == YamlNode::Kind::map || node_.kind == YamlNode::Kind::empty;
        if (need == Need::required && is_map)
            errors_.add(node_.place, where(key), "is missing", fmt::format("Add '{}:' here.", key));
        return nullptr;
    }
    if (found->second->kind == YamlNode::Kind::empty) {
        errors_.add(key_places_.find(key)->second, where(key), "has no value",
                    "Give it one, or remove the line to take the default.");
        return nullptr;
    }
    return found->second;
}

const YamlNode* MapReader::take_scalar(std::string_view key, Need need, std::string_view what) {
    const auto* node = take(key, need);
    if (!node || node->kind == YamlNode::Kind::scalar) return node;
    error(*node, key, node->kind == YamlNode::Kind::list ? "is a list" : "is a group of settings",
          fmt::format("Write {} behind the colon.", what));
    return nullptr;
}

const YamlNode* MapReader::take_map(std::string_view key, Need need) {
    const auto* node = take(key, need);
    if (!node || node->kind == YamlNode::Kind::map) return node;
    error(*node, key, node->kind == YamlNode::Kind::list ? "is a list" : "is a single value",
          "Write settings below it, indented, each as 'key: value'.");
    return nullptr;
}

std::vector<std::pair<const YamlNode*, std::string>> MapReader::take_list(std::string_view key, Need need) {
    std::vector<std::pair<const YamlNode*, std::string>> items;
    const auto* node = take(key, need);
    if (!node) return items;
    if (node->kind != YamlNode::Kind::list) {
        error(*node, key, "is not a list", "Write each element on its own line, with '- ' before it.");
        return items;
    }
    if (node->items.empty() && need == Need::required) error(*node, key, "is empty", "At least one element is needed.");
    for (const auto& item : node->items) items.emplace_back(&item, fmt::format("{}[{}]", where(key), items.size()));
    return items;
}

const YamlNode* MapReader::text(std::string_view key, std::string& value, Need need) {
    const auto* node = take_scalar(key, need);
    if (!node) return nullptr;
    if (node->text.empty()) {
        error(*node, key, "is empty", "Give it a value, or remove the line to take the default.");
        return nullptr;
    }
    value = node->text;
    return node;
}

const YamlNode* MapReader::name(std::string_view key, std::string& value) {
    const auto* node = text(key, value, Need::required);
    if (!node) return nullptr;
    auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-' || c == ' ';
    };
    const auto& name = node->text;
    if (name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed) && name.front() != ' ' &&
        name.back() != ' ')
        return node;
    error(*node, key, fmt::format("{} is not a name", in_quotes(name)),
          "A name has 1 to 64 letters, digits, '.', '_', '-' or blanks, with no blank at either end.");
    return nullptr;
}

const YamlNode* MapReader::absolute_path(std::string_view key, std::string& value, Need need) {
    const auto* node = text(key, value, need);
    if (!node) return nullptr;
    auto why = why_not_absolute(node->text);
    if (!why) return node;
    error(*node, key, fmt::format("{} {}", in_quotes(node->text), *why),
          "Write a path from the root, such as /var/lib/capstan.");
    return nullptr;
}

void MapReader::flag(std::string_view key, bool& value) {
    choice<bool>(key, value, {{"true", true}, {"false", false}});
}

void MapReader::number(std::string_view key, std::uint32_t& value, Range<std::uint32_t> range, Need need) {
    const auto* node = take_scalar(key, need, "a number");
    if (!node) return;
    std::uint32_t number = 0;
    const auto& text = node->text;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || end != text.data() + text.size() || number < range.from || number > range.to) {
        error(*node, key, fmt::format("{} is not a number from {} to {}", in_quotes(text), range.from, range.to),
              fmt::format("The least is {}, the most {}.", range.from, range.to));
        return;
    }
    value = number;
}

const YamlNode* MapReader::size(std::string_view key, std::uint64_t& value, Range<std::uint64_t> range) {
    const auto* node = take_scalar(key, Need::optional, "a size");
    if (!node) return nullptr;
    auto parsed = parse_size(node->text);
    auto limits = fmt::format("from {} to {}", size_text(range.from), size_text(range.to));
    if (!parsed) {
        error(*node, key, fmt::format("{} is not a size", in_quotes(node->text)),
              fmt::format("Write a number with its unit (KiB, MiB, GiB, TiB), {}.", limits));
    } else if (*parsed < range.from || *parsed > range.to) {
        error(*node, key, fmt::format("{} is out of its limits", in_quotes(node->text)),
              fmt::format("It may be {}.", limits));
    } else {
        value = *parsed;
        return node;
    }
    return nullptr;
}

void MapReader::duration(std::string_view key, std::chrono::seconds& value, Range<std::chrono::seconds> range) {
    const auto* node = take_scalar(key, Need::optional, "a time");
    if (!node) return;
    auto parsed = parse_duration(node->text);
    auto limits = fmt::format("from {} to {}", duration_text(range.from), duration_text(range.to));
    if (!parsed) {
        error(*node, key, fmt::format("{} is not a time", in_quotes(node->text)),
              fmt::format("Write a number with its unit (s, min, h, d, w, y), {}.", limits));
    } else if (*parsed < range.from || *parsed > range.to) {
        error(*node, key, fmt::format("{} is out of its limits", in_quotes(node->text)),
              fmt::format("It may be {}.", limits));
    } else {
        value = *parsed;
    }
}

void MapReader::wrong_word(const YamlNode& node, std::string_view key, const std::vector<std::string>& words) {
    auto near = nearest(node.text, words);
    auto advice = fmt::format("Allowed: {}.", join(words));
    if (near) advice = fmt::format("Did you mean '{}'? {}", *near, advice);
    error(node, key, fmt::format("{} is not one of the allowed words", in_quotes(node.text)), advice);
}

}  // namespace capstan::config
