// A set that goes on on the next medium (MTF reference 1.9). The writer lays blocks out so that every physical block can be
// the first one there, unchanged: no header lies across a block boundary, and for each block it tells what was open where
// the block begins. encode_continuation() then makes the one block that stands before it. Pure; any thread.
#pragma once

#include "backup/mtf/blocks.hpp"
#include "backup/mtf/streams.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace capstan::mtf {

// The state at the first byte of a physical block. About 2 KiB; copied once per block, nothing is allocated.
struct ResumePoint {
    enum class Inside : std::uint8_t {
        nothing,  // the block is no part of a set's data (TAPE, SSET, ESET): it goes on the next medium as it is
        set,      // behind SSET or VOLB, before the first directory
        between,  // between two objects, below `directory`
        object,   // inside an object, between two streams
        stream,   // inside a stream: `remaining` bytes of it follow
    };
    Inside inside = Inside::nothing;
    bool volume_written = false;    // VOLB stands before this point
    std::uint16_t directory_size = 0, file_size = 0;  // bytes of the images; 0: none. file: only inside a file
    StreamHeader stream;            // header of the stream that is open, with its whole length
    std::uint64_t remaining = 0;
    std::uint64_t address = 0;      // FLA of the block's first byte
    std::shared_ptr<const std::vector<std::uint8_t>> long_path;  // PNAM of the directory, when its block cannot hold it
    std::array<std::uint8_t, kFlbSize> directory, file;  // images of the blocks in force: undefined beyond their sizes

    ResumePoint() {}  // leaves the images as they are
};

// Fills `block`, one physical block, with SSET*, VOLB*, DIRB*, FILE* and the header of the resumed stream, which ends exactly
// where the block ends (variant C). The blocks already encoded follow it. `set`: as at the set's begin, with the address of
// this block on its medium; header fields are filled here. A path too long for the block is left out: the directory id
// tells. Precondition: point.inside is neither `nothing`, nor is block.size() below 16 KiB or no multiple of kFlbSize.
void encode_continuation(const ResumePoint& point, const SetBlock& set, const VolumeBlock& volume, MutableBytes block);

// A stream written in one go, checksummed with a CSUM behind it.
struct SmallStream {
    StreamId id{};
    Bytes payload;
    std::uint16_t attributes = stream_attribute::non_portable;
};

// One descriptor block with its streams, padded by SPAD to the end of `space` (one physical block): what a label, and the
// end of a medium, are made of. Cases g to j of reference 1.9: on the full medium FM, encode_padded(EOTM), FM; on the next
// one TAPE* FM, encode_padded(SSET* with eos_at_eom) FM, encode_padded(ESET) FM.
// Error: the streams do not fit.
Result<void> encode_padded(const MediaHeader& block, std::span<const SmallStream> streams, MutableBytes space);
Result<void> encode_padded(const SetBlock& block, std::span<const SmallStream> streams, MutableBytes space);
Result<void> encode_padded(const EndOfSetBlock& block, std::span<const SmallStream> streams, MutableBytes space);
Result<void> encode_padded(const EndOfTapeBlock& block, std::span<const SmallStream> streams, MutableBytes space);

}  // namespace capstan::mtf
