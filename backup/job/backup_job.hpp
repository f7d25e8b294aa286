// One run of a backup to a pool: source, lease, the set, the small set of its catalog segments, release. Control
// thread.
#pragma once

#include "backup/job/set_writer_job.hpp"
#include "backup/source/file_source.hpp"

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

class BackupJob {
  public:
    BackupJob(JobEnvironment& environment, BackupPlan plan);
    ~BackupJob();
    // Errors: what ended it; the committed part stays listed and restorable.
    Task<Result<BackupOutcome>> run();
    void cancel();

    const EncoderProgress& progress() const { return progress_; }
    CommittedCounts committed() const { return current_ ? current_->committed() : CommittedCounts{}; }
    IssueQueue& issues() { return issues_; }
    std::optional<DriveName> drive() const { return drive_; }
    const std::string& volume_tag() const { return volume_tag_; }
    SetNumber set() const { return set_; }

  private:
    Task<Result<std::unique_ptr<Source>>> open_source(FileSourceOptions options);
    Task<Result<BackupOutcome>> run_to_file(Source& source, std::shared_ptr<Doorbell> doorbell);
    Task<Result<SetNumber>> write_catalog_set(WriteSession& session, const SetWriterJob& main);
    SetPlan set_plan() const;

    JobEnvironment& environment_;
    BackupPlan plan_;
    IssueQueue issues_;
    EncoderProgress progress_;
    std::unique_ptr<SetWriterJob> current_;
    std::optional<DriveName> drive_;
    std::string volume_tag_;
    SetNumber set_{};
    bool cancelled_ = false;
};

}  // namespace capstan::backup
