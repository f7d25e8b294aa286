// Source -> MTF -> ring: the stage that encodes one set, and keeps what the control plane needs for commits and for
// going on on another medium. step() runs on the stage's thread (simulation: on the one thread); take_… and request_…
// on the control thread while it runs.
#pragma once

#include "backup/ledger.hpp"
#include "backup/mtf/blocks.hpp"
#include "backup/mtf/continuation.hpp"
#include "backup/mtf/private_streams.hpp"
#include "backup/source/source.hpp"
#include "catalog/segment_builder.hpp"
#include "config/base/stage.hpp"
#include "drives/block_ring.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

namespace capstan::backup {

// Counts of the set so far; written by the stage, read by anybody.
struct EncoderProgress {
    std::atomic<std::uint64_t> objects = 0, bytes = 0, not_saved = 0, changed = 0, skipped = 0;
};

struct EncoderSettings {
    mtf::SetBlock set;                             // name, number, date, attributes; addresses are filled
    mtf::VolumeBlock volume;                       // C:, name "/", machine
    mtf::SetBeginRecord begin;                     // CSET
    std::uint32_t output_size = 262144;            // bytes of a ring slot: the medium's block size; .bkf: the chunk
    std::optional<mtf::MediaHeader> media_header;  // .bkf: TAPE block written first
    bool soft_filemarks = false;                   // .bkf
    std::uint64_t checkpoint_bytes = 64ull << 30;  // a checkpoint entry is pushed after so many bytes of data
    // Limits of one set; the source is told, and what it has beyond them is for another set (source_has_more()).
    // Windows' readers list a set by its file/directory detail, whose links have 31 bits.
    std::uint64_t objects_max = 10'000'000, detail_bytes_max = 3ull << 29;
    // Path of the catalog segment with this ordinal. Empty function: no catalog (the set of catalog segments itself).
    std::function<std::string(std::uint32_t ordinal)> segment_path;
};

// What one checkpoint entry stands for. Taken by the control thread once the ring reported that entry.
struct CheckpointPart {
    std::uint64_t sequence = 0;                        // of the ring's checkpoint entry
    std::uint64_t end_address = 0;                     // FLA behind the last block pushed before it
    bool last = false;                                 // the set is complete with it (FM, ESET, FM are in front of it)
    std::unique_ptr<catalog::SegmentBuilder> segment;  // null: no catalog
    std::uint32_t ordinal = 0;
    std::uint64_t objects = 0, bytes = 0, not_saved = 0, changed = 0;  // since the checkpoint before
};

class EncoderStage final : public Stage {
  public:
    // Source, ring, issues and progress outlive the stage.
    EncoderStage(Source& source, std::shared_ptr<drives::BlockRing> ring, EncoderSettings settings, IssueQueue& issues,
                 EncoderProgress& progress);
    ~EncoderStage() override;

    // Everything that is ready and fits, up to about one block. `finished` after the end entry (RingEntry::end) was
    // pushed: set data, FM, ESET, FM, a last checkpoint, end. idle: the ring is full, or the source has nothing yet.
    StepResult step() override;

    // Control thread.
    void request_checkpoint();     // at the next object's end, or at the next block inside a large one
    void request_stop();           // the job is cancelled: the set is ended after the present object, marked aborted
    bool source_has_more() const;  // the set was ended at its limit; any time after its last checkpoint
    void abandon();                // nothing can be written any more: the next step() is `finished`, whatever is open
    std::optional<CheckpointPart> take_checkpoint(std::uint64_t sequence);  // the ring reported this entry
    // The state at the start of the ring's block `sequence`, which was not taken: what must stand before it elsewhere.
    mtf::ResumePoint resume_point(std::uint64_t sequence) const;

  private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace capstan::backup
