// The MTF writer's blocks as ring entries, with the resume point of each kept as long as its slot, and checkpoint
// entries put in between. The encoder's thread, except resume_point().
#pragma once

#include "backup/mtf/writer.hpp"
#include "drives/block_ring.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace capstan::backup {

class RingOutput final : public mtf::BlockOutput {
  public:
    explicit RingOutput(std::shared_ptr<drives::BlockRing> ring)
        : ring_(std::move(ring)), resume_points_(ring_->slots()) {}

    MutableBytes reserve() override;
    void push(mtf::BlockKind kind, std::size_t size, const mtf::ResumePoint& resume) override;

    // Pushes an entry without a block, now. False: the ring is full. Precondition: no block is half written.
    bool push_entry(drives::RingEntry::Kind kind, std::uint64_t& sequence);
    // A checkpoint is to stand in front of the next block: before that block is reserved, `make` is called with its
    // sequence.
    void want_checkpoint(std::function<void(std::uint64_t sequence)> make) { make_ = std::move(make); }
    bool wants_checkpoint() const { return static_cast<bool>(make_); }

    std::uint64_t pushed_bytes() const { return pushed_bytes_; }
    // Control thread, for an entry that the ring still holds.
    const mtf::ResumePoint& resume_point(std::uint64_t sequence) const {
        return resume_points_[sequence % resume_points_.size()];
    }

  private:
    std::shared_ptr<drives::BlockRing> ring_;
    std::vector<mtf::ResumePoint> resume_points_;
    std::function<void(std::uint64_t)> make_;
    bool reserved_ = false;  // the writer may have data in the next slot already
    std::uint64_t pushed_bytes_ = 0;
};

}  // namespace capstan::backup
