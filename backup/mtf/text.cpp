#include "backup/mtf/text.hpp"

#include <fmt/format.h>

#include <cstring>

namespace capstan::mtf {

namespace {

constexpr char32_t kEscape = 0xF000;       // private characters U+F000 + byte
constexpr char32_t kReplacement = 0xFFFD;

struct Character {
    char32_t code = 0;
    unsigned size = 0;  // bytes of UTF-8; 0: not UTF-8
};

// The first character of non-empty UTF-8 text; overlong forms, surrogates and values above U+10FFFF are not UTF-8.
Character first_character(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const unsigned size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {};
    char32_t code = lead & (0x7F >> size);
    for (unsigned i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3F);
    }
    const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    if (overlong || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) return {};
    return {code, size};
}

struct SpaceOutput {
    MutableBytes space;
    std::size_t used = 0;
    bool overflow = false;
    void unit(char32_t c) {
        if (space.size() - used < 2) {
            overflow = true;
            return;
        }
        space[used++] = static_cast<std::uint8_t>(c);
        space[used++] = static_cast<std::uint8_t>(c >> 8);
    }
    std::size_t result() const { return overflow ? kDoesNotFit : used; }
};

struct VectorOutput {
    std::vector<std::uint8_t>& out;
    void unit(char32_t c) {
        out.push_back(static_cast<std::uint8_t>(c));
        out.push_back(static_cast<std::uint8_t>(c >> 8));
    }
};

template <class Output>
void put_character(char32_t c, Output& out) {
    if (c < 0x10000) return out.unit(c);
    c -= 0x10000;
    out.unit(0xD800 | c >> 10);
    out.unit(0xDC00 | (c & 0x3FF));
}

template <class Output>
void write_text(std::string_view text, Output& out) {
    while (!text.empty()) {
        const auto c = first_character(text);
        put_character(c.size == 0 ? kReplacement : c.code, out);
        text.remove_prefix(c.size == 0 ? 1 : c.size);
    }
}

constexpr bool must_be_escaped(std::uint8_t c) {  // ASCII that a Windows reader would stumble over
    return c < 0x20 || c == 0x7F || c == '\\' || c == ':' || c == '*' || c == '?' || c == '"' || c == '<' || c == '>' || c == '|';
}

template <class Output>
void write_name(std::string_view name, Output& out) {
    while (!name.empty()) {
        const auto c = first_character(name);
        const bool plain = c.size > 0 && (c.code < 0x80 ? !must_be_escaped(static_cast<std::uint8_t>(c.code))
                                                        : c.code < kEscape || c.code > kEscape + 0xFF);
        const std::size_t size = c.size == 0 ? 1 : c.size;
        if (plain) put_character(c.code, out);
        else
            for (std::size_t i = 0; i < size; ++i) out.unit(kEscape + static_cast<std::uint8_t>(name[i]));
        name.remove_prefix(size);
    }
}

template <class Output>
void write_path(std::string_view path, Output& out) {
    if (path.empty()) return out.unit(0);
    for (;;) {
        const auto slash = path.find('/');
        write_name(path.substr(0, slash), out);
        out.unit(0);
        if (slash == std::string_view::npos) return;
        path.remove_prefix(slash + 1);
    }
}

void append_utf8(char32_t c, std::string& out) {
    auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (c < 0x80) return put(c);
    if (c < 0x800) {
        put(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            put(0xE0 | c >> 12);
        } else {
            put(0xF0 | c >> 18);
            put(0x80 | (c >> 12 & 0x3F));
        }
        put(0x80 | (c >> 6 & 0x3F));
    }
    put(0x80 | (c & 0x3F));
}

// Walks stored characters of either type. Lone surrogates come out as U+FFFD.
class StoredCharacters {
    Bytes rest_;
    bool wide_;

