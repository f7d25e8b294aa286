#include "backup/posix/metadata.hpp"

#include <cstdlib>

// decodes: backup/posix/metadata_codec.cpp

// What decodes must encode to something that decodes to the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto first = capstan::backup::decode_metadata({data, size});
    if (!first) return 0;
    std::vector<std::uint8_t> again;
    encode(*first, again);
    auto second = capstan::backup::decode_metadata(again);
    if (!second || !(*second == *first)) std::abort();
    return 0;
}
