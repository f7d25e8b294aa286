#include "backup/mtf/checksum.hpp"

#include <cstring>

namespace capstan::mtf {

static_assert(std::endian::native == std::endian::little, "the data checksum loads words as they lie in memory");

std::uint16_t xor_words(Bytes bytes) {
    unsigned sum = 0;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum ^= static_cast<unsigned>(bytes[i] | bytes[i + 1] << 8);
    return static_cast<std::uint16_t>(sum);
}

void DataChecksum::add(Bytes bytes) {
    // Eight independent 64-bit lanes: the compiler makes vector loads of them, and memory is the limit.
    std::uint64_t lanes[8] = {};
    const std::uint8_t* p = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= sizeof lanes; p += sizeof lanes, left -= sizeof lanes) {
        std::uint64_t words[8];
        std::memcpy(words, p, sizeof words);
        for (int i = 0; i < 8; ++i) lanes[i] ^= words[i];
    }
    std::uint64_t sum = 0;
    for (auto lane : lanes) sum ^= lane;
    for (; left >= 8; p += 8, left -= 8) {
        std::uint64_t word;
        std::memcpy(&word, p, 8);
        sum ^= word;
    }
    for (std::size_t i = 0; i < left; ++i) sum ^= static_cast<std::uint64_t>(p[i]) << (8 * i);
    const auto folded = static_cast<std::uint32_t>(sum) ^ static_cast<std::uint32_t>(sum >> 32);
    value_ ^= std::rotl(folded, static_cast<int>(8 * phase_));
    phase_ = static_cast<unsigned>((phase_ + bytes.size()) & 3);
}

}  // namespace capstan::mtf
