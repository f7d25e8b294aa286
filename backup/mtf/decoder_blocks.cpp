// Decoder: descriptor blocks.
#include "backup/mtf/decoder_machine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::mtf {

bool Decoder::Machine::step_block(bool final) {
    if (window.available() == 0) return false;
    if (window.available() < kFlbSize && !final) return false;
    const auto bytes = window.peek_up_to(kFlbSize);
    const auto decoded = decode_header(bytes);
    const bool usable = decoded && (decoded->state == HeaderState::valid ||
                                    (decoded->state == HeaderState::checksum_zero && is_known(decoded->header.type)));
    if (!usable) {
        const bool zeros = std::ranges::all_of(bytes, [](auto b) { return b == 0; });
        start_resync(decoded ? fmt::format("{} block: its header checksum is wrong", name_of(decoded->header.type))
                     : zeros ? "zeros where a block should be"
                             : "no block where one should be");
        window.consume(std::min<std::size_t>(window.available(), 512));  // not this place again
        resync_nonzero = !zeros;
        return true;
    }
    return block(*decoded, bytes, final);
}

bool Decoder::Machine::block(const DecodedHeader& decoded, Bytes bytes, bool final) {
    const auto& header = decoded.header;
    if (header.type == BlockType::soft_filemark) return block_soft_filemark(header, final);
    // What was set aside goes on only behind the repeated blocks of the next medium.
    const bool may_go_on = header.type == BlockType::end_of_tape || header.type == BlockType::tape ||
                           (joining && (header.continuation() || header.type == BlockType::set));
    if (aside && !may_go_on) {
        open = *std::exchange(aside, std::nullopt);
        cut_open_object("the set was cut short inside");
    }
    block_at = window.offset;
    seen_any = true;
    begin_object(header);
    const Place place{block_at};
    switch (header.type) {
        case BlockType::tape: block_tape(bytes); break;
        case BlockType::set: block_set(bytes); break;
        case BlockType::volume: block_volume(bytes); break;
        case BlockType::directory: block_directory(bytes); break;
        case BlockType::file: block_file(bytes); break;
        case BlockType::corrupt:
            if (auto corrupt = decode_corrupt(bytes)) events.corrupt(place, *corrupt);
            else report(block_at, corrupt.error().happened);
            break;
        case BlockType::end_of_set: block_end_of_set(bytes); break;
        case BlockType::end_of_tape:
            open.quiet = true;
            if (auto end = decode_end_of_tape(bytes)) events.end_of_tape(place, *end);
            else report(block_at, end.error().happened);
            break;
        case BlockType::end_pad: events.end_pad(place, header); break;
        default: events.unknown_block(place, header); break;
    }
    last_address = header.address;
    last_control_block = header.control_block_id;
    const std::size_t first = std::max<std::size_t>(header.first_event, kHeaderSize);
    slack = static_cast<unsigned>((4 - first % 4) % 4);
    skip(first, At::streams);
    return true;
}

bool Decoder::Machine::block_soft_filemark(const BlockHeader& header, bool final) {
    const std::size_t told = header.first_event >= 512 ? header.first_event : settings.soft_block;
    const auto size = std::max<std::size_t>(told, 512);
    if (size <= kSoftFilemarkMax) {
        if (window.available() < size && !final) return false;
        const auto bytes = window.peek_up_to(size);
        if (auto mark = decode_soft_filemark(bytes)) events.soft_filemark({window.offset}, *mark);
        else report(window.offset, mark.error().happened);
    }
    if (open.object && in_set && !set_closed) aside = std::exchange(open, {});
    block_at = window.offset;
    seen_any = true;
    skip(size, At::block);
    return true;
}

void Decoder::Machine::begin_object(const BlockHeader& header) {
    open = {};
    open.object = true;
    open.header = header;
}

void Decoder::Machine::block_tape(Bytes bytes) {
    auto medium = decode_media_header(bytes);
    if (!medium) return report(block_at, medium.error().happened);
    if (medium->flb_size == 512 || medium->flb_size == 1024) settings.flb_size = medium->flb_size;
    if (medium->physical_block_units != 0) settings.soft_block = medium->physical_block_units * 512U;
    if (medium->software.starts_with("Capstan")) settings.names = NameRule::escaped;
    open.quiet = joining;
    events.media_header({block_at}, *medium);
}

