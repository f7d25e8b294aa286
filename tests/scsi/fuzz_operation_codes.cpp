#include "drives/scsi/timeouts.hpp"

#include <cstdlib>

// decodes: drives/scsi/operation_codes.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan;
    using namespace capstan::scsi;
    const Bytes bytes(data, size);
    if (const auto commands = decode_supported_commands(bytes)) {
        if (decode_supported_commands(encode_supported_commands(*commands)) != commands) std::abort();
        Timeouts timeouts;
        timeouts.take(*commands);
        for (unsigned opcode = 0; opcode < 256; ++opcode) {
            if (timeouts.of(static_cast<Opcode>(opcode)).count() <= 0) std::abort();
        }
    }
    if (const auto support = decode_one_command(bytes)) {
        if (decode_one_command(encode_one_command(*support)) != support) std::abort();
    }
    return 0;
}
