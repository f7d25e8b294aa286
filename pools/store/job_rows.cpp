// Job runs, their ledger, and the devices as last seen.
#include "pools/store/sql.hpp"
#include "pools/store/work_rows.hpp"

namespace capstan::pools {
namespace {

constexpr std::string_view kJobColumns =
    "SELECT id, kind, name, parameters, owner, state, created, started, ended, objects, bytes, not_done, changed, "
    "skipped, kept, message"
    " FROM jobs";
constexpr std::string_view kJobKinds =
    "ittttt"
    "iiiiiiiii"
    "t";

Result<std::vector<Job>> query_jobs(StateStore& store, const std::string& condition, const sql::Values& parameters) {
    CAPSTAN_TRY(auto rows, store.database().query(fmt::format("{} {}", kJobColumns, condition), parameters, kJobKinds));
    std::vector<Job> jobs;
    jobs.reserve(rows.size());
    for (auto& row : rows) {
        Job job;
        job.id = row.number<JobId>();
        job.kind = row.named<JobKind>();
        job.name = row.text();
        job.parameters = row.text();
        job.owner = row.text();
        job.state = row.named<JobState>();
        job.created = row.time();
        job.started = row.maybe_time();
        job.ended = row.maybe_time();
        job.counts.objects = row.number<std::uint64_t>();
        job.counts.bytes = row.number<std::uint64_t>();
        job.counts.not_done = row.number<std::uint64_t>();
        job.counts.changed = row.number<std::uint64_t>();
        job.counts.skipped = row.number<std::uint64_t>();
        job.counts.kept = row.number<std::uint64_t>();
        job.message = row.text();
        CAPSTAN_CHECK(row.check("jobs"));
        jobs.push_back(std::move(job));
    }
    return jobs;
}

}  // namespace

Result<JobId> Jobs::add(WriteTransaction& transaction, const Job& job) {
    CAPSTAN_TRY(
        const auto id,
        transaction.database().insert(
            "INSERT INTO jobs (kind, name, parameters, owner, state, created, started, ended, objects, bytes, not_done,"
            " changed, skipped, kept, message)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id",
            sql::values(job.kind, job.name, job.parameters, job.owner, job.state, job.created, job.started, job.ended,
                        job.counts.objects, job.counts.bytes, job.counts.not_done, job.counts.changed,
                        job.counts.skipped, job.counts.kept, job.message)));
    return JobId{id};
}

Result<Job> Jobs::get(JobId id) {
    CAPSTAN_TRY(auto jobs, query_jobs(store_, "WHERE id = $1", sql::values(raw(id))));
    if (jobs.empty())
        return fail(Recovery::change_request, fmt::format("there is no job {}", raw(id)),
                    "List them with 'capstan job list'.");
    return std::move(jobs.front());
}

Result<std::vector<Job>> Jobs::newest(std::uint32_t max) {
    return query_jobs(store_, fmt::format("ORDER BY id DESC LIMIT {}", max), {});
}

Result<std::vector<Job>> Jobs::unfinished() {
    return query_jobs(store_, "WHERE state IN ($1, $2) ORDER BY id", sql::values(JobState::queued, JobState::running));
}

Result<JobState> Jobs::apply(WriteTransaction& transaction, JobId id, JobEvent event, const std::string& message,
                             Wall at) {
    CAPSTAN_TRY(const auto job, get(id));
    const auto state = next(job.state, event);
    if (!state)
        return fail(
            Recovery::change_request,
            fmt::format("job {}: '{}' is not possible while it is {}", raw(id), name_of(event), name_of(job.state)),
            is_finished(job.state) ? "It has ended already." : "");
    if (*state == job.state) return *state;
    const auto started = event == JobEvent::start ? std::optional(at) : job.started;
    const auto ended = is_finished(*state) ? std::optional(at) : job.ended;
    CAPSTAN_CHECK(transaction.database().change_one(
        "UPDATE jobs SET state = $1, started = $2, ended = $3, message = $4 WHERE id = $5",
        sql::values(*state, started, ended, message, raw(id)), fmt::format("job {}", raw(id))));
    return *state;
}

Result<void> Jobs::add_counts(WriteTransaction& transaction, JobId id, const JobCounts& counts) {
    return transaction.database().change_one(
        "UPDATE jobs SET objects = objects + $1, bytes = bytes + $2, not_done = not_done + $3, changed = changed + $4,"
        " skipped = skipped + $5, kept = kept + $6 WHERE id = $7",
        sql::values(counts.objects, counts.bytes, counts.not_done, counts.changed, counts.skipped, counts.kept,
                    raw(id)),
        fmt::format("job {}", raw(id)));
}

Result<void> Jobs::add_issues(WriteTransaction& transaction, const std::vector<JobIssue>& issues) {
    for (const auto& issue : issues)
        CAPSTAN_CHECK(transaction.database().execute(
            "INSERT INTO job_issues (job, kind, path, reason) VALUES ($1, $2, $3, $4)",
            sql::values(raw(issue.job), issue.kind, sql::Blob{issue.path}, issue.reason)));
    return {};
}

Result<std::vector<JobIssue>> Jobs::issues(JobId id, std::uint32_t max, std::uint32_t skip) {
    const auto statement = fmt::format(
        "SELECT job, kind, path, reason FROM job_issues WHERE job = $1 ORDER BY id LIMIT {} OFFSET {}", max, skip);
    CAPSTAN_TRY(auto rows, store_.database().query(statement, sql::values(raw(id)), "itbt"));
    std::vector<JobIssue> issues;
    issues.reserve(rows.size());
    for (auto& row : rows) {
        JobIssue issue;
        issue.job = row.number<JobId>();
        issue.kind = row.named<IssueKind>();
        issue.path = row.text();
        issue.reason = row.text();
        CAPSTAN_CHECK(row.check("job issues"));
        issues.push_back(std::move(issue));
    }
    return issues;
}

Result<std::uint64_t> Jobs::issue_count(JobId id) {
    CAPSTAN_TRY(auto row, store_.database().query_one("SELECT count(*) FROM job_issues WHERE job = $1",
                                                      sql::values(raw(id)), "i"));
    return row->number<std::uint64_t>();
}

Result<void> Devices::seen(WriteTransaction& transaction, const DeviceSeen& device) {
    CAPSTAN_CHECK(transaction.database().execute(
        "INSERT INTO devices (kind, name, product, serial, before, seen) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (kind, name) DO UPDATE SET product = excluded.product, serial = excluded.serial,"
        " before = excluded.before, seen = excluded.seen",
        sql::values(device.kind, device.name, device.product, device.serial, device.before, device.seen)));
    return {};
}

Result<std::optional<DeviceSeen>> Devices::of(DeviceSeen::Kind kind, const std::string& name) {
    CAPSTAN_TRY(auto row, store_.database().query_one("SELECT product, serial, before, seen FROM devices WHERE kind = $1 AND name = $2",
                                                      sql::values(kind, name), "ttti"));
    if (!row) return std::nullopt;
    DeviceSeen device{kind, name, {}, {}, {}, {}};
    device.product = row->text();
    device.serial = row->text();
    device.before = row->text();
    device.seen = row->time();
    CAPSTAN_CHECK(row->check("devices"));
    return device;
}

}  // namespace capstan::pools
