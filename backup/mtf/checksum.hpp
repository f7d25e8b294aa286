// The two checksums of MTF: 16-bit XOR of headers, 32-bit XOR of stream data (MTF reference 2.5, 3.1, 3.4).
#pragma once

#include "config/base/bytes.hpp"

#include <bit>
#include <cstdint>

namespace capstan::mtf {

// XOR of little-endian 16-bit words; an odd last byte is ignored. 0 over a header that includes its checksum field.
std::uint16_t xor_words(Bytes bytes);

// Content of a CSUM stream: byte i is XORed into byte lane i mod 4, independent of how the data were cut.
class DataChecksum {
  public:
    void add(Bytes bytes);
    std::uint32_t value() const { return value_; }  // stored as 4 bytes, little-endian

  private:
    std::uint32_t value_ = 0;
    unsigned phase_ = 0;  // bytes so far, mod 4
};

}  // namespace capstan::mtf
