// Jobs: backup, restore, verify and catalog rebuild; the sets that they made and the objects in them; the status
// screen.
#pragma once

#include "daemon/api/common_types.hpp"
#include "daemon/api/library_types.hpp"

namespace capstan::api {

enum class JobState : std::uint8_t { queued, running, waiting, completed, incomplete, failed, cancelled };
// incomplete: done, but some objects were not saved or restored (exit status 3). waiting: for a drive, a medium or a
// person.
constexpr bool finished(JobState state) { return state >= JobState::completed; }

enum class ObjectOutcome : std::uint8_t {
    saved,
    changed,
    skipped,
    not_saved,
    restored,
    kept,
    not_restored,
    verified,
    differs
};

struct Progress {
    std::uint64_t objects = 0, bytes = 0;                    // so far: read, restored or compared
    std::uint64_t objects_expected = 0, bytes_expected = 0;  // 0: not known yet
    bool expected_about = false;                             // by an earlier run, or a count that may be outdated
    std::uint64_t objects_saved = 0, bytes_saved = 0;        // committed: proven on the medium and in the catalog
    std::uint64_t objects_failed = 0;                        // not saved, not restored or different
    std::uint64_t objects_changed = 0, objects_skipped = 0, objects_kept = 0;
    std::uint64_t bytes_per_second = 0;  // lately
    std::optional<std::uint64_t> seconds_left;
    std::string volume_tag, drive;  // in use now
    std::string current;            // object being worked on; bytes; empty for those who may only see status
    friend bool operator==(const Progress&, const Progress&) = default;
};

struct JobInfo {
    std::int64_t id = 0;
    std::string name;
    std::string kind;  // backup, restore, verify, rebuild
    std::string type;  // backup: normal, copy, incremental, differential, daily
    JobState state = JobState::queued;
    std::string pool;                 // or
    std::string file;                 // the .bkf file it writes; bytes
    std::vector<std::uint64_t> sets;  // written, restored or compared
    std::optional<Time> queued, started, ended;
    Progress progress;
    std::int64_t repeats = 0;   // the job, cut off by a crash, that this one runs again; 0: none
    std::int64_t request = 0;   // operator request that it waits for; 0: none
    std::string reason;         // why it waits, was cancelled or failed
    std::string advice;         // what to do about that
    std::uint64_t version = 0;  // changes when anything above changes
    friend bool operator==(const JobInfo&, const JobInfo&) = default;
};
struct JobQuery {
    std::uint32_t limit = 100;  // newest first
    std::string cursor;
    bool running = false;  // only unfinished ones
    friend bool operator==(const JobQuery&, const JobQuery&) = default;
};
struct JobList {
    std::vector<JobInfo> jobs;
    std::string next;
    friend bool operator==(const JobList&, const JobList&) = default;
};
struct ConfiguredJob {  // of the configuration file
    std::string name, pool, type;
    std::vector<std::string> paths;  // bytes
    std::int64_t last_job = 0;
    std::optional<Time> last_run;
    std::string last_state;
    friend bool operator==(const ConfiguredJob&, const ConfiguredJob&) = default;
};
struct ConfiguredJobList {
    std::vector<ConfiguredJob> jobs;
    friend bool operator==(const ConfiguredJobList&, const ConfiguredJobList&) = default;
};

// The job's ledger: every object that was not simply saved or restored, and the job's events, in order.
struct LogQuery {
    std::uint32_t limit = 1000;
    std::string cursor;
    friend bool operator==(const LogQuery&, const LogQuery&) = default;
};
struct LogLine {
    Time at;
    std::string level;  // info, warning, error
    std::string text;
    std::string path;  // of the object it is about; bytes; empty: of the job
    std::optional<ObjectOutcome> outcome;
    friend bool operator==(const LogLine&, const LogLine&) = default;
};
struct JobLog {
    std::vector<LogLine> lines;
    std::string next;
    friend bool operator==(const JobLog&, const JobLog&) = default;
};

struct BackupRequest {
    std::vector<std::string> paths;  // bytes; absolute; at least one
    std::string pool;                // exactly one of pool and file
    std::string file;                // absolute path of a .bkf file on the daemon's machine; bytes
    std::string type = "normal";
    std::string name;  // of the job and its sets; empty: from the first path
    bool cross_file_systems = false;
    std::vector<std::string> exclude;      // bytes; as in config/settings.hpp
    std::optional<std::string> retention;  // "30d", "forever"; empty: the pool's
    std::int64_t repeats = 0;              // the job, cut off by a crash, that this one runs again; 0: none
    friend bool operator==(const BackupRequest&, const BackupRequest&) = default;
};

enum class Existing : std::uint8_t { never, older, always };  // when a file that exists is replaced
struct RestorePart {
    std::uint64_t set = 0;
    std::vector<std::string> paths;  // bytes; as recorded, without a leading slash
    friend bool operator==(const RestorePart&, const RestorePart&) = default;
};
struct RestoreRequest {
    std::optional<std::uint64_t> set;  // empty: for each path the newest set that has it
    std::vector<std::string> paths;    // bytes; absolute, as recorded; empty: the whole set
    std::string to;                    // bytes; absolute directory to restore beneath; empty: the original place
    std::optional<Time> at;            // without `set`: as it was at that time
    Existing existing = Existing::never;
    std::string file;  // restore from this .bkf file (set: its number in the file); bytes
    // What a job keeps of its request besides; in a request they mean nothing.
    std::int64_t repeats = 0;        // as in BackupRequest
    std::vector<RestorePart> parts;  // the sets that were chosen when it began
    friend bool operator==(const RestoreRequest&, const RestoreRequest&) = default;
};

struct SetInfo {
    std::uint64_t set = 0;  // unique in the installation
    std::string name;
    std::string type;   // normal, …
    std::string state;  // complete, incomplete (some objects were not saved), aborted, writing
    std::string pool;   // or
    std::string file;   // bytes
    std::string host;
    std::int64_t job = 0;
    std::vector<std::string> paths;  // chosen for the backup; bytes
    std::vector<std::string> media;  // volume tags or "id:N", in order
    std::uint64_t objects = 0, bytes = 0, objects_failed = 0;
    std::optional<Time> started, ended;
    std::optional<Time> keep_until;  // empty: for ever
    bool expired = false;
    std::string catalog;  // present, missing (catalog rebuild brings it back)
    friend bool operator==(const SetInfo&, const SetInfo&) = default;
};
struct SetQuery {  // newest first; empty members do not narrow
    std::uint32_t limit = 1000;
    std::string cursor;
    std::string pool, medium;
    friend bool operator==(const SetQuery&, const SetQuery&) = default;
};
struct SetList {
    std::vector<SetInfo> sets;
    std::string next;
    friend bool operator==(const SetList&, const SetList&) = default;
};
struct VerifyRequest {
    std::vector<std::string> paths;  // bytes; empty: the whole set
    std::uint64_t set = 0;           // the route names it; here it stands in what a job keeps of its request
    std::int64_t repeats = 0;        // as in BackupRequest
    friend bool operator==(const VerifyRequest&, const VerifyRequest&) = default;
};

struct ObjectInfo {
    std::string name;  // bytes; ls: the name in its directory; find and versions: the whole path
    std::string kind;  // file, directory, symlink, hardlink, fifo, char_device, block_device, path_only
    std::uint64_t size = 0;
    Time modified;
    std::uint32_t mode = 0;  // permission bits and set-id bits, 07777
    std::uint32_t uid = 0, gid = 0;
    std::string user, group;  // as this machine names them; empty: it does not
    std::string state;        // saved, changed (while it was read), incomplete, not_saved
    std::string hash;         // hexadecimal; empty: none
    std::uint64_t set = 0;
    std::optional<Time> saved;  // when its set began
    std::string medium;         // where its data begins
    std::uint64_t block = 0;
    friend bool operator==(const ObjectInfo&, const ObjectInfo&) = default;
};
struct BrowseQuery {
    std::string path = "/";  // bytes; a directory gives its entries, anything else itself
    std::uint32_t limit = 1000;
    std::string cursor;
    friend bool operator==(const BrowseQuery&, const BrowseQuery&) = default;
};
struct FindQuery {
    std::string pattern;               // bytes; shell pattern for the name, or for the whole path where it has a slash
    std::optional<std::uint64_t> set;  // empty: all sets
    std::uint32_t limit = 1000;
    std::string cursor;
    friend bool operator==(const FindQuery&, const FindQuery&) = default;
};
struct VersionsQuery {
    std::string path;  // bytes; absolute
    std::uint32_t limit = 1000;
    std::string cursor;
    friend bool operator==(const VersionsQuery&, const VersionsQuery&) = default;
};
struct ObjectList {
    std::vector<ObjectInfo> objects;
    std::vector<std::string> warnings;  // sets that could not be looked into
    std::string next;
    friend bool operator==(const ObjectList&, const ObjectList&) = default;
};

struct RebuildRequest {
    std::vector<std::string> media;  // cartridges to read; empty: those whose sets have no catalog here
    std::int64_t repeats = 0;        // as in BackupRequest
    friend bool operator==(const RebuildRequest&, const RebuildRequest&) = default;
};
struct CatalogProblem {
    std::uint64_t set = 0;
    std::string problem, advice;
    friend bool operator==(const CatalogProblem&, const CatalogProblem&) = default;
};
struct CatalogCheck {
    std::uint64_t sets = 0, objects = 0, bytes_on_disk = 0;
    std::vector<CatalogProblem> problems;
    friend bool operator==(const CatalogCheck&, const CatalogCheck&) = default;
};

// GET /v1/status: one screen. Everybody may see it, so it holds no path of any saved object.
struct StatusReply {
    std::string version;
    std::string host;
    std::optional<Time> started, now;
    std::vector<LibraryInfo> libraries;
    std::vector<DriveInfo> drives;
    std::vector<JobInfo> jobs;              // unfinished ones
    std::vector<OperatorRequest> requests;  // open ones
    std::vector<PoolInfo> pools;
    std::uint64_t queue_waiting = 0, queue_running = 0;
    std::vector<std::string> warnings;
    friend bool operator==(const StatusReply&, const StatusReply&) = default;
};

}  // namespace capstan::api
