#include "drives/scsi/spc.hpp"

#include <cstdlib>

// decodes: drives/scsi/spc.cpp

// Standard data and the three VPD pages from the same bytes; each decoder refuses what is not its own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan;
    using namespace capstan::scsi;
    const Bytes bytes(data, size);
    if (const auto inquiry = decode_inquiry(bytes)) {
        if (decode_inquiry(encode_inquiry(*inquiry)) != inquiry) std::abort();
    }
    if (const auto pages = decode_vpd_supported_pages(bytes)) {
        if (decode_vpd_supported_pages(encode_vpd_supported_pages(DeviceType::tape, *pages)) != pages) std::abort();
    }
    if (const auto serial = decode_vpd_serial_number(bytes)) {
        if (decode_vpd_serial_number(encode_vpd_serial_number(DeviceType::tape, *serial)) != serial) std::abort();
    }
    if (const auto designators = decode_vpd_identification(bytes)) {
        if (decode_vpd_identification(encode_vpd_identification(DeviceType::tape, *designators)) != designators)
            std::abort();
        for (const auto& designator : *designators) (void)serial_number_of(designator);
    }
    return 0;
}
