// A segment as an SQLite file: the only place that knows SQLite. Two tables beside the header:
//   page (number, names, numbers, noise)    the objects, see page.hpp
//   tree (parent, name, place, facts)       each directory by the hash of its parent's path and its own name; `place` says
//                                           where its objects are: page number * 65536 + index of the directory in the page
// The reader takes the file for hostile: read-only and immutable (no journal, no lock), the schema must be ours to the
// letter, keys must ascend strictly, sizes are bounded.
#pragma once

#include "catalog/page.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace capstan::catalog {

using Place = std::uint64_t;
inline constexpr std::uint64_t kPageNumberEnd = 1ULL << 40;
constexpr std::uint64_t page_of(Place place) { return place >> 16; }
constexpr std::uint32_t index_of(Place place) { return static_cast<std::uint32_t>(place & 0xFFFF); }
constexpr Place make_place(std::uint64_t page, std::size_t index) { return page << 16 | index; }
std::int64_t hash_of_path(std::string_view path);

struct TreeRow {
    std::string name;
    Place place = 0;
    std::optional<ObjectFacts> facts;  // empty: more objects of a directory whose record another row has
    std::string low, high;             // both set if the directory fills several pages: the names in this one
};
ByteVector encode_tree_facts(const TreeRow& row);
Result<void> decode_tree_facts(Bytes bytes, TreeRow& row);

class Statement {  // owns a prepared statement
    sqlite3_stmt* statement_ = nullptr;

  public:
    Statement() = default;
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&& other) noexcept;
    ~Statement();
    sqlite3_stmt* get() const { return statement_; }
    Result<void> prepare(sqlite3* database, const char* sql, const std::string& path);
};

class SegmentFileWriter {
  public:
    static Result<std::unique_ptr<SegmentFileWriter>> create(const std::string& path, unsigned page_size);
    ~SegmentFileWriter();  // closes; the file stays
    Result<void> put_page(std::uint64_t number, const PageBlobs& blobs);
    Result<void> put_row(std::int64_t parent, const TreeRow& row);
    Result<void> finish(Bytes header);  // commits and closes; the caller makes it durable

  private:
    explicit SegmentFileWriter(std::string path) : path_(std::move(path)) {}
    Result<void> run(Statement& statement);
    std::string path_;
    sqlite3* database_ = nullptr;
    Statement page_, row_;
};

class SegmentFile {
  public:
    static Result<std::unique_ptr<SegmentFile>> open(const std::string& path);
    ~SegmentFile();
    Result<ByteVector> header();
    // The next page at or behind `number`; empty: none. Names alone, or everything.
    Result<std::optional<Page>> page_from(std::uint64_t number, bool with_facts);
    Result<Page> page(std::uint64_t number);  // must exist
    Result<void> complete(Page& page);        // the facts of a page that was read without
    // Rows of one directory, by place; and of the directories in one, by name and place, behind a name. Return false to stop.
    using Visit = std::function<Result<bool>(TreeRow&)>;
    Result<void> places(std::string_view directory, const Visit& visit);
    Result<void> children(std::string_view directory, std::string_view after, const Visit& visit);

  private:
    explicit SegmentFile(std::string path) : path_(std::move(path)) {}
    Result<void> prepare();
    Result<void> visit_rows(Statement& statement, const Visit& visit);
    std::unexpected<Error> broken(std::string_view what) const;
    std::string path_;
    sqlite3* database_ = nullptr;
    Statement names_, numbers_, places_, children_;
};

}  // namespace capstan::catalog
