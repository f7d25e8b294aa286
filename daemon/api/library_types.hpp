// Libraries, drives, cartridges, pools, the work queue and operator requests.
// `state` members are words for people and scripts; the words are listed, and a client shows one that it does not know.
#pragma once

#include "daemon/api/common_types.hpp"

namespace capstan::api {

struct LibraryInfo {
    std::string name;
    bool enabled = true;
    std::string state;  // ready, starting, inventory, needs_service, not_present, disabled
    std::string kind;   // virtual, sg, iscsi, standalone
    std::string vendor, product, revision, serial;
    std::string reservation;  // held, not_offered, off, of_another
    std::vector<std::string> not_offered;  // what the robot does not have, for people: "bar codes"; empty before the first inventory
    std::uint32_t slots = 0, slots_full = 0;
    std::uint32_t drives = 0, drives_full = 0;
    std::uint32_t ie_ports = 0, ie_ports_full = 0;
    std::uint32_t foreign = 0;     // elements that are not ours, counted in none of the above
    std::uint32_t cartridges = 0;  // that the database places here
    std::optional<Time> inventoried;
    std::string trouble;  // why it is not ready, and what to do; empty: nothing
    std::string disabled;  // "disabled by root: REASON"; empty: it is in use
    friend bool operator==(const LibraryInfo&, const LibraryInfo&) = default;
};
struct LibraryList {
    std::vector<LibraryInfo> libraries;
    friend bool operator==(const LibraryList&, const LibraryList&) = default;
};

struct ElementInfo {
    std::string kind;          // slot, drive, ie_port, picker
    std::uint32_t number = 0;  // from 1 within its kind, as operators count
    std::uint32_t address = 0; // SMC element address
    std::string state;         // empty, full, foreign, unknown, not_present, not_accessible
    std::string volume_tag;    // empty: no barcode, or none was read
    std::int64_t cartridge = 0;  // 0: none, or not known
    std::string pool;            // of that cartridge
    std::string drive;           // kind drive: its name
    std::string trouble;
    friend bool operator==(const ElementInfo&, const ElementInfo&) = default;
};
struct LibraryDetails {
    LibraryInfo library;
    std::vector<ElementInfo> elements;
    friend bool operator==(const LibraryDetails&, const LibraryDetails&) = default;
};
// What an operator's work item was asked for besides its own columns. Not spoken over the socket: the queue keeps it as
// JSON, so that the work goes on after a crash.
struct WorkParameters {
    bool full = false;               // inventory
    std::string place_kind, place;   // move: where to, as pools::Place
    std::string who, why, seen;      // label, erase: the operator's word (pools::OperatorWord); `who` empty: none was given
    bool even_unexpired = false;
    friend bool operator==(const WorkParameters&, const WorkParameters&) = default;
};
struct InventoryRequest {
    bool full = false;  // true: mount every cartridge and read its label; false: barcodes
    friend bool operator==(const InventoryRequest&, const InventoryRequest&) = default;
};

// Out of use for service.
struct DisableRequest {
    std::string reason;
    bool unload = false;  // a drive: puts away what is in it
    friend bool operator==(const DisableRequest&, const DisableRequest&) = default;
};

struct DriveInfo {
    std::string name, library;
    std::uint32_t element = 0;  // the library's drive number, from 1
    bool enabled = true;
    std::string state;  // dismounted, mounted, loaded, unloaded, dismountable, being_cleaned, needs_service, disabled
    std::string activity;  // idle, loading, labelling, reading, writing, positioning, unloading
    std::string vendor, product, revision, serial;
    std::string replaced_serial;             // of the drive that had this name before; empty: none is known
    std::optional<Time> serial_since;        // when this one was first seen
    std::string reservation;       // as the library's
    std::string encryption;  // of what is written: off, library (its key), another_program (nothing is written); empty: none, or not asked
    bool counts_position = false;  // it offers no LOCATE: places on the tape are counted, and found by reading on
    std::int64_t cartridge = 0;    // 0: empty
    std::string volume_tag;
    std::int64_t job = 0;       // that holds it; 0: none
    std::uint64_t bytes_per_second = 0;  // lately; 0 when idle
    std::optional<std::uint64_t> dismount_in_seconds;  // the dismount delay runs
    std::string kind;                       // "LTO-8"; empty: not known
    std::vector<std::string> reads, writes; // cartridges: "LTO-7"; both empty: not known
    std::vector<std::string> not_offered;   // what the drive does not have, for people: "LOCATE"
    std::string loading;                    // what it says while it is not ready yet; empty: it is not loading
    std::optional<std::uint32_t> loading_percent;
    std::uint64_t loading_seconds = 0;       // so far
    std::uint64_t loading_left_seconds = 0;  // about; without a percentage: until it is given up
    std::uint64_t recovered_errors = 0, hard_errors = 0;  // that cartridges met in this drive, since they are counted
    std::uint32_t cartridges_with_errors = 0;
    std::string trouble;
    std::string disabled;  // as the library's
    friend bool operator==(const DriveInfo&, const DriveInfo&) = default;
};
struct DriveList {
    std::vector<DriveInfo> drives;
    friend bool operator==(const DriveList&, const DriveList&) = default;
};

struct MediaInfo {
    std::int64_t cartridge = 0;  // number in the database, from 1
    std::string volume_tag;      // empty: none
    std::string label;           // name on the medium; empty: blank, unread or foreign
    std::string media_id;        // UUID of our label; empty: none
    std::string pool;
    std::string state;  // the side's: new, unprepared, incompatible, decommissioned, available, allocated, completed,
                        // unrecognized, imported, cleaning
    std::string physical_state;  // idle, in_use, mounted, loaded, unloaded, error, waiting_for_operator
    std::string place;           // for people: "LIB1 slot 5", "drive D1", "IE port 1", "offline: shelf"
    std::string library;         // empty: offline
    std::uint64_t capacity = 0;  // bytes; 0: not known
    std::uint64_t written = 0;   // bytes up to the recorded end
    std::uint32_t sets = 0, sets_expired = 0;
    std::optional<Time> labelled, last_written;
    std::optional<Time> append_until;  // empty: no end, or no label
    std::optional<Time> keep_until;    // empty: for ever, or no set
    bool write_protected = false;
    std::string trouble;
    friend bool operator==(const MediaInfo&, const MediaInfo&) = default;
};
struct MediaQuery {  // cursor and limit as ListRequest; empty members do not narrow
    std::uint32_t limit = 1000;
    std::string cursor;
    std::string pool, library, state;
    friend bool operator==(const MediaQuery&, const MediaQuery&) = default;
};
struct MediaList {
    std::vector<MediaInfo> media;
    std::string next;  // cursor of the next page; empty: this was the last
    friend bool operator==(const MediaList&, const MediaList&) = default;
};
struct SetOnMedium {
    std::uint64_t set = 0;
    std::string name;
    std::uint64_t first_block = 0, end_block = 0;  // end: one past the last
    std::uint32_t part = 1;                        // of a set that spans media, from 1
    std::optional<Time> written, keep_until;
    friend bool operator==(const SetOnMedium&, const SetOnMedium&) = default;
};
struct ErrorsInDrive {  // of one cartridge
    std::string drive;
    std::uint64_t recovered = 0, hard = 0;
    std::optional<Time> last;
    friend bool operator==(const ErrorsInDrive&, const ErrorsInDrive&) = default;
};
struct MediaDetails {
    MediaInfo medium;
    std::uint32_t family = 0, sequence = 0, generation = 0, block_size = 0;
    std::uint64_t recorded_end = 0;  // block
    std::vector<SetOnMedium> sets;
    std::vector<ErrorsInDrive> errors;  // most recent first
    std::vector<std::string> history;  // newest last, one line each
    friend bool operator==(const MediaDetails&, const MediaDetails&) = default;
};

// A cartridge is named in a route by its volume tag, or "id:N" by its number where it has none or a double one.
struct LabelRequest {
    std::vector<std::string> media;  // cartridges as above; empty: every blank cartridge of `library`
    std::string library;             // where `media` is empty; empty: all libraries
    std::string pool;                // to be in afterwards; empty: Free
    bool overwrite = false;  // the operator's word that what is on each named cartridge may be lost; refused without `media`
    friend bool operator==(const LabelRequest&, const LabelRequest&) = default;
};
struct WorkAccepted {  // several items of work
    std::vector<std::int64_t> work_items;
    std::vector<std::string> notes;  // what was left out, and why
    friend bool operator==(const WorkAccepted&, const WorkAccepted&) = default;
};
struct MoveRequest {           // exactly one
    std::string pool;          // to another pool (only the database changes)
    std::uint32_t slot = 0;    // to this slot of its library
    bool home = false;         // out of a drive or port, to a free slot
    friend bool operator==(const MoveRequest&, const MoveRequest&) = default;
};
struct ImportRequest {      // from the IE ports into slots
    std::string library;    // empty: the only one
    friend bool operator==(const ImportRequest&, const ImportRequest&) = default;
};
struct EraseRequest {
    bool whole = false;       // whole medium (hours); else the label is made void at once
    bool overwrite = false;   // as in LabelRequest: unexpired sets may be lost
    friend bool operator==(const EraseRequest&, const EraseRequest&) = default;
};
struct AdoptRequest {        // takes a medium of Import or of another installation into a pool, with its sets
    std::string pool;        // required
    friend bool operator==(const AdoptRequest&, const AdoptRequest&) = default;
};

struct PoolInfo {
    std::string name;
    std::string kind;  // system, application
    bool draw_from_free = false, return_to_free = false;
    std::uint32_t block_size = 0;
    std::optional<std::uint64_t> retention_seconds;  // empty: for ever
    std::optional<std::uint64_t> append_seconds;     // empty: no end; 0: never
    std::string encryption = "none";
    bool from_configuration = false;  // such a pool is changed in the file, not by pool set
    // Cartridges by state; total counts all.
    std::uint64_t total = 0, available = 0, allocated = 0, completed = 0, other = 0;
    std::uint64_t bytes_written = 0, bytes_free = 0;  // free: what available and appendable cartridges still take, about
    friend bool operator==(const PoolInfo&, const PoolInfo&) = default;
};
struct PoolList {
    std::vector<PoolInfo> pools;
    friend bool operator==(const PoolList&, const PoolList&) = default;
};
// Create (name required, defaults as in config/settings.hpp) and set (name is in the route; what is empty stays).
struct PoolChange {
    std::string name;
    std::optional<bool> draw_from_free, return_to_free;
    std::optional<std::uint32_t> block_size;
    std::optional<std::string> retention;  // "30d", "forever"
    std::optional<std::string> append;     // "30d", "true", "false"
    friend bool operator==(const PoolChange&, const PoolChange&) = default;
};

struct OperatorRequest {
    std::int64_t id = 0;
    std::string kind;   // new_media, mount_cartridge, device_service, clean, message
    std::string state;  // submitted, completed, refused, cancelled, timed_out
    std::string message;  // what the operator should do, in one or two sentences
    std::string library, pool, volume_tag;  // what it is about, where known
    std::int64_t job = 0;                   // that waits; 0: none
    std::optional<Time> submitted, ended, limit;  // limit: when the wait fails
    std::string answer;                     // of the operator, or the fact that completed it
    friend bool operator==(const OperatorRequest&, const OperatorRequest&) = default;
};
struct RequestList {
    std::vector<OperatorRequest> requests;
    friend bool operator==(const RequestList&, const RequestList&) = default;
};
struct RequestQuery {
    bool all = false;  // also those that have ended
    friend bool operator==(const RequestQuery&, const RequestQuery&) = default;
};
struct AnswerRequest {
    std::string note;  // shown to whoever waits
    friend bool operator==(const AnswerRequest&, const AnswerRequest&) = default;
};

struct WorkItem {
    std::int64_t id = 0;
    std::string operation;  // mount, dismount, inventory, label, move, import, export, erase, adopt, …
    std::string state;      // queued, running, waiting, completed, failed, cancelled
    std::string subject;    // for people: "A00001L8", "LIB1"
    std::string library, drive, volume_tag, pool;
    std::int64_t job = 0, request = 0;  // whose it is; the operator request it waits for
    std::string reason;                 // why it waits, or why it failed
    std::string advice;                 // what the operator does next
    std::string doing;                  // running: the present step
    std::uint32_t steps_done = 0, steps = 0;  // 0 steps: not known
    std::optional<Time> queued, started, ended, limit;
    std::uint64_t version = 0;          // changes when anything above changes
    bool finished() const { return state == "completed" || state == "failed" || state == "cancelled"; }
    friend bool operator==(const WorkItem&, const WorkItem&) = default;
};
struct WorkList {
    std::vector<WorkItem> items;
    friend bool operator==(const WorkList&, const WorkList&) = default;
};
struct WorkQuery {
    bool all = false;  // also finished items, the newest 1000
    friend bool operator==(const WorkQuery&, const WorkQuery&) = default;
};
struct WatchRequest {             // the query of an answer that waits for a change
    std::uint64_t after = 0;      // version that the client has; 0: answer at once
    std::uint32_t wait_ms = 0;    // wait at most so long for a newer one, 0 to 20000
    friend bool operator==(const WatchRequest&, const WatchRequest&) = default;
};
struct Candidate {          // a drive, cartridge or pool that was considered
    std::string name;
    std::string verdict;    // taken, busy, refused
    std::string reason;
    friend bool operator==(const Candidate&, const Candidate&) = default;
};
struct Explanation {        // why a work item or job waits
    WorkItem item;
    std::string summary;    // one sentence
    std::vector<Candidate> candidates;
    friend bool operator==(const Explanation&, const Explanation&) = default;
};

}  // namespace capstan::api
