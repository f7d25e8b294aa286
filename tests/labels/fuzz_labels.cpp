#include "backup/labels/labels.hpp"

// decodes: backup/labels/recognise.cpp backup/labels/foreign.cpp backup/labels/media_label.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    capstan::labels::describe(capstan::labels::recognise({data, size}));
    return 0;
}
