// Whole media: the first byte says how they are cut and where filemarks and ends of media lie. With its highest bit set what
// follows are the records of tapes: a byte that says what comes (see Record), three bytes of length, the record.
#include "backup/mtf/decoder.hpp"

#include <algorithm>
#include <cstdlib>

// decodes: backup/mtf/decoder.cpp backup/mtf/decoder_blocks.cpp backup/mtf/decoder_streams.cpp

using namespace capstan;
using namespace capstan::mtf;

namespace {
class Toucher final : public DecoderEvents {  // touches every byte that is handed out
  public:
    std::uint64_t sum = 0;
    void stream_data(std::uint64_t, Bytes bytes) override {
        for (auto b : bytes) sum += b;
    }
    void directory(const Place&, const DirectoryBlock& d) override { sum += d.path.size(); }
    void file(const Place&, const FileBlock& f) override { sum += f.name.size(); }
};
enum Record : std::uint8_t { block, filemark, next_medium, block_and_skip, stop };

void feed_records(Decoder& decoder, Bytes bytes) {
    while (bytes.size() >= 4) {
        const auto record = static_cast<Record>(bytes[0] % 5);
        const std::size_t length = bytes[1] | bytes[2] << 8 | bytes[3] << 16;
        bytes = bytes.subspan(4);
        const auto size = record == filemark || record == next_medium || record == stop ? 0 : std::min(length, bytes.size());
        if (record == filemark) decoder.filemark();
        else if (record == stop) decoder.stop();
        else if (record == next_medium && decoder.end_of_medium()) decoder.next_medium(length);
        else if (size > 0) decoder.feed(bytes.first(size));
        bytes = bytes.subspan(size);
        if (record == block_and_skip && !decoder.stopped()) {  // what was skipped is not in the input
            const auto before = decoder.offset();
            const auto ahead = decoder.data_ahead();
            decoder.skip_data(ahead);
            if (decoder.offset() != before + ahead) std::abort();
        }
    }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::uint8_t way = data[0];
    const Bytes medium(data + 1, size - 1);
    Toucher events;
    DecoderSettings settings;
    settings.starts_at_block = way & 1;
    if (way & 2) settings.medium_size = medium.size();
    Decoder decoder(events, settings);
    if (way & 128) {
        feed_records(decoder, medium);
        decoder.end_of_medium();
        decoder.finish();
        return 0;
    }
    const std::size_t cut = (way & 4) ? 512 : (way & 8) ? 1024 : (way & 16) ? 77 : medium.size() + 1;
    std::size_t pieces = 0;
    for (std::size_t at = 0; at < medium.size(); at += cut) {
        decoder.feed(medium.subspan(at, std::min(cut, medium.size() - at)));
        if ((way & 32) && ++pieces % 5 == 0) decoder.filemark();
        if ((way & 64) && pieces % 11 == 0 && decoder.end_of_medium()) decoder.next_medium(medium.size());
    }
    decoder.end_of_medium();
    decoder.finish();
    return 0;
}
