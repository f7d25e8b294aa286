#include "drives/scsi/attributes.hpp"

#include <cstdlib>

// decodes: drives/scsi/attributes.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::scsi;
    const capstan::Bytes bytes(data, size);
    if (const auto list = decode_attribute_list(bytes)) {
        if (decode_attribute_list(encode_attribute_list(*list)) != list) std::abort();
    }
    if (const auto coherency = decode_coherency(bytes); coherency && decode_coherency(encode_coherency(*coherency)) != coherency) std::abort();
    const auto attributes = decode_attributes(bytes);
    if (!attributes) return 0;
    if (decode_attributes(encode_attributes(*attributes)) != attributes) std::abort();
    for (const auto& each : *attributes) {
        if (find_attribute(*attributes, each.id) == nullptr) std::abort();
        const auto number = number_of(each);
        if (number && number_of(number_attribute(each.id, *number, static_cast<unsigned>(each.value.size()))) != number) std::abort();
        const auto text = text_of(each);
        if (text_of(ascii_attribute(each.id, text, text.size())) != text) std::abort();
    }
    return 0;
}
