// Ring -> MTF -> sink: the stage that restores, verifies or compares what a drive reads. The drive's reader pushes
// blocks; control announces where each stretch begins. step() runs on the stage's thread, the rest on the control
// thread.
#pragma once

#include "backup/ledger.hpp"
#include "backup/mtf/blocks.hpp"
#include "backup/restore/restore_target.hpp"
#include "catalog/object.hpp"
#include "config/base/stage.hpp"
#include "drives/block_ring.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace capstan::backup {

struct DecoderProgress {
    std::atomic<std::uint64_t> objects = 0, bytes = 0, failed = 0, kept = 0;
};

// An object that is wanted, in the order of the medium.
struct WantedObject {
    std::string path;                          // as recorded
    std::uint64_t address = 0;                 // FLA of its DBLK
    bool ancestor = false;                     // a directory above a chosen path
    std::optional<catalog::ContentHash> hash;  // of the catalog: compared with what the medium gives
    // For a hard link whose first name was not chosen: the first name's data are read, and restored as `path`.
    std::string recorded_path{};               // the first name; empty: `path` itself
    std::vector<std::string> further_names{};  // other chosen names of the same object: linked to `path`
};

// A chosen hard link whose first name, which has the data, was not chosen.
struct UnresolvedLink {
    std::string path, first_name;
};

// One stretch of a medium that is read without a gap: from the block that holds the first wanted DBLK on.
struct Stretch {
    std::uint32_t offset = 0;         // of the first wanted DBLK in the stretch's first block, bytes
    std::uint64_t first_address = 0;  // FLA of that DBLK
    std::vector<WantedObject> wanted;
    // The stretch goes on with what the one before left open: the set continues on another medium, whose first block is
    // the continuation (SSET*, …) that the decoder joins.
    bool continues = false;
    // Not empty: why the stretch before broke off. What it wanted from `first_address` on is wanted still, and this stretch begins there;
    // what lies before that and is not complete is lost for this reason.
    std::string broke_off;
};

class DecoderStage final : public Stage {
  public:
    // Ring, sink, issues and progress outlive the stage.
    DecoderStage(std::shared_ptr<drives::BlockRing> ring, ObjectSink& sink, IssueQueue& issues,
                 DecoderProgress& progress);
    ~DecoderStage() override;

    // Consumes ring entries: blocks of the present stretch, `filemark` (a filemark lies here), `checkpoint` (the
    // stretch ends: objects still open are reported as damaged unless the next stretch continues), `end` (finished:
    // sink.close()).
    StepResult step() override;

    // Control thread; before the first block of the stretch is pushed, while the ring is empty or behind a
    // `checkpoint`.
    void begin_stretch(Stretch stretch);
    bool satisfied() const;  // every wanted object of the present stretch was completed: reading on is useless
    // Links met since the last call; to restore them, announce the first name's address as a stretch with recorded_path
    // and further_names. What is left when `end` comes is reported as not restored.
    std::vector<UnresolvedLink> take_unresolved_links();
    bool idle_ring() const;        // everything pushed so far was consumed
    Result<void> outcome() const;  // of sink.close(), after `finished`

  private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace capstan::backup
