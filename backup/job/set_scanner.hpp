// Decoder events of one set -> what the set is, and its objects as the catalog has them: for a set that lies on a medium and
// not in the state (taken in after a crash, or when the state was lost). Everything that can be proven is proven: checksums,
// the hash of each object, the counts in the set's end. Plain; the thread of whoever feeds the decoder.
#pragma once

#include "backup/job/content_hash.hpp"
#include "backup/mtf/decoder.hpp"
#include "backup/mtf/private_streams.hpp"
#include "backup/source/source.hpp"
#include "catalog/object.hpp"

#include <optional>
#include <string>
#include <vector>

namespace capstan::backup {

// Takes what a scan finds, in the order of the medium: each object when its end was read.
class ScanSink {
  public:
    virtual ~ScanSink() = default;
    // A directory that only leads to what follows (its own record lies before the scan's start) has facts.continued.
    virtual void directory(const std::string& path, const catalog::ObjectFacts& facts) = 0;
    virtual void object(const std::string& path, const catalog::ObjectFacts& facts) = 0;  // in the directory said last
    // The data of a regular file while they are read; `finished` after its object(). Most sinks do not want them.
    virtual bool wants_data(const std::string& /*path*/) { return false; }
    virtual void data(std::uint64_t /*offset*/, Bytes) {}
    virtual void finished(std::uint64_t /*size*/, bool /*whole*/) {}
};

// Where a scan begins if not with the set: at an object that the catalog has already.
struct ScanStart {
    std::uint64_t address = 0;  // FLA of that object; it and what is before it are known. 0: the set's own begin
    std::string directory;      // the one that is in force there
};

struct ScannedSet {
    std::optional<mtf::SetBlock> block;           // SSET, if the scan began with it
    std::optional<mtf::SetBeginRecord> begin;     // CSET
    std::optional<mtf::EndOfSetBlock> end_block;  // ESET
    std::optional<mtf::SetEndRecord> end;         // CEND
    std::uint64_t objects = 0, bytes = 0;         // found behind the start, directories among the objects
    std::uint64_t changed = 0;
    std::uint64_t damaged = 0;                    // places that are not as they were written
    std::string damage;                           // the first of them, for a person
};

class SetScanner final : public mtf::DecoderEvents {
  public:
    SetScanner(ScanSink& sink, ScanStart start);
    const ScannedSet& found() const { return found_; }

    void set_start(const mtf::Place& place, const mtf::SetBlock& block) override;
    void set_continues(const mtf::Place&, const mtf::SetBlock&) override {}  // the object in hand goes on
    void volume(const mtf::Place&, const mtf::VolumeBlock&) override { kind_ = Kind::other; }
    void directory(const mtf::Place& place, const mtf::DirectoryBlock& block) override;
    void file(const mtf::Place& place, const mtf::FileBlock& block) override;
    void corrupt(const mtf::Place&, const mtf::CorruptBlock&) override { kind_ = Kind::other; }
    void set_end(const mtf::Place& place, const mtf::EndOfSetBlock& block) override;
    void end_of_tape(const mtf::Place&, const mtf::EndOfTapeBlock&) override {}
    void stream_start(const mtf::Place& place, const mtf::StreamHeader& header) override;
    void stream_data(std::uint64_t offset, Bytes bytes) override;
    void stream_end(const mtf::StreamEnd& end) override;
    void object_end() override;
    void damage(const mtf::Damage& damage) override;

  private:
    enum class Kind : std::uint8_t { other, set, directory, file, end };
    void note(std::string what);
    void begin(Kind kind, const mtf::BlockHeader& header, std::string path, std::uint32_t mode);
    void end_small(mtf::StreamId id);
    void data(Bytes bytes);

    ScanSink& sink_;
    ScanStart start_;
    ScannedSet found_;
    Kind kind_ = Kind::other;
    std::optional<std::uint32_t> directory_id_;  // of the directory in force
    std::string directory_;

    // the object in hand
    ObjectRecord record_;
    std::uint64_t address_ = 0;
    bool known_ = false;       // the catalog has it
    bool whole_ = true;
    bool wanted_ = false;      // the sink takes its data
    bool has_metadata_ = false, hashed_ = false;
    mtf::StreamCollector small_;
    bool collecting_ = false, in_data_ = false, sparse_ = false;
    std::uint64_t offset_ = 0, data_bytes_ = 0;
    std::array<std::uint8_t, 8> extent_offset_{};
    std::size_t extent_offset_size_ = 8;
    ContentHasher hasher_;
    std::optional<mtf::ObjectHash> stored_;
};

}  // namespace capstan::backup
