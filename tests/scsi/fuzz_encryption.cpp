#include "drives/scsi/encryption.hpp"

#include <cstdlib>

// decodes: drives/scsi/encryption.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::scsi;
    const auto status = decode_encryption_status(capstan::Bytes(data, size));
    if (!status) return 0;
    if (decode_encryption_status(encode_encryption_status(*status)) != status) std::abort();
    if (has_key_of_a_program(*status) && has_key_of_the_library(*status)) std::abort();
    return 0;
}
