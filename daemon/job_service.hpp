// Job runs: starts them, follows their progress, records how they end. Control thread.
#pragma once

#include "backup/job/backup_job.hpp"
#include "backup/job/restore_job.hpp"
#include "daemon/api/types.hpp"
#include "daemon/catalog_view.hpp"
#include "daemon/mount_service.hpp"
#include "daemon/take_in.hpp"
#include "pools/store/work_rows.hpp"

#include <map>

namespace capstan::daemon {

struct SelectionCount;

class JobService {
  public:
    JobService(Context& context, MountService& mounts, WorkQueue& queue, backup::JobEnvironment environment);
    ~JobService();

    // Start-up: runs and sets that a crash cut off are recorded as such; segments that no commit names are deleted.
    Result<void> settle_after_start();

    // When the libraries answer: jobs that were cut off run once more, as new jobs; a backup to a .bkf file does not,
    // the file is there already. Each once only: what brings the daemon down must not do so for ever.
    Task<void> repeat_cut_off();

    // Each checks what can be checked at once and returns the number of the run that goes on by itself.
    Result<JobId> start_backup(const api::BackupRequest& request, const std::string& owner);
    Task<Result<JobId>> start_restore(api::RestoreRequest request, std::string owner);
    Task<Result<JobId>> start_verify(api::VerifyRequest request, std::string owner);
    // Refused while other jobs run; while it runs no other job begins.
    Result<JobId> start_rebuild(api::RebuildRequest request, const std::string& owner);
    Result<void> cancel(JobId id, const std::string& who);
    // Ends every run in order: a backup closes and commits what it has. Returns when none is left, or after `limit`.
    Task<void> stop_all(std::chrono::seconds limit);

    Result<api::JobInfo> info(JobId id);
    Result<api::JobInfo> info(const pools::Job& job);
    // Answers once the version is newer than `after`, the job has ended, or `limit` has passed.
    Task<Result<api::JobInfo>> watch(JobId id, std::uint64_t after, std::chrono::milliseconds limit);
    std::vector<JobId> running() const;
    bool is_running(JobId id) const { return live_.contains(id); }
    SetReader& reader() { return reader_; }

  private:
    struct Live;  // one run
    Task<Result<JobId>> repeat(pools::Job job);
    Result<void> record_cut_off(const pools::Job& job, const std::string& what);
    Result<void> cancel_repeat(JobId id, const std::string& who);
    struct ReadPlan {
        SetNumber set{};
        std::vector<std::string> paths;
    };
    Result<JobId> add(pools::JobKind kind, const std::string& name, const std::string& parameters,
                      const std::string& owner);
    void set_out(std::shared_ptr<Live> live, Task<Result<void>> work);
    // A device was given up in the midst of it, and what it had taken cannot be had back: once more from the beginning, as a new job.
    Task<void> run_again(const Live& live, Error& error);
    Task<void> follow(std::shared_ptr<Live> live, Task<Result<void>> work);
    Task<Result<void>> run_backup(std::shared_ptr<Live> live, backup::BackupPlan plan);
    Task<Result<void>> run_read(std::shared_ptr<Live> live, std::vector<ReadPlan> plans,
                                std::optional<backup::RestoreOptions> target);
    Task<Result<void>> run_rebuild(std::shared_ptr<Live> live, std::vector<std::string> volumes);
    Task<Result<void>> read_set(Live& live, ReadPlan plan);
    Task<void> count_selection(std::shared_ptr<SelectionCount> count, std::shared_ptr<SegmentSnapshot> snapshot,
                               ReadPlan plan);
    Task<Result<void>> verify_frame(Live& live, SetNumber number);
    Task<Result<std::vector<ReadPlan>>> newest_sets_of(std::vector<std::string> paths,
                                                       std::optional<catalog::FileTime> at);
    Task<Result<std::vector<SetNumber>>> sets_of_one_run(SetNumber chosen, std::string path);
    Task<Result<void>> check_paths(SetNumber set, std::vector<std::string> paths);
    Result<SetNumber> set_in_file(const std::string& file);
    Result<void> drain_issues(Live& live);
    Result<void> record_end(Live& live, const Result<void>& outcome);
    void fill_progress(const Live& live, api::JobInfo& info);

    Context& context_;
    MountService& mounts_;
    WorkQueue& queue_;
    backup::JobEnvironment environment_;
    SetReader reader_{context_, environment_};
    std::map<JobId, std::shared_ptr<Live>> live_;
    std::vector<pools::Job> cut_off_;
};

// The job, cut off by the daemon's end, that this one runs again; 0: none.
std::int64_t repeats_of(const pools::Job& job);

}  // namespace capstan::daemon
