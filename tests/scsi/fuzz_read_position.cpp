#include "drives/scsi/ssc.hpp"

#include <cstdlib>

// decodes: drives/scsi/ssc.cpp

// The first byte is the form, as in the CDB. READ BLOCK LIMITS has no loops and is tried on the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan;
    using namespace capstan::scsi;
    if (size == 0) return 0;
    const Bytes bytes(data + 1, size - 1);
    const auto position =
        decode_position(static_cast<PositionForm>(data[0] & ReadPositionCdb::kServiceActionMask), bytes);
    if (position && position->block.has_value() && size < 21) std::abort();
    if (decode_block_limits(bytes).has_value() != (bytes.size() >= 6)) std::abort();
    return 0;
}
