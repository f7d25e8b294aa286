// Takes settings out of one map of the file, by key, and says everything that is wrong with it. Used by load.cpp alone.
#pragma once

#include "config/load.hpp"
#include "config/yaml_tree.hpp"

#include <chrono>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace capstan::config {

class Errors {
    std::vector<ConfigError> errors_;

  public:
    void add(Place place, std::string where, std::string problem, std::string advice) {
        if (errors_.size() < 4 * kErrorsMax)
            errors_.push_back({place.line, place.column, std::move(where), std::move(problem), std::move(advice)});
    }
    std::vector<ConfigError> sorted() &&;  // by place; at most kErrorsMax
};

enum class Need : std::uint8_t { optional, required };

template <class Number>
struct Range {
    Number from, to;
};

class MapReader {
    Errors& errors_;
    const YamlNode& node_;
    std::string where_;
    std::map<std::string, const YamlNode*, std::less<>> present_;
    std::map<std::string, Place, std::less<>> key_places_;
    std::set<std::string, std::less<>> known_;

  public:
    // An empty node reads as an empty map; a scalar or a list is an error.
    MapReader(Errors& errors, const YamlNode& node, std::string where);
    // Says which keys nobody asked for. Every reader ends with it.
    void finish();

    std::string where(std::string_view key) const;
    Place place() const { return node_.place; }
    void error(const YamlNode& at, std::string_view key, std::string problem, std::string advice) {
        errors_.add(at.place, where(key), std::move(problem), std::move(advice));
    }
    // The value of `key`, if the file has it; "has no value" is said here.
    const YamlNode* take(std::string_view key, Need need = Need::optional);
    const YamlNode* take_scalar(std::string_view key, Need need = Need::optional, std::string_view what = "text");
    const YamlNode* take_map(std::string_view key, Need need = Need::optional);
    // Each element with its path; empty when there is none.
    std::vector<std::pair<const YamlNode*, std::string>> take_list(std::string_view key, Need need = Need::optional);

    // Each leaves `value` alone when the key is absent or wrong. The node returned is null then.
    const YamlNode* text(std::string_view key, std::string& value, Need need = Need::optional);
    const YamlNode* name(std::string_view key,
                         std::string& value);  // required; letters, digits, . _ - and blanks; 1 to 64
    const YamlNode* absolute_path(std::string_view key, std::string& value, Need need = Need::optional);
    void flag(std::string_view key, bool& value);
    void number(std::string_view key, std::uint32_t& value, Range<std::uint32_t> range, Need need = Need::optional);
    const YamlNode* size(std::string_view key, std::uint64_t& value, Range<std::uint64_t> range);
    void duration(std::string_view key, std::chrono::seconds& value, Range<std::chrono::seconds> range);

    template <class Enum>
    void choice(std::string_view key, Enum& value, std::initializer_list<std::pair<std::string_view, Enum>> choices) {
        const auto* node = take_scalar(key, Need::optional, "a word");
        if (!node) return;
        std::vector<std::string> words;
        for (const auto& [word, meaning] : choices) {
            if (node->text == word) {
                value = meaning;
                return;
            }
            words.emplace_back(word);
        }
        wrong_word(*node, key, words);
    }

  private:
    void wrong_word(const YamlNode& node, std::string_view key, const std::vector<std::string>& words);
};

// "/a" yes; "a", "", "/a/../b" and a path with a trailing slash, no. Says why not.
std::optional<std::string> why_not_absolute(std::string_view path);
// The candidate with the fewest changed letters, if that is near enough to be meant.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);
std::string join(const std::vector<std::string>& words);  // "a, b, c"
std::string in_quotes(std::string_view text);             // 'text', cut and cleaned for a message

}  // namespace capstan::config
