#include "backup/job/backup_job.hpp"

#include "backup/job/bkf_file.hpp"
#include "backup/labels/labels.hpp"

#include "config/base/file.hpp"
#include "config/base/log.hpp"
#include "config/base/uuid.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace capstan::backup {
namespace {

// A pattern of fnmatch that only this path matches.
std::string exactly(const std::string& path) {
    std::string pattern;
    for (char c : path) {
        if (std::string_view("*?[]\\").find(c) != std::string_view::npos) pattern += '\\';
        pattern += c;
    }
    return pattern;
}

}  // namespace

BackupJob::BackupJob(JobEnvironment& environment, BackupPlan plan)
    : environment_(environment), plan_(std::move(plan)) {}
BackupJob::~BackupJob() { count_->stop = true; }

Result<void> BackupJob::expect_as_last_time() {
    pools::SetFilter filter;
    filter.name = plan_.name;
    filter.state = pools::SetState::complete;
    filter.limit = 1;
    CAPSTAN_TRY(auto last, pools::Sets(environment_.store).list(filter));
    if (last.empty() || raw(last.front().job) == 0) return {};
    CAPSTAN_TRY(auto job, pools::Jobs(environment_.store).get(last.front().job));
    *expectation_ = {job.counts.objects, job.counts.bytes};
    return {};
}

Task<void> BackupJob::count_ahead(JobEnvironment& environment, FileSourceOptions options,
                                  std::shared_ptr<TreeCount> count, std::shared_ptr<Expectation> result) {
    constexpr std::chrono::seconds kShort{5};  // who is done within it needs no estimate
    if (!co_await sleep_for(environment.loop, environment.clock, kShort) || count->stop) co_return;
    auto worker = environment.make_worker();
    std::move_only_function<Result<bool>()> walk = [options = std::move(options), count] {
        return count_tree(options, *count);
    };
    auto all = co_await worker->run<Result<bool>>(std::move(walk));
    count->stop = true;  // the daemon may be stopping: the worker is joined now
    if (all && *all && **all) *result = {count->objects, count->bytes};
}

void BackupJob::cancel() {
    cancelled_ = true;
    if (current_) current_->cancel();
}

Task<Result<std::unique_ptr<Source>>> BackupJob::open_source(FileSourceOptions options) {
    options.threads = environment_.file_threads;
    std::move_only_function<Result<std::unique_ptr<Source>>()> open = [options = std::move(options)]() mutable {
        return open_file_source(std::move(options));
    };
    auto opened = co_await environment_.worker.run<Result<std::unique_ptr<Source>>>(std::move(open));
    if (!opened) co_return fail(Recovery::cancelled, "the daemon is stopping");
    co_return std::move(*opened);
}

SetPlan BackupJob::set_plan() const {
    SetPlan plan;
    plan.job = plan_.job;
    plan.pool = plan_.pool;
    plan.job_name = plan.set_name = plan_.name;
    plan.keep_until = plan_.keep_until;
    plan.roots = plan_.paths;
    plan.catalog_directory = plan_.catalog_directory;
    return plan;
}

Task<Result<BackupOutcome>> BackupJob::run() {
    auto doorbell = std::make_shared<Doorbell>();  // of the source's own threads
    FileSourceOptions options;
    options.paths = plan_.paths;
    options.exclude = plan_.exclude;
    options.cross_file_systems = plan_.cross_file_systems;
    options.doorbell = doorbell.get();
    if (!plan_.file.empty()) options.exclude.push_back(exactly(plan_.file));
    CAPSTAN_CO_CHECK(expect_as_last_time());
    if (expectation_->objects == 0 && environment_.file_threads > 0)
        environment_.loop.spawn(count_ahead(environment_, options, count_, expectation_));
    CAPSTAN_CO_TRY(auto source, co_await open_source(std::move(options)));
    if (!plan_.file.empty()) co_return co_await run_to_file(*source, doorbell);

    pools::WriteRequest request;
    request.job = plan_.job;
    request.pool = plan_.pool.id;
    auto leased = co_await environment_.mounts.mount_for_writing(request);
    if (!leased) co_return std::unexpected(leased.error());
    session_ = WriteSession::of(std::move(*leased));
    auto& session = *session_;
    if (cancelled_) {
        give_back(session, pools::MountPort::After::keep);
        co_return fail(Recovery::cancelled, "the job was cancelled");
    }
    auto main = co_await write_sets(session, *source, doorbell);
    if (!main) {
        if (session.open)
            co_await end_session(session);  // cancelled: the set is closed on the medium, which is in order
        co_return std::unexpected(main.error());
    }

    BackupOutcome outcome;
    outcome.sets = sets_;
    outcome.counts = committed();
    auto written = co_await write_catalog_set(session);
    if (written) {
        outcome.sets.push_back(*written);
        outcome.bootstrap = fmt::format("volume {} family {} sets {}-{} catalog-set {} end {}",
                                        session.medium.volume_tag.text, raw(session.medium.family), raw(sets_.front()),
                                        raw(sets_.back()), raw(*written), raw(session.medium.recorded_end));
        if (session.open) co_await end_session(session);  // else it ended with its medium
    } else {
        // The sets themselves are committed; only their copy of the catalog is missing on the medium.
        if (session.open) give_back(session, pools::MountPort::After::suspect);
        issues_.add(
            {IssueKind::note, "", "the catalog could not be written behind the set: " + to_text(written.error())});
    }
    co_return outcome;
}