  public:
    StoredCharacters(Bytes stored, StringType type) : rest_(stored), wide_(type != StringType::ansi) {}
    bool next(char32_t& c) {
        if (rest_.size() < (wide_ ? 2U : 1U)) return false;
        if (!wide_) {
            c = rest_[0];
            rest_ = rest_.subspan(1);
            return true;
        }
        c = unit(0);
        std::size_t size = 2;
        if (c >= 0xD800 && c < 0xE000) {
            const char32_t low = c < 0xDC00 && rest_.size() >= 4 ? unit(2) : 0;
            if (low >= 0xDC00 && low < 0xE000) c = 0x10000 + ((c & 0x3FF) << 10 | (low & 0x3FF)), size = 4;
            else c = kReplacement;
        }
        rest_ = rest_.subspan(size);
        return true;
    }

  private:
    char32_t unit(std::size_t at) const { return static_cast<char32_t>(rest_[at] | rest_[at + 1] << 8); }
};

void append_name_character(char32_t c, NameRule rule, std::string& out) {
    if (c == '/' || c == 0) c += kEscape;  // never a separator
    const bool escape = rule == NameRule::escaped && c >= kEscape && c <= kEscape + 0xFF && c != kEscape && c != kEscape + '/';
    if (escape) out.push_back(static_cast<char>(c - kEscape));
    else append_utf8(c, out);
}

Bytes without_final_nuls(Bytes stored, StringType type) {
    const std::size_t width = type == StringType::ansi ? 1 : 2;
    stored = stored.first(stored.size() / width * width);
    auto is_nul = [&] { return stored[stored.size() - 1] == 0 && stored[stored.size() - width] == 0; };
    while (!stored.empty() && is_nul()) stored = stored.first(stored.size() - width);
    return stored;
}

}  // namespace

void append_text(std::string_view text, std::vector<std::uint8_t>& out) {
    VectorOutput output{out};
    write_text(text, output);
}
void append_name(std::string_view name, std::vector<std::uint8_t>& out) {
    VectorOutput output{out};
    write_name(name, output);
}
void append_path(std::string_view path, std::vector<std::uint8_t>& out) {
    VectorOutput output{out};
    write_path(path, output);
}
std::size_t put_text(std::string_view text, MutableBytes space) {
    SpaceOutput output{space};
    write_text(text, output);
    return output.result();
}
std::size_t put_name(std::string_view name, MutableBytes space) {
    if (name.size() > space.size() * 2) return kDoesNotFit;  // three bytes make at least one unit: spare the walk
    SpaceOutput output{space};
    write_name(name, output);
    return output.result();
}
std::size_t put_path(std::string_view path, MutableBytes space) {
    if (path.size() > space.size() * 2) return kDoesNotFit;
    SpaceOutput output{space};
    write_path(path, output);
    return output.result();
}

std::string decode_text(Bytes stored, StringType type) {
    std::string text;
    StoredCharacters characters(without_final_nuls(stored, type), type);
    for (char32_t c; characters.next(c);) append_utf8(c, text);
    return text;
}

std::string decode_name(Bytes stored, StringType type, NameRule rule) {
    std::string name;
    StoredCharacters characters(without_final_nuls(stored, type), type);
    for (char32_t c; characters.next(c);) append_name_character(c, rule, name);
    return name;
}

std::string decode_path(Bytes stored, StringType type, NameRule rule) {
    std::string path;
    StoredCharacters characters(without_final_nuls(stored, type), type);
    for (char32_t c; characters.next(c);) {
        if (c == 0) path.push_back('/');
        else append_name_character(c, rule, path);
    }
    return path;
}

std::string printable(std::string_view name) {
    std::string out;
    while (!name.empty()) {
        const auto c = first_character(name);
        const bool control = c.code < 0x20 || (c.code >= 0x7F && c.code < 0xA0) || c.code == '\\';
        if (c.size > 0 && !control) out.append(name.substr(0, c.size));
        else out += fmt::format("\\x{:02X}", static_cast<std::uint8_t>(name[0]));
        name.remove_prefix(c.size > 0 && !control ? c.size : 1);
    }
    return out;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto c = first_character(text);
        if (c.size == 0) return false;
        text.remove_prefix(c.size);
    }
    return true;
}

}  // namespace capstan::mtf
