#include "drives/scsi/smc.hpp"

#include <cstdlib>

// decodes: drives/scsi/smc.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::scsi;
    const auto report = decode_element_status({data, size});
    if (!report) return 0;
    if (report->elements.size() + report->unknown > report->count && !report->elements.empty() &&
        report->unknown == 0) {
        std::abort();
    }
    const auto again = decode_element_status(
        encode_element_status(report->elements, {.volume_tags = true, .device_identifier = true}));
    if (!again || again->elements != report->elements) std::abort();
    return 0;
}
