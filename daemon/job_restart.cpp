// Jobs that the daemon's end cut off: recorded as such at the next start, and run once more.
#include "config/base/log.hpp"
#include "daemon/api/codec.hpp"
#include "daemon/job_live.hpp"
#include "pools/store/set_rows.hpp"

#include <fmt/format.h>

#include <dirent.h>
#include <unistd.h>
#include <cerrno>

#include <set>

namespace capstan::daemon {

using pools::JobEvent;

namespace {

template <class Request>
Result<Request> request_of(const pools::Job& job) {
    return api::decode<Request>(job.parameters, api::UnknownKeys::pass_over);
}

template <class Request>
std::int64_t repeated_by(const pools::Job& job) {
    auto request = request_of<Request>(job);
    return request ? request->repeats : 0;
}

// A file that is there already is not written again.
bool writes_file(const pools::Job& job) {
    auto request = request_of<api::BackupRequest>(job);
    return !request || request->pool.empty();
}

bool may_repeat(const pools::Job& job) {
    if (job.state != pools::JobState::running || job.parameters.empty() || repeats_of(job) != 0) return false;
    return job.kind != pools::JobKind::backup || !writes_file(job);
}

}  // namespace

std::int64_t repeats_of(const pools::Job& job) {
    switch (job.kind) {
        case pools::JobKind::backup: return repeated_by<api::BackupRequest>(job);
        case pools::JobKind::restore: return repeated_by<api::RestoreRequest>(job);
        case pools::JobKind::verify: return repeated_by<api::VerifyRequest>(job);
        case pools::JobKind::catalog_rebuild: return repeated_by<api::RebuildRequest>(job);
        default: return 0;
    }
}

Task<Result<JobId>> JobService::repeat(pools::Job job) {
    auto begin = [&job](auto request) {
        if (request) request->repeats = raw(job.id);
        return request;
    };
    switch (job.kind) {
        case pools::JobKind::backup: {
            CAPSTAN_CO_TRY(auto request, begin(request_of<api::BackupRequest>(job)));
            co_return start_backup(request, job.owner);
        }
        case pools::JobKind::restore: {
            CAPSTAN_CO_TRY(auto request, begin(request_of<api::RestoreRequest>(job)));
            co_return co_await start_restore(std::move(request), job.owner);
        }
        case pools::JobKind::verify: {
            CAPSTAN_CO_TRY(auto request, begin(request_of<api::VerifyRequest>(job)));
            co_return co_await start_verify(std::move(request), job.owner);
        }
        case pools::JobKind::catalog_rebuild: {
            CAPSTAN_CO_TRY(auto request, begin(request_of<api::RebuildRequest>(job)));
            co_return start_rebuild(std::move(request), job.owner);
        }
        default: break;
    }
    co_return fail(Recovery::give_up, fmt::format("jobs of kind {} are not repeated", pools::name_of(job.kind)));
}

Task<void> JobService::run_again(const Live& live, Error& error) {
    if (context_.loop.stopping() || !live.cancelled_by.empty() || !may_repeat(live.job)) co_return;
    if (live.job.kind == pools::JobKind::catalog_rebuild) co_return;  // it runs alone, and this one is still there
    Result<JobId> started = co_await repeat(live.job);
    auto what = started ? fmt::format("It runs again as job {}.", raw(*started))
                        : fmt::format("It could not be run again: {}", to_text(started.error()));
    log::info("job-repeated", {{"job", std::to_string(raw(live.job.id))}, {"outcome", what}});
    error.advice += (error.advice.empty() ? "" : " ") + what;
}

// The row stays as it is until the new job is there, so that a further crash meanwhile forgets none.
Task<void> JobService::repeat_cut_off() {
    while (!cut_off_.empty()) {
        auto job = cut_off_.front();
        Result<JobId> started = co_await repeat(job);
        std::erase_if(cut_off_, [&job](const pools::Job& other) { return other.id == job.id; });
        auto what = started ? fmt::format("it was run again as job {}", raw(*started))
                            : fmt::format("it could not be run again: {}", to_text(started.error()));
        log::info("job-repeated", {{"job", std::to_string(raw(job.id))}, {"outcome", what}});
        auto recorded = record_cut_off(job, "; " + what);
        if (!recorded) log::error("job-end-not-recorded", {{"error", to_text(recorded.error())}});
    }
}

Result<void> JobService::record_cut_off(const pools::Job& job, const std::string& what) {
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    auto event = job.state == pools::JobState::running ? JobEvent::interrupted : JobEvent::failed;
    auto message = "the daemon ended before it was done; what was committed stays" + what;
    auto applied = pools::Jobs(context_.store).apply(transaction, job.id, event, message, context_.clock.wall());
    if (!applied) return std::unexpected(applied.error());
    return transaction.commit();
}

// Of a job that was cut off and is about to be run again.
Result<void> JobService::cancel_repeat(JobId id, const std::string& who) {
    std::erase_if(cut_off_, [id](const pools::Job& job) { return job.id == id; });
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    auto message = "the daemon ended before it was done; cancelled by " + who;
    auto applied = pools::Jobs(context_.store).apply(transaction, id, JobEvent::cancel, message, context_.clock.wall());
    if (!applied) return std::unexpected(applied.error());
    return transaction.commit();
}

Result<void> JobService::settle_after_start() {
    pools::Jobs jobs(context_.store);
    pools::Sets sets(context_.store);
    auto now = context_.clock.wall();
    CAPSTAN_TRY(auto cut_off, sets.unfinished());
    for (const auto& set : cut_off)
        CAPSTAN_CHECK(
            pools::abort_set(context_.store, set.number, std::nullopt, now, "the daemon ended while it was written"));
    CAPSTAN_TRY(auto unfinished, jobs.unfinished());
    for (auto& job : unfinished) {
        if (may_repeat(job))
            cut_off_.push_back(std::move(job));
        else
            CAPSTAN_CHECK(record_cut_off(job, ""));
    }
    // Segments that no commit names are what a crash left between fsync and transaction.
    CAPSTAN_TRY(auto named, sets.segment_files());
    std::set<std::string> keep(named.begin(), named.end());
    auto directory = catalog_directory(context_);
    CAPSTAN_CHECK(make_directories(directory));
    auto* listing = ::opendir(directory.c_str());
    if (listing == nullptr) return fail_errno(errno, fmt::format("cannot read {}", directory));
    while (auto* entry = ::readdir(listing)) {
        std::string name = entry->d_name;
        if (name == "." || name == ".." || keep.contains(name)) continue;
        ::unlink(fmt::format("{}/{}", directory, name).c_str());
        log::info("segment-without-commit-deleted", {{"file", name}});
    }
    ::closedir(listing);
    return {};
}

}  // namespace capstan::daemon
