#include "pools/medium_memory.hpp"

#include "config/base/bytes.hpp"

#include <cstdlib>

// decodes: pools/medium_memory.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::pools;
    const auto memory = decode_medium_memory(capstan::text_of({data, size}));
    if (memory && decode_medium_memory(encode(*memory)) != memory) std::abort();
    OnMedium medium;
    medium.memory = memory;
    if (take_end_from_memory(medium)) std::abort();  // what was only decoded proves nothing
    if (!medium.memory) return 0;
    medium.memory->current = true;
    if (!take_end_from_memory(medium) || medium.last_closed != memory->last_closed || medium.unfinished != memory->unfinished) std::abort();
    return 0;
}
