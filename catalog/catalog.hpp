// Questions over many sets: what is in them, which versions of a path exist, and where on which medium it lies.
// Which segments a set has is known to the state database; the daemon implements SegmentIndex over it. One thread at a time,
// blocking (file reads): run it on a Worker. SegmentIndex is called on that thread, too.
#pragma once

#include "catalog/segment_reader.hpp"

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace capstan::catalog {

struct SegmentRef {
    SetNumber set{};
    std::uint32_t ordinal = 0;
    std::string file;
};
struct SetSummary {
    SetNumber set{};
    FileTime time{};                 // when it was started: what --at compares
    std::vector<std::string> roots;  // paths that the job was asked to save; empty: not known, so the set is searched
};

class SegmentIndex {
  public:
    virtual ~SegmentIndex() = default;
    // By ordinal. An unknown set is an Error (change_request) that names it.
    virtual Result<std::vector<SegmentRef>> segments_of(SetNumber set) const = 0;
    // Committed sets, newest first, begun at or before `at`. A part of the list: `skip` left out, at most `limit`.
    virtual Result<std::vector<SetSummary>> sets_newest_first(std::optional<FileTime> at, std::size_t skip,
                                                              std::size_t limit) const = 0;
};

struct Version {
    SetNumber set{};
    FileTime time{};
    Object object;
};
struct FoundObject {
    SetNumber set{};
    Object object;
};
// An object to restore. `ancestor`: a directory above a chosen path; its record serves if the directory must be made.
struct SelectedObject {
    Object object;
    bool ancestor = false;
    std::optional<Location> location;  // empty: nothing of it was saved, or no extent has its address
};

// Objects of one set in the order of its media: by medium sequence, then block. The Catalog must outlive it.
class Selection {
  public:
    Result<const SelectedObject*> next();  // good until the next call; nullptr at the end
    const std::vector<MediaExtent>& extents() const { return extents_; }
    // Chosen paths of which the set has nothing. For the report before anything is mounted.
    const std::vector<std::string>& missing() const { return missing_; }

  private:
    friend class Catalog;
    std::vector<std::shared_ptr<SegmentReader>> segments_;
    std::vector<std::string> roots_, missing_;
    std::deque<Object> ancestors_;
    std::vector<MediaExtent> extents_;
    std::size_t segment_ = 0;
    std::optional<SegmentCursor> cursor_;
    SelectedObject current_;
};

class Catalog {
  public:
    explicit Catalog(const SegmentIndex& index, std::size_t readers_max = 64) : index_(index), readers_max_(readers_max) {}

    // A directory of a set, all its segments merged: names behind `after`, at most `limit`. Errors: no such directory
    // (change_request, the message says whether it is a file).
    Result<SegmentReader::Listing> ls(SetNumber set, std::string_view path, std::string_view after, std::size_t limit);
    Result<std::optional<Object>> lookup(SetNumber set, std::string_view path);

    struct FindPage {
        std::vector<FoundObject> objects;
        std::string cursor;           // empty: nothing more; else pass it to go on. Opaque.
        std::vector<Error> unreadable;  // sets left out because a segment of theirs is damaged or gone
    };
    // Newest set first; within a set in the order of the medium. With a set given its damage is the call's error.
    Result<FindPage> find(std::string_view pattern, std::optional<SetNumber> set, std::string_view cursor, std::size_t limit);

    // Sets that hold the path, newest first; objects of which nothing was saved are not versions. A damaged segment that may
    // hold the path is an error: an older version must not pass for the newest.
    Result<std::vector<Version>> versions(std::string_view path, std::size_t limit);
    // The one that a restore without a set takes. A set that has a directory only as the way to others is the last choice.
    Result<std::optional<Version>> newest(std::string_view path, std::optional<FileTime> at);

    // Everything at and below the paths (none: the whole set), and the directories above them.
    Result<Selection> select(SetNumber set, const std::vector<std::string>& paths);

    // Headers of the set's segments, in order.
    Result<std::vector<SegmentHeader>> headers(SetNumber set);
    void forget(const std::string& file);  // before a segment is unlinked

  private:
    using Readers = std::vector<std::shared_ptr<SegmentReader>>;
    struct FindCursor {
        std::uint64_t set = 0, ordinal = 0, page = 0, index = 0;
    };
    static Result<FindCursor> parse_cursor(std::string_view text);
    Result<bool> find_in(SetNumber set, std::string_view pattern, FindCursor from, std::size_t limit, FindPage& result);
    Result<std::shared_ptr<SegmentReader>> reader(const std::string& file);
    Result<Readers> readers_of(SetNumber set);
    Result<std::optional<Object>> lookup_in(const Readers& readers, std::string_view path) const;
    enum class PathOnly : std::uint8_t { counts, is_skipped };
    Result<std::vector<Version>> versions_where(std::string_view path, std::optional<FileTime> at, std::size_t limit,
                                                PathOnly path_only);

    const SegmentIndex& index_;
    std::size_t readers_max_;
    std::list<std::shared_ptr<SegmentReader>> recent_;  // most recently used first
    std::unordered_map<std::string, std::list<std::shared_ptr<SegmentReader>>::iterator> open_;
};

}  // namespace capstan::catalog
