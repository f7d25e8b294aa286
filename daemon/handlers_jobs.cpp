// Jobs and sets.
#include "daemon/describe.hpp"
#include "daemon/handlers.hpp"
#include "daemon/request_parts.hpp"
#include "pools/store/set_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace capstan::daemon {
namespace {

Task<Result<api::JobList>> jobs(ControlPlane& plane, api::JobQuery query) {
    pools::Jobs rows(plane.context().store);
    auto found = query.running ? rows.unfinished() : rows.newest(std::clamp<std::uint32_t>(query.limit, 1, 10000));
    if (!found) co_return std::unexpected(found.error());
    api::JobList list;
    for (const auto& job : *found) {
        CAPSTAN_CO_TRY(auto info, plane.jobs().info(job));
        list.jobs.push_back(std::move(info));
    }
    co_return list;
}

Task<Result<api::JobInfo>> job(ControlPlane& plane, std::string text, api::WatchRequest watch) {
    CAPSTAN_CO_TRY(auto id, number<JobId>(text));
    std::chrono::milliseconds wait{std::min<std::uint32_t>(watch.wait_ms, 20000)};
    co_return co_await plane.jobs().watch(id, watch.after, wait);
}

Task<Result<api::JobInfo>> job_cancel(ControlPlane& plane, std::string text, Peer peer) {
    CAPSTAN_CO_TRY(auto id, number<JobId>(text));
    CAPSTAN_CO_CHECK(plane.jobs().cancel(id, who_is(peer)));
    // It ends at the next object; what most end within is worth waiting for, so that the answer shows the end.
    constexpr int kLooks = 100;
    constexpr std::chrono::milliseconds kNap{20};
    for (int look = 0; look < kLooks && plane.jobs().is_running(id); ++look)
        if (!co_await sleep_for(plane.context().loop, plane.context().clock, kNap)) break;
    co_return plane.jobs().info(id);
}

Task<Result<api::JobLog>> job_log(ControlPlane& plane, std::string text, api::LogQuery query) {
    CAPSTAN_CO_TRY(auto id, number<JobId>(text));
    pools::Jobs rows(plane.context().store);
    CAPSTAN_CO_TRY(auto row, rows.get(id));
    std::uint32_t skip = 0;
    std::from_chars(query.cursor.data(), query.cursor.data() + query.cursor.size(), skip);
    auto limit = std::clamp<std::uint32_t>(query.limit, 1, 10000);
    CAPSTAN_CO_TRY(auto issues, rows.issues(id, limit, skip));
    api::JobLog log;
    for (const auto& issue : issues) {
        api::LogLine line;
        line.at = api::time_of(row.ended.value_or(row.created));
        line.text = issue.reason;
        line.path = issue.path.empty() ? "" : "/" + issue.path;
        switch (issue.kind) {
            case pools::IssueKind::not_saved: line.outcome = api::ObjectOutcome::not_saved; break;
            case pools::IssueKind::changed: line.outcome = api::ObjectOutcome::changed; break;
            case pools::IssueKind::skipped: line.outcome = api::ObjectOutcome::skipped; break;
            case pools::IssueKind::not_restored: line.outcome = api::ObjectOutcome::not_restored; break;
            case pools::IssueKind::differs: line.outcome = api::ObjectOutcome::differs; break;
            case pools::IssueKind::kept: line.outcome = api::ObjectOutcome::kept; break;
            case pools::IssueKind::note: break;
        }
        bool harmless = issue.kind == pools::IssueKind::kept || issue.kind == pools::IssueKind::skipped ||
                        issue.kind == pools::IssueKind::note;
        line.level = harmless ? "info" : "warning";
        log.lines.push_back(std::move(line));
    }
    if (issues.size() == limit) log.next = std::to_string(skip + limit);
    if (log.next.empty() && !row.message.empty()) {
        api::LogLine line;
        line.at = api::time_of(row.ended.value_or(row.created));
        line.level = "error";
        line.text = row.message;
        log.lines.push_back(std::move(line));
    }
    co_return log;
}

Task<Result<api::Explanation>> job_explain(ControlPlane& plane, std::string text) {
    CAPSTAN_CO_TRY(auto id, number<JobId>(text));
    CAPSTAN_CO_TRY(auto items, plane.queue().items().unfinished());
    api::Explanation explanation;
    explanation.summary = "the job does not wait for a drive, a cartridge or a person";
    for (const auto& item : items) {
        if (item.job != id) continue;
        explanation.item = describe(plane, item);
        auto found = plane.queue().explained.find(item.id);
        explanation.summary = item.reason;
        if (found == plane.queue().explained.end()) continue;
        for (const auto& verdict : found->second.media)
            explanation.candidates.push_back({verdict.name, verdict.chosen ? "taken" : "refused", verdict.reason});
        for (const auto& verdict : found->second.drives)
            explanation.candidates.push_back({verdict.drive.text, verdict.chosen ? "taken" : "busy", verdict.reason});
    }
    co_return explanation;
}

Task<Result<api::Accepted>> backup(ControlPlane& plane, api::BackupRequest request, Peer peer) {
    CAPSTAN_CO_TRY(auto id, plane.jobs().start_backup(request, who_is(peer)));
    co_return accepted_job(id);
}

Task<Result<api::Accepted>> restore(ControlPlane& plane, api::RestoreRequest request, Peer peer) {
    CAPSTAN_CO_TRY(auto id, co_await plane.jobs().start_restore(std::move(request), who_is(peer)));
    co_return accepted_job(id);
}

Task<Result<api::Accepted>> verify(ControlPlane& plane, std::string text, api::VerifyRequest request, Peer peer) {
    CAPSTAN_CO_TRY(auto set, number<SetNumber>(text));
    request.set = raw(set);
    CAPSTAN_CO_TRY(auto id, co_await plane.jobs().start_verify(std::move(request), who_is(peer)));
    co_return accepted_job(id);
}

Task<Result<api::ConfiguredJobList>> configured_jobs(ControlPlane& plane) {
    api::ConfiguredJobList list;
    CAPSTAN_CO_TRY(auto runs, pools::Jobs(plane.context().store).newest(1000));
    for (const auto& settings : plane.settings().jobs) {
        api::ConfiguredJob info;
        info.name = settings.name;
        info.pool = settings.pool;
        info.type = "normal";
        info.paths = settings.paths;
        for (const auto& run : runs) {
            if (run.name != settings.name || run.kind != pools::JobKind::backup) continue;
            info.last_job = raw(run.id);
            info.last_run = maybe_time(run.started);
            info.last_state = std::string(pools::name_of(run.state));
            break;
        }
        list.jobs.push_back(std::move(info));
    }
    co_return list;
}

Task<Result<api::Accepted>> run_job(ControlPlane& plane, std::string name, Peer peer) {
    for (const auto& settings : plane.settings().jobs) {
        if (settings.name != name) continue;
        api::BackupRequest request;
        request.name = settings.name;
        request.paths = settings.paths;
        request.pool = settings.pool;
        request.exclude = settings.exclude;
        request.cross_file_systems = settings.cross_file_systems;
        co_return co_await backup(plane, std::move(request), peer);
    }
    co_return fail(Recovery::change_request, fmt::format("the configuration has no job {}", name),
                   "'capstan job list' shows them.");
}

Task<Result<api::SetList>> sets(ControlPlane& plane, api::SetQuery query) {
    auto& store = plane.context().store;
    pools::SetFilter filter;
    filter.limit = std::clamp<std::uint32_t>(query.limit, 1, 10000);
    std::uint64_t before = 0;
    std::from_chars(query.cursor.data(), query.cursor.data() + query.cursor.size(), before);
    filter.before = SetNumber{before};
    if (!query.pool.empty()) {
        CAPSTAN_CO_TRY(auto pool, pools::Pools(store).by_name(PoolName{query.pool}));
        filter.pool = pool.id;
    }
    CAPSTAN_CO_TRY(auto rows, pools::Sets(store).list(filter));
    api::SetList list;
    for (const auto& row : rows) {
        CAPSTAN_CO_TRY(auto info, describe(plane, row));
        if (query.medium.empty() || std::find(info.media.begin(), info.media.end(), query.medium) != info.media.end())
            list.sets.push_back(std::move(info));
    }
    if (rows.size() == filter.limit) list.next = std::to_string(raw(rows.back().number));
    co_return list;
}

Task<Result<api::SetInfo>> set(ControlPlane& plane, std::string text) {
    CAPSTAN_CO_TRY(auto id, number<SetNumber>(text));
    CAPSTAN_CO_TRY(auto row, pools::Sets(plane.context().store).get(id));
    co_return describe(plane, row);
}

}  // namespace

