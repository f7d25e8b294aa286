// Soft filemarks: blocks that stand for filemarks on media that have none (MTF reference 2.16).
#pragma once

#include "backup/mtf/blocks.hpp"

#include <span>
#include <vector>

namespace capstan::mtf {

struct SoftFilemark {
    enum class Form : std::uint8_t { numbers_32, offsets_64, offsets_64_far };  // NTBackup; SQL Server 2005; 2008+
    BlockHeader header{.type = BlockType::soft_filemark, .string_type = StringType::none};
    Form form = Form::numbers_32;
    std::uint32_t capacity = 0;
    std::vector<std::uint64_t> marks;  // earlier filemarks, newest first; block numbers or byte offsets, by form
};

// `block`: the whole SFMB. Error: no SFMB, or counts that contradict its size.
Result<SoftFilemark> decode_soft_filemark(Bytes block);

// NTBackup's form. Fills `block` (one physical block); `number` is its own 0-based block number. Where more marks exist
// than fit, the newest are kept: older ones are in the SFMB that the last entry names.
void encode_soft_filemark(std::uint32_t number, std::uint32_t control_block_id, std::span<const std::uint32_t> marks,
                          MutableBytes block);

}  // namespace capstan::mtf
