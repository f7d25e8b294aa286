// decodes: catalog/page_decoder.cpp
// The page's columns. The first bytes say how long each is; checks are put right so that the fuzzer gets behind them.
#include "catalog/page.hpp"

#include <xxhash.h>
#include <zstd.h>

#include <algorithm>

namespace {

using capstan::catalog::ByteVector;

// A column as the decoder takes it, from what it holds before compression.
ByteVector column(capstan::Bytes raw, bool compressed) {
    ByteVector blob(4);
    if (compressed) {
        capstan::catalog::put_varint(blob, raw.size());
        auto start = blob.size();
        blob.resize(start + ZSTD_compressBound(raw.size()));
        blob.resize(start + ZSTD_compress(blob.data() + start, blob.size() - start, raw.data(), raw.size(), 1));
    } else {
        blob.insert(blob.end(), raw.begin(), raw.end());
    }
    auto check = static_cast<std::uint32_t>(XXH3_64bits_withSeed(blob.data() + 4, blob.size() - 4, 1));
    for (std::size_t i = 0; i < 4; ++i, check >>= 8) blob[i] = static_cast<std::uint8_t>(check);
    return blob;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    capstan::Bytes rest(data, size);
    if (rest.size() < 5) return 0;
    auto names_size = std::min<std::size_t>(rest[1] * 256U + rest[2], rest.size() - 5);
    auto numbers_size = std::min<std::size_t>(rest[3] * 256U + rest[4], rest.size() - 5 - names_size);
    auto form = rest[0];
    rest = rest.subspan(5);
    auto names = rest.first(names_size), numbers = rest.subspan(names_size, numbers_size);
    auto noise = rest.subspan(names_size + numbers_size);
    // Bit 0: without check; bit 1: the fuzzer writes the zstd frame and the size before it, too.
    bool checked = (form & 1) == 0, compressed = (form & 2) == 0;
    auto blob = [&](capstan::Bytes raw, bool compress) {
        return checked ? column(raw, compress) : ByteVector(raw.begin(), raw.end());
    };
    auto page = capstan::catalog::decode_names(blob(names, compressed), 1);
    if (!page) return 0;
    (void)capstan::catalog::decode_facts(*page, blob(numbers, compressed), blob(noise, false));
    return 0;
}
