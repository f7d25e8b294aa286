// key=value pairs, as login and text PDUs carry them (RFC 7143 clause 6.1). Pure, any thread.
#pragma once

#include "config/base/bytes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace capstan::iscsi {

struct TextKey {
    std::string name, value;
    friend bool operator==(const TextKey&, const TextKey&) = default;
};
using TextKeys = std::vector<TextKey>;

inline constexpr std::size_t kTextMax = 64 * 1024;  // of one negotiation step, over all its PDUs

// Empty: a pair without '=', a name that is empty or longer than 63, or the last pair without its end.
std::optional<TextKeys> decode_text(Bytes bytes);
std::vector<std::uint8_t> encode_text(const TextKeys& keys);
const std::string* find(const TextKeys& keys, std::string_view name);
std::vector<std::string> list_of(std::string_view value);  // "CRC32C,None"

// A number as text keys write it: decimal, or 0x and hexadecimal digits. Empty: neither, or above `most`.
std::optional<std::uint64_t> number_of(std::string_view value, std::uint64_t most);
// Bytes written as 0x… or as 0b… (base 64); at most 1024 of them.
std::optional<std::vector<std::uint8_t>> binary_of(std::string_view value);
std::string in_hexadecimal(Bytes bytes);  // 0x…

}  // namespace capstan::iscsi
