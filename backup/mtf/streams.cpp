#include "backup/mtf/streams.hpp"

#include "backup/mtf/checksum.hpp"
#include "backup/mtf/wire.hpp"

namespace capstan::mtf {

std::string name_of(StreamId id) { return name_of(static_cast<BlockType>(id)); }

void encode(const StreamHeader& header, MutableBytes space) {
    wire::Stream stored{.id = LittleEndian<4>(static_cast<std::uint32_t>(header.id)),
                        .attributes = LittleEndian<2>(header.attributes),
                        .media_attributes = LittleEndian<2>(header.media_attributes),
                        .length = LittleEndian<8>(header.length),
                        .encryption = LittleEndian<2>(header.encryption),
                        .compression = LittleEndian<2>(header.compression)};
    wire::store(stored, space);
    stored.checksum = LittleEndian<2>(xor_words(space.first(20)));
    wire::store(stored, space);
}

std::optional<StreamHeader> decode_stream_header(Bytes bytes) {
    const auto stored = wire::load<wire::Stream>(bytes);
    if (!stored) return std::nullopt;
    for (auto c : bytes.first(4)) {
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ' ')) return std::nullopt;
    }
    if (xor_words(bytes.first(kStreamHeaderSize)) != 0) return std::nullopt;
    return StreamHeader{static_cast<StreamId>(stored->id.value()),
                        static_cast<std::uint16_t>(stored->attributes.value()),
                        static_cast<std::uint16_t>(stored->media_attributes.value()),
                        stored->length.value(),
                        static_cast<std::uint16_t>(stored->encryption.value()),
                        static_cast<std::uint16_t>(stored->compression.value())};
}

}  // namespace capstan::mtf
