#include "drives/scsi/reservations.hpp"

#include <cstdlib>

// decodes: drives/scsi/reservations.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::scsi;
    const capstan::Bytes bytes(data, size);
    if (const auto keys = decode_registered_keys(bytes); keys && decode_registered_keys(encode_registered_keys(*keys)) != keys)
        std::abort();
    if (const auto report = decode_reservation(bytes); report && decode_reservation(encode_reservation(*report)) != report) std::abort();
    const auto all = decode_full_status(bytes);
    if (!all) return 0;
    const auto again = decode_full_status(encode_full_status(1, *all));
    if (!again || again->size() != all->size()) std::abort();
    for (std::size_t i = 0; i < all->size(); ++i) {
        const bool has_name = !(*all)[i].initiator.empty();  // an empty one comes back as the bytes of its TransportID
        if (has_name ? (*again)[i] != (*all)[i] : (*again)[i].key != (*all)[i].key) std::abort();
    }
    return 0;
}
