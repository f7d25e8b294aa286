// One run that goes on: shared by the parts of JobService. Control thread.
#pragma once

#include "daemon/job_service.hpp"
#include "daemon/rebuild.hpp"

namespace capstan::daemon {

// Objects of a restore or verify that are not as they were saved.
inline std::uint64_t failed_objects(const backup::IssueQueue& issues) {
    using Kind = backup::IssueKind;
    return issues.count(Kind::not_restored) + issues.count(Kind::damaged) + issues.count(Kind::differs);
}

struct JobService::Live {
    pools::Job job;
    std::unique_ptr<backup::BackupJob> backup;
    backup::IssueQueue issues;  // of a restore or verify
    backup::DecoderProgress read_progress;
    std::unique_ptr<backup::ObjectSink> sink;  // of `reading`; each is gone before what stands above it
    std::unique_ptr<backup::RestoreJob> reading;
    std::unique_ptr<Rebuild> rebuild;
    bool incomplete = false;  // a rebuild that could not bring all back
    std::vector<SetNumber> sets;
    std::uint64_t objects_expected = 0, bytes_expected = 0;
    std::uint64_t version = 1;
    Steady started{};
    // Rate over the last seconds.
    Steady sampled{};
    std::uint64_t sampled_bytes = 0, rate = 0;
    std::string cancelled_by;
    bool over = false;                       // its end is recorded
    std::vector<Completion<bool>> watchers;  // woken then
};

}  // namespace capstan::daemon
