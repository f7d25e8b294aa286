// Job runs, work items, the robot journal and operator requests: plain values of the state database, and the tables
// that say which state may follow which. Nothing waits for a human unseen: every wait is one of these, with a reason.
#pragma once

#include "pools/media.hpp"

namespace capstan::pools {

enum class JobKind : std::uint8_t { backup, restore, verify, label, inventory, erase, catalog_rebuild, other };
enum class JobState : std::uint8_t {
    queued,
    running,
    complete,
    complete_with_issues,
    failed,
    cancelled,
    interrupted,  // the daemon ended under it; what it committed stays
    count
};
struct JobCounts {
    std::uint64_t objects = 0, bytes = 0;  // saved, restored or verified
    std::uint64_t not_done = 0;            // could not be saved or restored, or are not as they were
    std::uint64_t changed = 0;             // while they were read
    std::uint64_t skipped = 0;             // sockets, other file systems
    std::uint64_t kept = 0;                // existed already, and a restore left them
    friend bool operator==(const JobCounts&, const JobCounts&) = default;
};
struct Job {
    JobId id{};
    JobKind kind = JobKind::backup;
    std::string name;
    std::string parameters;  // JSON, opaque here
    std::string owner;       // who asked
    JobState state = JobState::queued;
    Wall created{};
    std::optional<Wall> started, ended;
    JobCounts counts;
    std::string message;  // the error that ended it, or empty
    friend bool operator==(const Job&, const Job&) = default;
};

enum class WorkKind : std::uint8_t { mount, dismount, move, inventory, label, erase, import, export_ };
enum class WorkState : std::uint8_t { queued, waiting, in_process, passed, failed, cancelled, count };
struct WorkItem {
    WorkItemId id{};
    WorkKind kind = WorkKind::mount;
    WorkState state = WorkState::queued;
    int priority = 0;  // -15..15, higher runs first
    JobId job{};       // 0: none
    LibraryName library;
    DriveName drive;
    CartridgeId cartridge{};  // 0: none yet
    PoolId pool{};
    std::string parameters;  // JSON, opaque here
    std::string reason;      // why it waits, or how it ended
    Wall created{};
    std::optional<Wall> deadline, finished;
    std::uint32_t interruptions = 0;  // so often the daemon ended while it was in process
    bool writes() const { return raw(pool) != 0; }  // reading names a cartridge, whatever pool it is in
    friend bool operator==(const WorkItem&, const WorkItem&) = default;
};

// Intents before, outcomes after: robot moves, labels, erasures and first writes at BOT. What is still `intended` at
// start-up was cut off by a crash; the hardware and the medium say what became of it.
enum class JournalAct : std::uint8_t { move, label, erase, first_write };
enum class JournalState : std::uint8_t { intended, done, failed, settled };  // settled: decided by reconciliation
enum class JournalId : std::int64_t {};
struct JournalEntry {
    JournalId id{};
    JournalAct act = JournalAct::move;
    JournalState state = JournalState::intended;
    WorkItemId work_item{};  // 0: none
    CartridgeId cartridge{};
    LibraryName library;
    Place source, destination;  // a label, erase or first write: both the drive
    std::string detail;         // label: LabelIntent (label_check.hpp); the outcome in words is added at the end
    Wall at{};
    std::optional<Wall> ended;
    friend bool operator==(const JournalEntry&, const JournalEntry&) = default;
};

enum class RequestKind : std::uint8_t { new_media, mount_this, message };
enum class RequestState : std::uint8_t { submitted, complete, refused, cancelled, count };
struct OperatorRequest {
    RequestId id{};
    RequestKind kind = RequestKind::message;
    RequestState state = RequestState::submitted;
    WorkItemId work_item{};   // 0: none
    CartridgeId cartridge{};  // mount_this
    PoolId pool{};            // new_media
    LibraryName library;
    std::string text;    // what the operator shall do, in his words
    std::string answer;  // why it was refused, or what completed it
    Wall created{};
    std::optional<Wall> deadline, ended;
    friend bool operator==(const OperatorRequest&, const OperatorRequest&) = default;
};

std::string_view name_of(JobKind kind);
std::string_view name_of(JobState state);
std::string_view name_of(WorkKind kind);
std::string_view name_of(WorkState state);
std::string_view name_of(JournalAct act);
std::string_view name_of(JournalState state);
std::string_view name_of(RequestKind kind);
std::string_view name_of(RequestState state);

}  // namespace capstan::pools
