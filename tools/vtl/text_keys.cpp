#include "tools/vtl/text_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace capstan::iscsi {

std::optional<TextKeys> decode_text(Bytes bytes) {
    constexpr std::size_t kNameMax = 63;
    TextKeys keys;
    auto rest = text_of(bytes);
    while (!rest.empty()) {
        const auto end = rest.find('\0');
        if (end == std::string_view::npos) return std::nullopt;
        const auto pair = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        if (pair.empty()) continue;  // padding that was counted
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos || equals == 0 || equals > kNameMax) return std::nullopt;
        keys.push_back({std::string(pair.substr(0, equals)), std::string(pair.substr(equals + 1))});
    }
    return keys;
}

std::vector<std::uint8_t> encode_text(const TextKeys& keys) {
    std::vector<std::uint8_t> bytes;
    auto append = [&bytes](std::string_view text, char end) {
        bytes.insert(bytes.end(), text.begin(), text.end());
        bytes.push_back(static_cast<std::uint8_t>(end));
    };
    for (const auto& key : keys) append(key.name, '='), append(key.value, '\0');
    return bytes;
}

const std::string* find(const TextKeys& keys, std::string_view name) {
    auto at = std::ranges::find(keys, name, &TextKey::name);
    return at == keys.end() ? nullptr : &at->value;
}

std::vector<std::string> list_of(std::string_view value) {
    std::vector<std::string> words;
    for (;;) {
        const auto comma = value.find(',');
        words.emplace_back(value.substr(0, comma));
        if (comma == std::string_view::npos) return words;
        value.remove_prefix(comma + 1);
    }
}

std::optional<std::uint64_t> number_of(std::string_view value, std::uint64_t most) {
    int base = 10;
    if (value.starts_with("0x") || value.starts_with("0X")) value.remove_prefix(2), base = 16;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number, base);
    if (error != std::errc{} || end != value.data() + value.size() || number > most) return std::nullopt;
    return number;
}

namespace {

constexpr std::size_t kBinaryMax = 1024;

std::optional<std::vector<std::uint8_t>> from_hexadecimal(std::string_view digits) {
    std::vector<std::uint8_t> bytes;
    if (digits.empty() || digits.size() > 2 * kBinaryMax) return std::nullopt;
    if (digits.size() % 2 != 0) {  // a leading zero may be left out
        const auto first = number_of("0x" + std::string(digits.substr(0, 1)), 15);
        if (!first) return std::nullopt;
        bytes.push_back(static_cast<std::uint8_t>(*first));
        digits.remove_prefix(1);
    }
    for (; !digits.empty(); digits.remove_prefix(2)) {
        const auto byte = number_of("0x" + std::string(digits.substr(0, 2)), 255);
        if (!byte) return std::nullopt;
        bytes.push_back(static_cast<std::uint8_t>(*byte));
    }
    return bytes;
}

std::optional<std::vector<std::uint8_t>> from_base64(std::string_view digits) {
    static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while (digits.ends_with('=')) digits.remove_suffix(1);
    if (digits.empty() || digits.size() > 2 * kBinaryMax || digits.size() % 4 == 1) return std::nullopt;
    std::vector<std::uint8_t> bytes;
    std::uint32_t held = 0;
    unsigned bits = 0;
    for (char digit : digits) {
        const auto value = kDigits.find(digit);
        if (value == std::string_view::npos) return std::nullopt;
        held = (held << 6 | static_cast<std::uint32_t>(value)) & 0xFFFFFF;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes.push_back(static_cast<std::uint8_t>(held >> bits));
    }
    return bytes;
}

}  // namespace

std::optional<std::vector<std::uint8_t>> binary_of(std::string_view value) {
    if (value.size() < 3 || value[0] != '0') return std::nullopt;
    std::optional<std::vector<std::uint8_t>> bytes;
    if (value[1] == 'x' || value[1] == 'X') bytes = from_hexadecimal(value.substr(2));
    if (value[1] == 'b' || value[1] == 'B') bytes = from_base64(value.substr(2));
    if (bytes && bytes->size() > kBinaryMax) return std::nullopt;
    return bytes;
}

std::string in_hexadecimal(Bytes bytes) {
    std::string text = "0x";
    for (auto byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}

}  // namespace capstan::iscsi
