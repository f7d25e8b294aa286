#include "tools/capstan/watch.hpp"

#include "config/units.hpp"
#include "tools/capstan/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace capstan::tools {
namespace {

using config::duration_for_people;
using config::size_for_people;
using SteadyClock = std::chrono::steady_clock;

// Where progress goes: one line that changes on a terminal, else a line at each change of state and every ten seconds.
class ProgressLine {
    Session& session_;
    std::size_t drawn_ = 0;
    std::string last_state_;
    SteadyClock::time_point next_{};

  public:
    explicit ProgressLine(Session& session) : session_(session) {}
    ~ProgressLine() { clear(); }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void show(const std::string& state, const std::string& text) {
        if (session_.json) return;
        if (session_.terminal) {
            auto line = text.size() < session_.columns ? text : text.substr(0, session_.columns - 1);
            session_.errors << "\r" << line << std::string(drawn_ > line.size() ? drawn_ - line.size() : 0, ' ')
                            << std::flush;
            drawn_ = line.size();
        } else if (state != last_state_ || SteadyClock::now() >= next_) {
            session_.errors << text << std::endl;
            next_ = SteadyClock::now() + std::chrono::seconds{10};
        }
        last_state_ = state;
    }
    void clear() {
        if (drawn_ > 0) session_.errors << "\r" << std::string(drawn_, ' ') << "\r" << std::flush;
        drawn_ = 0;
    }
};

// Asks again and again for a newer version, until `done` says so. A daemon that restarts meanwhile is waited for.
template <class RouteType, class Done>
Result<typename RouteType::Reply> watch(Session& session, const RouteType& route, std::int64_t id, Done done) {
    constexpr std::chrono::seconds kPatience{60};
    api::WatchRequest request;
    std::optional<SteadyClock::time_point> silent_since;
    for (;;) {
        auto reply = session.client.call(route, {std::to_string(id)}, request);
        if (session.interrupted()) return fail(Recovery::cancelled, "interrupted");
        if (!reply && reply.error().recovery == Recovery::retry_later) {
            if (!silent_since) silent_since = SteadyClock::now();
            if (SteadyClock::now() - *silent_since < kPatience) {
                std::this_thread::sleep_for(std::chrono::milliseconds{500});
                continue;
            }
        }
        if (!reply) return reply;
        silent_since.reset();
        if (done(*reply)) return reply;
        if (reply->version == 0) std::this_thread::sleep_for(std::chrono::milliseconds{200});
        request.after = reply->version;
        request.wait_ms = 1000;  // also how often rate and time left are drawn anew
    }
}

int detached(Session& session, std::string_view what, std::int64_t id) {
    auto noun = what == "job" ? "job" : "queue";
    session.errors << fmt::format(
        "Detached; {} {} goes on. See it: 'capstan {} {}'. Cancel it: 'capstan {} cancel {}'.\n", what, id, noun,
        what == "job" ? fmt::format("show {} --watch", id) : "list", noun, id);
    return kInterrupted;
}

int waits_for_operator(Session& session, std::string_view what, std::int64_t id, std::int64_t request,
                       const std::string& reason) {
    session.errors << fmt::format("{} {} waits for an operator: {}\nSee 'capstan request show {}'.\n", what, id, reason,
                                  request);
    return kWaitsForOperator;
}

std::string objects_of(std::uint64_t objects) { return grouped(objects) + (objects == 1 ? " object" : " objects"); }

std::string work_text(const api::WorkItem& item) {
    auto text = fmt::format("{} {}: {}", item.operation, item.subject, item.state);
    if (item.steps > 0) text += fmt::format(", {} of {}", item.steps_done, item.steps);
    if (!item.doing.empty()) text += ", " + item.doing;
    if (!item.reason.empty()) text += ": " + item.reason;
    return shown(text);
}

int follow_item(Session& session, std::int64_t id, std::vector<api::WorkItem>& finished) {
    ProgressLine line(session);
    bool operator_needed = false;
    auto item = watch(session, api::kQueueItem, id, [&](const api::WorkItem& now) {
        line.show(now.state + now.reason, work_text(now));
        operator_needed = session.no_wait && now.state == "waiting" && now.request != 0;
        return now.finished() || operator_needed;
    });
    line.clear();
    if (!item) return session.interrupted() ? detached(session, "work item", id) : session.failed(item.error());
    finished.push_back(*item);
    if (operator_needed) return waits_for_operator(session, "work item", id, item->request, item->reason);
    if (!session.json && item->state == "completed")
        session.out << fmt::format("{} {}: done\n", item->operation, shown(item->subject));
    if (item->state == "completed") return kDone;
    auto what = fmt::format("{} {} {}: {}", item->operation, shown(item->subject), item->state,
                            item->reason.empty() ? "no reason given" : item->reason);
    return session.failed({Recovery::give_up, std::move(what), item->advice, {}});
}

}  // namespace

