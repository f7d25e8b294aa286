// Where the objects of a set come from. Pull interface, no descriptor crosses it, so that a source can later be another
// process or another host. All calls from one thread (the encoder's stage).
//   while next() gives an object: [regular, has data: while next_extent(): read() until it is used up] finish_object()
#pragma once

#include "backup/ledger.hpp"
#include "backup/posix/metadata.hpp"
#include "config/base/bytes.hpp"
#include "config/base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace capstan::backup {

struct ObjectRecord {
    std::string path;  // recorded path: raw bytes, '/' between components, no leading '/'; empty: the root directory
    Metadata metadata;
    bool sparse = false;     // the extents leave holes
    bool size_known = true;  // false: read until read() gives 0; one extent of size 0 is announced
    bool has_data() const { return metadata.is_regular() && metadata.first_name.empty(); }
};

struct Extent {
    std::uint64_t offset = 0, size = 0;
};

enum class SourceStep : std::uint8_t {
    object,    // the record was filled
    waiting,   // nothing yet; the doorbell rings when there is
    end,       // no further object
    next_set,  // once after end_set(): what follows belongs to another set
};

struct ObjectOutcome {
    enum class State : std::uint8_t { ok, changed, grew, shrank, read_error };
    State state = State::ok;
    int error_number = 0;  // of read_error
    std::uint64_t bytes_read = 0;
};

class Source {
  public:
    virtual ~Source() = default;
    // A directory comes before what is in it: directory, its other objects, then its subdirectories, each sorted by the
    // bytes of their names. Each directory comes once in a set and each object directly after its own directory.
    virtual SourceStep next(ObjectRecord& record) = 0;
    // Further objects, if there are any, go into another set, which can be restored by itself: it begins with the
    // directories on the way to its first object, as path-only ones, and of names for one file its first has the data.
    virtual void end_set() = 0;
    // Ascending, without overlap, within the announced size; none of an empty file.
    virtual std::optional<Extent> next_extent() = 0;
    // The next bytes of the present extent, straight into the caller's memory. 0: the extent is used up, or the file is
    // shorter than announced. After an error nothing more of this object can be read.
    virtual Result<std::size_t> read(MutableBytes space) = 0;
    // Ends the object and compares it with what it was at next(). May be called early.
    virtual ObjectOutcome finish_object() = 0;
    // What could not be saved or is noteworthy since the last call, in order.
    virtual std::vector<Issue> take_issues() = 0;

    struct Counts {
        std::uint64_t objects = 0;  // given out
        std::uint64_t sockets = 0;  // skipped
        std::uint64_t excluded = 0;
        std::uint64_t not_saved = 0;
    };
    virtual Counts counts() const = 0;
};

}  // namespace capstan::backup
