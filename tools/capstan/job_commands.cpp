// capstan job …
#include "config/units.hpp"
#include "tools/capstan/commands.hpp"
#include "tools/capstan/text.hpp"
#include "tools/capstan/watch.hpp"

#include <fmt/format.h>

namespace capstan::tools {
namespace {

using Align = Table::Align;

int list_configured(Session& session) {
    return session.ask(api::kConfiguredJobs, {}, {}, [&](const api::ConfiguredJobList& list) {
        Table table({{"NAME"}, {"POOL"}, {"TYPE"}, {"LAST RUN"}, {"STATE"}, {"PATHS"}});
        for (const auto& job : list.jobs) {
            std::string paths;
            for (const auto& path : job.paths) paths += (paths.empty() ? "" : " ") + shown(path);
            table.row(
                {shown(job.name), shown(job.pool), job.type, local_time(job.last_run), or_dash(job.last_state), paths});
        }
        table.print(session.out, "The configuration file has no jobs.");
    });
}

}  // namespace

int list_jobs(Session& session, const api::JobQuery& query, bool configured) {
    if (configured) return list_configured(session);
    return session.ask(api::kJobs, {}, query, [&](const api::JobList& list) {
        Table table({{"JOB", Align::right},
                     {"NAME"},
                     {"KIND"},
                     {"STATE"},
                     {"STARTED"},
                     {"OBJECTS", Align::right},
                     {"BYTES", Align::right},
                     {"REASON"}});
        for (const auto& job : list.jobs)
            table.row({std::to_string(job.id), or_dash(shown(job.name)), job.kind, std::string(name_of(job.state)),
                       local_time(job.started), grouped(job.progress.objects),
                       config::size_for_people(job.progress.bytes), shown(job.reason)});
        table.print(session.out, "No job.");
        if (!list.next.empty())
            session.out << fmt::format("These are the newest {}; --limit shows more.\n", list.jobs.size());
    });
}

int show_job(Session& session, std::int64_t job, bool watch) {
    if (watch) return follow_job(session, job);
    return session.ask(api::kJob, {std::to_string(job)}, {}, [&](const api::JobInfo& info) {
        print_job(session, info);
        if (!finished(info.state)) session.out << progress_text(info) << "\n";
    });
}

int run_job(Session& session, const std::string& name) {
    auto accepted = session.client.call(api::kJobRun, {name});
    return accepted ? follow(session, *accepted) : session.failed(accepted.error());
}

int cancel_job(Session& session, std::int64_t job) {
    return session.ask(api::kJobCancel, {std::to_string(job)}, {},
                       [&](const api::JobInfo& info) { print_job(session, info); });
}

int show_job_log(Session& session, std::int64_t job) {
    auto log = session.all_pages(api::kJobLog, {std::to_string(job)}, {}, &api::JobLog::lines);
    if (!log) return session.failed(log.error());
    if (session.json) return session.print_json(*log);
    for (const auto& line : log->lines) {
        session.out << local_time(line.at) << "  ";
        if (line.outcome) session.out << name_of(*line.outcome) << "  ";
        if (!line.path.empty()) session.out << shown(line.path) << (line.text.empty() ? "" : ": ");
        session.out << shown(line.text) << "\n";
    }
    return kDone;
}

}  // namespace capstan::tools
