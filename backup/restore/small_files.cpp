#include "backup/restore/small_files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

namespace capstan::backup {

namespace {

constexpr std::size_t kPlaces = 64;  // each may hold a descriptor of a directory of its own

bool lies_in(Bytes bytes, Bytes memory) {
    std::less_equal<const std::uint8_t*> not_behind;
    return !memory.empty() && not_behind(memory.data(), bytes.data()) &&
           not_behind(bytes.data() + bytes.size(), memory.data() + memory.size());
}

}  // namespace

void RestoreLedger::failed(const std::string& path, std::string text) {
    ++failed_;
    issues_.add({IssueKind::not_restored, path, std::move(text)});
}

void RestoreLedger::kept(const std::string& path) {
    ++kept_;
    issues_.add({IssueKind::kept, path, "it exists"});
}

// What one thread needs to make files.
class SmallFiles::Maker {
  public:
    explicit Maker(SmallFiles& files)
        : ledger_(files.ledger_), applier_(files.options_.numeric_owner), file_(files.names_) {}
    void make(const SmallFile& wanted);

  private:
    bool write(const SmallFile& wanted);
    void failed(const SmallFile& wanted, const char* what) {
        ledger_.failed(wanted.object.path, fmt::format("{}: {}", what, ::strerror(errno)));
        file_.drop();
    }

    RestoreLedger& ledger_;
    Applier applier_;
    NewFile file_;
    std::vector<std::string> missing_;
};

void SmallFiles::Maker::make(const SmallFile& wanted) {
    const auto& [path, metadata, sparse] = wanted.object;
    if (!file_.create(wanted.parent->get(), wanted.existing)) return failed(wanted, "it cannot be created");
    applier_.apply_before_data(file_.descriptor(), metadata);
    if (!write(wanted)) return;
    missing_.clear();
    applier_.apply(file_.descriptor(), Access::readable, metadata, missing_);
    for (auto& part : missing_) ledger_.note(IssueKind::metadata_not_restored, path, std::move(part));
    if (!file_.place(wanted.name)) {
        if (errno == EEXIST && wanted.existing == Existing::never) return ledger_.kept(path);  // it appeared meanwhile
        return failed(wanted, "it cannot get its name");
    }
    if (!wanted.damage.empty()) ledger_.note(IssueKind::damaged, path, wanted.damage);
    ledger_.completed();
}

bool SmallFiles::Maker::write(const SmallFile& wanted) {
    std::uint64_t end = 0;
    for (const auto& piece : wanted.pieces) {
        auto written = write_all(file_.descriptor(), piece.bytes, piece.offset, wanted.object.path);
        if (!written) {
            ledger_.failed(wanted.object.path, written.error().happened);
            file_.drop();
            return false;
        }
        ledger_.wrote(piece.bytes.size());
        end = piece.offset + piece.bytes.size();
    }
    auto size = wanted.object.metadata.size;
    if (end == size || ::ftruncate(file_.descriptor(), static_cast<off_t>(size)) == 0) return true;
    failed(wanted, "its size cannot be set");
    return false;
}

SmallFiles::SmallFiles(unsigned threads, const RestoreOptions& options, TemporaryNames& names, RestoreLedger& ledger)
    : options_(options), names_(names), ledger_(ledger), places_(kPlaces), own_(std::make_unique<Maker>(*this)) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

SmallFiles::~SmallFiles() {
    settle();
    stop_ = true;
    ++calls_;
    calls_.notify_all();
    for (auto& thread : threads_) thread.join();
}

void SmallFiles::work() {
    Maker maker(*this);
    while (!stop_) {
        auto seen = calls_.load();
        if (!make_one(maker) && !stop_) calls_.wait(seen);
    }
}

// Takes the next file that nobody makes yet. False: there is none.
bool SmallFiles::make_one(Maker& maker) {
    auto number = claimed_.load();
    do {
        if (number >= ready_.load()) return false;
    } while (!claimed_.compare_exchange_weak(number, number + 1));
    auto& mine = place(number);
    maker.make(mine.file);
    mine.state.store(State::done);
    mine.state.notify_one();
    return true;
}

// Helps until this file is made.
void SmallFiles::wait_for(std::uint64_t number) {
    auto& awaited = place(number).state;
    while (awaited.load() == State::ready) {
        if (!make_one(*own_)) awaited.wait(State::ready);
    }
}

void SmallFiles::in_block(std::uint64_t number, Bytes memory) {
    block_ = number;
    memory_ = memory;
}

SmallFile& SmallFiles::begin() {
    done_below();
    if (submitted_ - oldest_ == places_.size()) {
        wait_for(oldest_);
        done_below();
    }
    auto& mine = place(submitted_);
    mine.holds = false;
    mine.file.pieces.clear();
    mine.file.damage.clear();
    filling_ = true;
    return mine.file;
}

void SmallFiles::add(std::uint64_t offset, Bytes bytes) {
    auto& mine = place(submitted_);
    SmallFile::Piece piece{offset, bytes};
    if (lies_in(bytes, memory_)) {
        if (!std::exchange(mine.holds, true)) mine.first_block = block_;
    } else {
        piece.copy.assign(bytes.begin(), bytes.end());
        piece.bytes = piece.copy;
    }
    mine.file.pieces.push_back(std::move(piece));
}

void SmallFiles::submit() {
    filling_ = false;
    place(submitted_).state.store(State::ready);
    ready_.store(++submitted_);
    if (threads_.empty()) {
        make_one(*own_);
        return;
    }
    ++calls_;
    calls_.notify_one();
}

std::uint64_t SmallFiles::done_below() {
    while (oldest_ < submitted_ && place(oldest_).state.load() == State::done) {
        place(oldest_).file.parent.reset();
        place(oldest_++).state.store(State::empty);
    }
    return oldest_;
}

void SmallFiles::settle() {
    while (done_below() < submitted_) wait_for(oldest_);
}

std::uint64_t SmallFiles::unused_below(std::uint64_t next, bool wait) {
    if (wait) {
        settle();
        if (filling_) {  // however much still belongs to it on the medium, the ring must not stand still for it
            for (auto& piece : place(submitted_).file.pieces) {
                if (!piece.copy.empty()) continue;
                piece.copy.assign(piece.bytes.begin(), piece.bytes.end());
                piece.bytes = piece.copy;
            }
            place(submitted_).holds = false;
        }
    }
    // Files take memory in the order of their numbers, so the first that holds any says it.
    for (auto number = done_below(); number < submitted_ + (filling_ ? 1 : 0); ++number)
        if (place(number).holds) return std::min(next, place(number).first_block);
    return next;
}

}  // namespace capstan::backup
