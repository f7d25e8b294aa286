// Decoder: data streams.
#include "backup/mtf/decoder_machine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::mtf {

namespace {
constexpr std::size_t kNameMax = 4 << 20;           // bytes of a path in a stream; longer ones are reported, not kept
constexpr std::uint64_t kMediumTail = 3 << 20;      // EOTM and what stands around it: three physical blocks at most
constexpr std::uint64_t kBlockUnit = 512;
constexpr std::size_t kEndOfTapeSize = 128;         // an EOTM with its SPAD's header
}  // namespace

bool Decoder::Machine::step_streams(bool final) {
    const std::size_t wanted = kHeaderSize + slack;
    if (window.available() < wanted && !final) return false;
    const auto bytes = window.peek_up_to(wanted);
    if (bytes.empty()) return false;
    // The aligned place first, then the unaligned one: Backup Exec and CPAD leave headers unaligned.
    for (const unsigned at_byte : {slack, 0U}) {
        if (bytes.size() <= at_byte) continue;
        const auto here = bytes.subspan(at_byte);
        if (const auto header = decode_stream_header(here)) {
            slack = at_byte;
            return begin_stream(*header, final);
        }
        if (looks_like_block(here)) {
            window.consume(at_byte);
            const auto type = decode_header(here)->header.type;
            const bool ends_medium = type == BlockType::end_of_tape || type == BlockType::soft_filemark;
            if (ends_medium && has_data() && in_set && !set_closed) aside = std::exchange(open, {});
            else end_object();
            at = At::block;
            return true;
        }
    }
    return scan_for_header(final);
}

// Neither a stream nor a block: look on within the FLB, then for the block behind it. Plain zeros are no damage: drafts of
// the format had no SPAD.
bool Decoder::Machine::scan_for_header(bool final) {
    const std::uint64_t position = window.offset - block_at;
    const auto to_end = static_cast<std::size_t>(align_up(position + 1, settings.flb_size) - position);
    if (window.available() < to_end + kHeaderSize && !final) return false;
    const auto bytes = window.peek_up_to(to_end + kHeaderSize);
    bool zeros = true;
    std::size_t i = 0;
    for (; i < std::min(to_end, bytes.size()); ++i) {
        if (i > 0 && (position + i) % 4 == 0 && decode_stream_header(bytes.subspan(i))) {
            if (!zeros) report(window.offset, fmt::format("{} block at {}: no stream header", name_of(open.header.type), block_at), i);
            window.consume(i);
            slack = 0;
            return true;
        }
        zeros = zeros && bytes[i] == 0;
    }
    const bool at_end = bytes.size() <= to_end;
    if (zeros && !at_end && decode_stream_header(bytes.subspan(to_end))) {  // variant B of a resumed stream (1.9)
        window.consume(to_end);
        slack = 0;
        return true;
    }
    if (zeros && (at_end ? final : looks_like_block(bytes.subspan(to_end)))) {
        window.consume(i);
        slack = 0;
        if (at_end && has_data()) return false;  // its streams may go on on the next medium
        end_object();
        at = At::block;
        return true;
    }
    start_resync(fmt::format("{} block at {}: no stream header and no block behind it", name_of(open.header.type), block_at));
    return true;
}

// Where the data of a resumed stream begin, in bytes behind its header (MTF reference 1.9); empty: more bytes are needed.
std::optional<std::size_t> Decoder::Machine::continued_gap(const StreamHeader& header, bool final) {
    if (header.length == 0) return 0;
    const auto start = window.offset + slack - block_at, end = start + kStreamHeaderSize;
    if (end % settings.flb_size == 0 || start % settings.flb_size == 0) return 0;  // variants C and B
    const auto gap = static_cast<std::size_t>(align_up(end, settings.flb_size) - end);
    const std::size_t behind = slack + kStreamHeaderSize;
    if (window.available() < behind + gap && !final) return std::nullopt;
    const auto bytes = window.peek_up_to(behind + gap);
    if (bytes.size() < behind + gap) return 0;
    const bool zeros = std::ranges::all_of(bytes.subspan(behind), [](auto b) { return b == 0; });
    return zeros ? gap : 0;  // variant A fills up to the FLB
}

