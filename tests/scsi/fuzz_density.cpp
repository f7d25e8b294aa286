#include "drives/scsi/density.hpp"

#include <cstdlib>

// decodes: drives/scsi/density.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::scsi;
    const auto densities = decode_densities(capstan::Bytes(data, size));
    if (!densities) return 0;
    if (decode_densities(encode_densities(*densities)) != densities) std::abort();
    return 0;
}
