// Reads one segment file. The file may be damaged or made by an enemy: every call answers with an Error (give_up) then, with
// memory and time bounded; nothing is taken on trust. One thread at a time per reader. Blocking: not for the control thread.
#pragma once

#include "catalog/segment_header.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace capstan::catalog {

// A position in a scan of one segment; compares in scan order.
struct ScanPosition {
    std::uint64_t page = 0;
    std::uint32_t index = 0;
    friend auto operator<=>(const ScanPosition&, const ScanPosition&) = default;
};

class SegmentFile;
class SegmentReader;

// Objects of a segment in the order of the medium (FLA), directories before what is in them. The reader must outlive it.
class SegmentCursor {
  public:
    ~SegmentCursor();
    SegmentCursor(SegmentCursor&&) noexcept;
    SegmentCursor& operator=(SegmentCursor&&) noexcept;
    // The next object, good until the next call; nullptr at the end. Continued directories are left out.
    Result<const Object*> next();

  private:
    friend class SegmentReader;
    struct State;
    explicit SegmentCursor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class SegmentReader {
  public:
    static Result<std::unique_ptr<SegmentReader>> open(const std::string& file);
    ~SegmentReader();

    const SegmentHeader& header() const { return header_; }
    const std::string& file() const { return path_; }

    struct Listing {
        std::vector<Object> objects;  // names, ascending by byte value; directories among the others
        bool more = false;            // there are names behind the last
    };
    // Names of a directory behind `after` (empty: from the first), at most `limit`. Empty optional: no such directory here.
    Result<std::optional<Listing>> list(std::string_view directory, std::string_view after, std::size_t limit) const;
    // The object with this path; with its path in Object::path.
    Result<std::optional<Object>> lookup(std::string_view path) const;
    // The objects at and below the paths given (none: everything), in the order of the medium. Costs nothing for the rest.
    Result<SegmentCursor> scan(const std::vector<std::string>& roots) const;

    struct Found {
        std::vector<Object> objects;
        std::optional<ScanPosition> next;  // where to go on; empty: the segment was searched to its end
    };
    // Objects whose name (or path, if the pattern has a '/') matches: see glob.hpp. Stops at `limit` objects.
    Result<Found> find(std::string_view pattern, ScanPosition from, std::size_t limit) const;

  private:
    SegmentReader(std::string path, std::unique_ptr<SegmentFile> file, SegmentHeader header);
    std::string path_;
    std::unique_ptr<SegmentFile> segment_;
    SegmentHeader header_;
};

}  // namespace capstan::catalog
