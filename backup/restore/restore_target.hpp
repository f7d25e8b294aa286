// Creates the objects of a set beneath one directory, and nothing outside it, whatever names and links the medium
// holds: each directory is opened with openat2 (beneath, no symbolic links, no magic links) from the root's descriptor.
// One thread calls it; it may have threads of its own.
//   begin(object) -> write_data: write()..., finish(); otherwise the next begin(). At the end close().
#pragma once

#include "backup/ledger.hpp"
#include "backup/posix/metadata.hpp"
#include "backup/restore/cut_off_run.hpp"
#include "config/base/bytes.hpp"
#include "config/base/error.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace capstan::backup {

enum class Existing : std::uint8_t {
    never,  // what exists is kept, and listed
    older,  // replaced if it was modified before the saved one
    always,
};

struct RestoreOptions {
    std::string root =
        "/";  // absolute; created if it is missing and not "/". The full recorded path is kept beneath it.
    Existing existing = Existing::never;
    bool numeric_owner = false;  // false: user and group by name where the name is known here
    std::string nonce = "0";     // part of temporary names; letters and digits; different for each running restore
    std::optional<CutOffRun> cut_off{};  // this restore runs again what that one did not bring to its end
    bool several_sets = false;           // of one run: a directory may come again, with more in it
    unsigned threads = 0;                // that make small files besides the caller's; 0: everything on the caller's
};

// An object as the medium describes it, before its data.
struct IncomingObject {
    std::string path;  // recorded path (raw bytes, no leading '/'); from the medium, checked before anything is created
    Metadata metadata;
    bool sparse = false;  // its data have holes
};

// Takes restored, verified or compared objects: the decoder's other side.
class ObjectSink {
  public:
    enum class Verdict : std::uint8_t {
        done,        // no data needed; do not call finish()
        write_data,  // write() and finish() follow
        skipped,     // kept, or failed and named in the ledger
    };
    struct Counts {
        std::uint64_t objects = 0;  // completed
        std::uint64_t bytes = 0;    // data written or compared
        std::uint64_t kept = 0, failed = 0;
    };
    virtual ~ObjectSink() = default;
    // Directories come before what is in them; their own metadata are set when the next object lies elsewhere, or by
    // close().
    virtual Verdict begin(IncomingObject object) = 0;
    // The data of the next calls lie in `memory`, which stays as it is until unused_below() passes `number`
    // (ascending). Data that lie elsewhere are good for the one call alone.
    virtual void in_block(std::uint64_t /*number*/, Bytes /*memory*/) {}
    // Blocks below the result are not looked at any more; `next` if none is held. wait: until all are free.
    virtual std::uint64_t unused_below(std::uint64_t next, bool /*wait*/) { return next; }
    // Data at `offset` of the object, ascending. False: the object failed; further calls for it do nothing.
    virtual bool write(std::uint64_t offset, Bytes bytes) = 0;
    // `damage` not empty: what is wrong with the data on the medium. The object is completed all the same and named.
    virtual void finish(const std::string& damage) = 0;
    virtual Result<void> close() = 0;  // of one set: one syncfs for each file system; nothing is open then
    // When all sets are done: the flags that forbid changes. Blocks.
    virtual Result<void> lock() { return {}; }
    virtual Counts counts() const = 0;
};

// Issues go to `issues`, which must outlive the target. Errors: the root cannot be opened or created.
Result<std::unique_ptr<ObjectSink>> open_restore_target(RestoreOptions options, IssueQueue& issues);
// Compares with what exists beneath `root` instead of writing: type, size, data, owner, mode, times, attributes.
Result<std::unique_ptr<ObjectSink>> open_compare_target(RestoreOptions options, IssueQueue& issues);

// A recorded path is usable when no component is empty, ".", "..", longer than 255 bytes or holds a NUL.
bool usable_path(const std::string& path);

}  // namespace capstan::backup
