// Random UUIDs (RFC 4122, version 4) from the entropy that was passed in.
#pragma once

#include "config/base/clock.hpp"
#include "config/base/ids.hpp"

namespace capstan {

inline Uuid make_uuid(Entropy& entropy) {
    static constexpr char kHex[] = "0123456789abcdef";
    const std::uint64_t high = (entropy.next() & ~0xF000ULL) | 0x4000ULL;                         // version 4
    const std::uint64_t low = (entropy.next() & 0x3FFFFFFFFFFFFFFFULL) | 0x8000000000000000ULL;  // variant 10
    std::string text;
    for (unsigned digit = 0; digit < 32; ++digit) {
        if (digit == 8 || digit == 12 || digit == 16 || digit == 20) text += '-';
        const auto half = digit < 16 ? high : low;
        text += kHex[(half >> (60 - 4 * (digit % 16))) & 15];
    }
    return {text};
}

}  // namespace capstan
