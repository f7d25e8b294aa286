// A YAML file as a plain tree with the place of each node: the one door to yaml-cpp. Pure; any thread.
#pragma once

#include "config/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace capstan::config {

struct Place {
    int line = 0, column = 0;  // from 1; 0: none
    friend auto operator<=>(const Place&, const Place&) = default;
};

struct YamlNode {
    enum class Kind { empty, scalar, list, map };
    struct Entry;
    Kind kind = Kind::empty;
    Place place;
    std::string text;             // scalar
    std::vector<YamlNode> items;  // list
    std::vector<Entry> entries;   // map, in the order of the file; a key may stand there twice
};
struct YamlNode::Entry {
    std::string key;
    Place place;
    YamlNode value;
};

inline constexpr int kDepthMax = 32;
inline constexpr std::size_t kNodesMax = 100'000;  // aliases are expanded, so a small file may hold a large tree

struct YamlProblem {
    Place place;
    std::string problem;
    std::string advice;
};
// The tree, or the first thing that is not YAML, is more than one document, or is beyond the limits above.
std::expected<YamlNode, YamlProblem> parse_yaml(std::string_view text);

}  // namespace capstan::config