bool Decoder::Machine::begin_stream(const StreamHeader& header, bool final) {
    const bool continued = header.has(stream_media::continued);
    std::size_t gap = 0;
    if (continued && header.id != StreamId::gap) {
        const auto found = continued_gap(header, final);
        if (!found) return false;
        gap = *found;
    }
    window.consume(slack + kStreamHeaderSize + gap);
    slack = 0;
    switch (header.id) {
        case StreamId::checksum:
            if (!(continued && open.split)) checksum_bytes.clear();
            open.use = checksum_bytes.size() + header.length == 4 ? Use::checksum : Use::ignored;
            if (open.use == Use::ignored)
                report(window.offset, fmt::format("CSUM stream: {} bytes instead of 4", header.length));
            break;
        case StreamId::corrupt:
            if (open.stream) open.end.marked_corrupt = true;
            open.use = Use::ignored;
            break;
        case StreamId::gap: open.use = Use::filler; break;
        case StreamId::pad:
            emit_held();
            close_stream(true);
            open.use = Use::filler;
            break;
        case StreamId::path_name:
        case StreamId::file_name: {
            const bool wanted = header.id == StreamId::path_name ? open.held_directory.has_value() : open.held_file.has_value();
            close_stream(true);
            if (!(continued && open.split)) open.name.clear(), open.whole = {};
            open.use = wanted ? Use::name : Use::ignored;
            open.name_stream = wanted && !continued;
            break;
        }
        default: begin_consumer_stream(header); break;
    }
    open.current = header.id;
    open.remaining = header.length;
    at = At::data;
    return true;
}

void Decoder::Machine::begin_consumer_stream(const StreamHeader& header) {
    emit_held();
    const std::uint64_t at_header = window.offset - kStreamHeaderSize;
    const bool same = open.stream && open.end.header.id == header.id;
    open.use = Use::consumer;
    if (same && open.split && header.has(stream_media::continued) && open.left_for_next > 0) {
        if (open.left_for_next != header.length)
            report(at_header, fmt::format("{} stream: {} bytes were left on the medium before, {} go on here",
                                          name_of(header.id), open.left_for_next, header.length));
        open.left_for_next = 0;
    } else if (!(same && open.variable_open && header.has(stream_media::variable))) {
        close_stream(true);
        open.stream = true;
        open.name_stream = false;
        open.end = {.header = header};
        open.whole = open.part = {};
        open.beginning_known = !header.has(stream_media::continued);
        open.skipped = open.checksum_seen = false;
        if (!open.quiet) events.stream_start({at_header}, header);
    }
    open.variable_open = header.has(stream_media::variable) && !header.has(stream_media::variable_end);
}

bool Decoder::Machine::reaches_tail() const {
    if (at != At::data || settings.medium_size == 0 || window.offset > settings.medium_size) return false;
    const auto left = settings.medium_size - window.offset;
    return open.remaining > left - std::min(left, kMediumTail);
}

// On a medium of known size an EOTM may stand between the data of a stream, perhaps behind a soft filemark. Data may hold
// an EOTM too (a saved .bkf): the medium's own has FLA 0 and control block id 0, and its SPAD ends where the medium ends.
bool Decoder::Machine::medium_ends_here() {
    auto is_end = [&](Bytes bytes, std::uint64_t offset) {
        const auto decoded = decode_header(bytes);
        if (!decoded || decoded->state != HeaderState::valid || decoded->header.type != BlockType::end_of_tape) return false;
        if (decoded->header.address != 0 || decoded->header.control_block_id != 0) return false;
        const auto first = align_up(decoded->header.first_event, 4);
        if (first > bytes.size()) return false;
        const auto pad = decode_stream_header(bytes.subspan(static_cast<std::size_t>(first)));
        if (!pad || pad->id != StreamId::pad || pad->length > settings.medium_size) return false;
        const auto end = offset + first + kStreamHeaderSize + pad->length;
        return end == settings.medium_size || end + settings.soft_block == settings.medium_size;
    };
    auto bytes = window.peek_up_to(kEndOfTapeSize);
    if (is_end(bytes, window.offset)) return true;
    const auto decoded = decode_header(bytes);
    if (!decoded || decoded->state != HeaderState::valid || decoded->header.type != BlockType::soft_filemark) return false;
    const std::size_t size = std::max<std::size_t>(decoded->header.first_event, kBlockUnit);
    bytes = window.peek_up_to(size + kEndOfTapeSize);
    return bytes.size() > size && is_end(bytes.subspan(size), window.offset + size);
}

