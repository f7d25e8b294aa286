// What the API says of a job.
#include "daemon/api/codec.hpp"
#include "daemon/job_live.hpp"
#include "pools/store/set_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

api::JobState state_of(pools::JobState state) {
    switch (state) {
        case pools::JobState::queued: return api::JobState::queued;
        case pools::JobState::running: return api::JobState::running;
        case pools::JobState::complete: return api::JobState::completed;
        case pools::JobState::complete_with_issues: return api::JobState::incomplete;
        case pools::JobState::cancelled: return api::JobState::cancelled;
        default: return api::JobState::failed;
    }
}

}  // namespace

void JobService::fill_progress(const Live& live, api::JobInfo& info) {
    auto& progress = info.progress;
    if (live.backup) {
        const auto& counts = live.backup->progress();
        progress.objects = counts.objects;
        progress.bytes = counts.bytes;
        progress.objects_failed = counts.not_saved;
        progress.objects_changed = counts.changed;
        progress.objects_skipped = counts.skipped;
        auto committed = live.backup->committed();
        progress.objects_saved = committed.objects;
        progress.bytes_saved = committed.bytes;
        progress.volume_tag = live.backup->volume_tag();
        if (live.backup->drive()) progress.drive = live.backup->drive()->text;
        auto expected = live.backup->expectation();
        if (expected.objects >= progress.objects && expected.bytes >= progress.bytes) {
            progress.objects_expected = expected.objects;
            progress.bytes_expected = expected.bytes;
            progress.expected_about = true;
        }
        for (auto set : live.backup->sets()) info.sets.push_back(raw(set));
    } else {
        if (live.count->unknown == 0) {
            progress.objects_expected = live.count->objects;
            progress.bytes_expected = live.count->bytes;
        }
        progress.objects = live.read_progress.objects;
        progress.bytes = live.read_progress.bytes;
        progress.objects_failed = failed_objects(live.issues);
        progress.objects_kept = live.read_progress.kept;
        if (live.reading) {
            progress.volume_tag = live.reading->volume_tag();
            progress.drive = live.reading->drive().text;
        }
        for (auto set : live.sets) info.sets.push_back(raw(set));
    }
    progress.bytes_per_second = live.rate;
    const auto all = effort_of(progress.objects_expected, progress.bytes_expected);
    const auto done = effort_of(progress.objects, progress.bytes);
    if (live.pace > 0 && all > done)
        progress.seconds_left = static_cast<std::uint64_t>(static_cast<double>(all - done) / live.pace);
}

Result<api::JobInfo> JobService::info(JobId id) {
    CAPSTAN_TRY(auto job, pools::Jobs(context_.store).get(id));
    return info(job);
}

Result<api::JobInfo> JobService::info(const pools::Job& job) {
    api::JobInfo info;
    info.id = raw(job.id);
    info.name = job.name;
    info.kind = std::string(pools::name_of(job.kind));
    if (job.kind == pools::JobKind::backup) {
        if (auto request = api::decode<api::BackupRequest>(job.parameters, api::UnknownKeys::pass_over)) {
            info.type = request->type;
            info.pool = request->pool;
            info.file = request->file;
        }
    }
    info.repeats = repeats_of(job);
    info.state = state_of(job.state);
    info.queued = api::time_of(job.created);
    if (job.started) info.started = api::time_of(*job.started);
    if (job.ended) info.ended = api::time_of(*job.ended);
    info.reason = job.message;
    info.version = 1'000'000'000 + static_cast<std::uint64_t>(job.state);
    auto live = live_.find(job.id);
    if (live == live_.end()) {
        pools::SetFilter filter;
        filter.job = job.id;
        CAPSTAN_TRY(auto own, pools::Sets(context_.store).list(filter));
        std::reverse(own.begin(), own.end());  // as they were written
        info.progress.objects = info.progress.objects_saved = job.counts.objects;
        info.progress.bytes = info.progress.bytes_saved = job.counts.bytes;
        info.progress.objects_failed = job.counts.not_done;
        info.progress.objects_changed = job.counts.changed;
        info.progress.objects_skipped = job.counts.skipped;
        info.progress.objects_kept = job.counts.kept;
        for (const auto& set : own) info.sets.push_back(raw(set.number));
        return info;
    }
    auto& run = *live->second;
    auto now = context_.clock.now();
    fill_progress(run, info);
    if (now - run.sampled >= std::chrono::seconds{1}) {
        auto passed = std::chrono::duration<double>(now - run.sampled).count();
        run.rate = static_cast<std::uint64_t>(static_cast<double>(info.progress.bytes - run.sampled_bytes) / passed);
        auto effort = effort_of(info.progress.objects, info.progress.bytes);
        auto pace = static_cast<double>(effort - run.sampled_effort) / passed;
        constexpr double kWeight = 0.3;  // of the last look
        run.pace = run.pace == 0 ? pace : run.pace + kWeight * (pace - run.pace);
        run.sampled_effort = effort;
        run.sampled = now;
        run.sampled_bytes = info.progress.bytes;
        info.progress.bytes_per_second = run.rate;
    }
    info.version = ++run.version;
    for (const auto& [id, request] : queue_.open_requests()) {
        auto item = queue_.items().get(request.work_item);
        if (item && item->job == job.id) info.request = raw(id);
    }
    CAPSTAN_TRY(auto items, queue_.items().unfinished());
    for (const auto& item : items) {
        if (item.job != job.id || item.state != pools::WorkState::waiting) continue;
        info.state = api::JobState::waiting;
        info.reason = item.reason;
        if (info.request == 0)
            if (const auto asked = mounts_.request_for_every_drive(item.writes())) info.request = raw(*asked);
    }
    return info;
}

Task<Result<api::JobInfo>> JobService::watch(JobId id, std::uint64_t after, std::chrono::milliseconds limit) {
    // Counts change all the time: a watcher is answered a few times a second, and at once when the job ends.
    constexpr std::chrono::milliseconds kNap{300};
    auto live = live_.find(id);
    if (live == live_.end() || limit.count() == 0 || after == 0) co_return info(id);
    auto run = live->second;
    const auto end = context_.clock.now() + limit;
    const bool seen_this_run = after < std::uint64_t{1'000'000'000};
    while (!run->over && !context_.loop.stopping() && context_.clock.now() < end) {
        Completion<bool> woken(context_.loop);
        auto timer =
            context_.clock.at(std::min<Steady>(end, context_.clock.now() + kNap), [woken] { woken.complete(true); });
        std::erase_if(run->watchers, [](const Completion<bool>& watcher) { return watcher.done(); });
        run->watchers.push_back(woken);
        co_await woken.wait();
        context_.clock.cancel(timer);
        if (seen_this_run) break;
    }
    co_return info(id);
}

}  // namespace capstan::daemon
