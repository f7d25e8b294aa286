#include "tools/vtl/text_keys.hpp"

// decodes: tools/vtl/text_keys.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::iscsi;
    const auto keys = decode_text({data, size});
    if (!keys) return 0;
    if (decode_text(encode_text(*keys)) != keys) __builtin_trap();
    for (const auto& key : *keys) {
        (void)number_of(key.value, 1 << 24);
        if (const auto bytes = binary_of(key.value); bytes && binary_of(in_hexadecimal(*bytes)) != bytes) __builtin_trap();
        (void)list_of(key.value);
    }
    return 0;
}