bool Decoder::Machine::step_data(bool final) {
    if (open.remaining == 0) {
        end_of_segment();
        return true;
    }
    if (window.available() == 0) return false;
    std::uint64_t limit = open.remaining;
    if (reaches_tail()) {
        const auto left = settings.medium_size - window.offset;
        const auto to_unit = kBlockUnit - (window.offset - block_at) % kBlockUnit;
        if (left > kMediumTail) {
            limit = align_up(left - kMediumTail, kBlockUnit) + to_unit;
        } else {
            if (to_unit == kBlockUnit) {
                const auto wanted = std::min<std::uint64_t>(left, kSoftFilemarkMax + kEndOfTapeSize);
                if (window.available() < wanted && !final) return false;
                if (medium_ends_here()) {
                    aside = std::exchange(open, {});
                    at = At::block;
                    return true;
                }
            }
            limit = to_unit;
        }
    }
    const auto piece = window.piece(std::min(limit, open.remaining));
    take_data(piece);
    open.remaining -= piece.size();
    window.consume(piece.size());
    return true;
}

void Decoder::Machine::take_data(Bytes bytes) {
    switch (open.use) {
        case Use::consumer:
            open.whole.add(bytes);
            if (open.split) open.part.add(bytes);
            if (!open.quiet) events.stream_data(open.end.length, bytes);
            open.end.length += bytes.size();
            break;
        case Use::checksum: checksum_bytes.insert(checksum_bytes.end(), bytes.begin(), bytes.end()); break;
        case Use::name:
            open.whole.add(bytes);
            if (bytes.size() > kNameMax - open.name.size()) open.name_too_long = true;
            else open.name.insert(open.name.end(), bytes.begin(), bytes.end());
            break;
        case Use::filler:
        case Use::ignored: break;
    }
}

void Decoder::Machine::end_of_segment() {
    if (open.use == Use::name) emit_held();
    if (open.use == Use::checksum) checksum_read();
    const auto position = window.offset - block_at;
    if (open.current == StreamId::pad) {
        end_object();
        return skip(align_up(position, kBlockUnit) - position, At::block);
    }
    slack = open.current == StreamId::gap ? 0 : static_cast<unsigned>(align_up(position, 4) - position);
    at = At::streams;
}

void Decoder::Machine::checksum_read() {
    std::uint32_t stored = 0;
    for (std::size_t i = 0; i < 4; ++i) stored |= static_cast<std::uint32_t>(checksum_bytes[i]) << (8 * i);
    checksum_bytes.clear();
    if (open.name_stream) {
        open.name_stream = false;
        if (stored != open.whole.value())
            report(window.offset, fmt::format("name stream of the {} block at {}: its checksum is wrong", name_of(open.header.type), block_at));
        return;
    }
    if (!open.stream || open.checksum_seen) return;
    open.checksum_seen = true;
    const bool whole_known = open.beginning_known && !open.skipped;
    const bool is_of_whole = whole_known && stored == open.whole.value();
    const bool is_of_part = open.split && !open.skipped && stored == open.part.value();
    if (is_of_whole || is_of_part) open.end.checksum = ChecksumState::good;
    else open.end.checksum = whole_known ? ChecksumState::bad : ChecksumState::not_checked;
}

void Decoder::Machine::close_stream(bool complete) {
    if (!open.stream) return;
    open.stream = false;
    open.end.complete = complete && !open.variable_open && open.left_for_next == 0;
    if (!open.end.complete && !open.checksum_seen) open.end.checksum = ChecksumState::not_checked;
    open.variable_open = false;
    open.left_for_next = 0;
    if (!open.quiet) events.stream_end(open.end);
}

}  // namespace capstan::mtf
