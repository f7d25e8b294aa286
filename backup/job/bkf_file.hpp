// A .bkf file behind the ports of a drive: what SetWriterJob writes to and RestoreJob reads from. Positions are blocks of
// 1024 bytes from the file's first byte (MTF reference, section 2: a file's physical block is its soft filemark block).
// Control thread; reading and writing happen on a worker of the file's own.
#pragma once

#include "config/base/file.hpp"
#include "config/base/worker.hpp"
#include "drives/block_stream.hpp"

#include <atomic>
#include <memory>
#include <string>

namespace capstan::backup {

inline constexpr std::uint32_t kBkfBlock = 1024;             // bytes of one position
inline constexpr std::uint32_t kBkfChunk = 256 * 1024;       // bytes of a ring slot
inline constexpr BlockNumber kBkfFirstSet{2};                // behind TAPE and its soft filemark

struct BkfFile {
    FileHandle descriptor;
    std::string path;
    std::uint64_t size = 0;  // written so far
    bool named = false;      // its directory was synchronised
    std::atomic<bool> interrupted = false;
};

class BkfWriter final : public drives::BlockWriter {
  public:
    // Makes the file; one that exists is refused, it may be somebody's backup.
    static Result<std::unique_ptr<BkfWriter>> create(const std::string& path, std::unique_ptr<Worker> worker);
    // There is no next medium for a file: an entry is given back when it is written, and proven (fsync) at checkpoints.
    Task<drives::StreamReport> write_from(std::shared_ptr<drives::BlockRing> ring, std::chrono::milliseconds patience) override;
    Task<Result<drives::WriteReport>> write_blocks(std::vector<drives::WriteItem> items) override;
    Task<Result<BlockNumber>> synchronize() override;
    Task<Result<BlockNumber>> finish() override { return synchronize(); }
    Task<Result<BlockNumber>> mark_end(std::vector<drives::WriteItem> items) override;
    Task<Result<void>> remember(drives::MemoryEntry) override { co_return Result<void>{}; }
    void interrupt() override { file_->interrupted = true; }

  private:
    BkfWriter(std::shared_ptr<BkfFile> file, std::unique_ptr<Worker> worker) : file_(std::move(file)), worker_(std::move(worker)) {}
    std::shared_ptr<BkfFile> file_;
    std::unique_ptr<Worker> worker_;
};

class BkfReader final : public drives::BlockReader {
  public:
    // Refused: a file whose label has another media id than `media_id`.
    static Result<std::unique_ptr<BkfReader>> open(const std::string& path, const Uuid& media_id, std::unique_ptr<Worker> worker);
    Task<drives::ReadReport> read_into(std::shared_ptr<drives::BlockRing> ring, BlockNumber from, std::uint64_t count,
                                       std::chrono::milliseconds patience) override;
    Task<Result<std::vector<drives::TapeObject>>> read_objects(BlockNumber from, std::size_t count) override;
    void interrupt() override { file_->interrupted = true; }

  private:
    BkfReader(std::shared_ptr<BkfFile> file, std::unique_ptr<Worker> worker) : file_(std::move(file)), worker_(std::move(worker)) {}
    std::shared_ptr<BkfFile> file_;
    std::unique_ptr<Worker> worker_;
};

}  // namespace capstan::backup
