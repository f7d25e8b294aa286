// A set at the end of its medium: how the medium is closed, and how the set goes on on the next one (MTF reference 1.9).
#include "backup/job/set_writer_job.hpp"
#include "backup/mtf/continuation.hpp"

#include <fmt/format.h>

namespace capstan::backup {

// Where the set stopped: by what waits in the ring.
SetWriterJob::EndAt SetWriterJob::end_at(std::uint64_t sequence) const {
    using Kind = drives::RingEntry::Kind;
    const auto* front = ring_->front();
    if (front == nullptr) return EndAt::nowhere;
    switch (front->kind) {
        case Kind::block:
            return stage_->resume_point(sequence).inside == mtf::ResumePoint::Inside::nothing ? EndAt::set_begin : EndAt::data;
        case Kind::end_block: return EndAt::set_end;
        case Kind::filemark:  // the entry before it is still as it was pushed: only two more come after a set's end
            return sequence > 0 && ring_->unproven(sequence - 1).kind == Kind::end_block ? EndAt::last_filemark : EndAt::first_filemark;
        case Kind::checkpoint:
        case Kind::end: break;
    }
    return EndAt::nowhere;
}

std::unexpected<Error> SetWriterJob::barren() const {
    return fail(Recovery::give_up, fmt::format("{} media in a row did not take the next block of set {}", barren_media_, raw(set_.number)),
                "Check the cartridges of the pool, their capacity, and the drives.");
}

// Of the entry at which a medium ended: is it the one at which those before it ended, too?
Result<void> SetWriterJob::count_barren(std::uint64_t sequence) {
    barren_media_ = sequence == stopped_at_ ? barren_media_ + 1 : 0;
    stopped_at_ = sequence;
    if (barren_media_ >= kBarrenMediaMax) return barren();
    return {};
}

// True: the set is complete, and so is its medium. Else the set goes on, here or on the next cartridge of the family.
Task<Result<bool>> SetWriterJob::next_medium(drives::StreamReport report) {
    const bool full = report.reason == drives::StreamReport::Reason::volume_overflow;
    const auto place = end_at(report.next_sequence);
    const bool a_block = place == EndAt::data || place == EndAt::set_begin;
    if (!full && !a_block) co_return false;  // the end of a set still finds room behind the early warning
    CAPSTAN_CO_CHECK(count_barren(report.next_sequence));
    if (full && place == EndAt::nowhere && barren_media_ > 0) co_return barren();
    if (place == EndAt::nowhere) co_return false;  // all that was taken is on the medium: once more
    if (place == EndAt::last_filemark) {
        CAPSTAN_CO_CHECK(co_await end_without_filemark());
        co_return true;
    }
    auto resume = stage_->resume_point(report.next_sequence);
    CAPSTAN_CO_CHECK(co_await end_medium(place, resume, report.proven_position));
    CAPSTAN_CO_CHECK(co_await begin_medium(place, resume));
    co_return false;
}

// FM, EOTM, FM, as far as they are not there.
Result<std::vector<drives::WriteItem>> SetWriterJob::end_items(EndAt place) const {
    mtf::EndOfTapeBlock block;
    if (extent_start_ > kBehindLabel) block.last_end_of_set = raw(extent_start_) - 2;  // ESET, filemark in front of this set
    else block.header.attributes = mtf::block_attribute::eotm_no_eset;
    std::vector<drives::WriteItem> items;
    if (place != EndAt::set_end) items.emplace_back().filemark = true;
    auto& marker = items.emplace_back();
    marker.bytes.resize(session_.medium.block_size);
    CAPSTAN_CHECK(mtf::encode_padded(block, {}, marker.bytes));
    items.emplace_back().filemark = true;
    return items;
}

// Where the data of this medium end, as an address of the set.
std::uint64_t SetWriterJob::end_address(EndAt place, const mtf::ResumePoint& resume, BlockNumber proven) const {
    if (place == EndAt::data) return resume.address;
    const auto& extent = extents_.back();
    const auto data_end = place == EndAt::set_end ? raw(proven) - 1 : raw(proven);
    return extent.first_fla + (data_end - raw(extent.block)) * (session_.medium.block_size / mtf::kFlbSize);
}

// The medium is closed behind what fits. A drive that is really full takes no more: readers do without the marker.
Task<Result<void>> SetWriterJob::end_medium(EndAt place, const mtf::ResumePoint& resume, BlockNumber proven) {
    auto& writer = session_.writer;
    if (place == EndAt::set_begin) {  // nothing of this set is here: the medium ends with the set before
        CAPSTAN_CO_CHECK(co_await writer->finish());
        close_session(pools::MountPort::After::full);
        co_return Result<void>{};
    }
    CAPSTAN_CO_TRY(auto items, end_items(place));
    Result<BlockNumber> end = proven;
    auto marked = co_await writer->write_blocks(std::move(items));
    if (!marked) end = std::unexpected(marked.error());
    if (marked) end = co_await writer->synchronize();
    if (environment_.loop.stopping()) co_return fail(Recovery::cancelled, "the daemon is stopping");
    extents_.back().end_fla = end_address(place, resume, proven);
    CAPSTAN_CO_CHECK(pools::commit_checkpoint(environment_.store, record_of(end.value_or(proven))));
    bytes_on_medium_ = 0;
    if (end) {  // it is marked, proven and committed, whatever becomes of the note
        co_await remember();
        (void)co_await writer->finish();
        if (environment_.loop.stopping()) co_return fail(Recovery::cancelled, "the daemon is stopping");
    }
    if (end) close_session(pools::MountPort::After::full);
    if (!end) close_session(pools::MountPort::After::failed, "its end could not be marked: " + to_text(end.error()));
    co_return Result<void>{};
}

// What stands on the next medium before the ring goes on: nothing (a whole set), or the set's begin repeated.
Result<std::vector<drives::WriteItem>> SetWriterJob::prefix_of(EndAt place, const mtf::ResumePoint& resume) const {
    std::vector<drives::WriteItem> items;
    if (place == EndAt::set_begin) return items;
    auto& first = items.emplace_back();
    first.bytes.resize(session_.medium.block_size);
    auto set = encoder_settings_.set;
    set.physical_address = raw(session_.medium.recorded_end);
    if (place == EndAt::data) {
        mtf::encode_continuation(resume, set, encoder_settings_.volume, first.bytes);
        return items;
    }
    set.header.attributes |= mtf::block_attribute::continuation | mtf::block_attribute::eos_at_eom;
    set.header.address = extents_.back().end_fla - session_.medium.block_size / mtf::kFlbSize;
    CAPSTAN_CHECK(mtf::encode_padded(set, {}, first.bytes));
    if (place == EndAt::set_end) items.emplace_back().filemark = true;  // that of the ring is on the medium before
    return items;
}

Task<Result<void>> SetWriterJob::begin_medium(EndAt place, const mtf::ResumePoint& resume) {
    for (int tried = 0; tried < kBarrenMediaMax; ++tried) {
        pools::WriteRequest request;
        request.job = plan_.job;
        request.pool = plan_.pool.id;
        request.continuation = pools::WriteRequest::Continuation{session_.medium.family,
                                                                 static_cast<std::uint16_t>(session_.medium.sequence + 1)};
        CAPSTAN_CO_TRY(auto lease, co_await environment_.mounts.mount_for_writing(request));
        session_ = WriteSession::of(std::move(lease));
        CAPSTAN_CO_TRY(auto items, prefix_of(place, resume));
        const auto count = items.size();
        auto first = session_.medium.recorded_end;
        auto ready = co_await open_writer();
        if (ready && count > 0) {
            auto written = co_await session_.writer->write_blocks(std::move(items));
            if (!written) ready = std::unexpected(written.error());
            if (written && written->written != count) {  // no room even for that: it takes no set any more
                close_session(pools::MountPort::After::full);
                continue;
            }
        }
        if (!ready) {
            if (environment_.loop.stopping()) co_return ready;
            close_session(pools::MountPort::After::failed, to_text(ready.error()));
            continue;
        }
        extent_start_ = first;
        ring_start_ = first + count;
        last_checkpoint_ = environment_.clock.now();
        catalog::MediaExtent extent{session_.medium.media_id, session_.medium.volume_tag, session_.medium.family, session_.medium.sequence,
                                    0,                        0,                          first,                  session_.medium.block_size,
                                    mtf::kFlbSize};
        if (place == EndAt::set_begin) {
            extents_.back() = extent;
            co_return Result<void>{};
        }
        extent.first_fla = extent.end_fla = extents_.back().end_fla;
        extent.block = first + 1;
        extents_.push_back(extent);
        co_return Result<void>{};
    }
    co_return fail(Recovery::give_up, fmt::format("{} cartridges in a row took nothing of set {}", kBarrenMediaMax, raw(set_.number)),
                   "Check the cartridges of the pool, their capacity, and the drives.");
}

// The set's ESET is the last block for which there was room: the end of the data stands for the filemark behind it.
Task<Result<void>> SetWriterJob::end_without_filemark() {
    CAPSTAN_CO_TRY(auto end, co_await session_.writer->finish());
    pass_entry();  // the filemark
    CAPSTAN_CO_CHECK(co_await settle_proven(end));  // the last checkpoint, and the end
    close_session(pools::MountPort::After::full);
    co_return Result<void>{};
}

}  // namespace capstan::backup
