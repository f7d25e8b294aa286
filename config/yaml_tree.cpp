#include "config/yaml_tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>
#include <vector>

namespace capstan::config {
namespace {

Place place_of(const YAML::Mark& mark) {  // yaml-cpp counts from 0 and says -1 for "nowhere"
    return mark.is_null() || mark.line < 0 ? Place{} : Place{mark.line + 1, mark.column + 1};
}

class Converter {
    std::size_t nodes_ = 0;

  public:
    std::expected<YamlNode, YamlProblem> convert(const YAML::Node& from, int depth) {
        YamlNode node;
        node.place = place_of(from.Mark());
        if (depth > kDepthMax)
            return std::unexpected(YamlProblem{node.place,
                                               fmt::format("lists and maps lie more than {} deep", kDepthMax),
                                               "No setting needs that; look for a wrong indentation."});
        if (++nodes_ > kNodesMax)
            return std::unexpected(YamlProblem{node.place, fmt::format("the file holds more than {} values", kNodesMax),
                                               "Aliases (*name) count each time they are used."});
        switch (from.Type()) {
            case YAML::NodeType::Scalar:
                node.kind = YamlNode::Kind::scalar;
                node.text = from.Scalar();
                break;
            case YAML::NodeType::Sequence: return list(from, std::move(node), depth);
            case YAML::NodeType::Map: return map(from, std::move(node), depth);
            case YAML::NodeType::Null:
            case YAML::NodeType::Undefined: break;
        }
        return node;
    }

  private:
    std::expected<YamlNode, YamlProblem> list(const YAML::Node& from, YamlNode node, int depth) {
        node.kind = YamlNode::Kind::list;
        for (const auto& item : from) {
            auto converted = convert(item, depth + 1);
            if (!converted) return converted;
            node.items.push_back(std::move(*converted));
        }
        return node;
    }

    std::expected<YamlNode, YamlProblem> map(const YAML::Node& from, YamlNode node, int depth) {
        node.kind = YamlNode::Kind::map;
        for (const auto& pair : from) {
            auto place = place_of(pair.first.Mark());
            if (!pair.first.IsScalar())
                return std::unexpected(
                    YamlProblem{place, "a key that is not a word", "Put text with special characters between quotes."});
            auto converted = convert(pair.second, depth + 1);
            if (!converted) return converted;
            node.entries.push_back({pair.first.Scalar(), place, std::move(*converted)});
        }
        return node;
    }
};

// Hears where documents begin, and nothing else.
class DocumentBegins final : public YAML::EventHandler {
  public:
    void OnDocumentStart(const YAML::Mark& mark) override { marks.push_back(mark); }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
    std::vector<YAML::Mark> marks;
};

// Of the first two documents. Not YAML::LoadAll: behind a closing bracket too much yaml-cpp 0.7 finds documents without
// end.
std::vector<YAML::Mark> document_begins(std::string_view text) {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    DocumentBegins begins;
    while (begins.marks.size() < 2 && parser.HandleNextDocument(begins)) {
    }
    return begins.marks;
}

}  // namespace

std::expected<YamlNode, YamlProblem> parse_yaml(std::string_view text) {
    // A NUL byte or a lone control character ends or confuses the scanner of yaml-cpp 0.7; YAML allows none of them.
    int line = 1, column = 1;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7F)
            return std::unexpected(YamlProblem{{line, column},
                                               fmt::format("the byte {:02X}h, which no YAML file may hold", byte),
                                               "Is this a text file?"});
        column = c == '\n' ? 1 : column + 1;
        line += c == '\n';
    }
    try {
        auto begins = document_begins(text);
        if (begins.empty()) return YamlNode{};
        if (begins.size() > 1)
            return std::unexpected(
                YamlProblem{place_of(begins[1]), "a second YAML document begins here",
                            "Only one may be here: remove the line '---', or what follows the closing bracket."});
        return Converter().convert(YAML::Load(std::string(text)), 0);
    } catch (const YAML::Exception& error) {
        return std::unexpected(YamlProblem{place_of(error.mark), fmt::format("not YAML: {}", error.msg),
                                           "Look at the indentation and the quotes here and in the line above."});
    } catch (const std::exception& error) {
        return std::unexpected(
            YamlProblem{{}, fmt::format("not YAML: {}", error.what()), "Compare it with config/example.yaml."});
    }
}

}  // namespace capstan::config
