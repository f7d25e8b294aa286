// A write that failed: what is proven on the medium stays there, all else is still in the ring and goes to the next cartridge of
// the family. Nothing is written over what another session left, and nothing is believed that the drive did not confirm.
#include "backup/job/set_writer_job.hpp"
#include "drives/scsi/sense.hpp"

#include <fmt/format.h>

namespace capstan::backup {

// A drive that never answered may still have the ring in use. A file has no next medium, a cancelled set needs none.
bool SetWriterJob::can_go_on(const drives::StreamReport& report) const {
    return !to_file() && !cancelled_ && !report.ring_in_use && report.error->recovery != Recovery::cancelled;
}

Task<Result<bool>> SetWriterJob::go_on_elsewhere(drives::StreamReport report) {
    if (!can_go_on(report)) co_return std::unexpected(*report.error);
    const bool nothing_here = report.proven_position < ring_start_;  // not even what repeats the set's begin
    if (!nothing_here) {
        CAPSTAN_CO_TRY(const bool complete, co_await settle_proven(report.proven_position));
        if (complete) {
            close_session(pools::MountPort::After::failed, to_text(*report.error));
            co_return true;
        }
    }
    const auto sequence = ring_->taken();
    CAPSTAN_CO_CHECK(count_barren(sequence));
    const auto place = end_at(sequence);
    issues_.add({IssueKind::note, "",
                 fmt::format("{} took nothing behind block {}, and set {} goes on on another cartridge: {}",
                             session_.medium.volume_tag.text, raw(report.proven_position), raw(set_.number), to_text(*report.error))});
    if (place == EndAt::last_filemark && !nothing_here) {
        CAPSTAN_CO_CHECK(co_await end_with_its_set(report));
        co_return true;
    }
    const auto resume = stage_->resume_point(sequence);
    if (nothing_here) {
        extents_.pop_back();
        // Nothing of this set was even sent: what is there is whole, and may be appended to once its end was proven.
        const bool untouched = report.position == session_.medium.recorded_end && !scsi::tells_of_bad_medium(*report.error);
        close_session(untouched ? pools::MountPort::After::suspect : pools::MountPort::After::failed, to_text(*report.error));
    } else {
        CAPSTAN_CO_CHECK(co_await leave_medium(place, resume, report));
    }
    CAPSTAN_CO_CHECK(co_await begin_medium(place, resume));
    co_return false;
}

// Checkpoints behind which everything is proven are committed. True: the set's end came.
Task<Result<bool>> SetWriterJob::settle_proven(BlockNumber proven) {
    for (;;) {
        CAPSTAN_CO_TRY(const auto* entry, co_await next_entry());
        if (entry->kind == drives::RingEntry::Kind::end) {
            pass_entry();
            co_return true;
        }
        if (entry->kind != drives::RingEntry::Kind::checkpoint) co_return false;
        auto part = stage_->take_checkpoint(entry->sequence);
        if (!part) co_return fail(Recovery::give_up, "a checkpoint came without its part");
        pass_entry();
        CAPSTAN_CO_CHECK(co_await commit(std::move(*part), proven));
    }
}

// The medium ends with what is proven on it: marked so, if the drive still can; readers do without.
Task<Result<void>> SetWriterJob::leave_medium(EndAt place, const mtf::ResumePoint& resume, const drives::StreamReport& report) {
    const auto proven = report.proven_position;
    if (place != EndAt::set_begin) {
        CAPSTAN_CO_TRY(auto items, end_items(place));
        const auto marked = co_await session_.writer->mark_end(std::move(items));
        if (environment_.loop.stopping()) co_return fail(Recovery::cancelled, "the daemon is stopping");
        extents_.back().end_fla = end_address(place, resume, proven);
        CAPSTAN_CO_CHECK(pools::commit_checkpoint(environment_.store, record_of(marked.value_or(proven))));
    }
    bytes_on_medium_ = 0;
    close_session(pools::MountPort::After::failed, to_text(*report.error));
    co_return Result<void>{};
}

// Only the filemark behind the set's end is missing: the end of the data stands for it, if the drive does not take it now.
Task<Result<void>> SetWriterJob::end_with_its_set(const drives::StreamReport& report) {
    std::vector<drives::WriteItem> items;
    items.emplace_back().filemark = true;
    const auto marked = co_await session_.writer->mark_end(std::move(items));
    if (environment_.loop.stopping()) co_return fail(Recovery::cancelled, "the daemon is stopping");
    pass_entry();
    CAPSTAN_CO_CHECK(co_await settle_proven(marked.value_or(report.proven_position)));
    close_session(pools::MountPort::After::failed, to_text(*report.error));
    co_return Result<void>{};
}

Task<Result<const drives::RingEntry*>> SetWriterJob::next_entry() {
    while (ring_->front() == nullptr) {
        const bool slept = co_await sleep_for(environment_.loop, environment_.clock, kRingNap);
        if (!slept) co_return fail(Recovery::cancelled, "the daemon is stopping");
    }
    co_return ring_->front();
}

void SetWriterJob::pass_entry() {
    ring_->pop();
    ring_->prove(ring_->taken());
}

}  // namespace capstan::backup