void BackupJob::give_back(WriteSession& session, pools::MountPort::After after) {
    session.writer.reset();
    session.open = false;
    environment_.mounts.release(session.lease->id, after);
}

Task<void> BackupJob::end_session(WriteSession& session) {
    if (!session.writer) {  // nothing was written
        give_back(session, pools::MountPort::After::keep);
        co_return;
    }
    auto closed = co_await session.writer->finish();
    give_back(session, closed ? pools::MountPort::After::keep : pools::MountPort::After::suspect);
}

CommittedCounts BackupJob::committed() const {
    auto all = before_;
    if (!current_) return all;
    const auto& now = current_->committed();
    all.objects += now.objects, all.bytes += now.bytes;
    all.not_saved += now.not_saved, all.changed += now.changed;
    return all;
}

// All sets of the job but that of its catalog.
Task<Result<void>> BackupJob::write_sets(WriteSession& session, Source& source, std::shared_ptr<Doorbell> doorbell) {
    for (bool more = true; more;) {
        before_ = committed();
        auto plan = set_plan();
        plan.part = static_cast<std::uint16_t>(sets_.size());
        current_ = std::make_unique<SetWriterJob>(environment_, std::move(plan), source, doorbell, issues_, progress_,
                                                  session);
        if (cancelled_) current_->cancel();
        auto written = co_await current_->run();
        if (raw(current_->number()) != 0) sets_.push_back(current_->number());
        const auto& segments = current_->segment_files();
        segment_files_.insert(segment_files_.end(), segments.begin(), segments.end());
        if (!written) co_return std::unexpected(written.error());
        more = current_->source_has_more();
    }
    co_return Result<void>{};
}

// The same set, in a file of its own: no lease, no family to go on with, no set of catalog segments behind it.
Task<Result<BackupOutcome>> BackupJob::run_to_file(Source& source, std::shared_ptr<Doorbell> doorbell) {
    labels::MediaLabel label;
    label.media_id = make_uuid(environment_.entropy);
    label.domain_id = environment_.store.domain();
    label.family = MediaFamilyId{static_cast<std::uint32_t>(environment_.entropy.next() | 1)};
    label.generation = WriteGeneration{1};
    label.block_size = kBkfBlock;
    label.created =
        std::chrono::duration_cast<std::chrono::seconds>(environment_.clock.wall().time_since_epoch()).count();
    WriteSession session{.medium = {}, .lease = std::nullopt, .writer = nullptr};
    CAPSTAN_CO_TRY(session.writer, BkfWriter::create(plan_.file, environment_.make_worker()));
    session.medium.media_id = label.media_id;
    session.medium.family = label.family;
    session.medium.block_size = kBkfBlock;
    session.medium.recorded_end = kBkfFirstSet;
    auto plan = set_plan();
    plan.file = plan_.file;
    plan.file_label = labels::to_media_header(label);
    current_ =
        std::make_unique<SetWriterJob>(environment_, std::move(plan), source, doorbell, issues_, progress_, session);
    auto done = co_await current_->run();
    sets_.push_back(current_->number());
    if (!done) {
        if (current_->segment_files().empty()) ::unlink(plan_.file.c_str());  // nothing in it was reported as saved
        co_return std::unexpected(done.error());
    }
    BackupOutcome outcome;
    outcome.sets.push_back(*done);
    outcome.counts = current_->committed();
    outcome.bootstrap = fmt::format("file {} set {}", plan_.file, raw(*done));
    co_return outcome;
}

// The sets' catalog segments and a copy of the state database, behind them: `catalog rebuild` needs nothing else.
Task<Result<SetNumber>> BackupJob::write_catalog_set(WriteSession& session) {
    auto copy = environment_.store.directory() + "/state-copy.db";
    ::unlink(copy.c_str());
    CAPSTAN_CO_CHECK(environment_.store.copy_to(copy));
    FileSourceOptions options;
    for (const auto& file : segment_files_) options.paths.push_back(plan_.catalog_directory + "/" + file);
    options.paths.push_back(copy);
    auto plan = set_plan();
    plan.type = "catalog";
    plan.set_name = plan_.name + " (catalog)";
    plan.roots = options.paths;
    auto doorbell = std::make_shared<Doorbell>();
    options.doorbell = doorbell.get();
    CAPSTAN_CO_TRY(auto source, co_await open_source(std::move(options)));
    IssueQueue issues;  // what changes about our own files is no affair of the job's ledger
    EncoderProgress progress;
    SetWriterJob writer(environment_, std::move(plan), *source, doorbell, issues, progress, session);
    co_return co_await writer.run();
}

}  // namespace capstan::backup
