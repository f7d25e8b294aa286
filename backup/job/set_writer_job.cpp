#include "backup/job/set_writer_job.hpp"

#include "backup/job/stage_run.hpp"
#include "backup/job/bkf_file.hpp"
#include "config/base/log.hpp"
#include "config/base/uuid.hpp"
#include "drives/scsi/sense.hpp"
#include "pools/medium_memory.hpp"
#include "pools/store/meta.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::backup {

using Reason = drives::StreamReport::Reason;

constexpr std::uint64_t kBkfSlots = 64;  // a file gives its slots back as soon as they are written

mtf::DateTime mtf_time(Wall time) {
    return mtf::from_unix(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

std::vector<pools::JobIssue> ledger_lines(JobId job, std::vector<Issue> issues) {
    std::vector<pools::JobIssue> lines;
    for (auto& issue : issues) {
        pools::JobIssue line;
        line.job = job;
        line.path = std::move(issue.path);
        line.reason = issue.kind == IssueKind::note ? issue.text : fmt::format("{}: {}", name_of(issue.kind), issue.text);
        switch (issue.kind) {
            case IssueKind::vanished:
            case IssueKind::unreadable: line.kind = pools::IssueKind::not_saved; break;
            case IssueKind::read_error:
            case IssueKind::changed:
            case IssueKind::grew:
            case IssueKind::shrank: line.kind = pools::IssueKind::changed; break;
            case IssueKind::other_file_system: line.kind = pools::IssueKind::skipped; break;
            case IssueKind::kept: line.kind = pools::IssueKind::kept; break;
            case IssueKind::not_restored: line.kind = pools::IssueKind::not_restored; break;
            case IssueKind::damaged:
            case IssueKind::differs: line.kind = pools::IssueKind::differs; break;
            default: line.kind = pools::IssueKind::note; break;
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

SetWriterJob::SetWriterJob(JobEnvironment& environment, SetPlan plan, Source& source, std::shared_ptr<Doorbell> doorbell,
                           IssueQueue& issues, EncoderProgress& progress, WriteSession& session)
    : environment_(environment),
      plan_(std::move(plan)),
      issues_(issues),
      progress_(progress),
      session_(session),
      source_(source),
      doorbell_(std::move(doorbell)),
      skipped_recorded_(progress.skipped) {}

void SetWriterJob::cancel() {
    cancelled_ = true;
    if (stage_) stage_->request_stop();
}

Result<void> SetWriterJob::begin() {
    auto now = environment_.clock.wall();
    pools::Families families(environment_.store);
    pools::Sets sets(environment_.store);
    auto longest = pools::kForever;
    if (!to_file()) {
        CAPSTAN_TRY(auto family, families.get(session_.medium.family));
        longest = family.keep_until;
    }
    set_.job = plan_.job;
    set_.name = plan_.set_name;
    set_.type = plan_.type;
    set_.pool = plan_.pool.id;
    set_.family = session_.medium.family;
    set_.file = plan_.file;
    set_.part = plan_.part;
    set_.started = now;
    set_.uuid = make_uuid(environment_.entropy);
    // Never longer than the label says: the medium itself would be given free then.
    auto wanted = plan_.keep_until.value_or(
        pools::kForever - now > plan_.pool.policy.keep_for ? now + plan_.pool.policy.keep_for : pools::kForever);
    set_.keep_until = std::min(wanted, longest);
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(environment_.store));
    set_.mtf_number = 1;
    if (!to_file()) {
        CAPSTAN_TRY(set_.mtf_number, families.take_set_number(transaction, set_.family));
    }
    CAPSTAN_TRY(set_.number, sets.begin(transaction, set_));
    CAPSTAN_CHECK(transaction.commit());
    fill_encoder_settings(now);
    return {};
}

void SetWriterJob::fill_encoder_settings(Wall now) {
    auto& settings = encoder_settings_;
    settings.output_size = to_file() ? kBkfChunk : session_.medium.block_size;
    settings.media_header = plan_.file_label;
    settings.soft_filemarks = to_file();
    settings.checkpoint_bytes = environment_.checkpoint_bytes;
    settings.objects_max = environment_.set_objects_max;
    // A .bkf file holds one set, however large: there is no way from one soft filemark chain to another.
    if (to_file()) settings.objects_max = settings.detail_bytes_max = UINT64_MAX;
    settings.set.number = set_.mtf_number;
    settings.set.physical_address = raw(session_.medium.recorded_end);
    settings.set.name = plan_.set_name;
    settings.set.description = plan_.job_name;
    settings.set.user = "root";
    settings.set.date = mtf_time(now);
    settings.volume.device = "C:";
    settings.volume.name = "/";
    settings.volume.machine = environment_.host;
    settings.volume.date = mtf_time(now);
    settings.begin.set = set_.uuid;
    settings.begin.number = set_.number;
    settings.begin.type = plan_.type == "catalog" ? mtf::SetType::catalog : mtf::SetType::normal;
    settings.begin.part = static_cast<std::uint8_t>(std::min<std::uint16_t>(plan_.part, 255));
    settings.begin.keep_until = pools::unix_seconds_of(set_.keep_until);
    settings.begin.started_ns = std::chrono::nanoseconds(now.time_since_epoch()).count();
    settings.begin.job = plan_.job_name;
    settings.begin.pool = plan_.pool.name.text;
    if (plan_.type != "catalog")
        settings.segment_path = [directory = plan_.catalog_directory, number = set_.number](std::uint32_t ordinal) {
            return fmt::format("{}/{}.{}", directory, raw(number), ordinal);
        };
}

Task<Result<SetNumber>> SetWriterJob::run() {
    CAPSTAN_CO_CHECK(co_await open_session());
    CAPSTAN_CO_CHECK(ended());
    CAPSTAN_CO_CHECK(begin());
    auto slots = std::max<std::uint64_t>(environment_.ring_bytes / encoder_settings_.output_size, 8);
    if (to_file()) slots = std::min(slots, kBkfSlots);
    // The ring rings the source's bell, so whoever keeps the ring (a drive that hangs) keeps the bell, too.
    struct Belled {
        Belled(std::shared_ptr<Doorbell> b, std::size_t size, std::size_t count, drives::RingMemory::Piece memory)
            : bell(std::move(b)), ring(size, count, bell.get(), std::move(memory)) {}
        std::shared_ptr<Doorbell> bell;
        drives::BlockRing ring;
    };
    auto belled = std::make_shared<Belled>(doorbell_, encoder_settings_.output_size, slots,
                                           environment_.ring_memory.take(encoder_settings_.output_size * slots));
    ring_ = std::shared_ptr<drives::BlockRing>(belled, &belled->ring);
    stage_ = std::make_unique<EncoderStage>(source_, ring_, encoder_settings_, issues_, progress_);
    if (cancelled_) stage_->request_stop();
    begin_extents();
    auto stage_run = run_beside(environment_, *stage_, *ring_);
    auto outcome = co_await stream();
    if (outcome) {
        co_await remember();
    }
    if (!outcome) {
        // Nobody writes any more. The ring is left alone: a drive that never answered may still have it in use.
        stage_->abandon();
        doorbell_->ring();
    }
    co_await joined(environment_, stage_run);
    more_ = stage_->source_has_more();
    stage_.reset();  // the next set of this job uses the ring's memory again
    ring_.reset();
    if (outcome) co_return set_.number;
    const bool defective = scsi::tells_of_bad_medium(outcome.error());
    if (!(complete_ && session_.open))
        close_session(defective ? pools::MountPort::After::failed : pools::MountPort::After::suspect, to_text(outcome.error()));
    if (!complete_) {
        environment_.store.make_room_to_record();
        auto aborted = pools::abort_set(environment_.store, set_.number, std::nullopt, environment_.clock.wall(),
                                        to_text(outcome.error()));
        if (!aborted)
            log::error("abort-not-recorded",
                       {{"set", std::to_string(raw(set_.number))}, {"error", to_text(aborted.error())}});
    }
    co_return std::unexpected(outcome.error());
}

void SetWriterJob::close_session(pools::MountPort::After after, const std::string& why) {
    session_.writer.reset();
    if (session_.open && session_.lease) environment_.mounts.release(session_.lease->id, after, why);
    session_.open = false;
}

// A medium that can be written to. The one given may have ended with the set before, or its drive may fail before a block is written.
Task<Result<void>> SetWriterJob::open_session() {
    for (int tried = 1;; ++tried) {
        if (!session_.open && !to_file()) {
            pools::WriteRequest request;
            request.job = plan_.job;
            request.pool = plan_.pool.id;
            CAPSTAN_CO_TRY(auto lease, co_await environment_.mounts.mount_for_writing(request));
            session_ = WriteSession::of(std::move(lease));
        }
        CAPSTAN_CO_CHECK(ended());
        auto opened = co_await open_writer();
        if (opened) co_return opened;
        const bool again = tried < kBarrenMediaMax && !environment_.loop.stopping() && opened.error().recovery != Recovery::cancelled;
        close_session(pools::MountPort::After::suspect);
        if (!again) co_return opened;
    }
}

Task<Result<void>> SetWriterJob::open_writer() {
    if (session_.writer) co_return Result<void>{};
    auto* drive = environment_.drive(session_.lease->drive);
    CAPSTAN_CO_TRY(session_.writer, co_await drive->start_writing(session_.lease->permit));
    co_return Result<void>{};
}

void SetWriterJob::begin_extents() {
    extent_start_ = ring_start_ = session_.medium.recorded_end;
    last_checkpoint_ = environment_.clock.now();
    extents_.push_back({session_.medium.media_id, session_.medium.volume_tag, session_.medium.family, session_.medium.sequence, 0, 0,
                        session_.medium.recorded_end, session_.medium.block_size, mtf::kFlbSize});
}

Result<void> SetWriterJob::ended() const {
    if (cancelled_) return fail(Recovery::cancelled, fmt::format("set {} was cancelled", raw(set_.number)));
    return {};
}

Task<Result<void>> SetWriterJob::stream() {
    for (;;) {
        auto report = co_await session_.writer->write_from(ring_, environment_.patience);
        bytes_on_medium_ += report.bytes;
        if (environment_.loop.stopping()) co_return fail(Recovery::cancelled, "the daemon is stopping");
        switch (report.reason) {
            case Reason::starved: break;
            case Reason::checkpoint: {
                auto part = stage_->take_checkpoint(report.next_sequence - 1);
                if (!part) co_return fail(Recovery::give_up, "a checkpoint came without its part");
                CAPSTAN_CO_CHECK(co_await commit(std::move(*part), report.proven_position));
                break;
            }
            case Reason::early_warning:
            case Reason::volume_overflow: {
                CAPSTAN_CO_TRY(bool complete, co_await next_medium(report));
                if (complete) co_return ended();
                break;
            }
            case Reason::ended: co_return ended();
            case Reason::failed: {
                CAPSTAN_CO_TRY(bool complete, co_await go_on_elsewhere(report));
                if (complete) co_return ended();
                break;
            }
        }
        if (environment_.clock.now() - last_checkpoint_ >= environment_.checkpoint_time) {
            stage_->request_checkpoint();
            last_checkpoint_ = environment_.clock.now();
        }
    }
}

catalog::SegmentHeader SetWriterJob::header_of(const CheckpointPart& part) const {
    catalog::SegmentHeader header;
    header.set = set_.number;
    header.set_uuid = set_.uuid;
    header.ordinal = part.ordinal;
    header.job = plan_.job_name;
    header.pool = plan_.pool.name.text;
    header.set_name = plan_.set_name;
    header.started = set_.started;
    header.committed = environment_.clock.wall();
    if (set_.keep_until != pools::kForever) header.keep_until = set_.keep_until;
    header.last = part.last;
    header.roots = plan_.roots;
    header.extents = extents_;
    return header;
}

pools::CheckpointRecord SetWriterJob::record_of(BlockNumber end) const {
    pools::CheckpointRecord record;
    record.set = set_.number;
    if (plan_.type != "catalog") record.job = plan_.job;  // what stands behind the job's sets does not count
    record.cartridge = session_.medium.cartridge;
    record.extent = {set_.number,
                     session_.medium.cartridge,
                     session_.medium.sequence,
                     extents_.back().first_fla,
                     extents_.back().block,
                     end};
    record.recorded_end = end;
    record.mtf_number = set_.mtf_number;
    record.bytes_on_medium = bytes_on_medium_;
    record.at = environment_.clock.wall();
    return record;
}

Task<Result<void>> SetWriterJob::commit(CheckpointPart part, BlockNumber proven) {
    extents_.back().end_fla = std::max(part.end_address, extents_.back().first_fla);
    auto record = record_of(proven);
    record.objects = part.objects;
    record.bytes = part.bytes;
    record.not_saved = part.not_saved;
    record.changed = part.changed;
    if (plan_.type != "catalog") {
        const std::uint64_t skipped = progress_.skipped;
        record.skipped = skipped - std::exchange(skipped_recorded_, skipped);
    }
    record.issues = ledger_lines(plan_.job, issues_.drain());
    if (part.segment) {
        std::move_only_function<Result<catalog::SegmentHeader>()> write = [builder = std::move(part.segment),
                                                                           header = header_of(part)]() mutable {
            return builder->finish(std::move(header));
        };
        auto written = co_await environment_.worker.run<Result<catalog::SegmentHeader>>(std::move(write));
        if (!written) co_return fail(Recovery::cancelled, "the daemon is stopping");
        if (!*written) co_return std::unexpected(written->error());
        auto file = fmt::format("{}.{}", raw(set_.number), part.ordinal);
        record.segment = pools::CatalogSegment{set_.number, part.ordinal, file, (*written)->objects};
        segment_files_.push_back(file);
    }
    if (!part.last) {
        CAPSTAN_CO_CHECK(pools::commit_checkpoint(environment_.store, record));
    } else if (cancelled_) {
        CAPSTAN_CO_CHECK(
            pools::abort_set(environment_.store, set_.number, record, environment_.clock.wall(), "cancelled"));
        complete_ = true;
    } else {
        CAPSTAN_CO_CHECK(pools::finish_set(environment_.store, record, environment_.clock.wall()));
        complete_ = true;
    }
    bytes_on_medium_ = 0;
    committed_.objects += record.objects;
    committed_.bytes += record.bytes;
    committed_.not_saved += record.not_saved;
    committed_.changed += record.changed;
    last_checkpoint_ = environment_.clock.now();
    session_.medium.recorded_end = proven;
    co_return Result<void>{};
}

// What was just committed, for the memory of the cartridge. It only spares the reading of its end: a failure costs nothing.
Task<void> SetWriterJob::remember() {
    if (to_file() || !session_.writer) co_return;
    auto memory = pools::memory_of_medium(environment_.store, session_.medium.cartridge);
    Result<void> noted;
    if (!memory) {
        noted = std::unexpected(memory.error());
    } else {
        drives::MemoryEntry entry{pools::encode(*memory), raw(memory->generation), raw(set_.number), {}};
        noted = co_await session_.writer->remember(std::move(entry));
    }
    if (!noted)
        log::info("cartridge-memory-not-written", {{"volume_tag", session_.medium.volume_tag.text}, {"error", to_text(noted.error())}});
}

}  // namespace capstan::backup
