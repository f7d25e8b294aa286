#include "drives/scsi/mode.hpp"

#include <cstdlib>

// decodes: drives/scsi/mode.cpp

// The first byte chooses form (bit 0) and use (bit 1).
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::scsi;
    if (size == 0) return 0;
    const auto form = data[0] & 1 ? ModeForm::ten : ModeForm::six;
    const auto use = data[0] & 2 ? ModeUse::select : ModeUse::sense;
    const auto decoded = decode_mode_data(form, use, {data + 1, size - 1});
    if (!decoded) return 0;
    (void)find_page<DataCompressionPage>(*decoded);
    (void)find_page<ElementAddressPage>(*decoded);
    // The longer form carries everything that either form could bring.
    const auto again =
        decode_mode_data(ModeForm::ten, ModeUse::sense, encode_mode_data(ModeForm::ten, ModeUse::sense, *decoded));
    if (size < 60000 && (!again || *again != *decoded)) std::abort();
    const auto sent = decode_mode_data(form, ModeUse::select, encode_mode_data(form, ModeUse::select, *decoded));
    if (!sent || sent->pages.size() != decoded->pages.size()) std::abort();
    return 0;
}
