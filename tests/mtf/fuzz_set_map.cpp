#include "backup/mtf/set_map.hpp"

// decodes: backup/mtf/set_map.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    (void)capstan::mtf::decode_set_map({data, size});
    (void)capstan::mtf::decode_fdd({data, size});
    return 0;
}
