// Writes media, sets and objects as MTF into blocks that somebody else provides. It never waits and never touches a device:
// what does not fit the blocks at hand goes into a small buffer that ready() drains. File data are read straight into the
// blocks (data_space, advance). One thread. (MTF reference, sections 1, 2, 3, 9.)
#pragma once

#include "backup/mtf/checksum.hpp"
#include "backup/mtf/continuation.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace capstan::mtf {

enum class BlockKind : std::uint8_t {
    block,      // set data, SSET, TAPE
    end_block,  // ESET: still written on this medium after early warning
    filemark,   // size 0; hard filemarks only
};

class BlockOutput {
  public:
    virtual ~BlockOutput() = default;
    // The next block's memory, all of one size (layout.output_size); empty: full now. The same memory until push().
    virtual MutableBytes reserve() = 0;
    // Takes the block that was reserved. `resume`: the state at its first byte, valid during the call. The writer
    // reserves anew after each push, so an implementation may put entries of its own in between (a checkpoint).
    virtual void push(BlockKind kind, std::size_t size, const ResumePoint& resume) = 0;
};

struct WriterLayout {
    std::uint32_t output_size = 262144;     // bytes of one reserve(); on tape the physical block, multiple of 1024, >= 16 KiB
    bool soft_filemarks = false;            // .bkf: physical block 1024, output in chunks, SFMB in place of filemarks
    std::uint32_t first_block = 0;          // .bkf: physical blocks before the first one written here (appending)
    std::vector<std::uint32_t> filemarks;   // .bkf: block numbers of earlier SFMBs, newest first
    std::uint32_t soft_filemark_count = 0;  // .bkf: SFMBs before
    std::uint32_t physical_block() const { return soft_filemarks ? 1024 : output_size; }
};

struct StreamOptions {
    std::uint16_t attributes = 0;  // stream_attribute
    bool checksum = true;          // a CSUM stream follows
};

class SetWriter {
  public:
    SetWriter(BlockOutput& output, WriterLayout layout);

    // Drains the buffer; true when it is empty and there is a block with room. Call it until it is true before: each
    // media_header, begin_set, volume, directory, file, corrupt, end_set, finish. Between the streams of one object it is
    // not required, but what does not fit is then kept in memory.
    bool ready() { return (pending_.empty() && used_ > 0) || ready_slowly(); }
    bool drained() const { return pending_.empty(); }

    // FLA of the next DBLK: the one that directory() or file() is about to write. Block of the set (from 0, SSET's block)
    // = address * 1024 / physical block; byte offset in it = the remainder.
    std::uint64_t address() const;
    // Bytes from the set's first byte; from the medium's first byte outside a set.
    std::uint64_t position() const { return position_; }
    bool at_block_start() const { return used_ == 0 && pending_.empty(); }  // nothing of a block is reserved or half written

    // TAPE padded to a physical block, and a filemark. Fills block size and soft filemark attribute.
    void media_header(const MediaHeader& block, std::span<const SmallStream> streams = {});
    // SSET. Numbers of its header are filled; .bkf: also its PBA. A new set may follow end_set().
    void begin_set(const SetBlock& block, std::span<const SmallStream> streams = {});
    void volume(const VolumeBlock& block, std::span<const SmallStream> streams = {});

    // Begin an object; streams follow, then end_object(). PNAM or FNAM is written when the name needs it. FLA, control block
    // id and object id (and a file's directory id) are filled; the object's id is returned.
    std::uint32_t directory(const DirectoryBlock& block);
    std::uint32_t file(const FileBlock& block);
    void end_object();  // SPAD to the FLB
    // CFIL about the object that just ended. stream_number: streams_begun() when the bad stream was begun. It counts the
    // object's streams from 1, without CSUM and fillers, a stream of unknown length once.
    void corrupt(const CorruptBlock& block);
    std::uint16_t streams_begun() const { return streams_begun_; }

    // Streams of the open object. Known length: exactly `length` bytes must be given. Unknown: VARIABLE segments are made.
    void small_stream(const SmallStream& stream);
    void begin_stream(StreamId id, std::uint64_t length, StreamOptions options = {});
    void begin_stream_of_unknown_length(StreamId id, StreamOptions options = {});
    // A sparse stream: its header first, then extents; the last may be empty at the file's size, when that lies in a hole.
    void sparse_header(StreamId id);
    void begin_sparse_extent(std::uint64_t file_offset, std::uint64_t length, StreamOptions options = {});
    // Room in the current block, at most the rest of the stream; empty: the output is full, or the stream is complete.
    MutableBytes data_space();
    void advance(std::size_t size);  // that many bytes of data_space() were filled
    std::uint64_t stream_remaining() const { return remaining_; }  // of a stream of known length
    // Fills the rest of a stream of known length with zeros as far as there is room; true when it is complete.
    bool pad_stream();
    void end_stream();  // precondition: complete, or of unknown length

