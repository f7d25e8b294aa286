// SetWriter: bytes into the blocks at hand, or into the buffer while there is none.
#include "backup/mtf/sfmb.hpp"
#include "backup/mtf/writer.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace capstan::mtf {

SetWriter::State SetWriter::state_now() const {
    State state;
    state.kind = phase_ == Phase::end ? BlockKind::end_block : BlockKind::block;
    if (phase_ != Phase::set || position_ == 0) return state;
    state.volume = volume_written_;
    state.has_directory = directory_id_ != 0;
    state.directory = directory_index_;
    state.address = position_ / kFlbSize;
    if (object_open_) {
        state.in_file = object_is_file_;
        const bool in_stream = stream_open_ && remaining_ > 0;
        state.inside = in_stream ? ResumePoint::Inside::stream : ResumePoint::Inside::object;
        if (in_stream) state.stream = stream_, state.remaining = remaining_;
    } else {
        state.inside = state.has_directory ? ResumePoint::Inside::between : ResumePoint::Inside::set;
    }
    return state;
}

bool SetWriter::begin_block(const State& state) {
    block_ = output_.reserve();
    if (block_.empty()) return false;
    assert(block_.size() == layout_.output_size);
    kind_ = state.kind;
    resume_.inside = layout_.soft_filemarks ? ResumePoint::Inside::nothing : state.inside;
    if (resume_.inside == ResumePoint::Inside::nothing) return true;
    resume_.volume_written = state.volume;
    resume_.stream = state.stream;
    resume_.remaining = state.remaining;
    resume_.address = state.address;
    resume_.directory_size = resume_.file_size = 0;
    resume_.long_path.reset();
    if (state.has_directory) {
        const auto& directory = directories_[state.directory];
        resume_.directory_size = directory.size;
        resume_.long_path = directory.long_path;
        std::memcpy(resume_.directory.data(), directory.image.data(), directory.size);
    }
    if (state.in_file) {
        resume_.file_size = file_size_;
        std::memcpy(resume_.file.data(), file_image_.data(), file_size_);
    }
    return true;
}

void SetWriter::push_block() {
    output_.push(kind_, used_, resume_);
    block_ = {};
    used_ = 0;
}

std::size_t SetWriter::write_now(const std::uint8_t* bytes, std::size_t size, const State& state) {
    if (used_ == 0 && !begin_block(state)) return 0;
    size = std::min(size, block_.size() - used_);
    if (bytes == nullptr) std::memset(block_.data() + used_, 0, size);
    else std::memcpy(block_.data() + used_, bytes, size);
    used_ += size;
    if (used_ == block_.size()) push_block();
    return size;
}

void SetWriter::keep(Pending::What what, const std::uint8_t* bytes, std::size_t size) {
    pending_.push_back({what, size, state_now()});
    if (what == Pending::What::bytes) pending_bytes_.insert(pending_bytes_.end(), bytes, bytes + size);
    pending_size_ += size;
}

void SetWriter::put(Bytes bytes, As as) {
    if (pending_.empty() && used_ > 0 && bytes.size() < block_.size() - used_) {  // nearly always
        if (!bytes.empty()) std::memcpy(block_.data() + used_, bytes.data(), bytes.size());
        used_ += bytes.size();
        position_ += bytes.size();
        if (as == As::stream_data) remaining_ -= bytes.size();
        return;
    }
    while (!bytes.empty()) {
        auto size = pending_.empty() ? write_now(bytes.data(), bytes.size(), state_now()) : 0;
        if (size == 0) {
            size = std::min<std::size_t>(bytes.size(), layout_.output_size - offset_in_block());
            keep(Pending::What::bytes, bytes.data(), size);
        }
        position_ += size;
        if (as == As::stream_data) remaining_ -= size;
        bytes = bytes.subspan(size);
    }
}

void SetWriter::put_zeros(std::uint64_t left, As as) {
    while (left > 0) {
        auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, layout_.output_size - offset_in_block()));
        const auto written = pending_.empty() ? write_now(nullptr, size, state_now()) : 0;
        if (written == 0) keep(Pending::What::zeros, nullptr, size);
        else size = written;
        position_ += size;
        if (as == As::stream_data) remaining_ -= size;
        left -= size;
    }
}

void SetWriter::put_filemark() {
    if (layout_.soft_filemarks) return put_soft_filemark();
    assert(offset_in_block() == 0);
    if (!pending_.empty() || output_.reserve().empty()) return keep(Pending::What::filemark, nullptr, 0);
    resume_.inside = ResumePoint::Inside::nothing;
    output_.push(BlockKind::filemark, 0, resume_);
}

void SetWriter::put_soft_filemark() {
    const auto block_size = layout_.physical_block();
    const auto number = static_cast<std::uint32_t>(base_block_ + position_ / block_size);
    encode_soft_filemark(number, 2 + layout_.soft_filemark_count, layout_.filemarks, MutableBytes(scratch_).first(block_size));
    put(Bytes(scratch_).first(block_size));
    layout_.filemarks.insert(layout_.filemarks.begin(), number);
    ++layout_.soft_filemark_count;
}

void SetWriter::drain() {
    std::size_t done = 0, bytes_at = 0;
    for (; done < pending_.size(); ++done) {
        auto& item = pending_[done];
        if (item.what == Pending::What::filemark) {
            if (output_.reserve().empty()) break;
            resume_.inside = ResumePoint::Inside::nothing;
            output_.push(BlockKind::filemark, 0, resume_);
            continue;
        }
        const bool bytes = item.what == Pending::What::bytes;
        const auto written = write_now(bytes ? pending_bytes_.data() + bytes_at : nullptr, item.size, item.state);
        if (written == 0) break;
        assert(written == item.size);  // keep() cuts at the ends of blocks
        if (bytes) bytes_at += written;
        pending_size_ -= written;
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(done));
    pending_bytes_.erase(pending_bytes_.begin(), pending_bytes_.begin() + static_cast<std::ptrdiff_t>(bytes_at));
}

bool SetWriter::ready_slowly() {
    if (!pending_.empty()) drain();
    return pending_.empty() && (used_ > 0 || !output_.reserve().empty());
}

}  // namespace capstan::mtf
