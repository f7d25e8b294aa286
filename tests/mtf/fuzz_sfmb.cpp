#include "backup/mtf/sfmb.hpp"

// decodes: backup/mtf/sfmb.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    (void)capstan::mtf::decode_soft_filemark({data, size});
    return 0;
}
