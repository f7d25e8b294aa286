// The decoder's inside: a window over what was fed, and one state after another. Not for use outside the decoder.
#pragma once

#include "backup/mtf/decoder.hpp"

#include <optional>

namespace capstan::mtf {

// Of a soft filemark that is looked into; larger ones are passed over.
inline constexpr std::size_t kSoftFilemarkMax = 65536;

// What was fed and not yet consumed, as contiguous bytes. Only a look-ahead that lies across two feeds is copied.
class Window {
    std::vector<std::uint8_t> carry_;
    std::size_t carry_at_ = 0;
    Bytes input_;

  public:
    std::uint64_t offset = 0;  // on the medium, of the next byte

    std::size_t carried() const { return carry_.size() - carry_at_; }
    std::size_t available() const { return carried() + input_.size(); }
    void set_input(Bytes input) { input_ = input; }
    void keep_rest();                       // before the memory that was fed goes away
    void drop() { carry_.clear(), carry_at_ = 0, input_ = {}; }
    Bytes peek_up_to(std::size_t size);     // contiguous; shorter only when there is no more
    Bytes piece(std::uint64_t size_max);    // what can be had without copying, for stream data; then consume() it
    void consume(std::size_t size);
};

struct Decoder::Machine {
    enum class At : std::uint8_t {
        block,      // a DBLK begins here
        streams,    // a stream header, or the next DBLK
        data,       // inside a stream
        skip,       // bytes that mean nothing
        resync,     // looking for a block that checks
    };
    enum class Use : std::uint8_t { consumer, filler, checksum, name, ignored };  // of the data of the stream

    // One object and its stream; set aside while a set moves to the next medium.
    struct Open {
        bool object = false;          // between a block and its object_end
        bool quiet = false;           // a repeated block that the consumer knows: no events
        BlockHeader header;
        std::uint32_t directory_id = 0, file_id = 0;
        std::optional<DirectoryBlock> held_directory;  // waits for its name stream
        std::optional<FileBlock> held_file;
        Place held_place;
        std::vector<std::uint8_t> name;
        bool name_too_long = false;

        bool stream = false;          // started, its end not yet reported
        bool variable_open = false;   // more segments follow
        bool beginning_known = true, skipped = false, split = false;
        StreamEnd end;
        DataChecksum whole, part;     // part: since the last change of medium
        bool checksum_seen = false;
        bool name_stream = false;     // a name was read whole; its CSUM may follow
        std::uint64_t left_for_next = 0;  // bytes of the stream that the next medium must hold
        Use use = Use::ignored;
        std::uint64_t remaining = 0;  // of the segment being read
        StreamId current{};           // its id
    };

    Machine(DecoderEvents& sink, DecoderSettings initial);

    // decoder.cpp
    void run(bool final);
    bool step(bool final);
    void cut_open_object(std::string_view why);
    void report(std::uint64_t offset, std::string what, std::uint64_t skipped = 0);
    void skip(std::uint64_t size, At next);
    bool step_skip();
    bool has_data() const { return open.header.type == BlockType::file || open.header.type == BlockType::directory; }
    void end_if_without_streams();
    void start_resync(std::string what);
    bool step_resync(bool final);
    bool plausible(const BlockHeader& header) const;

    // decoder_blocks.cpp
    bool step_block(bool final);
    bool block(const DecodedHeader& decoded, Bytes bytes, bool final);
    bool block_soft_filemark(const BlockHeader& header, bool final);
    void begin_object(const BlockHeader& header);
    void block_tape(Bytes bytes);
    void block_set(Bytes bytes);
    void block_volume(Bytes bytes);
    void block_directory(Bytes bytes);
    void block_file(Bytes bytes);
    void block_end_of_set(Bytes bytes);
    bool rejoin(const BlockHeader& header, std::uint32_t directory_id, std::uint32_t file_id);
    void emit_held();
    void end_object();

    // decoder_streams.cpp
    bool step_streams(bool final);
    bool scan_for_header(bool final);
    bool begin_stream(const StreamHeader& header, bool final);
    void begin_consumer_stream(const StreamHeader& header);
    std::optional<std::size_t> continued_gap(const StreamHeader& header, bool final);
    bool step_data(bool final);
    void take_data(Bytes bytes);
    void end_of_segment();
    void checksum_read();
    void close_stream(bool complete);
    bool reaches_tail() const;
    bool medium_ends_here();

    DecoderEvents& events;
    DecoderSettings settings;
    Window window;
    At at = At::block, after_skip = At::block;
    std::uint64_t skip_left = 0;
    bool stopped = false;

    Open open;
    std::optional<Open> aside;        // of the set that goes on on the next medium
    bool joining = false;             // a further medium is being read
    std::uint64_t block_at = 0;       // offset of the last DBLK
    unsigned slack = 0;               // bytes to the aligned place of the first stream header
    bool in_set = false, set_closed = false, seen_any = false;
    std::uint16_t set_number = 0;
    std::uint64_t base = 0;           // offset of FLA 0
    std::uint64_t last_address = 0;
    std::uint32_t last_control_block = 0;
    std::vector<std::uint8_t> checksum_bytes;

    std::uint64_t resync_from = 0;
    std::string resync_why;
    bool resync_nonzero = false;
};

}  // namespace capstan::mtf
