// Reads MTF of any writer, step by step, from bytes that may be damaged or hostile (MTF reference, sections 7 and 8). The
// caller feeds what the medium holds; the decoder calls back with what it found. Stream data are spans into what was fed.
// It never trusts a length, allocates at most a path name, and after damage looks for the next block that checks.
// One thread; callbacks are made inside feed(), filemark(), end_of_medium(), finish().
#pragma once

#include "backup/mtf/checksum.hpp"
#include "backup/mtf/sfmb.hpp"
#include "backup/mtf/streams.hpp"

#include <memory>
#include <string>
#include <vector>

namespace capstan::mtf {

struct Place {
    std::uint64_t offset = 0;  // bytes from the medium's first byte (filemarks of a tape count nothing)
};

enum class ChecksumState : std::uint8_t {
    absent,       // no CSUM behind the stream
    good,
    bad,
    not_checked,  // the beginning lies on a medium that was not read, data were skipped, or the stream was cut short
};

struct StreamEnd {
    StreamHeader header;       // as at its start
    std::uint64_t length = 0;  // bytes seen of the logical stream (all segments, all media)
    ChecksumState checksum = ChecksumState::absent;
    bool marked_corrupt = false;  // CRPT followed
    bool complete = true;         // false: damage, or the set was cut
};

struct Damage {
    std::uint64_t offset = 0;
    std::string what;            // "stream header: no valid header or block"
    std::uint64_t skipped = 0;   // bytes that were passed over until something checked again
};

class DecoderEvents {
  public:
    virtual ~DecoderEvents() = default;
    virtual void media_header(const Place&, const MediaHeader&) {}
    // Where a set goes on on the next medium: set_continues() alone tells it; the object that was open goes on by itself.
    // A set whose beginning was not read starts with its repeated blocks: header.continuation().
    virtual void set_start(const Place&, const SetBlock&) {}
    virtual void set_continues(const Place&, const SetBlock&) {}
    virtual void volume(const Place&, const VolumeBlock&) {}
    virtual void directory(const Place&, const DirectoryBlock&) {}  // the path from PNAM where there is one
    virtual void file(const Place&, const FileBlock&) {}            // the name from FNAM where there is one
    virtual void corrupt(const Place&, const CorruptBlock&) {}
    virtual void set_end(const Place&, const EndOfSetBlock&) {}     // both ESETs of a type 1 catalog
    virtual void end_of_tape(const Place&, const EndOfTapeBlock&) {}
    virtual void soft_filemark(const Place&, const SoftFilemark&) {}
    virtual void end_pad(const Place&, const BlockHeader&) {}
    virtual void unknown_block(const Place&, const BlockHeader&) {}
    // Streams of the block before, without fillers (SPAD, CPAD), CSUM, CRPT, and without the PNAM/FNAM that gave the name.
    // A continued stream that was begun on the medium before goes on without a new start. `continued` in its media
    // attributes: its beginning was not read.
    virtual void stream_start(const Place&, const StreamHeader&) {}
    virtual void stream_data(std::uint64_t /*offset in the stream*/, Bytes) {}
    virtual void stream_end(const StreamEnd&) {}
    virtual void object_end() {}  // of every block but TAPE, EOTM, SFMB: all its streams were seen
    virtual void damage(const Damage&) {}
};

struct DecoderSettings {
    NameRule names = NameRule::plain;        // becomes `escaped` by itself when the TAPE block names Capstan
    bool starts_at_block = false;            // the first byte fed is a DBLK of a set: TAPE is not expected
    std::uint64_t offset = 0;                // of the first byte fed, for messages
    std::uint32_t flb_size = kFlbSize;       // until a TAPE block says otherwise
    std::uint32_t soft_block = 1024;         // size of an SFMB, likewise
    std::uint64_t medium_size = 0;           // 0: unknown (a tape)
};

class Decoder {
  public:
    Decoder(DecoderEvents& events, DecoderSettings settings = {});
    ~Decoder();
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    void feed(Bytes bytes);  // any cut; a tape's block after block
    void filemark();         // a hard filemark lies here
    // Nothing follows on this medium. True: a set goes on on the next one; call next_medium() and feed that.
    bool end_of_medium();
    void next_medium(std::uint64_t medium_size = 0);
    void finish();           // nothing follows at all: what is open is reported as cut

    void stop();             // callable from an event: the rest of what was fed is ignored, and so is everything after
    bool stopped() const;
    // Bytes of stream data that come next, not yet fed; skip_data(n <= data_ahead()) passes them over without reading.
    std::uint64_t data_ahead() const;
    void skip_data(std::uint64_t size);
    std::uint64_t offset() const;  // of the next byte to feed, or to skip
    bool awaits_next_medium() const;

  private:
    struct Machine;
    std::unique_ptr<Machine> machine_;
};

// Collects one small stream out of the events: give it every start, data and end.
class StreamCollector {
  public:
    explicit StreamCollector(std::size_t size_max = 1 << 20) : size_max_(size_max) {}
    void start(const StreamHeader& header) { id_ = header.id, bytes_.clear(), too_long_ = false; }
    void data(Bytes bytes) {
        if (bytes.size() > size_max_ - bytes_.size()) too_long_ = true;
        else bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    StreamId id() const { return id_; }
    Bytes bytes() const { return bytes_; }
    bool too_long() const { return too_long_; }

  private:
    std::size_t size_max_;
    StreamId id_{};
    bool too_long_ = false;
    std::vector<std::uint8_t> bytes_;
};

}  // namespace capstan::mtf
