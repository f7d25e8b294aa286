// One run that goes on: shared by the parts of JobService. Control thread.
#pragma once

#include "daemon/job_service.hpp"
#include "daemon/rebuild.hpp"

#include <atomic>

namespace capstan::daemon {

// Objects of a restore or verify that are not as they were saved.
inline std::uint64_t failed_objects(const backup::IssueQueue& issues) {
    using Kind = backup::IssueKind;
    return issues.count(Kind::not_restored) + issues.count(Kind::damaged) + issues.count(Kind::differs);
}

// An object costs time besides its data; small files are as good as all cost.
inline std::uint64_t effort_of(std::uint64_t objects, std::uint64_t bytes) {
    constexpr std::uint64_t kBytesForAnObject = 16384;
    return bytes + objects * kBytesForAnObject;
}

// What a restore or verify will read, as far as it is known: of whole sets at once, of chosen paths when they were
// counted.
struct SelectionCount {
    std::atomic<std::uint64_t> objects = 0, bytes = 0;
    std::atomic<bool> stop = false;
    int unknown = 0;  // selections that are being counted
};

struct JobService::Live {
    ~Live() { count->stop = true; }
    pools::Job job;
    std::unique_ptr<backup::BackupJob> backup;
    backup::IssueQueue issues;  // of a restore or verify
    backup::DecoderProgress read_progress;
    std::unique_ptr<backup::ObjectSink> sink;  // of `reading`; each is gone before what stands above it
    std::unique_ptr<backup::RestoreJob> reading;
    std::unique_ptr<Rebuild> rebuild;
    bool incomplete = false;  // a rebuild that could not bring all back
    std::vector<SetNumber> sets;
    std::shared_ptr<SelectionCount> count = std::make_shared<SelectionCount>();
    std::uint64_t version = 1;
    Steady started{};
    // Rate over the last seconds.
    Steady sampled{};
    std::uint64_t sampled_bytes = 0, rate = 0;
    // Effort (bytes, and so many for each object) a second, smoothed: what the time left is reckoned with.
    std::uint64_t sampled_effort = 0;
    double pace = 0;
    std::string cancelled_by;
    bool over = false;                       // its end is recorded
    std::vector<Completion<bool>> watchers;  // woken then
};

}  // namespace capstan::daemon
