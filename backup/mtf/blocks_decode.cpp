#include "backup/mtf/blocks.hpp"
#include "backup/mtf/checksum.hpp"
#include "backup/mtf/wire.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::mtf {

namespace {

template <std::size_t N>
std::uint32_t u32(const LittleEndian<N>& value) { return static_cast<std::uint32_t>(value.value()); }
template <std::size_t N>
std::uint16_t u16(const LittleEndian<N>& value) { return static_cast<std::uint16_t>(value.value()); }

bool printable_type(Bytes bytes) {
    return std::ranges::all_of(bytes.first(4), [](auto c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

BlockHeader header_of(const wire::Header& stored) {
    BlockHeader header;
    header.type = static_cast<BlockType>(stored.type.value());
    header.attributes = u32(stored.attributes);
    header.first_event = u16(stored.first_event);
    header.os_id = stored.os_id;
    header.os_version = stored.os_version;
    header.displayable_size = stored.displayable_size.value();
    header.address = stored.address.value();
    header.control_block_id = u32(stored.control_block_id);
    header.string_type = stored.string_type == 1   ? StringType::ansi
                         : stored.string_type == 2 ? StringType::utf16
                                                   : StringType::none;
    return header;
}

std::unexpected<Error> damaged(BlockType type, std::string_view what) {
    return fail(Recovery::change_request, fmt::format("{} block: {}", name_of(type), what));
}

// The strings of one block. The first that points outside the block is remembered, and makes the whole block an error.
class Strings {
    Bytes block_;
    StringType type_;
    const char* bad_ = nullptr;

  public:
    Strings(Bytes block, StringType type) : block_(block), type_(type) {}
    Bytes raw(const wire::TapeAddress& address, const char* field) {
        const std::size_t size = address.size.value(), offset = address.offset.value();
        if (size == 0) return {};  // the offset means nothing then
        if (offset > block_.size() || size > block_.size() - offset) {
            bad_ = field;
            return {};
        }
        return block_.subspan(offset, size);
    }
    std::string text(const wire::TapeAddress& address, const char* field) { return decode_text(raw(address, field), type_); }
    StringType type() const { return type_; }
    const char* bad() const { return bad_; }
    // The first four bytes of the OS-specific data of Windows NT: file attributes, or file system flags.
    std::uint32_t windows_word(const wire::Header& header) {
        const auto bytes = raw(header.os_data, "OS-specific data");
        const auto word = wire::load<LittleEndian<4>>(bytes);
        return header.os_id == kOsWindowsNt && word ? u32(*word) : 0;
    }
};

template <class Wire>
Result<Wire> fixed_part(Bytes bytes, BlockType type) {
    auto stored = wire::load<Wire>(bytes);
    if (!stored) return damaged(type, fmt::format("cut short after {} bytes", bytes.size()));
    return *stored;
}

template <class Block>
Result<Block> checked(Block block, const Strings& strings) {
    if (strings.bad()) return damaged(block.header.type, fmt::format("the {} lies outside the block", strings.bad()));
    return block;
}

}  // namespace

std::string name_of(BlockType type) {
    std::string name;
    for (int shift = 0; shift < 32; shift += 8) {
        const auto c = static_cast<char>(static_cast<std::uint32_t>(type) >> shift);
        name.push_back(c >= ' ' && c <= '~' ? c : '?');
    }
    return name;
}

bool is_known(BlockType type) {
    switch (type) {
        case BlockType::tape:
        case BlockType::set:
        case BlockType::volume:
        case BlockType::directory:
        case BlockType::file:
        case BlockType::corrupt:
        case BlockType::end_pad:
        case BlockType::end_of_set:
        case BlockType::end_of_tape:
        case BlockType::soft_filemark: return true;
    }
    return false;
}

Result<DecodedHeader> decode_header(Bytes bytes) {
    const auto stored = wire::load<wire::Header>(bytes);
    if (!stored) return fail(Recovery::change_request, fmt::format("block header: cut short after {} bytes", bytes.size()));
    if (!printable_type(bytes)) return fail(Recovery::change_request, "block header: the type is not four characters");
    DecodedHeader decoded{.header = header_of(*stored)};
    if (xor_words(bytes.first(kHeaderSize)) == 0) decoded.state = HeaderState::valid;
    else if (stored->checksum.value() == 0) decoded.state = HeaderState::checksum_zero;
    return decoded;
}

bool looks_like_block(Bytes bytes) {
    const auto decoded = decode_header(bytes);
    if (!decoded) return false;
    if (decoded->state == HeaderState::checksum_zero) return is_known(decoded->header.type);
    return decoded->state == HeaderState::valid;
}

Result<MediaHeader> decode_media_header(Bytes bytes) {
    CAPSTAN_TRY(const auto stored, fixed_part<wire::Tape>(bytes, BlockType::tape));
    MediaHeader block{.header = header_of(stored.header)};
    Strings strings(bytes, block.header.string_type);
    block.family = MediaFamilyId{u32(stored.family)};
    block.attributes = u32(stored.attributes);
    block.sequence = u16(stored.sequence);
    block.password_algorithm = u16(stored.password_algorithm);
    block.physical_block_units = u16(stored.physical_block_units);
    block.catalog_type = u16(stored.catalog_type);
    block.flb_size = u16(stored.flb_size);
    block.vendor = u16(stored.vendor);
    block.date = unpack(stored.date);
    block.major_version = stored.major_version;
    block.name = strings.text(stored.name, "media name");
    block.label = strings.text(stored.label, "media label");
    block.password = text_of(strings.raw(stored.password, "media password"));
    block.software = strings.text(stored.software, "software name");
    return checked(std::move(block), strings);
}

Result<SetBlock> decode_set(Bytes bytes) {
    CAPSTAN_TRY(const auto stored, fixed_part<wire::Set>(bytes, BlockType::set));
    SetBlock block{.header = header_of(stored.header)};
    Strings strings(bytes, block.header.string_type);
    block.attributes = u32(stored.attributes);
    block.password_algorithm = u16(stored.password_algorithm);
    block.compression_algorithm = u16(stored.compression_algorithm);
    block.vendor = u16(stored.vendor);
    block.number = u16(stored.number);
    block.physical_address = stored.physical_address.value();
    block.date = unpack(stored.date);
    block.software_major = stored.software_major;
    block.software_minor = stored.software_minor;
    block.quarter_hours = static_cast<std::int8_t>(stored.quarter_hours);
    block.minor_version = stored.minor_version;
    block.catalog_version = stored.catalog_version;
    block.name = strings.text(stored.name, "set name");
    block.description = strings.text(stored.description, "set description");
    block.password = text_of(strings.raw(stored.password, "set password"));
    block.user = strings.text(stored.user, "user name");
    return checked(std::move(block), strings);
}

Result<VolumeBlock> decode_volume(Bytes bytes) {
    CAPSTAN_TRY(const auto stored, fixed_part<wire::Volume>(bytes, BlockType::volume));
    VolumeBlock block{.header = header_of(stored.header)};
    Strings strings(bytes, block.header.string_type);
    block.attributes = u32(stored.attributes);
    block.date = unpack(stored.date);
    block.device = strings.text(stored.device, "device name");
    block.name = strings.text(stored.name, "volume name");
    block.machine = strings.text(stored.machine, "machine name");
    block.file_system_flags = strings.windows_word(stored.header);
    return checked(std::move(block), strings);
}

Result<DirectoryBlock> decode_directory(Bytes bytes, NameRule rule) {
    CAPSTAN_TRY(const auto stored, fixed_part<wire::Directory>(bytes, BlockType::directory));
    DirectoryBlock block{.header = header_of(stored.header)};
    Strings strings(bytes, block.header.string_type);
    block.attributes = u32(stored.attributes);
    block.modified = unpack(stored.modified);
    block.created = unpack(stored.created);
    block.backup = unpack(stored.backup);
    block.access = unpack(stored.access);
    block.id = u32(stored.id);
    block.path = decode_path(strings.raw(stored.name, "directory name"), strings.type(), rule);
    block.windows_attributes = strings.windows_word(stored.header);
    return checked(std::move(block), strings);
}

Result<FileBlock> decode_file(Bytes bytes, NameRule rule) {
    CAPSTAN_TRY(const auto stored, fixed_part<wire::File>(bytes, BlockType::file));
    FileBlock block{.header = header_of(stored.header)};
    Strings strings(bytes, block.header.string_type);
    block.attributes = u32(stored.attributes);
    block.modified = unpack(stored.modified);
    block.created = unpack(stored.created);
    block.backup = unpack(stored.backup);
    block.access = unpack(stored.access);
    block.directory_id = u32(stored.directory_id);
    block.id = u32(stored.id);
    block.name = decode_name(strings.raw(stored.name, "file name"), strings.type(), rule);
    block.windows_attributes = strings.windows_word(stored.header);
    return checked(std::move(block), strings);
}

Result<CorruptBlock> decode_corrupt(Bytes bytes) {
    CAPSTAN_TRY(const auto stored, fixed_part<wire::Corrupt>(bytes, BlockType::corrupt));
    return CorruptBlock{header_of(stored.header), u32(stored.attributes), stored.stream_offset.value(),
                        u16(stored.stream_number)};
}

Result<EndOfSetBlock> decode_end_of_set(Bytes bytes) {
    CAPSTAN_TRY(const auto stored, fixed_part<wire::EndOfSet>(bytes, BlockType::end_of_set));
    return EndOfSetBlock{header_of(stored.header),          u32(stored.attributes),
                         u32(stored.corrupt_objects),       stored.catalog_address_1.value(),
                         stored.catalog_address_2.value(),  u16(stored.fdd_sequence),
                         u16(stored.number),                unpack(stored.date)};
}

Result<EndOfTapeBlock> decode_end_of_tape(Bytes bytes) {
    CAPSTAN_TRY(const auto stored, fixed_part<wire::EndOfTape>(bytes, BlockType::end_of_tape));
    return EndOfTapeBlock{header_of(stored.header), stored.last_end_of_set.value()};
}

}  // namespace capstan::mtf
