// A tape medium in files, one directory per cartridge. Append and locate are O(1), space over filemarks O(log n);
// numbers are 64-bit; the files are as large as what was written. What synchronise() confirmed survives kill -9 and a
// power cut at any instant. What was appended since then is only in the page cache and in this object: it is the
// drive's buffer. Thread contract: one thread at a time. Errors: Recovery::give_up when a file failed, replace_medium
// when the cartridge's own files are damaged (a read error, never the end of data).
#pragma once

#include "config/base/file.hpp"
#include "drives/scsi/transport.hpp"
#include "drives/virtual/cartridge_format.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace capstan::virtual_library {

class CartridgeFile {
  public:
    // Makes the directory and its `medium` file. Durable, unless a caller that makes many synchronises them all itself.
    enum class Durable : std::uint8_t { yes, caller_synchronises };
    static Result<void> create(const std::string& directory, const MediumInfo& info, Durable durable = Durable::yes);
    // Opens and, after a crash, cuts what was not synchronised. Only one opener may write (the library's lock sees to
    // it).
    static Result<std::unique_ptr<CartridgeFile>> open(const std::string& directory);
    // For tests and offline tools: reads what was synchronised, changes nothing, may be used while a daemon has it.
    static Result<std::unique_ptr<CartridgeFile>> open_read_only(const std::string& directory);

    const std::string& directory() const { return directory_; }
    const MediumInfo& info() const { return info_; }
    Result<void> set_info(MediumInfo info);  // durable; id and segment size must not change

    struct Object {
        bool filemark = false;
        std::uint32_t size = 0;
    };
    BlockNumber end() const { return BlockNumber{synchronised_ + pending_.size()}; }  // end of data
    BlockNumber synchronised_end() const { return BlockNumber{synchronised_}; }
    std::uint64_t buffered_bytes() const { return data_end_ - synchronised_data_end_; }
    // Bytes of capacity used: user data plus 512 per filemark (so that filemarks alone fill a tape, too).
    std::uint64_t used() const;
    Result<std::uint64_t> byte_position(BlockNumber number);  // bytes of user data before object `number` <= end

    Result<Object> object(BlockNumber number);  // precondition: number < end
    // Reads the first bytes of a block, as many as fit. Precondition: it is a block.
    Result<std::size_t> read(BlockNumber number, MutableBytes space);
    Result<std::uint64_t> filemarks_before(BlockNumber number);  // precondition: number <= end
    // The object number of filemark `nth`, from 0. Precondition: nth < filemarks_before(end).
    Result<BlockNumber> find_filemark(std::uint64_t nth);

    // `at` < end cuts everything from there on, durably, before anything is written. Size 1 to kBlockSizeMax.
    Result<void> append_block(BlockNumber at, scsi::DataOut data);
    Result<void> append_filemarks(BlockNumber at, std::uint64_t count);
    Result<void> truncate(BlockNumber end);
    // Data, then index, each with fdatasync. After an Error nothing is known to be synchronised that was not before,
    // and only drop_unsynchronised() may follow (the kernel forgets a failed page: a second fdatasync would lie).
    Result<void> synchronise();
    // The drive loses its power: everything since the last synchronise() is gone from the cartridge.
    Result<void> drop_unsynchronised();

  private:
    CartridgeFile(std::string directory, MediumInfo info, bool read_only);
    static Result<std::unique_ptr<CartridgeFile>> open(const std::string& directory, bool read_only);
    Result<void> find_synchronised_end();
    Result<IndexRecord> record(BlockNumber number);
    Result<int> segment(std::uint64_t number, bool create);
    struct Segment {
        FileHandle file;
        bool dirty = false;
    };
    Result<void> write_data(std::uint64_t offset, scsi::DataOut data, std::size_t size);
    Result<void> cut_data(std::uint64_t data_end);
    Result<void> sync_data();
    Result<void> stream_to_disk();
    Result<void> write_back(std::uint64_t offset, unsigned how);
    void read_on(std::uint64_t from, std::uint64_t until);
    void advise_step(std::uint64_t offset, int advice) const;
    void forget_pending(BlockNumber end);
    std::string segment_path(std::uint64_t number) const;
    std::string index_path() const { return directory_ + "/index"; }
    Error damaged(BlockNumber number, const char* what) const;

    std::string directory_;
    MediumInfo info_;
    bool read_only_;
    FileHandle index_;
    std::vector<Segment> segments_;            // those that were opened; closed entries have no file
    std::uint64_t synchronised_ = 0;           // objects
    std::uint64_t synchronised_data_end_ = 0;  // bytes
    std::uint64_t data_end_ = 0;               // bytes, with what is buffered
    std::uint64_t filemarks_ = 0;              // on the whole tape, with what is buffered
    // Reading in a row: from where, until where, until where the disk was asked for more, until where the cache was given back.
    std::uint64_t read_from_ = 0, read_until_ = 0, fetched_until_ = 0, dropped_until_ = 0;
    std::uint64_t writeback_from_ = 0;         // data before this were handed to the disk already
    std::deque<IndexRecord> pending_;          // objects synchronised_ … end
    bool directory_dirty_ = false;
    bool failed_ = false;              // a synchronise() failed: see there
    std::vector<std::uint8_t> cache_;  // index records from cache_first_ on: a sequential read asks once in 128
    std::uint64_t cache_first_ = 0;
};

}  // namespace capstan::virtual_library
