// Writes one segment: an immutable SQLite file with the objects that a set gained since its last checkpoint.
// One thread at a time (the encoder's). Memory: the directory in hand, one page, and up to 2 MiB of finished pages.
//
//   SegmentBuilder builder("/var/lib/capstan/catalog/17.0");      // nothing is on the disk before it is needed
//   builder.begin_directory("etc", facts);                        // the directory's own record, and where what follows lies
//   builder.add("fstab", facts);
//   auto written = builder.finish(header);                        // now the file exists, whole and fsynced
//
// Directories come in backup order and may come again. At a checkpoint the encoder finishes the builder, makes the next one,
// and says begin_directory of the directory in hand again with `continued`. `add` and `begin_directory` never fail: what
// went wrong is said by finish. A builder that is destroyed unfinished leaves no file.
#pragma once

#include "catalog/segment_header.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace capstan::catalog {

class SegmentBuilder {
  public:
    explicit SegmentBuilder(std::string path);  // of the finished file; built beside it as PATH.building
    ~SegmentBuilder();
    SegmentBuilder(SegmentBuilder&&) noexcept;
    SegmentBuilder& operator=(SegmentBuilder&&) noexcept;

    void begin_directory(std::string_view path, const ObjectFacts& facts);  // facts.kind is taken as directory
    void add(std::string_view name, const ObjectFacts& facts);              // an object of the directory in hand
    std::uint64_t objects() const;                                          // so far, directories included

    // Writes, fsyncs and renames; the counts and first_fla/end_fla of the header are filled in. Returns the header as stored. At
    // most once. After an error no file of that name was made. A segment without objects is legal.
    Result<SegmentHeader> finish(SegmentHeader header);

  private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace capstan::catalog