std::string progress_text(const api::JobInfo& job) {
    const auto& p = job.progress;
    auto text = fmt::format("job {} {}: {}", job.id, job.kind, name_of(job.state));
    if (job.state == api::JobState::waiting) return text + (job.reason.empty() ? "" : ": " + shown(job.reason));
    text += ", " + objects_of(p.objects);
    const auto* of = p.expected_about ? " of about " : " of ";
    if (p.objects_expected > 0) text += of + grouped(p.objects_expected);
    text += ", " + size_for_people(p.bytes);
    if (p.bytes_expected > 0) text += of + size_for_people(p.bytes_expected);
    if (p.bytes_per_second > 0) text += fmt::format(", {}/s", size_for_people(p.bytes_per_second));
    if (p.seconds_left)
        text += fmt::format(", {}{} left", p.expected_about ? "about " : "",
                            duration_for_people(std::chrono::seconds{*p.seconds_left}));
    if (p.objects_failed > 0) text += fmt::format(", {} failed", grouped(p.objects_failed));
    if (!p.volume_tag.empty()) text += fmt::format(", {} in {}", p.volume_tag, or_dash(p.drive));
    return text;
}

int status_of(const api::JobInfo& job) {
    if (job.state == api::JobState::completed) return kDone;
    return job.state == api::JobState::incomplete ? kIncomplete : kFailed;
}

void print_job(Session& session, const api::JobInfo& job) {
    const auto& p = job.progress;
    auto time = job.started && job.ended
                    ? duration_for_people(std::chrono::seconds{job.ended->seconds - job.started->seconds})
                    : std::string();
    Facts facts;
    facts.add("Job", fmt::format("{} ({}{}{})", job.id, job.kind, job.name.empty() ? "" : " ", shown(job.name)));
    facts.add("State", std::string(name_of(job.state)));
    if (job.repeats != 0) facts.add("Repeats", fmt::format("job {}, which was cut off", job.repeats));
    facts.add("Reason", shown(job.reason));
    facts.add("Advice", shown(job.advice));
    std::string sets;
    for (auto set : job.sets) sets += (sets.empty() ? "" : ", ") + std::to_string(set);
    facts.add(job.sets.size() == 1 ? "Set" : "Sets", sets);
    facts.add(job.file.empty() ? "Pool" : "File", job.file.empty() ? shown(job.pool) : shown(job.file));
    facts.add("Objects", grouped(p.objects));
    facts.add("Bytes", fmt::format("{} ({})", size_for_people(p.bytes), grouped(p.bytes)));
    if (job.kind == "backup")
        facts.add("Committed", fmt::format("{}, {}", objects_of(p.objects_saved), size_for_people(p.bytes_saved)));
    auto count = [&](const char* name, std::uint64_t number) {
        if (number > 0) facts.add(name, grouped(number));
    };
    count(job.kind == "verify" ? "Different" : job.kind == "restore" ? "Not restored" : "Not saved", p.objects_failed);
    count("Changed while read", p.objects_changed);
    count("Skipped", p.objects_skipped);
    count("Kept as they were", p.objects_kept);
    facts.add("Started", local_time(job.started, ""));
    facts.add("Ended", local_time(job.ended, ""));
    facts.add("Took", time);
    facts.print(session.out);
    if (p.objects_failed + p.objects_changed > 0)
        session.out << fmt::format("Each of them is named in 'capstan job log {}'.\n", job.id);
}

int follow_job(Session& session, std::int64_t id) {
    ProgressLine line(session);
    bool operator_needed = false;
    auto job = watch(session, api::kJobProgress, id, [&](const api::JobInfo& now) {
        line.show(std::string(name_of(now.state)) + now.reason, progress_text(now));
        operator_needed = session.no_wait && now.state == api::JobState::waiting && now.request != 0;
        return finished(now.state) || operator_needed;
    });
    line.clear();
    if (!job) return session.interrupted() ? detached(session, "job", id) : session.failed(job.error());
    if (session.json)
        session.print_json(*job);
    else if (!operator_needed)
        print_job(session, *job);
    if (operator_needed) return waits_for_operator(session, "job", id, job->request, shown(job->reason));
    return status_of(*job);
}

int follow_work(Session& session, const std::vector<std::int64_t>& items) {
    int status = kDone;
    api::WorkList finished;
    for (auto id : items) {
        int one = follow_item(session, id, finished.items);
        if (one == kInterrupted) return one;
        status = std::max(status, one);
    }
    if (session.json) session.print_json(finished);
    return status;
}

int follow(Session& session, const api::Accepted& accepted) {
    if (session.detach) {
        if (session.json) return session.print_json(accepted);
        if (accepted.job != 0) session.out << fmt::format("job {}\n", accepted.job);
        if (accepted.work_item != 0) session.out << fmt::format("work item {}\n", accepted.work_item);
        return kDone;
    }
    if (accepted.job != 0) return follow_job(session, accepted.job);
    if (accepted.work_item != 0) return follow_work(session, {accepted.work_item});
    if (session.json) return session.print_json(accepted);
    session.out << "done\n";
    return kDone;
}

}  // namespace capstan::tools
