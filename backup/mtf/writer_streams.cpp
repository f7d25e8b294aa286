// SetWriter: streams. No stream header ever lies across the end of a block: before a stream is begun, a filler is put in
// front of it where the header behind it would not fit (continuation.hpp says why).
#include "backup/mtf/writer.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace capstan::mtf {

namespace {
constexpr std::uint64_t kChecksumStream = 28;  // header, 4 bytes, 2 bytes of alignment
constexpr std::uint64_t kEmptyStream = 24;     // header, 2 bytes of alignment
constexpr std::size_t kTailMax = 64;           // of a segment; more is never moved, see finish_unknown_length
}  // namespace

bool SetWriter::header_fits(std::uint64_t distance) const {
    return (offset_in_block() + distance) % layout_.output_size <= layout_.output_size - kStreamHeaderSize;
}

void SetWriter::make_room_for(std::uint64_t length, bool checksum) {
    // Each try moves three headers by 4 bytes; each forbids 5 places before the block's end: it ends after 15 tries at most.
    for (std::uint64_t filler = 0;; filler += filler == 0 ? kEmptyStream : 4) {
        const auto next = filler + align_up(kStreamHeaderSize + length, 4);
        if (!header_fits(filler) || !header_fits(next) || (checksum && !header_fits(next + kChecksumStream))) continue;
        if (filler > 0) put_filler(StreamId::gap, filler - kStreamHeaderSize);
        return;
    }
}

void SetWriter::put_header(const StreamHeader& header) {
    std::array<std::uint8_t, kStreamHeaderSize> bytes;
    encode(header, bytes);
    put(bytes);
    stream_ = header;
    remaining_ = header.length;
}

void SetWriter::put_filler(StreamId id, std::uint64_t length) {
    stream_open_ = true;
    remaining_ = 0;
    put_header({.id = id, .length = length});
    put_zeros(length, As::stream_data);
    stream_open_ = false;
}

void SetWriter::align() {
    static constexpr std::uint8_t kZeros[4] = {};
    if (const auto over = position_ % 4; over != 0) put(Bytes(kZeros).first(4 - over));
}

void SetWriter::pad_to(std::uint64_t unit) {
    auto gap = unit - position_ % unit;
    if (gap < kStreamHeaderSize) gap += unit;
    put_filler(StreamId::pad, gap - kStreamHeaderSize);
}

void SetWriter::small_stream(const SmallStream& stream) {
    begin_stream(stream.id, stream.payload.size(), {.attributes = stream.attributes});
    checksum_.add(stream.payload);
    put(stream.payload, As::stream_data);
    end_stream();
}

void SetWriter::begin_stream(StreamId id, std::uint64_t length, StreamOptions options) {
    assert(!stream_open_);
    make_room_for(length, options.checksum);
    ++streams_begun_;
    const auto media = options.checksum ? stream_media::checksummed : std::uint16_t{0};
    put_header({.id = id, .attributes = options.attributes, .media_attributes = media, .length = length});
    stream_open_ = true;
    unknown_length_ = false;
    with_checksum_ = options.checksum;
    checksum_ = {};
}

void SetWriter::begin_stream_of_unknown_length(StreamId id, StreamOptions options) {
    assert(!stream_open_);
    make_room_for(0, options.checksum);
    ++streams_begun_;
    stream_ = {.id = id, .attributes = options.attributes, .media_attributes = stream_media::variable};
    if (options.checksum) stream_.media_attributes |= stream_media::checksummed;
    remaining_ = 0;
    stream_open_ = unknown_length_ = true;
    segment_open_ = false;
    with_checksum_ = options.checksum;
    checksum_ = {};
}

void SetWriter::sparse_header(StreamId id) {
    begin_stream(id, 0, {.attributes = stream_attribute::sparse, .checksum = false});
    end_stream();
}

void SetWriter::begin_sparse_extent(std::uint64_t file_offset, std::uint64_t length, StreamOptions options) {
    begin_stream(StreamId::sparse, 8 + length, options);
    std::array<std::uint8_t, 8> offset;
    for (std::size_t i = 0; i < 8; ++i) offset[i] = static_cast<std::uint8_t>(file_offset >> (8 * i));
    checksum_.add(offset);
    put(offset, As::stream_data);
}

