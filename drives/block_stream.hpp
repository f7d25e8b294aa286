// The two ports through which backup and restore move blocks: a writer (made by DriveOwner::start_writing, or by the engine
// itself for a file) and a reader. Positions are logical object numbers from BOT: a filemark counts as one. Sizes are bytes.
// All methods: control thread, one at a time per port. Rings are shared because a device that never answers again keeps its own.
#pragma once

#include "config/base/async.hpp"
#include "config/base/error.hpp"
#include "config/base/ids.hpp"
#include "drives/block_ring.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace capstan::drives {

// How BlockWriter::write_from ended, and what is known then. "Proven": the device confirmed, after a synchronise, a position
// at or beyond it; those ring entries were given back to the producer. `position` counts what the device accepted, proven or not.
struct StreamReport {
    enum class Reason : std::uint8_t {
        starved,          // nothing came for `patience`, or interrupt() was called; nothing was synchronised
        checkpoint,       // a checkpoint entry: all before it is proven
        early_warning,    // the end of the medium is near: all that was accepted is proven. The next `block` entry is not taken;
                          // end_block and filemark entries still are (call again), then write_blocks the end of the medium
        volume_overflow,  // the front entry was not written; all before next_sequence is proven. Nothing more fits
        ended,            // an end entry: all before it is proven
        failed,           // `error`; entries from proven_sequence on may or may not be on the medium. The permit is void, or
                          // good for mark_end() alone
    };
    Reason reason = Reason::failed;
    std::uint64_t next_sequence = 0;    // of the first ring entry that is still to be written (the ring's front)
    std::uint64_t proven_sequence = 0;  // entries below it are on the medium
    BlockNumber position{};             // where the next object will be
    BlockNumber proven_position{};      // objects below it are on the medium
    bool early_warning = false;         // seen on this medium in this session
    // failed: no answer came, and the device may still have the ring in use. Nobody but it may touch the ring's consumer side.
    // Otherwise the ring's front is the first entry that is not proven, and all from there on is as it was pushed.
    bool ring_in_use = false;
    std::uint64_t blocks = 0;           // accepted in this call
    std::uint64_t bytes = 0;
    std::optional<Error> error;         // set exactly when failed
};

// What write_blocks is to write: a block, or a filemark.
struct WriteItem {
    bool filemark = false;
    std::vector<std::uint8_t> bytes;
};
struct WriteReport {
    enum class Outcome : std::uint8_t { written, early_warning, volume_overflow };
    Outcome outcome = Outcome::written;  // early_warning: all was written, the end is near. Overflow: only `written` items were
    std::size_t written = 0;             // items accepted
    BlockNumber position{};
};

// What is left in the memory of the cartridge (MAM), where drive and cartridge have one.
struct MemoryEntry {
    std::string note;  // at most 600 bytes; valid while nothing on the tape changes
    std::uint64_t count = 0, set = 0;
    struct Texts {  // for people and other programs: `sg_read_attr` shows them
        std::string label, barcode, pool;
    };
    std::optional<Texts> texts;  // empty: those that are there stay
};

class BlockWriter {
  public:
    virtual ~BlockWriter() = default;
    // Takes entries from the ring until something is to be reported. An `Error` of the device is in the report (failed), so
    // that what is proven is always known. patience: how long to wait for an entry; 0 in simulation.
    virtual Task<StreamReport> write_from(std::shared_ptr<BlockRing> ring, std::chrono::milliseconds patience) = 0;
    // Writes from memory (label, continuation prefix, end of medium), also after early warning. Not synchronised.
    virtual Task<Result<WriteReport>> write_blocks(std::vector<WriteItem> items) = 0;
    // All that was accepted is on the medium and the position is the expected one: the position is the answer.
    virtual Task<Result<BlockNumber>> synchronize() = 0;
    // Synchronises and closes the session: the drive may be positioned and unloaded again. Mandatory; the destructor does no I/O.
    virtual Task<Result<BlockNumber>> finish() = 0;
    // After write_from failed: behind the last object that is proven, over what is not, these items are written and synchronised,
    // if the drive still takes them (the medium had a bad spot; position and modes were never in doubt). Then the session is over
    // either way. The position behind them is the answer. Error: nothing is marked, the proven objects stand all the same.
    virtual Task<Result<BlockNumber>> mark_end(std::vector<WriteItem> items) = 0;
    // Synchronises and leaves a note of it in the cartridge's memory. A help and no more: a drive or cartridge without one has nothing to
    // do. Error: the note may be missing or out of date, which its reader sees; the session is as usable as it was.
    virtual Task<Result<void>> remember(MemoryEntry entry) = 0;
    // The running write_from ends with `starved` at the next entry. It may be called while write_from is awaited.
    virtual void interrupt() = 0;
};

struct ReadReport {
    enum class Reason : std::uint8_t {
        count_reached,
        filemark,     // it was passed; the position is behind it. No entry is made for it
        end_of_data,  // BLANK CHECK: nothing is recorded from here on
        no_room,      // the ring was full for `patience`, or interrupt() was called: call again at `position`
        failed,       // `error`: never the end of the data. `position` is that of the object that could not be read
    };
    Reason reason = Reason::failed;
    BlockNumber position{};
    std::uint64_t blocks = 0;  // pushed into the ring by this call
    std::uint64_t bytes = 0;
    std::optional<Error> error;
};

// A few objects read into memory.
struct TapeObject {
    enum class Kind : std::uint8_t { block, filemark, end_of_data };
    Kind kind = Kind::block;
    BlockNumber number{};
    std::vector<std::uint8_t> bytes;
};

class BlockReader {
  public:
    virtual ~BlockReader() = default;
    // Reads `count` blocks (or to the next filemark or the end of data) from `from` on straight into ring slots, each pushed as
    // `block` with its real size. The ring's block size is the longest block accepted; a longer one is `failed` with advice.
    // The consumer of such a ring calls pop() and prove(sequence + 1) itself.
    virtual Task<ReadReport> read_into(std::shared_ptr<BlockRing> ring, BlockNumber from, std::uint64_t count,
                                       std::chrono::milliseconds patience) = 0;
    // `count` objects from `from` on, fewer when the data end (the last one says so). Blocks of any size the drive can read.
    virtual Task<Result<std::vector<TapeObject>>> read_objects(BlockNumber from, std::size_t count) = 0;
    virtual void interrupt() = 0;
};

}  // namespace capstan::drives
