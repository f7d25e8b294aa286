#include "backup/mtf/set_map.hpp"

// decodes: backup/mtf/set_map.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    capstan::mtf::decode_set_map({data, size});
    capstan::mtf::decode_fdd({data, size});
    return 0;
}
