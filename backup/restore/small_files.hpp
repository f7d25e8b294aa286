// Makes the small files of a restore on several threads, while the decoder goes on: making a file costs the kernel
// several times what decoding it costs us. The data are not copied; their memory is held until the file is complete.
// One owner thread calls everything here; without threads the owner makes each file itself in submit().
#pragma once

#include "backup/posix/collect.hpp"
#include "backup/restore/new_file.hpp"
#include "backup/restore/restore_target.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace capstan::backup {

// What became of the objects of a restore: counts, and the issues for the ledger. Any thread.
class RestoreLedger {
  public:
    explicit RestoreLedger(IssueQueue& issues) : issues_(issues) {}
    void failed(const std::string& path, std::string text);
    void kept(const std::string& path);
    void note(IssueKind kind, const std::string& path, std::string text) { issues_.add({kind, path, std::move(text)}); }
    void completed() { ++objects_; }
    void wrote(std::uint64_t bytes) { bytes_ += bytes; }
    ObjectSink::Counts counts() const { return {objects_, bytes_, kept_, failed_}; }

  private:
    IssueQueue& issues_;
    std::atomic<std::uint64_t> objects_ = 0, bytes_ = 0, kept_ = 0, failed_ = 0;
};

// One small file: filled by the owner, made by whoever is free.
struct SmallFile {
    struct Piece {
        std::uint64_t offset = 0;
        Bytes bytes;
        std::vector<std::uint8_t> copy{};  // what `bytes` are in, unless they lie in a held block
    };
    std::shared_ptr<const FileHandle> parent;
    std::string name;
    IncomingObject object;
    Existing existing = Existing::never;
    std::vector<Piece> pieces;  // ascending
    std::string damage;         // what is wrong with the data on the medium
};

class SmallFiles {
  public:
    static constexpr std::uint64_t kSizeMax = 256u << 10;  // of the data of one

    SmallFiles(unsigned threads, const RestoreOptions& options, TemporaryNames& names, RestoreLedger& ledger);
    ~SmallFiles();  // what was submitted is still made
    SmallFiles(const SmallFiles&) = delete;
    SmallFiles& operator=(const SmallFiles&) = delete;

    // The memory that the next data lie in; it stays as it is until unused_below() passes its number.
    void in_block(std::uint64_t number, Bytes memory);
    SmallFile& begin();  // the next one, to be filled; the owner helps while all places are taken
    void add(std::uint64_t offset, Bytes bytes);
    void submit();
    void abandon() { filling_ = false; }  // what begin() gave is not wanted after all

    std::uint64_t submitted() const { return submitted_; }
    std::uint64_t done_below();  // every file with a smaller number (counted from 0) is made, or named in the ledger
    void settle();               // until all that were submitted are
    // Blocks below this number are not needed any more; `next` if none is. wait: settles first, so that all are free.
    std::uint64_t unused_below(std::uint64_t next, bool wait);

  private:
    enum class State : std::uint8_t { empty, ready, done };
    struct Place {
        std::atomic<State> state = State::empty;
        SmallFile file;
        std::uint64_t first_block = 0;
        bool holds = false;  // memory of first_block, and perhaps of later ones
    };
    class Maker;
    Place& place(std::uint64_t number) { return places_[number % places_.size()]; }
    void work();
    bool make_one(Maker& maker);
    void wait_for(std::uint64_t number);

    const RestoreOptions& options_;
    TemporaryNames& names_;
    RestoreLedger& ledger_;
    std::vector<Place> places_;
    std::uint64_t submitted_ = 0, oldest_ = 0;  // files; those in between are not all done
    bool filling_ = false;
    std::uint64_t block_ = 0;
    Bytes memory_;
    std::atomic<std::uint64_t> ready_ = 0, claimed_ = 0;
    std::atomic<std::uint32_t> calls_ = 0;  // to whoever sleeps
    std::atomic<bool> stop_ = false;
    std::unique_ptr<Maker> own_;
    std::vector<std::thread> threads_;
};

}  // namespace capstan::backup
