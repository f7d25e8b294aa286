#include "daemon/job_service.hpp"

#include "config/base/log.hpp"
#include "config/units.hpp"
#include "daemon/api/codec.hpp"
#include "daemon/bootstrap.hpp"
#include "daemon/job_live.hpp"
#include "pools/store/set_rows.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>

#include <algorithm>

namespace capstan::daemon {

using pools::JobEvent;

JobService::JobService(Context& context, MountService& mounts, WorkQueue& queue, backup::JobEnvironment environment)
    : context_(context), mounts_(mounts), queue_(queue), environment_(std::move(environment)) {}
JobService::~JobService() = default;

Result<JobId> JobService::add(pools::JobKind kind, const std::string& name, const std::string& parameters,
                              const std::string& owner) {
    for (const auto& [other, live] : live_)
        if (kind == pools::JobKind::catalog_rebuild || live->job.kind == pools::JobKind::catalog_rebuild)
            return fail(Recovery::retry_later,
                        fmt::format("job {} is running: a rebuild of the catalog runs alone", raw(other)),
                        "Wait until it has ended, or cancel it.");
    pools::Job job;
    job.kind = kind;
    job.name = name;
    job.parameters = parameters;
    job.owner = owner;
    job.created = context_.clock.wall();
    pools::Jobs jobs(context_.store);
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    CAPSTAN_TRY(auto id, jobs.add(transaction, job));
    auto started = jobs.apply(transaction, id, JobEvent::start, "", job.created);
    if (!started) return std::unexpected(started.error());
    CAPSTAN_CHECK(transaction.commit());
    auto live = std::make_shared<Live>();
    CAPSTAN_TRY(live->job, jobs.get(id));
    live->started = live->sampled = context_.clock.now();
    live_.emplace(id, live);
    log::info("job-started",
              {{"job", std::to_string(raw(id))}, {"kind", std::string(pools::name_of(kind))}, {"name", name}});
    return id;
}

void JobService::set_out(std::shared_ptr<Live> live, Task<Result<void>> work) {
    context_.loop.spawn(follow(std::move(live), std::move(work)));
}

Task<void> JobService::follow(std::shared_ptr<Live> live, Task<Result<void>> work) {
    Result<void> outcome = co_await std::move(work);
    if (!outcome && outcome.error().recovery == Recovery::stop_device) co_await run_again(*live, outcome.error());
    auto recorded = record_end(*live, outcome);
    if (!recorded)
        log::error("job-end-not-recorded",
                   {{"job", std::to_string(raw(live->job.id))}, {"error", to_text(recorded.error())}});
    live_.erase(live->job.id);
    live->over = true;
    for (const auto& watcher : live->watchers) watcher.complete(true);
    context_.changed.notify();
    // For the next job, if one comes soon; a daemon at rest is small.
    constexpr std::chrono::seconds kKeepRings{60};
    context_.clock.at(context_.clock.now() + kKeepRings,
                      [memory = environment_.ring_memory]() mutable { memory.release_idle(); });
}

Result<void> JobService::drain_issues(Live& live) {
    auto lines = backup::ledger_lines(live.job.id, (live.backup ? live.backup->issues() : live.issues).drain());
    if (lines.empty()) return {};
    pools::Jobs jobs(context_.store);
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    CAPSTAN_CHECK(jobs.add_issues(transaction, lines));
    return transaction.commit();
}

Result<void> JobService::record_end(Live& live, const Result<void>& outcome) {
    CAPSTAN_CHECK(drain_issues(live));
    bool issues =
        live.backup ? live.backup->issues().affects_status() : live.issues.affects_status() || live.incomplete;
    auto event = outcome ? (issues ? JobEvent::finished_with_issues : JobEvent::finished)
                 : outcome.error().recovery == Recovery::cancelled && !context_.loop.stopping() ? JobEvent::cancel
                 : context_.loop.stopping()                                                     ? JobEvent::interrupted
                                                                                                : JobEvent::failed;
    pools::Jobs jobs(context_.store);
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    auto message = outcome ? std::string() : to_text(outcome.error());
    if (!live.cancelled_by.empty()) message = "cancelled by " + live.cancelled_by;
    auto applied = jobs.apply(transaction, live.job.id, event, message, context_.clock.wall());
    if (!applied) return std::unexpected(applied.error());
    if (!live.backup)
        CAPSTAN_CHECK(jobs.add_counts(transaction, live.job.id,
                                      {.objects = live.read_progress.objects,
                                       .bytes = live.read_progress.bytes,
                                       .not_done = failed_objects(live.issues),
                                       .kept = live.read_progress.kept}));
    CAPSTAN_CHECK(transaction.commit());
    log::info("job-ended", {{"job", std::to_string(raw(live.job.id))}, {"outcome", outcome ? "done" : message}});
    return {};
}

namespace {

// A file that is there is never written over: nobody knows what it holds.
Result<void> check_new_file(const std::string& path) {
    if (path[0] != '/')
        return fail(Recovery::change_request, fmt::format("'{}' is not an absolute path", path),
                    "Begin it with a slash.");
    struct stat status{};
    if (::lstat(path.c_str(), &status) == 0)
        return fail(Recovery::change_request, fmt::format("{} exists already", path),
                    "Name a new file, or remove this one first.");
    auto directory = path.substr(0, path.rfind('/') + 1);
    if (::stat(directory.c_str(), &status) != 0)
        return fail_errno(errno, fmt::format("cannot write to {}", directory), "Correct the path.");
    return {};
}

}  // namespace

Result<JobId> JobService::start_backup(const api::BackupRequest& request, const std::string& owner) {
    if (context_.store.disk_is_full())
        return fail(Recovery::change_request,
                    fmt::format("the disk is full under the state directory {}", context_.store.directory()),
                    "Make space there; until then nothing could be committed.");
    if (request.paths.empty())
        return fail(Recovery::change_request, "no path to back up", "Name at least one file or directory.");
    for (const auto& path : request.paths) {
        if (path.empty() || path[0] != '/')
            return fail(Recovery::change_request, fmt::format("'{}' is not an absolute path", path),
                        "Begin it with a slash.");
        if (::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0)
            return fail_errno(errno, fmt::format("cannot back up {}", path), "Correct the path.");
    }
    if (request.pool.empty() == request.file.empty())
        return fail(Recovery::change_request, "a backup needs either a pool or a file",
                    "Give --pool POOL or --file FILE.");
    if (request.type != "normal")
        return fail(Recovery::change_request, fmt::format("backup type '{}' is not available", request.type),
                    "Use --type normal.");
    backup::BackupPlan plan;
    if (!request.file.empty()) {
        CAPSTAN_CHECK(check_new_file(request.file));
        plan.file = request.file;
        plan.pool.policy.keep_for = std::chrono::years(200);
    } else {
        CAPSTAN_TRY(plan.pool, pools::Pools(context_.store).by_name(PoolName{request.pool}));
    }
    if (plan.file.empty() && plan.pool.kind != pools::PoolKind::application)
        return fail(Recovery::change_request,
                    fmt::format("pool {} belongs to the system: nothing is backed up into it", request.pool),
                    "'capstan pool list' shows the others.");
    plan.name = request.name.empty() ? request.paths.front() : request.name;
    plan.paths = request.paths;
    plan.exclude = request.exclude;
    plan.cross_file_systems = request.cross_file_systems;
    if (request.retention && *request.retention != "forever") {
        auto keep = config::parse_duration(*request.retention);
        if (!keep)
            return fail(Recovery::change_request, fmt::format("'{}' is no time", *request.retention),
                        "Write it as 12h, 30d, 1y or forever.");
        plan.keep_until = context_.clock.wall() + *keep;
    } else if (request.retention) {
        plan.keep_until = pools::kForever;
    }
    plan.catalog_directory = catalog_directory(context_);
    CAPSTAN_TRY(auto id, add(pools::JobKind::backup, plan.name, api::encode(request), owner));
    plan.job = id;
    auto live = live_.at(id);
    set_out(live, run_backup(live, std::move(plan)));
    return id;
}

Task<Result<void>> JobService::run_backup(std::shared_ptr<Live> live, backup::BackupPlan plan) {
    live->backup = std::make_unique<backup::BackupJob>(environment_, std::move(plan));
    auto outcome = co_await live->backup->run();
    if (!outcome) co_return std::unexpected(outcome.error());
    const auto& found = outcome->bootstrap;
    if (found.empty()) co_return Result<void>{};
    live->backup->issues().add({backup::IssueKind::note, "", "to find its catalog without this machine: " + found});
    auto line = fmt::format("{} {} job {}: {}\n", api::time_text(api::time_of(context_.clock.wall())),
                            environment_.host, raw(live->job.id), found);
    context_.loop.spawn(write_bootstrap(context_, environment_.make_worker, live->job.id, std::move(line)));
    co_return Result<void>{};
}

Result<JobId> JobService::start_rebuild(api::RebuildRequest request, const std::string& owner) {
    std::string name = request.media.empty() ? "catalog" : "catalog of";
    for (const auto& volume : request.media) name += " " + volume;
    CAPSTAN_TRY(auto id, add(pools::JobKind::catalog_rebuild, name, api::encode(request), owner));
    auto live = live_.at(id);
    set_out(live, run_rebuild(live, std::move(request.media)));
    return id;
}

Task<Result<void>> JobService::run_rebuild(std::shared_ptr<Live> live, std::vector<std::string> volumes) {
    live->rebuild =
        std::make_unique<Rebuild>(context_, mounts_, environment_, reader_, live->job.id, live->read_progress);
    auto outcome = co_await live->rebuild->run(std::move(volumes));
    live->incomplete = live->rebuild->incomplete();
    live->rebuild.reset();
    co_return outcome;
}

Result<void> JobService::cancel(JobId id, const std::string& who) {
    auto found = live_.find(id);
    if (found == live_.end()) {
        CAPSTAN_TRY(auto job, pools::Jobs(context_.store).get(id));
        if (!pools::is_finished(job.state)) return cancel_repeat(id, who);
        return fail(Recovery::change_request, fmt::format("job {} has ended: {}", raw(id), pools::name_of(job.state)));
    }
    found->second->cancelled_by = who;
    if (found->second->backup) found->second->backup->cancel();
    if (found->second->reading) found->second->reading->cancel();
    if (found->second->rebuild) found->second->rebuild->cancel();
    queue_.cancel_job(id, who);
    return {};
}

Task<void> JobService::stop_all(std::chrono::seconds limit) {
    constexpr std::chrono::milliseconds kNap{20};
    auto end = context_.clock.now() + limit;
    for (auto id : running()) (void)cancel(id, "the daemon, which is stopping");
    while (!live_.empty() && context_.clock.now() < end) {
        if (!co_await sleep_for(context_.loop, context_.clock, kNap)) co_return;
    }
}

std::vector<JobId> JobService::running() const {
    std::vector<JobId> ids;
    for (const auto& [id, live] : live_) ids.push_back(id);
    return ids;
}

}  // namespace capstan::daemon
