#include "backup/mtf/blocks.hpp"
#include "backup/mtf/checksum.hpp"
#include "backup/mtf/streams.hpp"
#include "backup/mtf/wire.hpp"

#include <algorithm>

namespace capstan::mtf {

namespace {

// A block never grows beyond this: SPAD's header behind it then lies in the same FLB, as NTBackup's readers expect of TAPE.
constexpr std::size_t kBlockMax = 1000;

template <std::size_t N>
LittleEndian<N> le(std::uint64_t value) { return LittleEndian<N>(value); }

wire::Header header_fields(const BlockHeader& header) {
    return {.type = le<4>(static_cast<std::uint32_t>(header.type)),
            .attributes = le<4>(header.attributes),
            .os_id = header.os_id,
            .os_version = header.os_version,
            .displayable_size = le<8>(header.displayable_size),
            .address = le<8>(header.address),
            .control_block_id = le<4>(header.control_block_id),
            .string_type = static_cast<std::uint8_t>(header.string_type)};
}

// Appends strings behind the fixed part, then OS-specific data, then finishes the header.
class Encoder {
    MutableBytes space_;
    std::size_t end_;

  public:
    Encoder(MutableBytes space, std::size_t fixed_size) : space_(space.first(kFlbSize)), end_(fixed_size) {}

    wire::TapeAddress text(std::string_view text, std::size_t size_max) {
        const auto room = std::min(size_max, kBlockMax - end_);
        text = text.substr(0, std::min(text.size(), room * 2));
        std::size_t size = put_text(text, space_.subspan(end_, room));
        while (size == kDoesNotFit) {  // cut whole characters off
            do text.remove_suffix(1);
            while (!text.empty() && (static_cast<std::uint8_t>(text.back()) & 0x80) && !is_utf8(text));
            size = put_text(text, space_.subspan(end_, room));
        }
        return took(size);
    }
    wire::TapeAddress raw(std::string_view bytes, std::size_t size_max) {
        const auto size = std::min({bytes.size(), size_max, kBlockMax - end_});
        std::ranges::copy(bytes_of(bytes.substr(0, size)), space_.begin() + static_cast<std::ptrdiff_t>(end_));
        return took(size);
    }
    // Room for a path or name, which is stored whole or not at all; `os_size` bytes must still fit behind it.
    MutableBytes room(std::size_t os_size) { return space_.subspan(end_, kBlockMax - end_ - os_size - 4); }
    wire::TapeAddress took(std::size_t size) {
        if (size == 0) return {};
        wire::TapeAddress address{le<2>(size), le<2>(end_)};
        end_ += size;
        return address;
    }
    // OS-specific data of NTBackup 2000 and later: `first` and zeros, on a multiple of 4.
    wire::TapeAddress os_data(std::uint32_t first, std::size_t size) {
        align();
        std::fill_n(space_.begin() + static_cast<std::ptrdiff_t>(end_), size, 0);
        wire::store(le<4>(first), space_.subspan(end_));
        return took(size);
    }
    template <class Wire>
    std::size_t finish(Wire& fixed) {
        align();
        fixed.header.first_event = le<2>(end_);
        wire::store(fixed, space_);
        fixed.header.checksum = le<2>(xor_words(space_.first(kHeaderSize)));
        wire::store(fixed, space_);
        return end_;
    }

