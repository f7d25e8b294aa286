// The page: some hundred objects of one or more directories, in columns. It is what a segment stores, reads and checks as a
// whole. Inside catalog/ only. The format is described in README.md; this is the decoder of bytes from outside.
#pragma once

#include "catalog/object.hpp"
#include "catalog/varint.hpp"
#include "config/base/error.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace capstan::catalog {

inline constexpr std::size_t kPageEntriesMax = 8192;
inline constexpr std::size_t kPageTextMax = 32U << 20;  // names and paths of a page, front coding undone

// The three columns of a row. Each begins with a check of itself, seeded with the page's number.
struct PageBlobs {
    ByteVector names;    // directories and names, front-coded, zstd
    ByteVector numbers;  // kind, mode, owner, size, time, address, zstd
    ByteVector noise;    // what does not compress: hashes, nanoseconds
};

// Facts in the few bytes that a directory's row in the tree spends on them.
void put_facts(ByteVector& out, const ObjectFacts& facts);
ObjectFacts get_facts(NumberReader& in);

// Where the next object would lie if its headers took nothing: what the address column counts from. Wraps around.
constexpr std::uint64_t fla_behind(const ObjectFacts& facts) { return facts.fla + facts.size / 1024; }

class PageEncoder {
  public:
    PageEncoder();
    ~PageEncoder();
    // `own`: the directory's own facts are the first of its entries; nullptr: more of a directory that came before.
    void begin_directory(std::string_view path, const ObjectFacts* own);
    void add(std::string_view name, const ObjectFacts& facts);  // ascending by name within a directory
    std::size_t entries() const { return entries_; }
    std::size_t directories() const { return directories_; }
    std::size_t text_size() const { return text_size_; }  // front coding undone
    // Encodes and empties. `goes_on`: the next page has more of the last directory's objects.
    Result<PageBlobs> finish(std::uint64_t page, bool goes_on);

  private:
    struct Compressor;
    void put_columns(const ObjectFacts& facts);
    void clear();
    std::unique_ptr<Compressor> compressor_;
    ByteVector dirs_, dir_text_, shared_, sizes_, text_;
    ByteVector flags_, modes_, owners_, bytes_, seconds_, addresses_, nanoseconds_, hashes_;
    std::vector<std::uint32_t> counts_;
    std::string last_path_, last_name_;
    std::size_t entries_ = 0, directories_ = 0, text_size_ = 0;
    std::int64_t last_seconds_ = 0;
    std::uint64_t expected_fla_ = 0;
};

struct Page {
    struct Directory {
        std::string path;
        bool own = false;  // its first entry is the directory itself, without a name
        std::uint32_t first = 0, count = 0;
    };
    struct Entry {
        std::uint32_t name_at = 0, name_size = 0;
    };
    std::uint64_t number = 0;
    bool goes_on = false;
    std::vector<Directory> directories;
    std::vector<Entry> entries;
    std::string text;
    std::vector<ObjectFacts> facts;  // one per entry; empty as long as only names were decoded

    std::string_view name(std::size_t entry) const {
        return std::string_view(text).substr(entries[entry].name_at, entries[entry].name_size);
    }
};
Result<Page> decode_names(Bytes names, std::uint64_t page);
Result<void> decode_facts(Page& page, Bytes numbers, Bytes noise);

}  // namespace capstan::catalog
