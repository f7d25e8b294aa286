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
BackupJob::~BackupJob() = default;

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
    CAPSTAN_CO_TRY(auto source, co_await open_source(std::move(options)));
    if (!plan_.file.empty()) co_return co_await run_to_file(*source, doorbell);

    pools::WriteRequest request;
    request.job = plan_.job;
    request.pool = plan_.pool.id;
    auto leased = co_await environment_.mounts.mount_for_writing(request);
    if (!leased) co_return std::unexpected(leased.error());
    auto session = WriteSession::of(std::move(*leased));
    if (cancelled_) {
        environment_.mounts.release(session.lease->id, pools::MountPort::After::keep);
        co_return fail(Recovery::cancelled, "the job was cancelled");
    }
    drive_ = session.lease->drive;
    volume_tag_ = session.medium.volume_tag.text;
    current_ = std::make_unique<SetWriterJob>(environment_, set_plan(), *source, doorbell, issues_, progress_, session);
    auto main = co_await current_->run();
    set_ = current_->number();
    if (!main) {
        if (session.open) {  // cancelled: the set is closed on the medium, which is in order
            auto closed = co_await session.writer->finish();
            session.writer.reset();
            environment_.mounts.release(session.lease->id,
                                        closed ? pools::MountPort::After::keep : pools::MountPort::After::suspect);
        }
        co_return std::unexpected(main.error());
    }

    BackupOutcome outcome;
    outcome.sets.push_back(*main);
    outcome.counts = current_->committed();
    auto counts = outcome.counts;
    auto written = co_await write_catalog_set(session, *current_);
    if (written) {
        outcome.sets.push_back(*written);
        outcome.bootstrap =
            fmt::format("volume {} family {} set {} catalog-set {} end {}", session.medium.volume_tag.text,
                        raw(session.medium.family), raw(*main), raw(*written), raw(session.medium.recorded_end));
        if (session.open) {  // else it ended with its medium
            auto closed = co_await session.writer->finish();
            session.writer.reset();
            environment_.mounts.release(session.lease->id,
                                        closed ? pools::MountPort::After::keep : pools::MountPort::After::suspect);
        }
    } else {
        // The set itself is committed; only its copy of the catalog is missing on the medium.
        if (session.open) environment_.mounts.release(session.lease->id, pools::MountPort::After::suspect);
        pools::JobIssue line{plan_.job, pools::IssueKind::note, "",
                             "the catalog could not be written behind the set: " + to_text(written.error())};
        pools::Jobs jobs(environment_.store);
        CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(environment_.store));
        std::vector<pools::JobIssue> lines{line};
        CAPSTAN_CO_CHECK(jobs.add_issues(transaction, lines));
        CAPSTAN_CO_CHECK(transaction.commit());
    }
    outcome.counts = counts;
    co_return outcome;
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
    set_ = current_->number();
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

// The set's catalog segments and a copy of the state database, behind the set: `catalog rebuild` needs nothing else.
Task<Result<SetNumber>> BackupJob::write_catalog_set(WriteSession& session, const SetWriterJob& main) {
    auto copy = environment_.store.directory() + "/state-copy.db";
    ::unlink(copy.c_str());
    CAPSTAN_CO_CHECK(environment_.store.copy_to(copy));
    FileSourceOptions options;
    for (const auto& file : main.segment_files()) options.paths.push_back(plan_.catalog_directory + "/" + file);
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
