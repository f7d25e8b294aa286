// What went wrong, or otherwise than expected, with single objects of a job: the lines of its ledger. A job goes on
// after each of them; its exit status is 3 when one of them affects it (design: command line).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace capstan::backup {

enum class IssueKind : std::uint8_t {
    // saving
    vanished,            // was listed, but gone when its turn came; not saved
    unreadable,          // could not be opened; not saved
    read_error,          // saved, but from an offset on zeros stand for what could not be read
    changed,             // saved, but its times or its content changed meanwhile
    grew,                // saved up to the length it had at first
    shrank,              // saved, filled up with zeros to the length it had at first
    other_file_system,   // a mount point: its directory is saved, what is mounted there is not
    metadata_not_saved,  // saved, but an attribute could not be read
    // restoring, verifying, comparing
    kept,                   // exists and was left as it is
    not_restored,           // could not be created
    metadata_not_restored,  // restored, but an attribute could not be set
    damaged,                // what the medium holds is not what was saved (checksum, hash, cut short)
    differs,                // compare: the file system holds something else
    note,                   // of the job, not of an object: worth knowing afterwards
    count,
};
std::string_view name_of(IssueKind kind);
// Whether a ledger with such an issue gives exit status 3. Kept files, mount points and notes are only named.
bool affects_status(IssueKind kind);

struct Issue {
    IssueKind kind = IssueKind::unreadable;
    std::string path;  // recorded path, raw bytes, without leading '/'
    std::string text;  // the fact, for a person
};

// Written by the stages of a job, drained by the control thread. Any thread.
class IssueQueue {
  public:
    void add(Issue issue);
    void add(std::vector<Issue> issues);
    std::vector<Issue> drain();
    std::uint64_t count(IssueKind kind) const { return counts_[static_cast<std::size_t>(kind)].load(); }
    bool affects_status() const;

  private:
    std::mutex mutex_;
    std::vector<Issue> issues_;
    std::atomic<std::uint64_t> counts_[static_cast<std::size_t>(IssueKind::count)] = {};
};

}  // namespace capstan::backup
