// Brings objects of one set back, or verifies them: extents in tape order, mounts that minimise exchanges, only the
// blocks that are needed. Control thread.
#pragma once

#include "backup/job/decoder_stage.hpp"
#include "backup/job/job_environment.hpp"
#include "catalog/catalog.hpp"

#include <deque>
#include <functional>
#include <map>

namespace capstan::backup {

struct RestorePlan {
    JobId job{};
    SetNumber set{};
    std::string file{};  // of a set in a .bkf file: its path
    // The objects of the set at these recorded paths; called on the worker's thread. For chosen names of a file whose
    // first name, which has the data, was not chosen.
    std::function<Result<catalog::Selection>(std::vector<std::string> paths)> select{};
};

class RestoreJob {
  public:
    // `selection` came from the catalog; its segment files stay open. `sink` restores, verifies or compares. All
    // references outlive the job. What was not restored is in `issues`.
    RestoreJob(JobEnvironment& environment, RestorePlan plan, catalog::Selection selection, ObjectSink& sink,
               IssueQueue& issues, DecoderProgress& progress);
    ~RestoreJob();

    Task<Result<void>> run();
    void cancel() { cancelled_ = true; }
    const std::string& volume_tag() const { return volume_tag_; }
    const DriveName& drive() const { return drive_; }

  private:
    struct Start {  // where an object begins
        std::uint64_t address = 0;
        BlockNumber block{};
        std::uint32_t offset = 0;
    };
    struct Step {  // a stretch and where it lies
        Stretch stretch;
        std::vector<Start> starts;  // of the stretch's objects, in order
        std::size_t extent = 0;  // index into the selection's extents
        BlockNumber first{};
        std::uint64_t blocks = 0;  // about; more are read when an object goes on
    };
    struct Placed {  // a selected object and where it lies
        std::size_t extent = 0;
        BlockNumber block{};
        std::uint32_t offset = 0;
        std::uint64_t end = 0;  // block behind it, about
        WantedObject wanted;
    };
    Task<Result<std::deque<Step>>> next_steps();
    Result<std::vector<Placed>> next_objects();  // worker's thread
    Result<std::deque<Step>> read_selection();   // worker's thread
    Task<Result<void>> read_steps();
    Task<Result<void>> read_links();
    Task<Result<void>> run_step(Step& step);
    // Behind the block that could not be read. False: nothing that is wanted begins there.
    Task<Result<bool>> go_on_behind(Step& step, Error error);
    Task<Result<void>> wait_idle();
    Task<Result<void>> end_stretch();
    Task<Result<void>> mount(std::size_t extent);
    Task<Result<bool>> read_blocks(BlockNumber from,
                                   std::uint64_t count);  // false: a filemark or the end of the data came
    Task<Result<void>> push(drives::RingEntry::Kind kind);
    void release();

    JobEnvironment& environment_;
    RestorePlan plan_;
    catalog::Selection selection_;
    ObjectSink& sink_;
    IssueQueue& issues_;
    DecoderProgress& progress_;
    std::shared_ptr<drives::BlockRing> ring_;
    std::unique_ptr<DecoderStage> stage_;
    std::optional<pools::ReadLease> lease_;
    std::unique_ptr<drives::BlockReader> file_;  // instead of a lease
    drives::BlockReader* reader_ = nullptr;      // of the lease's drive, or file_
    std::size_t mounted_extent_ = 0;
    BlockNumber position_{};
    std::string volume_tag_;
    DriveName drive_;
    std::map<std::string, std::vector<std::string>>
        links_;  // first name → chosen names: the selection is of first names
    bool selection_done_ = false, cancelled_ = false;
};

// Takes everything and keeps nothing: the decoder's hashes are the verdict.
class VerifySink final : public ObjectSink {
  public:
    explicit VerifySink(IssueQueue& issues) : issues_(issues) {}
    Verdict begin(IncomingObject object) override;
    bool write(std::uint64_t offset, Bytes bytes) override;
    void finish(const std::string& damage) override;
    Result<void> close() override { return {}; }
    Counts counts() const override { return counts_; }

  private:
    IssueQueue& issues_;
    std::string path_;  // of the object in hand
    Counts counts_;
};

}  // namespace capstan::backup
