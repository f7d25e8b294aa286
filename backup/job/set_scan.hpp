// Reads one set from the media on which it lies, from its begin or from an object on, for a SetScanner. The drive's thread
// reads into a ring, a stage decodes. Control thread; the caller holds the lease of each drive while it is read.
#pragma once

#include "backup/job/job_environment.hpp"
#include "backup/job/set_scanner.hpp"
#include "catalog/segment_builder.hpp"

#include <memory>

namespace capstan::backup {

// Sees to it that the objects are wanted in the form of a segment file; the builder is made at the first object.
class SegmentSink final : public ScanSink {
  public:
    explicit SegmentSink(std::string path) : builder_(std::make_unique<catalog::SegmentBuilder>(std::move(path))) {}
    void directory(const std::string& path, const catalog::ObjectFacts& facts) override { builder_->begin_directory(path, facts); }
    void object(const std::string& path, const catalog::ObjectFacts& facts) override { builder_->add(catalog::name_of(path), facts); }
    std::unique_ptr<catalog::SegmentBuilder> take() { return std::move(builder_); }

  private:
    std::unique_ptr<catalog::SegmentBuilder> builder_;
};

// Keeps nothing: the set is only proven.
class NoSink final : public ScanSink {
  public:
    void directory(const std::string&, const catalog::ObjectFacts&) override {}
    void object(const std::string&, const catalog::ObjectFacts&) override {}
};

class SetScan {
  public:
    // `block_size`: the longest block of the media. Sink and environment outlive the scan.
    SetScan(JobEnvironment& environment, ScanSink& sink, ScanStart start, std::size_t block_size);
    ~SetScan();

    enum class Ended : std::uint8_t {
        closed,   // filemark, ESET, filemark
        goes_on,  // filemark, EOTM: on the next medium
        cut,      // the data end before that
    };
    struct Part {
        Ended ended = Ended::cut;
        BlockNumber data_end{};  // behind the last block of the set's data: where the filemark is
        BlockNumber behind{};    // behind what ends it
    };
    // The set, or its part, on the medium in this drive. `first`: SSET, on a further medium the block that repeats it, or
    // (with a start) the block that holds the start's object, `offset` bytes in. Errors: a block cannot be read, cancelled.
    Task<Result<Part>> read(drives::DriveOwner& drive, BlockNumber first, std::uint32_t offset = 0);
    // After the last part, or after an error: the stage ends. What was found is good from then on.
    Task<Result<void>> finish();
    const ScannedSet& found() const;
    std::uint64_t bytes_read() const { return bytes_read_; }
    void cancel() { cancelled_ = true; }

  private:
    class Decoding;
    Task<Result<void>> start_stage();
    Task<Result<void>> push(drives::RingEntry::Kind kind, Bytes bytes);
    Task<Result<void>> push_mark(drives::RingEntry::Kind kind);
    Task<Result<bool>> read_to_filemark(drives::DriveOwner& drive);  // false: the data end first

    JobEnvironment& environment_;
    std::shared_ptr<drives::BlockRing> ring_;
    std::unique_ptr<Decoding> stage_;
    std::shared_ptr<Completion<bool>> finished_;
    BlockNumber position_{};
    std::uint64_t bytes_read_ = 0;
    bool further_medium_ = false, cancelled_ = false;
};

}  // namespace capstan::backup
