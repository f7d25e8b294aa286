// For drives without LOCATE, or whose READ POSITION does not know where it is: a door in between that has both. It counts the
// objects that pass, goes to a block by REWIND and SPACE, and finds filemarks and the end of data by reading on. What it says is
// as good as the counting; so whoever appends reads back what lies before (design section 3, rule 3).
// Some drives (tgt's) count filemarks as blocks in SPACE and say nothing of them; both ways lead to the same block here.
#pragma once

#include "drives/scsi/sense.hpp"
#include "drives/scsi/ssc.hpp"

namespace capstan::scsi {

// What is known of the tape in the drive; kept from one operation to the next. Empty: unknown, until it is rewound.
struct TapeCount {
    std::optional<BlockNumber> position;
    BlockNumber furthest{};      // data reach until here at least; from here on the end of data is looked for
    BlockNumber synchronised{};  // objects before it are on the medium, if the drive stands behind it
};

class CountedPosition final : public Transport {
  public:
    CountedPosition(Transport& door, TapeCount& count) : door_(door), count_(count) {}
    Result<ScsiReply> execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in, std::chrono::milliseconds timeout) override;

  private:
    using Limit = std::chrono::milliseconds;
    Result<ScsiReply> pass(const Cdb& cdb, DataOut data_out, MutableBytes data_in, Limit timeout);
    Result<ScsiReply> tell(const Cdb& cdb, MutableBytes data_in) const;
    Result<ScsiReply> locate(const Cdb& cdb, Limit timeout);
    Result<ScsiReply> space(const Cdb& cdb, Limit timeout);
    Result<ScsiReply> space_blocks(std::int64_t blocks, const Cdb& cdb, Limit timeout);
    Result<ScsiReply> space_filemarks(std::int64_t filemarks, const Cdb& cdb, Limit timeout);
    Result<ScsiReply> to_block(BlockNumber block, Limit timeout);
    Result<ScsiReply> to_end_of_data(Limit timeout);
    Result<ScsiReply> step(Limit timeout);
    Result<ScsiReply> forward(std::uint64_t objects, Limit timeout);
    Result<ScsiReply> rewind(Limit timeout);

    void note(const Cdb& cdb, const ScsiReply& reply);
    void note_read(const Cdb& cdb, const ScsiReply& reply);
    void note_write(std::uint64_t objects, std::uint64_t asked, const ScsiReply& reply);
    void lose(bool medium_too = false);
    void advance(std::uint64_t objects);

    Transport& door_;
    TapeCount& count_;
};

}  // namespace capstan::scsi
