#include "drives/scsi/log_pages.hpp"

#include <cstdlib>

// decodes: drives/scsi/log_pages.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::scsi;
    const capstan::Bytes bytes(data, size);
    if (const auto pages = decode_supported_log_pages(bytes)) {
        if (decode_supported_log_pages(encode_supported_log_pages(*pages)) != pages) std::abort();
    }
    const auto page = decode_log_page(bytes);
    if (!page) return 0;
    if (decode_log_page(encode_log_page(*page)) != page) std::abort();
    (void)set_alerts(*page);
    for (const auto& each : page->parameters) {
        if (find_parameter(*page, each.code) == nullptr) std::abort();
        const auto number = number_of(each);
        if (number && number_of(number_parameter(each.code, *number, static_cast<unsigned>(each.value.size()))) != number) std::abort();
    }
    return 0;
}
