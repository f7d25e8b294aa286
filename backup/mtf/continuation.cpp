#include "backup/mtf/continuation.hpp"

#include "backup/mtf/checksum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace capstan::mtf {

namespace {

// Fills a span from its start with blocks and streams.
class Filler {
    MutableBytes space_;
    std::size_t at_ = 0;

  public:
    explicit Filler(MutableBytes space) : space_(space) { std::ranges::fill(space_, std::uint8_t{0}); }
    std::size_t at() const { return at_; }
    std::size_t left() const { return space_.size() - at_; }
    MutableBytes rest() { return space_.subspan(at_); }
    void took(std::size_t size) { at_ += size; }

    void header(const StreamHeader& header) {
        encode(header, rest());
        at_ += kStreamHeaderSize;
    }
    void stream(const SmallStream& stream) {
        header({.id = stream.id, .attributes = stream.attributes, .media_attributes = stream_media::checksummed,
                .length = stream.payload.size()});
        std::ranges::copy(stream.payload, rest().begin());
        at_ = align_up(at_ + stream.payload.size(), 4);
        DataChecksum sum;
        sum.add(stream.payload);
        header({.id = StreamId::checksum, .length = 4});
        for (std::size_t i = 0; i < 4; ++i) rest()[i] = static_cast<std::uint8_t>(sum.value() >> (8 * i));
        at_ = align_up(at_ + 4, 4);
    }
    // A filler stream that ends `end` bytes from the start.
    void fill_to(StreamId id, std::size_t end) {
        const auto length = end - at_ - kStreamHeaderSize;
        header({.id = id, .length = length});
        at_ += length;
    }
    void pad_to_flb() {
        auto end = align_up(at_, kFlbSize);
        if (end - at_ < kStreamHeaderSize) end += kFlbSize;
        fill_to(StreamId::pad, end);
    }
};

constexpr std::size_t stream_size(std::size_t payload) {
    return align_up(kStreamHeaderSize + payload, 4) + align_up(kStreamHeaderSize + 4, 4);
}

template <class Block>
Result<void> encode_padded_block(const Block& block, std::span<const SmallStream> streams, MutableBytes space) {
    assert(space.size() >= kFlbSize);
    Filler filler(space);
    filler.took(encode(block, space));
    for (const auto& stream : streams) {
        if (filler.left() < stream_size(stream.payload.size()) + kStreamHeaderSize)
            return fail(Recovery::give_up, fmt::format("{} block: {} bytes of streams do not fit a block of {} bytes",
                                                       name_of(block.header.type), stream.payload.size(), space.size()));
        filler.stream(stream);
    }
    filler.fill_to(StreamId::pad, space.size());
    return {};
}

}  // namespace

void encode_continuation(const ResumePoint& point, const SetBlock& set, const VolumeBlock& volume, MutableBytes block) {
    using Inside = ResumePoint::Inside;
    assert(point.inside != Inside::nothing && block.size() >= 16384 && block.size() % kFlbSize == 0);
    const auto flbs = block.size() / kFlbSize;
    const auto first_address = point.address >= flbs ? point.address - flbs : 0;
    Filler filler(block);
    auto address = [&] { return first_address + filler.at() / kFlbSize; };
    auto close = [&](bool last) { last ? filler.fill_to(StreamId::pad, block.size()) : filler.pad_to_flb(); };

    auto set_block = set;
    set_block.header.attributes |= block_attribute::continuation;
    set_block.header.address = address();
    set_block.header.control_block_id = 0;
    filler.took(encode(set_block, filler.rest()));
    close(!point.volume_written);
    if (!point.volume_written) return;

    auto volume_block = volume;
    volume_block.header.attributes |= block_attribute::continuation;
    volume_block.header.address = address();
    volume_block.header.control_block_id = 1;
    filler.took(encode(volume_block, filler.rest()));
    close(point.directory_size == 0);
    if (point.directory_size == 0) return;

    auto image = [&](const std::array<std::uint8_t, kFlbSize>& bytes, std::size_t size) {
        std::copy_n(bytes.begin(), size, filler.rest().begin());
        make_continuation(filler.rest(), address());
        filler.took(size);
    };
    image(point.directory, point.directory_size);
    // A path stream is repeated. What must follow it: FILE*, a filler and the header of the resumed stream.
    const std::size_t rest = 3 * kFlbSize;
    if (point.long_path && filler.left() >= stream_size(point.long_path->size()) + rest)
        filler.stream({StreamId::path_name, *point.long_path, 0});
    if (point.inside == Inside::between) return close(true);
    if (point.file_size > 0) {
        close(false);
        image(point.file, point.file_size);
    }
    if (point.inside == Inside::object) return filler.fill_to(StreamId::gap, block.size());
    filler.fill_to(StreamId::gap, block.size() - kStreamHeaderSize);
    auto resumed = point.stream;
    resumed.media_attributes |= stream_media::continued;
    resumed.length = point.remaining;
    filler.header(resumed);
}

Result<void> encode_padded(const MediaHeader& block, std::span<const SmallStream> streams, MutableBytes space) {
    return encode_padded_block(block, streams, space);
}
Result<void> encode_padded(const SetBlock& block, std::span<const SmallStream> streams, MutableBytes space) {
    return encode_padded_block(block, streams, space);
}
Result<void> encode_padded(const EndOfSetBlock& block, std::span<const SmallStream> streams, MutableBytes space) {
    return encode_padded_block(block, streams, space);
}
Result<void> encode_padded(const EndOfTapeBlock& block, std::span<const SmallStream> streams, MutableBytes space) {
    return encode_padded_block(block, streams, space);
}

}  // namespace capstan::mtf
