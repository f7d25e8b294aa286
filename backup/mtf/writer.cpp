// SetWriter: media, sets and objects.
#include "backup/mtf/writer.hpp"

#include "backup/mtf/wire.hpp"

#include <cassert>

namespace capstan::mtf {

SetWriter::SetWriter(BlockOutput& output, WriterLayout layout) : output_(output), layout_(std::move(layout)) {
    assert(layout_.output_size % kFlbSize == 0 && layout_.output_size >= 16384);
    base_block_ = layout_.first_block;
}

std::uint64_t SetWriter::address() const { return position_ / kFlbSize; }

// Numbers an encoded block of the set; its checksum is made anew.
std::size_t SetWriter::finish_image(MutableBytes image, std::size_t size) {
    auto header = *wire::load<wire::Header>(image);
    header.address = LittleEndian<8>(address());
    header.control_block_id = LittleEndian<4>(next_control_block_++);
    header.checksum = {};
    wire::store(header, image);
    header.checksum = LittleEndian<2>(xor_words(image.first(kHeaderSize)));
    wire::store(header, image);
    return size;
}

void SetWriter::put_block(std::size_t size, std::span<const SmallStream> streams, std::uint64_t unit) {
    put(Bytes(scratch_).first(size));
    for (const auto& stream : streams) small_stream(stream);
    pad_to(unit);
}

void SetWriter::media_header(const MediaHeader& block, std::span<const SmallStream> streams) {
    assert(drained() && !object_open_);
    phase_ = Phase::medium;
    auto complete = block;
    complete.flb_size = kFlbSize;
    complete.physical_block_units = static_cast<std::uint16_t>(layout_.physical_block() / 512);
    complete.attributes &= ~tape_attribute::soft_filemarks;
    if (layout_.soft_filemarks) complete.attributes |= tape_attribute::soft_filemarks;
    put_block(encode(complete, scratch_), streams, layout_.physical_block());
    put_filemark();
}

void SetWriter::begin_set(const SetBlock& block, std::span<const SmallStream> streams) {
    assert(drained() && !object_open_ && phase_ != Phase::set);
    phase_ = Phase::set;
    base_block_ += position_ / layout_.physical_block();
    position_ = 0;
    next_control_block_ = 0;
    next_directory_ = next_file_ = 1;
    directory_id_ = 0;
    volume_written_ = false;
    auto complete = block;
    if (layout_.soft_filemarks) complete.physical_address = base_block_ + 1;  // NTBackup counts from 1 here
    put_block(finish_image(scratch_, encode(complete, scratch_)), streams, kFlbSize);
}

void SetWriter::volume(const VolumeBlock& block, std::span<const SmallStream> streams) {
    assert(drained() && !object_open_ && phase_ == Phase::set);
    put_block(finish_image(scratch_, encode(block, scratch_)), streams, kFlbSize);
    volume_written_ = true;
    directory_id_ = 0;
}

std::uint32_t SetWriter::directory(const DirectoryBlock& block) {
    assert(drained() && !object_open_ && phase_ == Phase::set);
    const auto other = static_cast<std::uint8_t>(1 - directory_index_);
    auto& directory = directories_[other];
    const auto size = encode(block, directory.image);
    auto fixed = *wire::load<wire::Directory>(directory.image);
    fixed.id = LittleEndian<4>(next_directory_);
    wire::store(fixed, directory.image);
    directory.size = static_cast<std::uint16_t>(finish_image(directory.image, size));
    directory.long_path.reset();
    put(Bytes(directory.image).first(size));  // a block that begins here still belongs to the directory before
    directory_index_ = other;
    directory_id_ = next_directory_++;
    object_open_ = true;
    object_is_file_ = false;
    streams_begun_ = 0;
    if (fixed.attributes.value() & object_attribute::name_in_stream) {
        auto path = std::make_shared<std::vector<std::uint8_t>>();
        append_path(block.path, *path);
        directory.long_path = path;
        small_stream({StreamId::path_name, *path, 0});
    }
    return directory_id_;
}

std::uint32_t SetWriter::file(const FileBlock& block) {
    assert(drained() && !object_open_ && phase_ == Phase::set && directory_id_ != 0);
    const auto size = encode(block, file_image_);
    auto fixed = *wire::load<wire::File>(file_image_);
    fixed.directory_id = LittleEndian<4>(directory_id_);
    fixed.id = LittleEndian<4>(next_file_);
    wire::store(fixed, file_image_);
    file_size_ = static_cast<std::uint16_t>(finish_image(file_image_, size));
    put(Bytes(file_image_).first(size));
    object_open_ = object_is_file_ = true;
    streams_begun_ = 0;
    if (fixed.attributes.value() & object_attribute::name_in_stream) {
        std::vector<std::uint8_t> name;
        append_name(block.name, name);
        small_stream({StreamId::file_name, name, 0});
    }
    return next_file_++;
}

void SetWriter::end_object() {
    assert(object_open_ && !stream_open_);
    pad_to(kFlbSize);
    object_open_ = false;
}

void SetWriter::corrupt(const CorruptBlock& block) {
    assert(drained() && !object_open_ && phase_ == Phase::set);
    put_block(finish_image(scratch_, encode(block, scratch_)), {}, kFlbSize);
}

void SetWriter::end_set(const EndOfSetBlock& block, std::span<const SmallStream> streams) {
    assert(drained() && !object_open_ && phase_ == Phase::set);
    const auto unit = layout_.physical_block();
    if (position_ % unit != 0) {
        const BlockHeader pad{.string_type = StringType::none};
        put_block(finish_image(scratch_, encode_end_pad(pad, scratch_)), {}, unit);
    }
    phase_ = Phase::end;
    put_filemark();
    auto complete = block;
    complete.header.control_block_id = next_control_block_++;
    put_block(encode(complete, scratch_), streams, unit);
    put_filemark();
}

void SetWriter::finish() {
    assert(drained() && !object_open_);
    if (used_ > 0) push_block();
}

}  // namespace capstan::mtf