void add_job_handlers(Router& router, ControlPlane& plane) {
    router.on(api::kJobs, [&plane](Call, api::JobQuery query) { return jobs(plane, std::move(query)); });
    router.on(api::kConfiguredJobs, [&plane](Call, api::None) { return configured_jobs(plane); });
    router.on(api::kJobRun, [&plane](Call call, api::None) { return run_job(plane, call.parameters[0], call.peer); });
    router.on(api::kJob,
              [&plane](Call call, api::None) { return job(plane, call.parameters[0], api::WatchRequest{}); });
    router.on(api::kJobProgress,
              [&plane](Call call, api::WatchRequest watch) { return job(plane, call.parameters[0], watch); });
    router.on(api::kJobCancel,
              [&plane](Call call, api::None) { return job_cancel(plane, call.parameters[0], call.peer); });
    router.on(api::kJobLog, [&plane](Call call, api::LogQuery query) {
        return job_log(plane, call.parameters[0], std::move(query));
    });
    router.on(api::kJobExplain, [&plane](Call call, api::None) { return job_explain(plane, call.parameters[0]); });
    router.on(api::kBackup,
              [&plane](Call call, api::BackupRequest request) { return backup(plane, std::move(request), call.peer); });
    router.on(api::kRestore, [&plane](Call call, api::RestoreRequest request) {
        return restore(plane, std::move(request), call.peer);
    });
    router.on(api::kVerify, [&plane](Call call, api::VerifyRequest request) {
        return verify(plane, call.parameters[0], std::move(request), call.peer);
    });
    router.on(api::kSets, [&plane](Call, api::SetQuery query) { return sets(plane, std::move(query)); });
    router.on(api::kSet, [&plane](Call call, api::None) { return set(plane, call.parameters[0]); });
}

}  // namespace capstan::daemon
