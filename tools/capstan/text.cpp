#include "tools/capstan/text.hpp"

#include <fmt/format.h>

#include "daemon/api/codec.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>

namespace capstan::tools {
namespace {

std::size_t width_of(std::string_view text) {  // characters, not bytes
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Bytes of the UTF-8 character at the front; 0: none, or one that moves the cursor (C0, C1).
std::size_t printable_length(std::string_view text) {
    auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    if (at(0) < 0x80) return at(0) >= 0x20 && at(0) != 0x7F ? 1 : 0;
    std::size_t length = at(0) >= 0xF0 ? 4 : at(0) >= 0xE0 ? 3 : 2;
    if (at(0) == 0xC2 && at(1) < 0xA0) return 0;
    return length <= text.size() ? length : 0;
}

}  // namespace

void Table::print(std::ostream& out, std::string_view if_empty) const {
    if (rows_.empty() && !if_empty.empty()) {
        out << if_empty << "\n";
        return;
    }
    std::vector<std::size_t> widths;
    for (const auto& column : columns_) widths.push_back(width_of(column.title));
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
    auto line = [&](auto cell_of) {
        std::string text;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            std::string cell = cell_of(i);
            std::string blanks(widths[i] - width_of(cell), ' ');
            if (i > 0) text += "  ";
            text += columns_[i].align == Align::right ? blanks + cell : cell + blanks;
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out << text << "\n";
    };
    line([&](std::size_t i) { return columns_[i].title; });
    for (const auto& row : rows_) line([&](std::size_t i) { return i < row.size() ? row[i] : std::string(); });
}

void Facts::print(std::ostream& out) const {
    std::size_t width = 0;
    for (const auto& [name, value] : lines_) width = std::max(width, width_of(name));
    for (const auto& [name, value] : lines_)
        out << name << ":" << std::string(width - width_of(name) + 2, ' ') << value << "\n";
}

std::string shown(std::string_view bytes) {
    std::string text;
    while (!bytes.empty()) {
        auto length = printable_length(bytes);
        if (length > 1 && !api::is_utf8(bytes.substr(0, length))) length = 0;
        if (length == 0)
            text += fmt::format("\\x{:02X}", static_cast<unsigned char>(bytes.front()));
        else if (bytes.front() == '\\')
            text += "\\\\";
        else
            text += bytes.substr(0, length);
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return text;
}

std::string local_time(const std::optional<api::Time>& time, std::string_view if_none) {
    if (!time) return std::string(if_none);
    std::time_t seconds = time->seconds;
    std::tm local{};
    if (!::localtime_r(&seconds, &local)) return api::time_text(*time);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", local.tm_year + 1900L, local.tm_mon + 1, local.tm_mday,
                       local.tm_hour, local.tm_min, local.tm_sec);
}

std::string grouped(std::uint64_t number) {
    auto text = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
        text.insert(static_cast<std::size_t>(at), ",");
    return text;
}

std::string mode_text(const std::string& kind, std::uint32_t mode) {
    char type = kind == "directory" || kind == "path_only" ? 'd'
                : kind == "symlink"                        ? 'l'
                : kind == "fifo"                           ? 'p'
                : kind == "char_device"                    ? 'c'
                : kind == "block_device"                   ? 'b'
                                                           : '-';
    std::string text(1, type);
    for (int shift = 6; shift >= 0; shift -= 3) {
        auto bits = mode >> shift;
        text += bits & 4 ? 'r' : '-';
        text += bits & 2 ? 'w' : '-';
        text += bits & 1 ? 'x' : '-';
    }
    auto special = [&](std::size_t at, char with, char without) { text[at] = text[at] == 'x' ? with : without; };
    if (mode & 04000) special(3, 's', 'S');
    if (mode & 02000) special(6, 's', 'S');
    if (mode & 01000) special(9, 't', 'T');
    return text;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }
std::string number_or_dash(std::int64_t number) { return number == 0 ? "-" : std::to_string(number); }

SetAndPath split_set(const std::string& text) {
    std::uint64_t set = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), set);
    if (error != std::errc{} || end == text.data() + text.size() || *end != ':') return {std::nullopt, text};
    return {set, std::string(end + 1, text.data() + text.size())};
}

std::string absolute(const std::string& path) {
    std::error_code ignored;
    auto whole = std::filesystem::path(path).is_absolute() ? std::filesystem::path(path)
                                                           : std::filesystem::current_path(ignored) / path;
    auto text = whole.lexically_normal().string();
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    return text.starts_with("//") ? text.substr(1) : text;
}

}  // namespace capstan::tools
