#include "drives/block_writer.hpp"

namespace capstan::drives {

namespace {
template <class T>
using Operation = std::move_only_function<T(const scsi::Target&)>;
}

DriveBlockWriter::DriveBlockWriter(std::shared_ptr<DriveOwner::Core> core, WritePermit permit)
    : core_(std::move(core)), permit_(std::move(permit)), stop_(std::make_shared<std::atomic<bool>>(false)) {
    cursor_.position = cursor_.proven = cursor_.first = permit_.terms().first_block;
    // An append is for the end of data alone: there the drive itself sees to it that nothing is overwritten.
    cursor_.append_only = core_->medium.append_only;
    cursor_.overwrites = cursor_.append_only && raw(cursor_.position) == 0;
}

DriveBlockWriter::~DriveBlockWriter() {
    if (over_) return;
    auto why = fmt::format("{}: the write session was left without an end", core_->subject());
    permit_.invalidate(why);
    if (core_->loop.stopping()) return;  // a power cut: nobody is left to be told
    core_->lose_trust(why);
    if (core_->state == DriveState::writing) core_->fact<WriteEnded>();
}

Result<void> DriveBlockWriter::check_open() const {
    if (broken_) return std::unexpected(*broken_);
    if (!over_ && permit_.valid() && core_->state == DriveState::writing) return {};
    return fail(Recovery::change_request,
                fmt::format("{}: the write session is over: {}", core_->subject(),
                            permit_.valid() ? "it was finished" : permit_.why_void()),
                "Read the end of the medium back before anything is appended");
}

StreamReport DriveBlockWriter::failed_report(Error error) const {
    StreamReport report;
    report.position = cursor_.position;
    report.proven_position = cursor_.proven;
    report.early_warning = cursor_.early_warning;
    report.error = std::move(error);
    return report;
}

void DriveBlockWriter::break_off(const Error& error) {
    over_ = true;
    core_->believe_error(error);
    core_->lose_trust(to_text(error));
    permit_.invalidate(to_text(error));
    if (core_->state == DriveState::writing) core_->fact<WriteEnded>();
}

Task<StreamReport> DriveBlockWriter::write_from(std::shared_ptr<BlockRing> ring, std::chrono::milliseconds patience) {
    auto turn = co_await core_->turn();
    if (turn) {
        co_await begin_change();
    }
    auto open = turn ? check_open() : Result<void>(std::unexpected(turn.error()));
    if (open && ring_ && ring_ != ring) {
        auto synchronised = co_await synchronize_now();  // two rings are never on their way at once
        if (!synchronised) open = std::unexpected(std::move(synchronised.error()));
    }
    if (!open) {
        auto report = failed_report(std::move(open.error()));
        report.ring_in_use = ring_in_use_;
        if (!ring_in_use_) ring->rewind();  // what was taken before trust ended is not proven
        report.proven_sequence = ring->proven();
        report.next_sequence = ring->taken();
        co_return report;
    }
    ring_ = ring;
    auto stop = stop_;
    *stop = false;
    Operation<operations::Streamed> operation = [cursor = cursor_, ring, patience, stop](const scsi::Target& drive) {
        return operations::write_stream(drive, cursor, *ring, patience, *stop);
    };
    auto answer = co_await core_->perform_raw<operations::Streamed>(std::move(operation), DriveOwner::Core::Attention::ends_work);
    if (!answer) {
        // The ring may still be in use by the drive's thread: what is proven in it is the last word. If it only goes on
        // because the daemon stops, it ends at the next entry.
        *stop = true;
        ring_.reset();
        auto report = failed_report(std::move(answer.error()));
        report.proven_sequence = ring->proven();
        report.next_sequence = ring->taken();
        report.ring_in_use = ring_in_use_ = true;
        break_off(*report.error);
        co_return report;
    }
    cursor_ = answer->cursor;
    core_->counters.blocks_written += answer->report.blocks;
    core_->counters.bytes_written += answer->report.bytes;
    if (ring->proven() == ring->taken()) ring_.reset();
    if (answer->report.reason == StreamReport::Reason::failed) {
        ring_.reset();
        if (scsi::tells_of_bad_medium(*answer->report.error) && permit_.valid() && core_->state == DriveState::writing)
            broken_ = answer->report.error;
        else
            break_off(*answer->report.error);
    }
    co_return std::move(answer->report);
}

Task<Result<WriteReport>> DriveBlockWriter::write_blocks(std::vector<WriteItem> items) {
    CAPSTAN_CO_TRY(auto turn, co_await core_->turn());
    co_await begin_change();
    CAPSTAN_CO_CHECK(check_open());
    if (ring_) CAPSTAN_CO_CHECK(co_await synchronize_now());
    Operation<Result<operations::ItemsWritten>> operation = [cursor = cursor_, items = std::move(items)](const scsi::Target& drive) {
        return operations::write_items(drive, cursor, items);
    };
    auto done = co_await core_->perform(std::move(operation));
    if (!done) {
        break_off(done.error());
        co_return std::unexpected(std::move(done.error()));
    }
    cursor_ = done->cursor;
    core_->counters.blocks_written += done->blocks;
    core_->counters.bytes_written += done->bytes;
    co_return done->report;
}

Task<Result<BlockNumber>> DriveBlockWriter::synchronize_now() {
    Operation<Result<operations::WriteCursor>> operation = [cursor = cursor_, ring = ring_](const scsi::Target& drive) {
        return operations::synchronize(drive, cursor, ring.get());
    };
    auto done = co_await core_->perform(std::move(operation));
    if (!done) {
        break_off(done.error());
        co_return std::unexpected(std::move(done.error()));
    }
    cursor_ = *done;
    ring_.reset();
    co_return cursor_.proven;
}

Task<Result<BlockNumber>> DriveBlockWriter::synchronize() {
    CAPSTAN_CO_TRY(auto turn, co_await core_->turn());
    CAPSTAN_CO_CHECK(check_open());
    co_return co_await synchronize_now();
}

Task<Result<BlockNumber>> DriveBlockWriter::mark_end(std::vector<WriteItem> items) {
    CAPSTAN_CO_TRY(auto turn, co_await core_->turn());
    if (!broken_ || over_ || !permit_.valid() || core_->state != DriveState::writing)
        co_return fail(Recovery::change_request,
                       fmt::format("{}: nothing can be written behind what is proven: {}", core_->subject(),
                                   broken_ ? permit_.why_void() : "no write has failed"));
    Operation<Result<operations::WriteCursor>> operation = [cursor = cursor_, items = std::move(items)](const scsi::Target& drive) {
        return operations::mark_end(drive, cursor, items);
    };
    auto done = co_await core_->perform(std::move(operation));
    break_off(*broken_);
    if (!done) co_return std::unexpected(std::move(done.error()));
    cursor_ = *done;
    co_return cursor_.proven;
}

Task<Result<void>> DriveBlockWriter::remember(MemoryEntry entry) {
    CAPSTAN_CO_TRY(auto turn, co_await core_->turn());
    if (!core_->identity.has_memory) co_return Result<void>{};
    CAPSTAN_CO_CHECK(check_open());
    CAPSTAN_CO_CHECK(co_await synchronize_now());
    if (!reference_) co_return Result<void>{};  // nothing was written since the note before
    Operation<Result<void>> operation = [entry = std::move(entry), before = *reference_](const scsi::Target& drive) {
        return operations::write_memory(drive, entry, before);
    };
    auto written = co_await core_->perform(std::move(operation));
    if (written) reference_.reset();
    co_return written;
}

// Should it fail, the drive's own count of changes still voids the note; a session that this broke is found by check_open().
Task<void> DriveBlockWriter::begin_change() {
    if (reference_ || !core_->identity.has_memory || !check_open()) co_return;
    Operation<Result<std::uint64_t>> operation = &operations::void_memory;
    auto before = co_await core_->perform(std::move(operation));
    reference_ = before.value_or(0);
}

Task<Result<BlockNumber>> DriveBlockWriter::finish() {
    CAPSTAN_CO_TRY(auto turn, co_await core_->turn());
    CAPSTAN_CO_CHECK(check_open());
    auto proven = co_await synchronize_now();
    if (!proven) co_return proven;
    over_ = true;
    core_->position = *proven;
    core_->fact<WriteEnded>();
    co_return proven;
}

}  // namespace capstan::drives
