// Numbers as they lie on the wire, and the one cursor that walks foreign bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace capstan {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

// N bytes on the wire, most significant first (SCSI). Alignment 1, never any padding.
template <std::size_t N>
class BigEndian {
    std::array<std::uint8_t, N> bytes_{};

  public:
    constexpr BigEndian() = default;
    constexpr explicit BigEndian(std::uint64_t v) {
        for (auto i = N; i-- > 0; v >>= 8) bytes_[i] = static_cast<std::uint8_t>(v);
    }
    constexpr std::uint64_t value() const {
        std::uint64_t v = 0;
        for (auto b : bytes_) v = v << 8 | b;
        return v;
    }
    friend constexpr bool operator==(const BigEndian&, const BigEndian&) = default;
};

// N bytes on the wire, least significant first (MTF).
template <std::size_t N>
class LittleEndian {
    std::array<std::uint8_t, N> bytes_{};

  public:
    constexpr LittleEndian() = default;
    constexpr explicit LittleEndian(std::uint64_t v) {
        for (auto& b : bytes_) b = static_cast<std::uint8_t>(v), v >>= 8;
    }
    constexpr std::uint64_t value() const {
        std::uint64_t v = 0;
        for (auto i = N; i-- > 0;) v = v << 8 | bytes_[i];
        return v;
    }
    friend constexpr bool operator==(const LittleEndian&, const LittleEndian&) = default;
};

// The only way to walk a buffer from a device, a tape, a file or a client: it cannot run past the end.
class Reader {
    Bytes rest_;

  public:
    explicit Reader(Bytes bytes) : rest_(bytes) {}
    std::size_t left() const { return rest_.size(); }
    Bytes rest() const { return rest_; }
    std::optional<Bytes> take(std::size_t size) {
        if (size > rest_.size()) return std::nullopt;
        return std::exchange(rest_, rest_.subspan(size)).first(size);
    }
    template <std::size_t N>
    std::optional<std::uint64_t> big() {
        auto bytes = take(N);
        if (!bytes) return std::nullopt;
        std::uint64_t v = 0;
        for (auto b : *bytes) v = v << 8 | b;
        return v;
    }
    template <std::size_t N>
    std::optional<std::uint64_t> little() {
        auto bytes = take(N);
        if (!bytes) return std::nullopt;
        std::uint64_t v = 0;
        for (auto i = N; i-- > 0;) v = v << 8 | (*bytes)[i];
        return v;
    }
};

inline Bytes bytes_of(std::string_view text) {
    return {static_cast<const std::uint8_t*>(static_cast<const void*>(text.data())), text.size()};
}
inline std::string_view text_of(Bytes bytes) {
    return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

}  // namespace capstan
