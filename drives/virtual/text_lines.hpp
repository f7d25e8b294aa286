// "key value" lines in the one order in which they are written, and the checksum line that ends them. Internal to
// drives/virtual.
#pragma once

#include "drives/virtual/cartridge_format.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace capstan::virtual_library {

class Lines {
    std::string_view rest_;

  public:
    explicit Lines(std::string_view text) : rest_(text) {}
    bool done() const { return rest_.empty(); }
    std::string_view rest() const { return rest_; }
    std::optional<std::string_view> line() {
        auto end = rest_.find('\n');
        if (end == std::string_view::npos) return std::nullopt;
        auto found = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return found;
    }
    std::optional<std::string_view> value(std::string_view key) {
        auto found = line();
        if (!found || !found->starts_with(key) || found->size() <= key.size() || (*found)[key.size()] != ' ')
            return std::nullopt;
        return found->substr(key.size() + 1);
    }
    std::optional<std::uint64_t> number(std::string_view key) {
        auto found = value(key);
        return found ? number_of(*found) : std::nullopt;
    }
    static std::optional<std::uint64_t> number_of(std::string_view text) {
        std::uint64_t number = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
        return number;
    }
};

inline std::string with_checksum(std::string text) {
    return text + fmt::format("check {:08x}\n", crc32c(bytes_of(text)));
}
// The text before its checksum line; empty when the checksum is wrong or missing.
inline std::optional<std::string_view> checked(std::string_view text) {
    constexpr std::size_t check_size = 6 + 8 + 1;
    if (text.size() < check_size) return std::nullopt;
    auto body = text.substr(0, text.size() - check_size);
    if (text.substr(body.size()) != fmt::format("check {:08x}\n", crc32c(bytes_of(body)))) return std::nullopt;
    return body;
}

}  // namespace capstan::virtual_library
