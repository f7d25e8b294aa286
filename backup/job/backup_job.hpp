// One run of a backup to a pool: source, lease, the set (and more of them where one would be too large), the small set
// of their catalog segments, release. Control thread.
#pragma once

#include "backup/job/set_writer_job.hpp"
#include "backup/source/file_source.hpp"
#include "backup/source/tree_count.hpp"

namespace capstan::backup {

struct BackupPlan {
    JobId job{};
    pools::Pool pool;
    std::string name;  // of the job and its set
    std::vector<std::string> paths;
    std::vector<std::string> exclude;
    bool cross_file_systems = false;
    std::optional<Wall> keep_until;  // empty: by the pool's policy
    std::string catalog_directory;   // absolute
    std::string file;                // absolute path of a new .bkf file; `pool` has no meaning then
};

struct BackupOutcome {
    std::vector<SetNumber> sets;
    CommittedCounts counts;
    std::string bootstrap;  // what finds the catalog again without any database: at most 1 KiB
};

// How much the job will save, about: what the last complete one of its name saved, or what a count of its paths gave.
// 0: not known.
struct Expectation {
    std::uint64_t objects = 0, bytes = 0;
};

class BackupJob {
  public:
    BackupJob(JobEnvironment& environment, BackupPlan plan);
    ~BackupJob();
    // Errors: what ended it; the committed part stays listed and restorable.
    Task<Result<BackupOutcome>> run();
    void cancel();

    const EncoderProgress& progress() const { return progress_; }
    CommittedCounts committed() const;
    Expectation expectation() const { return *expectation_; }
    IssueQueue& issues() { return issues_; }
    // In use now.
    std::optional<DriveName> drive() const { return writes() ? std::optional(session_->lease->drive) : std::nullopt; }
    std::string volume_tag() const { return writes() ? session_->medium.volume_tag.text : std::string(); }
    const std::vector<SetNumber>& sets() const { return sets_; }  // that are complete, or as far as they came

  private:
    Result<void> expect_as_last_time();
    static Task<void> count_ahead(JobEnvironment& environment, FileSourceOptions options,
                                  std::shared_ptr<TreeCount> count, std::shared_ptr<Expectation> result);
    Task<Result<std::unique_ptr<Source>>> open_source(FileSourceOptions options);
    Task<Result<BackupOutcome>> run_to_file(Source& source, std::shared_ptr<Doorbell> doorbell);
    Task<Result<void>> write_sets(WriteSession& session, Source& source, std::shared_ptr<Doorbell> doorbell);
    Task<Result<SetNumber>> write_catalog_set(WriteSession& session);
    Task<void> end_session(WriteSession& session);
    void give_back(WriteSession& session, pools::MountPort::After after);
    SetPlan set_plan() const;
    bool writes() const { return session_ && session_->open && session_->lease; }

    JobEnvironment& environment_;
    BackupPlan plan_;
    IssueQueue issues_;
    EncoderProgress progress_;
    std::shared_ptr<Expectation> expectation_ = std::make_shared<Expectation>();
    std::shared_ptr<TreeCount> count_ = std::make_shared<TreeCount>();  // may outlive the job by the look at one object
    std::optional<WriteSession> session_;                               // of a backup to a pool
    std::unique_ptr<SetWriterJob> current_;
    std::vector<SetNumber> sets_;
    CommittedCounts before_;                  // of the sets before the current one
    std::vector<std::string> segment_files_;  // of all sets
    bool cancelled_ = false;
};

}  // namespace capstan::backup
