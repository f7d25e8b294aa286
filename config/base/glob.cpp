#include "config/base/glob.hpp"

#include <optional>

namespace capstan {
namespace {

// One place of a pattern that takes one byte: does it take `byte`, and where does the pattern go on?
struct Step {
    bool taken;
    std::size_t next;
};

std::optional<Step> match_set(std::string_view pattern, std::size_t at, unsigned char byte) {
    auto i = at + 1;
    bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
    if (negated) ++i;
    bool inside = false;
    for (bool first = true; i < pattern.size(); first = false) {
        if (pattern[i] == ']' && !first) return Step{inside != negated, i + 1};
        auto low = static_cast<unsigned char>(pattern[i]);
        auto high = low;
        if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
            high = static_cast<unsigned char>(pattern[i + 2]);
            i += 2;
        }
        inside = inside || (low <= byte && byte <= high);
        ++i;
    }
    return std::nullopt;  // never closed
}

Step match_one(std::string_view pattern, std::size_t at, char byte) {
    if (pattern[at] == '?') return {true, at + 1};
    if (pattern[at] == '[') {
        if (auto step = match_set(pattern, at, static_cast<unsigned char>(byte))) return *step;
    }
    if (pattern[at] == '\\' && at + 1 < pattern.size()) return {pattern[at + 1] == byte, at + 2};
    return {pattern[at] == byte, at + 1};
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0;
    std::optional<std::size_t> star;  // the pattern behind the last `*`: only it is ever tried again
    std::size_t star_text = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            star_text = t;
            continue;
        }
        if (p < pattern.size()) {
            auto step = match_one(pattern, p, text[t]);
            if (step.taken) {
                p = step.next;
                ++t;
                continue;
            }
        }
        if (!star) return false;
        p = *star;
        t = ++star_text;
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace capstan
