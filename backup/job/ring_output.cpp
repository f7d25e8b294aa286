#include "backup/job/ring_output.hpp"

#include <utility>

namespace capstan::backup {

MutableBytes RingOutput::reserve() {
    if (!reserved_ && make_) {
        std::uint64_t sequence = 0;
        if (!push_entry(drives::RingEntry::Kind::checkpoint, sequence)) return {};
    }
    auto block = ring_->reserve();
    reserved_ = !block.empty();
    return block;
}

bool RingOutput::push_entry(drives::RingEntry::Kind kind, std::uint64_t& sequence) {
    if (ring_->full()) return false;
    sequence = ring_->pushed();
    resume_points_[sequence % resume_points_.size()].inside = mtf::ResumePoint::Inside::nothing;
    // The part must be there before the entry can be seen.
    if (kind == drives::RingEntry::Kind::checkpoint && make_) std::exchange(make_, {})(sequence);
    ring_->push(kind, 0);
    return true;
}

void RingOutput::push(mtf::BlockKind kind, std::size_t size, const mtf::ResumePoint& resume) {
    using Kind = drives::RingEntry::Kind;
    auto& kept = resume_points_[ring_->pushed() % resume_points_.size()];
    if (resume.inside == mtf::ResumePoint::Inside::nothing)
        kept.inside = resume.inside;  // the rest means nothing
    else
        kept = resume;
    reserved_ = false;
    pushed_bytes_ += size;
    ring_->push(kind == mtf::BlockKind::filemark    ? Kind::filemark
                : kind == mtf::BlockKind::end_block ? Kind::end_block
                                                    : Kind::block,
                size);
}

}  // namespace capstan::backup
