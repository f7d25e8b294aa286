// Writes one set to a pool: leases, ring, encoder, checkpoints, spanning. Used for the set of a job and for the small
// set of catalog segments behind it. Control thread. Commit order (design section 2): medium synchronised and position
// confirmed, catalog segment written and fsynced, one transaction. Before that nothing is reported as saved.
#pragma once

#include "backup/job/encoder_stage.hpp"
#include "backup/job/job_environment.hpp"
#include "catalog/segment_header.hpp"
#include "pools/store/pool_rows.hpp"
#include "pools/store/set_rows.hpp"
#include "pools/store/work_rows.hpp"

namespace capstan::backup {

struct SetPlan {
    JobId job{};
    pools::Pool pool;
    std::string job_name, set_name;
    std::string type = "normal";                 // "catalog": the set of catalog segments
    std::uint16_t part = 0;                      // of a run of several sets
    std::optional<Wall> keep_until;              // empty: by the pool's policy
    std::vector<std::string> roots;              // paths that were asked for
    std::string catalog_directory;               // where segments are written
    std::string file;                            // a .bkf file instead of a pool: its path,
    std::optional<mtf::MediaHeader> file_label;  // and what its first block says
};

struct CommittedCounts {  // what the commits so far say
    std::uint64_t objects = 0, bytes = 0, not_saved = 0, changed = 0;
};

// A medium being written to: several sets follow each other in one session.
struct WriteSession {
    pools::MountedMedium medium;             // recorded_end follows the commits
    std::optional<pools::WriteLease> lease;  // none: a .bkf file, of which `medium` is the description
    std::unique_ptr<drives::BlockWriter> writer;
    bool open = true;  // the lease is held, the file is written
    static WriteSession of(pools::WriteLease lease) {
        auto medium = lease.medium;
        return {std::move(medium), std::move(lease), nullptr, true};
    }
};

inline constexpr BlockNumber kBehindLabel{2};  // TAPE, filemark
inline constexpr int kBarrenMediaMax = 3;      // media that took nothing of a set, one after the other

class SetWriterJob {
  public:
    // Everything given by reference outlives the job. `session` is where the set begins; afterwards it is where it
    // ended, for the next set, or it is closed and released (`open` is false) because writing failed. `doorbell`: the
    // source's.
    SetWriterJob(JobEnvironment& environment, SetPlan plan, Source& source, std::shared_ptr<Doorbell> doorbell, IssueQueue& issues,
                 EncoderProgress& progress, WriteSession& session);

    // The set is complete on the media and committed, or an Error: then it is aborted, its committed part stays.
    Task<Result<SetNumber>> run();
    bool source_has_more() const { return more_; }  // after run(): the set reached its limit, the job needs another
    void cancel();  // the set is ended after the present object, marked as aborted; run() ends with `cancelled`

    const CommittedCounts& committed() const { return committed_; }
    const std::vector<std::string>& segment_files() const { return segment_files_; }
    SetNumber number() const { return set_.number; }

  private:
    Result<void> begin();
    void fill_encoder_settings(Wall now);
    bool to_file() const { return !plan_.file.empty(); }
    Task<Result<void>> stream();
    Task<Result<void>> commit(CheckpointPart part, BlockNumber proven);
    Task<void> remember();
    Result<void> ended() const;
    // set_writer_spanning.cpp: what of the set was the first to find no room on its medium.
    enum class EndAt : std::uint8_t { nowhere, set_begin, data, first_filemark, set_end, last_filemark };
    EndAt end_at(std::uint64_t sequence) const;
    Task<Result<bool>> next_medium(drives::StreamReport report);
    Task<Result<void>> end_medium(EndAt place, const mtf::ResumePoint& resume, BlockNumber proven);
    Result<std::vector<drives::WriteItem>> prefix_of(EndAt place, const mtf::ResumePoint& resume) const;
    Task<Result<void>> begin_medium(EndAt place, const mtf::ResumePoint& resume);
    Task<Result<void>> end_without_filemark();
    Task<Result<const drives::RingEntry*>> next_entry();
    void pass_entry();
    Result<void> count_barren(std::uint64_t sequence);
    std::unexpected<Error> barren() const;
    Result<std::vector<drives::WriteItem>> end_items(EndAt place) const;
    std::uint64_t end_address(EndAt place, const mtf::ResumePoint& resume, BlockNumber proven) const;
    // set_writer_failures.cpp: a write failed. True: the set is complete all the same.
    Task<Result<bool>> go_on_elsewhere(drives::StreamReport report);
    bool can_go_on(const drives::StreamReport& report) const;
    Task<Result<void>> leave_medium(EndAt place, const mtf::ResumePoint& resume, const drives::StreamReport& report);
    Task<Result<void>> end_with_its_set(const drives::StreamReport& report);
    Task<Result<bool>> settle_proven(BlockNumber proven);
    Task<Result<void>> open_session();
    Task<Result<void>> open_writer();
    void begin_extents();
    void close_session(pools::MountPort::After after, const std::string& why = {});
    pools::CheckpointRecord record_of(BlockNumber end) const;
    catalog::SegmentHeader header_of(const CheckpointPart& part) const;

    JobEnvironment& environment_;
    SetPlan plan_;
    IssueQueue& issues_;
    EncoderProgress& progress_;
    WriteSession& session_;
    Source& source_;
    std::shared_ptr<Doorbell> doorbell_;
    pools::Set set_;
    EncoderSettings encoder_settings_;
    std::shared_ptr<drives::BlockRing> ring_;
    std::unique_ptr<EncoderStage> stage_;
    std::vector<catalog::MediaExtent> extents_;
    BlockNumber ring_start_{};           // of the present medium: where the first entry of the ring went
    BlockNumber extent_start_{};         // recorded end of the present medium when this set came to it
    std::uint64_t bytes_on_medium_ = 0;  // accepted since the last commit
    std::vector<std::string> segment_files_;
    CommittedCounts committed_;
    std::uint64_t skipped_recorded_ = 0;  // of the source's count, by this set and those before it
    Steady last_checkpoint_{};
    std::uint64_t stopped_at_ = UINT64_MAX;  // the ring's entry for which the last medium had no room
    int barren_media_ = 0;
    bool cancelled_ = false, complete_ = false, more_ = false;
};

std::vector<pools::JobIssue> ledger_lines(JobId job, std::vector<Issue> issues);
mtf::DateTime mtf_time(Wall time);

}  // namespace capstan::backup