void Decoder::Machine::block_set(Bytes bytes) {
    auto set = decode_set(bytes);
    if (!set) return report(block_at, set.error().happened);
    const bool goes_on = joining && set->header.continuation() && set->number == set_number;
    if (in_set && !set_closed && !goes_on && set_number != 0) {
        if (aside) {
            auto mine = std::exchange(open, *std::exchange(aside, std::nullopt));
            cut_open_object("it does not go on on this medium");
            open = std::move(mine);
        }
        report(block_at, fmt::format("set {} begins, but set {} has no end", set->number, set_number));
    }
    in_set = true;
    set_closed = false;
    set_number = set->number;
    base = block_at - set->header.address * settings.flb_size;  // modulo 2^64, as are the places computed from it
    open.quiet = goes_on;
    if (goes_on) return events.set_continues({block_at}, *set);
    joining = false;
    events.set_start({block_at}, *set);
}

void Decoder::Machine::block_volume(Bytes bytes) {
    auto volume = decode_volume(bytes);
    if (!volume) return report(block_at, volume.error().happened);
    open.quiet = joining && volume->header.continuation();
    if (!open.quiet) events.volume({block_at}, *volume);
}

// Whether a repeated block on the next medium is the object that was set aside; then it goes on.
bool Decoder::Machine::rejoin(const BlockHeader& header, std::uint32_t directory_id, std::uint32_t file_id) {
    if (!joining || !header.continuation()) return false;
    if (!aside || aside->header.type != header.type || aside->directory_id != directory_id || aside->file_id != file_id)
        return false;
    open = *std::exchange(aside, std::nullopt);
    return true;
}

void Decoder::Machine::block_directory(Bytes bytes) {
    auto directory = decode_directory(bytes, settings.names);
    if (!directory) return report(block_at, directory.error().happened);
    if (rejoin(directory->header, directory->id, 0)) return;
    open.directory_id = directory->id;
    if (joining && directory->header.continuation()) {  // the consumer knows it from the medium before
        open.quiet = true;
        return;
    }
    if (directory->attributes & object_attribute::name_in_stream) {
        open.held_place = {block_at};
        open.held_directory = std::move(*directory);
    } else {
        events.directory({block_at}, *directory);
    }
}

void Decoder::Machine::block_file(Bytes bytes) {
    auto file = decode_file(bytes, settings.names);
    if (!file) return report(block_at, file.error().happened);
    if (rejoin(file->header, file->directory_id, file->id)) return;
    open.directory_id = file->directory_id;
    open.file_id = file->id;
    if (file->attributes & object_attribute::name_in_stream) {
        open.held_place = {block_at};
        open.held_file = std::move(*file);
    } else {
        events.file({block_at}, *file);
    }
}

void Decoder::Machine::block_end_of_set(Bytes bytes) {
    auto end = decode_end_of_set(bytes);
    if (!end) return report(block_at, end.error().happened);
    set_closed = true;
    if (!in_set) set_number = end->number;
    else if (set_number != 0 && end->number != set_number)
        report(block_at, fmt::format("set {} ends, but set {} was open", end->number, set_number));
    events.set_end({block_at}, *end);
}

// The block whose name lies in a stream, once the name was read, or when it turns out that there is none.
void Decoder::Machine::emit_held() {
    const bool have_name = !open.name.empty() && !open.name_too_long;
    if (open.held_directory) {
        auto directory = *std::exchange(open.held_directory, std::nullopt);
        if (have_name) directory.path = decode_path(open.name, directory.header.string_type, settings.names);
        else report(open.held_place.offset, "DIRB block: its path name stream is missing or too long");
        events.directory(open.held_place, directory);
    }
    if (open.held_file) {
        auto file = *std::exchange(open.held_file, std::nullopt);
        if (have_name) file.name = decode_name(open.name, file.header.string_type, settings.names);
        else report(open.held_place.offset, "FILE block: its file name stream is missing or too long");
        events.file(open.held_place, file);
    }
    open.name.clear();
}

void Decoder::Machine::end_object() {
    if (!open.object) return;
    emit_held();
    close_stream(true);
    const bool tell = !open.quiet && open.header.type != BlockType::tape;
    open.object = false;
    if (tell) events.object_end();
}

}  // namespace capstan::mtf