MutableBytes SetWriter::data_space() {
    if (!stream_open_ || (!unknown_length_ && remaining_ == 0)) return {};
    if (!pending_.empty()) drain();
    if (!pending_.empty()) return {};
    auto block = block_;
    if (used_ == 0) block = output_.reserve();
    if (block.empty()) return {};
    if (!unknown_length_) {
        const auto room = std::min<std::uint64_t>(remaining_, block.size() - used_);
        return block.subspan(used_, static_cast<std::size_t>(room));
    }
    if (!segment_open_) start_segment();
    return block.subspan(used_);
}

void SetWriter::advance(std::size_t size) {
    if (size == 0) return;
    if (used_ == 0) begin_block(state_now());
    assert(pending_.empty() && size <= block_.size() - used_ && (unknown_length_ || size <= remaining_));
    if (with_checksum_) checksum_.add(block_.subspan(used_, size));
    used_ += size;
    position_ += size;
    if (!unknown_length_) remaining_ -= size;
    if (used_ < block_.size()) return;
    if (unknown_length_) close_segment(0);
    push_block();
}

bool SetWriter::pad_stream() {
    while (remaining_ > 0) {
        auto space = data_space();
        if (space.empty()) return false;
        std::memset(space.data(), 0, space.size());
        advance(space.size());
    }
    return true;
}

// A segment lies in one block with its header, so that its length can be written when it is known.
void SetWriter::start_segment() {
    segment_at_ = used_;
    auto header = stream_;
    put_header(header);  // 2 bytes of the block at least are left: headers begin at multiples of 4
    assert(used_ == segment_at_ + kStreamHeaderSize);
    segment_open_ = true;
}

void SetWriter::close_segment(std::uint16_t last) {
    auto header = stream_;
    header.media_attributes |= last;
    header.length = used_ - segment_at_ - kStreamHeaderSize;
    encode(header, block_.subspan(segment_at_, kStreamHeaderSize));
    segment_open_ = false;
}

// The data ended somewhere in block_. Where the headers behind it would lie across the block's end, the last few bytes move
// into one or two further segments: each moves what follows on by 24 bytes.
void SetWriter::finish_unknown_length() {
    auto last = stream_;
    last.media_attributes |= stream_media::variable_end;
    if (!segment_open_) return put_header(last);  // an empty last segment; its room was made, or it begins a block
    const std::size_t size = layout_.output_size, end = used_, data_at = segment_at_ + kStreamHeaderSize;
    auto fits = [&](std::uint64_t at) { return at % size <= size - kStreamHeaderSize; };
    auto follower_fits = [&](std::uint64_t at) { return fits(at) && (!with_checksum_ || fits(at + kChecksumStream)); };
    if (follower_fits(align_up(end, 4))) return close_segment(stream_media::variable_end);
    for (std::size_t extra = 1; extra <= 3; ++extra) {
        for (std::size_t first = align_up(end, 4); first >= data_at && first + kTailMax > end; first -= 4) {
            const auto cut = std::min(end, first), tail = end - cut;
            const auto last_at = first + kEmptyStream * (extra - 1);
            bool possible = follower_fits(align_up(last_at + kStreamHeaderSize + tail, 4));
            for (std::size_t i = 0; i < extra; ++i) possible = possible && fits(first + kEmptyStream * i);
            if (!possible) continue;
            std::array<std::uint8_t, kTailMax> moved;
            std::copy_n(block_.begin() + static_cast<std::ptrdiff_t>(cut), tail, moved.begin());
            used_ = cut;
            position_ -= tail;
            close_segment(0);
            align();
            const auto between = stream_;
            for (std::size_t i = 1; i < extra; ++i) put_header(between), align();
            last.length = tail;
            put_header(last);
            unknown_length_ = false;  // from here on it is a stream of known length, also for a resume point
            put(Bytes(moved).first(tail), As::stream_data);
            return;
        }
    }
    assert(!"no cut of the last segment fits");
}

void SetWriter::end_stream() {
    assert(stream_open_);
    if (unknown_length_) finish_unknown_length();
    assert(remaining_ == 0);
    align();
    if (with_checksum_) finish_checksum();
    stream_open_ = unknown_length_ = false;
}

void SetWriter::finish_checksum() {
    put_header({.id = StreamId::checksum, .length = 4});
    std::array<std::uint8_t, 4> bytes;
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(checksum_.value() >> (8 * i));
    put(bytes, As::stream_data);
    align();
}

}  // namespace capstan::mtf
