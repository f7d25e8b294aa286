// Whole media: the first byte says how they are cut and where filemarks and ends of media lie.
#include "backup/mtf/decoder.hpp"

#include <algorithm>

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