    // ESPB up to the physical block, filemark, ESET padded, filemark.
    void end_set(const EndOfSetBlock& block, std::span<const SmallStream> streams = {});
    // .bkf: pushes the last, partly filled chunk. On tape everything is pushed already.
    void finish();

    const WriterLayout& layout() const { return layout_; }  // .bkf: with the filemarks written so far, newest first

  private:
    enum class Phase : std::uint8_t { medium, set, end };  // what is written; decides block kind and resume points
    struct State {                                          // what a resume point says, without the images
        ResumePoint::Inside inside = ResumePoint::Inside::nothing;
        bool volume = false, in_file = false, has_directory = false;
        std::uint8_t directory = 0;  // index into directories_
        StreamHeader stream;
        std::uint64_t remaining = 0, address = 0;
        BlockKind kind = BlockKind::block;
    };
    struct Directory {
        std::uint16_t size = 0;
        std::array<std::uint8_t, kFlbSize> image;
        std::shared_ptr<const std::vector<std::uint8_t>> long_path;
    };
    struct Pending {  // what could not be put into a block yet; never across a block's end
        enum class What : std::uint8_t { bytes, zeros, filemark } what{};
        std::size_t size = 0;
        State state;  // at its first byte
    };
    bool ready_slowly();
    enum class As : std::uint8_t { structure, stream_data };

    // writer_output.cpp: bytes into blocks, or into the buffer
    void put(Bytes bytes, As as = As::structure);
    void put_zeros(std::uint64_t size, As as = As::structure);
    void put_filemark();
    void put_soft_filemark();
    std::size_t write_now(const std::uint8_t* bytes, std::size_t size, const State& state);  // nullptr: zeros
    bool begin_block(const State& state);
    void push_block();
    void keep(Pending::What what, const std::uint8_t* bytes, std::size_t size);
    void drain();
    State state_now() const;
    std::size_t offset_in_block() const { return (used_ + pending_size_) % layout_.output_size; }

    // writer_streams.cpp
    bool header_fits(std::uint64_t distance) const;
    void make_room_for(std::uint64_t length, bool checksum);
    void put_header(const StreamHeader& header);
    void put_filler(StreamId id, std::uint64_t length);
    void align();
    void pad_to(std::uint64_t unit);
    void start_segment();
    void close_segment(std::uint16_t last);
    void finish_unknown_length();
    void finish_checksum();

    // writer.cpp
    std::size_t finish_image(MutableBytes image, std::size_t size);
    void put_block(std::size_t size, std::span<const SmallStream> streams, std::uint64_t unit);

    BlockOutput& output_;
    WriterLayout layout_;
    MutableBytes block_;  // reserved and begun; empty while used_ is 0
    std::size_t used_ = 0;
    BlockKind kind_ = BlockKind::block;
    ResumePoint resume_;  // of block_
    std::vector<Pending> pending_;
    std::vector<std::uint8_t> pending_bytes_;
    std::size_t pending_size_ = 0;

    Phase phase_ = Phase::medium;
    std::uint64_t position_ = 0;    // from the set's first byte
    std::uint64_t base_block_ = 0;  // .bkf: block number of position 0
    std::uint32_t next_control_block_ = 0, next_directory_ = 1, next_file_ = 1;
    std::uint32_t directory_id_ = 0;  // in force; 0: none
    bool volume_written_ = false;
    bool object_open_ = false, object_is_file_ = false;
    std::uint8_t directory_index_ = 0;
    std::array<Directory, 2> directories_;  // in force, and the one before: a buffered block may need it
    std::uint16_t file_size_ = 0;
    std::array<std::uint8_t, kFlbSize> file_image_, scratch_;

    std::uint16_t streams_begun_ = 0;
    StreamHeader stream_;  // the open one
    bool stream_open_ = false, unknown_length_ = false, with_checksum_ = false;
    std::uint64_t remaining_ = 0;
    bool segment_open_ = false;    // unknown length: a segment lies in block_, its length is not known yet
    std::size_t segment_at_ = 0;   // offset of its header in block_
    DataChecksum checksum_;
};

}  // namespace capstan::mtf
