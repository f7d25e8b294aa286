#include "backup/mtf/sfmb.hpp"

#include "backup/mtf/checksum.hpp"
#include "backup/mtf/wire.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::mtf {

namespace {
std::unexpected<Error> damaged(std::string what) { return fail(Recovery::change_request, "SFMB block: " + std::move(what)); }
}  // namespace

Result<SoftFilemark> decode_soft_filemark(Bytes block) {
    CAPSTAN_TRY(const auto decoded, decode_header(block));
    if (decoded.header.type != BlockType::soft_filemark) return damaged("its type is " + name_of(decoded.header.type));
    SoftFilemark mark{.header = decoded.header};
    Reader reader(block.subspan(kHeaderSize));
    const auto capacity = reader.little<4>(), used = reader.little<4>();
    if (!capacity || !used) return damaged(fmt::format("cut short after {} bytes", block.size()));
    std::size_t array = 60;
    if (mark.header.attributes & block_attribute::sfmb_array_offset) {
        mark.form = SoftFilemark::Form::offsets_64_far;
        const auto offset = reader.little<4>();
        if (!offset || *offset < 64 || *offset > block.size()) return damaged("the array lies outside the block");
        array = *offset;
    } else if (*capacity != (block.size() - array) / 4 && *capacity == (block.size() - array) / 8) {
        mark.form = SoftFilemark::Form::offsets_64;
    }
    const std::size_t width = mark.form == SoftFilemark::Form::numbers_32 ? 4 : 8;
    const std::size_t room = (block.size() - array) / width;
    if (*capacity > room || *used > *capacity)
        return damaged(fmt::format("{} of {} entries used, but only {} fit", *used, *capacity, room));
    mark.capacity = static_cast<std::uint32_t>(*capacity);
    Reader entries(block.subspan(array));
    for (std::uint64_t i = 0; i < *used; ++i)
        mark.marks.push_back(width == 4 ? entries.little<4>().value_or(0) : entries.little<8>().value_or(0));
    return mark;
}

void encode_soft_filemark(std::uint32_t number, std::uint32_t control_block_id, std::span<const std::uint32_t> marks,
                          MutableBytes block) {
    std::ranges::fill(block, std::uint8_t{0});
    const std::size_t capacity = (block.size() - 60) / 4;
    const auto used = std::min(capacity, marks.size());
    wire::Header header{.type = LittleEndian<4>(static_cast<std::uint32_t>(BlockType::soft_filemark)),
                        .first_event = LittleEndian<2>(block.size()),
                        .os_id = kOsWindowsNt,  // version 0, displayable size and FLA: as NTBackup writes them
                        .displayable_size = LittleEndian<8>(block.size()),
                        .address = LittleEndian<8>(number),
                        .control_block_id = LittleEndian<4>(control_block_id)};
    wire::store(header, block);
    header.checksum = LittleEndian<2>(xor_words(block.first(kHeaderSize)));
    wire::store(header, block);
    wire::store(LittleEndian<4>(capacity), block.subspan(52));
    wire::store(LittleEndian<4>(used), block.subspan(56));
    for (std::size_t i = 0; i < used; ++i) wire::store(LittleEndian<4>(marks[i]), block.subspan(60 + 4 * i));
}

}  // namespace capstan::mtf
