// The five kinds of bytes that the virtual library reads back from its disk. The first byte chooses the decoder.
#include "drives/virtual/cartridge_format.hpp"
#include "drives/virtual/cartridge_memory.hpp"
#include "drives/virtual/geometry_format.hpp"
#include "drives/virtual/places.hpp"
#include "drives/virtual/text_lines.hpp"

#include <cstdlib>

// decodes: drives/virtual/cartridge_format.cpp drives/virtual/cartridge_memory.cpp drives/virtual/geometry_format.cpp drives/virtual/places.cpp

namespace vl = capstan::virtual_library;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}
// Text files are taken without their checksum line, which no fuzzer would guess.
std::string sealed(capstan::Bytes body) { return vl::with_checksum(std::string(capstan::text_of(body))); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    capstan::Bytes bytes(data + 1, size - 1);
    switch (data[0]) {
        case 'm':
            (void)vl::decode_medium_info(capstan::text_of(bytes));
            if (auto info = vl::decode_medium_info(sealed(bytes)))
                require(vl::decode_medium_info(vl::encode(*info)) == *info);
            break;
        case 'g':
            (void)vl::decode_geometry(capstan::text_of(bytes));
            if (auto geometry = vl::decode_geometry(sealed(bytes)))
                require(vl::decode_geometry(vl::encode(*geometry)) == *geometry);
            break;
        case 'c':
            (void)vl::decode_cartridge_memory(capstan::text_of(bytes));
            if (auto memory = vl::decode_cartridge_memory(sealed(bytes)))
                require(vl::decode_cartridge_memory(vl::encode(*memory)) == *memory);
            break;
        case 'p': {
            auto log = vl::decode_places(bytes);
            if (log)
                require(log->intact <= bytes.size() &&
                        vl::decode_places(bytes.first(log->intact))->places == log->places);
            break;
        }
        default:
            for (std::uint64_t n = 0; (n + 1) * vl::kIndexRecordSize <= bytes.size(); ++n) {
                auto record = vl::decode_index_record(bytes.subspan(n * vl::kIndexRecordSize, vl::kIndexRecordSize),
                                                      capstan::BlockNumber{n});
                if (record)
                    require(vl::decode_index_record(vl::encode(*record, capstan::BlockNumber{n}),
                                                    capstan::BlockNumber{n}) == *record);
            }
    }
    return 0;
}
