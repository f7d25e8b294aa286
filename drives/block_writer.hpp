// The write session of a drive. Private to drives/; made by DriveOwner::start_writing alone.
#pragma once

#include "drives/drive_core.hpp"

namespace capstan::drives {

class DriveBlockWriter final : public BlockWriter {
  public:
    DriveBlockWriter(std::shared_ptr<DriveOwner::Core> core, WritePermit permit);
    ~DriveBlockWriter() override;

    Task<StreamReport> write_from(std::shared_ptr<BlockRing> ring, std::chrono::milliseconds patience) override;
    Task<Result<WriteReport>> write_blocks(std::vector<WriteItem> items) override;
    Task<Result<BlockNumber>> synchronize() override;
    Task<Result<BlockNumber>> finish() override;
    Task<Result<BlockNumber>> mark_end(std::vector<WriteItem> items) override;
    Task<Result<void>> remember(MemoryEntry entry) override;
    void interrupt() override { *stop_ = true; }

  private:
    Result<void> check_open() const;
    StreamReport failed_report(Error error) const;
    void break_off(const Error& error);  // the permit is void, the session over
    Task<Result<BlockNumber>> synchronize_now();  // with the turn taken
    Task<void> begin_change();  // with the turn taken: what the cartridge's memory says of the tape is true no more

    std::shared_ptr<DriveOwner::Core> core_;
    WritePermit permit_;
    operations::WriteCursor cursor_;
    std::shared_ptr<BlockRing> ring_;  // with entries that are not proven
    std::optional<std::uint64_t> reference_;  // the volume change reference before this session, or what it wrote since its last note
    operations::StopFlag stop_;
    std::optional<Error> broken_;  // the medium did not take a block: only mark_end() is left
    bool ring_in_use_ = false;     // by an operation that never answered
    bool over_ = false;
};

}  // namespace capstan::drives