  private:
    void align() {
        while (end_ % 4 != 0) space_[end_++] = 0;
    }
};

bool has_os_data(const BlockHeader& header) { return header.os_id == kOsWindowsNt && header.os_version == kOsVersion; }

}  // namespace

std::size_t encode(const MediaHeader& block, MutableBytes space) {
    Encoder encoder(space, sizeof(wire::Tape));
    wire::Tape fixed{.header = header_fields(block.header),
                     .family = le<4>(raw(block.family)),
                     .attributes = le<4>(block.attributes),
                     .sequence = le<2>(block.sequence),
                     .password_algorithm = le<2>(block.password_algorithm),
                     .physical_block_units = le<2>(block.physical_block_units),
                     .catalog_type = le<2>(block.catalog_type),
                     .flb_size = le<2>(block.flb_size),
                     .vendor = le<2>(block.vendor),
                     .date = pack(block.date),
                     .major_version = block.major_version};
    fixed.name = encoder.text(block.name, 128);
    fixed.label = encoder.text(block.label, 640);
    fixed.password = encoder.raw(block.password, 28);
    fixed.software = encoder.text(block.software, 104);
    return encoder.finish(fixed);
}

std::size_t encode(const SetBlock& block, MutableBytes space) {
    Encoder encoder(space, sizeof(wire::Set));
    wire::Set fixed{.header = header_fields(block.header),
                    .attributes = le<4>(block.attributes),
                    .password_algorithm = le<2>(block.password_algorithm),
                    .compression_algorithm = le<2>(block.compression_algorithm),
                    .vendor = le<2>(block.vendor),
                    .number = le<2>(block.number),
                    .physical_address = le<8>(block.physical_address),
                    .date = pack(block.date),
                    .software_major = block.software_major,
                    .software_minor = block.software_minor,
                    .quarter_hours = static_cast<std::uint8_t>(block.quarter_hours),
                    .minor_version = block.minor_version,
                    .catalog_version = block.catalog_version};
    fixed.name = encoder.text(block.name, 256);
    fixed.description = encoder.text(block.description, 256);
    fixed.password = encoder.raw(block.password, 28);
    fixed.user = encoder.text(block.user, 256);
    return encoder.finish(fixed);
}

std::size_t encode(const VolumeBlock& block, MutableBytes space) {
    Encoder encoder(space, sizeof(wire::Volume));
    wire::Volume fixed{.header = header_fields(block.header), .attributes = le<4>(block.attributes), .date = pack(block.date)};
    fixed.device = encoder.text(block.device, 256);
    fixed.name = encoder.text(block.name, 256);
    fixed.machine = encoder.text(block.machine, 256);
    if (has_os_data(block.header)) fixed.header.os_data = encoder.os_data(block.file_system_flags, 8);
    return encoder.finish(fixed);
}

std::size_t encode(const DirectoryBlock& block, MutableBytes space) {
    constexpr std::size_t kOsSize = 12;
    Encoder encoder(space, sizeof(wire::Directory));
    wire::Directory fixed{.header = header_fields(block.header),
                          .modified = pack(block.modified),
                          .created = pack(block.created),
                          .backup = pack(block.backup),
                          .access = pack(block.access),
                          .id = le<4>(block.id)};
    const auto size = put_path(block.path, encoder.room(kOsSize));
    const bool fits = size != kDoesNotFit;
    fixed.attributes =
        le<4>((block.attributes & ~object_attribute::name_in_stream) | (fits ? 0 : object_attribute::name_in_stream));
    if (fits) fixed.name = encoder.took(size);
    if (has_os_data(block.header)) fixed.header.os_data = encoder.os_data(block.windows_attributes, kOsSize);
    return encoder.finish(fixed);
}

std::size_t encode(const FileBlock& block, MutableBytes space) {
    constexpr std::size_t kOsSize = 24;
    Encoder encoder(space, sizeof(wire::File));
    wire::File fixed{.header = header_fields(block.header),
                     .modified = pack(block.modified),
                     .created = pack(block.created),
                     .backup = pack(block.backup),
                     .access = pack(block.access),
                     .directory_id = le<4>(block.directory_id),
                     .id = le<4>(block.id)};
    const auto size = put_name(block.name, encoder.room(kOsSize));
    const bool fits = size != kDoesNotFit;
    fixed.attributes =
        le<4>((block.attributes & ~object_attribute::name_in_stream) | (fits ? 0 : object_attribute::name_in_stream));
    if (fits) fixed.name = encoder.took(size);
    if (has_os_data(block.header)) fixed.header.os_data = encoder.os_data(block.windows_attributes, kOsSize);
    return encoder.finish(fixed);
}

std::size_t encode(const CorruptBlock& block, MutableBytes space) {
    wire::Corrupt fixed{.header = header_fields(block.header),
                        .attributes = le<4>(block.attributes),
                        .stream_offset = le<8>(block.stream_offset),
                        .stream_number = le<2>(block.stream_number)};
    return Encoder(space, sizeof fixed).finish(fixed);
}

std::size_t encode(const EndOfSetBlock& block, MutableBytes space) {
    wire::EndOfSet fixed{.header = header_fields(block.header),
                         .attributes = le<4>(block.attributes),
                         .corrupt_objects = le<4>(block.corrupt_objects),
                         .catalog_address_1 = le<8>(block.catalog_address_1),
                         .catalog_address_2 = le<8>(block.catalog_address_2),
                         .fdd_sequence = le<2>(block.fdd_sequence),
                         .number = le<2>(block.number),
                         .date = pack(block.date)};
    return Encoder(space, sizeof fixed).finish(fixed);
}

std::size_t encode(const EndOfTapeBlock& block, MutableBytes space) {
    wire::EndOfTape fixed{.header = header_fields(block.header), .last_end_of_set = le<8>(block.last_end_of_set)};
    return Encoder(space, sizeof fixed).finish(fixed);
}

std::size_t encode_end_pad(const BlockHeader& header, MutableBytes space) {
    struct EndPad {
        wire::Header header;
    } fixed{header_fields(header)};
    fixed.header.type = le<4>(static_cast<std::uint32_t>(BlockType::end_pad));
    fixed.header.string_type = 0;
    return Encoder(space, sizeof fixed).finish(fixed);
}

void make_continuation(MutableBytes block, std::uint64_t address) {
    auto header = *wire::load<wire::Header>(block);
    header.attributes = le<4>(header.attributes.value() | block_attribute::continuation);
    header.address = le<8>(address);
    header.checksum = {};
    wire::store(header, block);
    header.checksum = le<2>(xor_words(block.first(kHeaderSize)));
    wire::store(header, block);
}

}  // namespace capstan::mtf
