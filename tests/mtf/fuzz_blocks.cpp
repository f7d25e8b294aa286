// Every block and private record decoder on any bytes; what decodes is encoded and decodes again.
#include "backup/mtf/private_streams.hpp"
#include "backup/mtf/streams.hpp"

#include <array>
#include <cstdlib>

// decodes: backup/mtf/blocks_decode.cpp backup/mtf/private_streams.cpp backup/mtf/streams.cpp

using namespace capstan;
using namespace capstan::mtf;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes(data, size);
    std::array<std::uint8_t, kFlbSize> space;
    auto again = [&](const auto& block, auto&& decode) {
        if (block && !decode(Bytes(space).first(encode(*block, space)))) std::abort();
    };
    if (const auto header = decode_header(bytes)) is_known(header->header.type);
    looks_like_block(bytes);
    decode_stream_header(bytes);
    again(decode_media_header(bytes), [](Bytes b) { return decode_media_header(b).has_value(); });
    again(decode_set(bytes), [](Bytes b) { return decode_set(b).has_value(); });
    again(decode_volume(bytes), [](Bytes b) { return decode_volume(b).has_value(); });
    for (auto rule : {NameRule::plain, NameRule::escaped}) {
        again(decode_directory(bytes, rule), [&](Bytes b) { return decode_directory(b, rule).has_value(); });
        again(decode_file(bytes, rule), [&](Bytes b) { return decode_file(b, rule).has_value(); });
    }
    again(decode_corrupt(bytes), [](Bytes b) { return decode_corrupt(b).has_value(); });
    again(decode_end_of_set(bytes), [](Bytes b) { return decode_end_of_set(b).has_value(); });
    again(decode_end_of_tape(bytes), [](Bytes b) { return decode_end_of_tape(b).has_value(); });
    auto same = [](const auto& record, auto&& decode) {
        if (!record) return;
        std::vector<std::uint8_t> payload;
        encode(*record, payload);
        const auto back = decode(payload);
        if (!back || !(*back == *record)) std::abort();
    };
    same(decode_set_begin(bytes), [](Bytes b) { return decode_set_begin(b); });
    same(decode_set_end(bytes), [](Bytes b) { return decode_set_end(b); });
    if (const auto hash = decode_object_hash(bytes)) {
        const auto stored = encode(*hash);
        const auto back = decode_object_hash(stored);
        if (!back || !(*back == *hash)) std::abort();
    }
    return 0;
}
