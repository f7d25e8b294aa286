#include "drives/scsi/sense.hpp"
#include "drives/scsi/sense_table.hpp"

#include <cstdlib>

// decodes: drives/scsi/sense.cpp drives/scsi/sense_table.cpp

// What was decoded survives encoding and decoding again, and always has a rule.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::scsi;
    const auto sense = decode_sense({data, size});
    if (!sense) return 0;
    const auto again = decode_sense(encode_sense(*sense, SenseFormat::descriptor).bytes());
    if (!again || *again != *sense) std::abort();
    const auto fixed = decode_sense(encode_sense(*sense, SenseFormat::fixed).bytes());
    if (!fixed || fixed->code != sense->code || fixed->deferred != sense->deferred) std::abort();
    if (error_from_sense("x", *sense).advice.empty()) std::abort();
    return 0;
}
