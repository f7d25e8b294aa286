// Numbers of few bytes: seven bits a byte, least significant first, the top bit says that more follow (at most ten bytes).
#pragma once

#include "config/base/bytes.hpp"

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace capstan::catalog {

using ByteVector = std::vector<std::uint8_t>;

inline void put_varint(ByteVector& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
    out.push_back(static_cast<std::uint8_t>(value));
}
// Small numbers of both signs stay small: 0, -1, 1, -2 … become 0, 1, 2, 3 …
constexpr std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}
inline void put_text(ByteVector& out, std::string_view text) {
    put_varint(out, text.size());
    auto bytes = bytes_of(text);
    out.insert(out.end(), bytes.begin(), bytes.end());
}

// Reads what the functions above wrote. After the first fault every answer is 0 and `good` is false: check once at the end, but
// bound every count before it sizes anything.
class NumberReader {
    Bytes rest_;
    bool good_ = true;

  public:
    explicit NumberReader(Bytes bytes) : rest_(bytes) {}
    bool good() const { return good_; }
    bool at_end() const { return good_ && rest_.empty(); }
    std::size_t left() const { return rest_.size(); }
    std::uint64_t fault() {
        good_ = false;
        rest_ = {};
        return 0;
    }
    std::uint8_t byte() {
        if (rest_.empty()) return static_cast<std::uint8_t>(fault());
        auto value = rest_[0];
        rest_ = rest_.subspan(1);
        return value;
    }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (rest_.empty()) return fault();
            auto part = rest_[0];
            rest_ = rest_.subspan(1);
            if (shift == 63 && part > 1) return fault();
            value |= static_cast<std::uint64_t>(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }
        return fault();
    }
    std::uint64_t varint_below(std::uint64_t limit) {  // a number that must be smaller
        auto value = varint();
        return value < limit ? value : fault();
    }
    Bytes take(std::size_t size) {
        if (size > rest_.size()) {
            fault();
            return {};
        }
        auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }
    std::string_view text(std::size_t size_max) {
        auto size = varint_below(size_max + 1);
        return text_of(take(static_cast<std::size_t>(size)));
    }
};

}  // namespace capstan::catalog
