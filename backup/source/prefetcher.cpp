#include "backup/source/prefetcher.hpp"

#include <utility>

namespace capstan::backup {

namespace {

constexpr std::size_t kSlots = 128;  // each may hold a descriptor of its own and one of a directory
constexpr std::uint64_t kBatch = 32;
constexpr std::chrono::milliseconds kPatience{1000};

}  // namespace

Prefetcher::Prefetcher(ChosenNode chosen, bool cross_file_systems, std::vector<std::string> exclude, unsigned threads,
                       Doorbell* doorbell)
    : walker_(std::move(chosen), cross_file_systems, std::move(exclude)),
      doorbell_(doorbell),
      slots_(kSlots),
      thread_count_(threads) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this, i] { work(i == 0); });
}

Prefetcher::~Prefetcher() {
    stop_ = true;
    work_.ring();
    for (auto& thread : threads_) thread.join();
}

void Prefetcher::work(bool lists) {
    Examiner examiner;
    while (!stop_) {
        auto seen = work_.count();
        bool did = lists && listed_ - claimed_ < kBatch && list_some();
        did = examine_one(examiner) || did;
        if (!did) {
            if (walked_ && claimed_ >= listed_) return;
            work_.wait(seen, kPatience);
        }
    }
}

// The first thread only: names up to one batch of objects.
bool Prefetcher::list_some() {
    std::uint64_t count = 0;
    while (count < kBatch && !walked_ && listed_ - consumed_ < slots_.size()) {
        auto& next = slot(listed_);
        if (!walker_.next(next.entry)) {
            walked_ = true;
            work_.ring();
            if (waiting_.exchange(false)) doorbell_->ring();
            break;
        }
        next.state.store(State::listed, std::memory_order_relaxed);
        listed_.fetch_add(1);
        ++count;
    }
    if (count > 0 && thread_count_ > 1) work_.ring();
    return count > 0;
}

bool Prefetcher::examine_one(Examiner& examiner) {
    auto index = claimed_.load();
    do {
        if (index >= listed_) return false;
    } while (!claimed_.compare_exchange_weak(index, index + 1));
    auto& mine = slot(index);
    mine.examined = examiner.examine(mine.entry);
    if (mine.examined.state != Examined::State::deferred) mine.entry.directory.reset();
    mine.state.store(State::done);
    if (index == consumed_ && waiting_.exchange(false)) doorbell_->ring();
    return true;
}

Prefetcher::Step Prefetcher::next(Examined& examined) {
    if (thread_count_ == 0) {
        WalkEntry entry;
        if (!walker_.next(entry)) return Step::end;
        examined = inline_examiner_.examine(entry);
        late_sockets_ += examined.socket ? 1 : 0;
        return Step::one;
    }
    auto& first = slot(consumed_);
    if (first.state.load() != State::done) {
        waiting_ = true;
        if (first.state.load() != State::done) {
            bool end = walked_ && consumed_ == listed_;
            if (end) waiting_ = false;
            return end ? Step::end : Step::waiting;
        }
        waiting_ = false;
    }
    examined = std::move(first.examined);
    if (examined.state == Examined::State::deferred) examined = inline_examiner_.examine(first.entry);
    late_sockets_ += examined.socket ? 1 : 0;
    first.entry = {};
    first.state.store(State::empty);
    if (++consumed_ % kBatch == 0) work_.ring();
    return Step::one;
}

}  // namespace capstan::backup
