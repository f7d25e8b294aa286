// Restore and verify: which set has what was asked for, and the run over it.
#include "config/base/log.hpp"
#include "daemon/api/codec.hpp"
#include "daemon/job_live.hpp"
#include "daemon/request_parts.hpp"
#include "daemon/set_frame.hpp"
#include "pools/store/set_rows.hpp"

#include <fmt/format.h>

namespace capstan::daemon {
namespace {

catalog::FileTime file_time(const api::Time& time) {
    return catalog::FileTime{std::chrono::seconds{time.seconds} + std::chrono::nanoseconds{time.nanoseconds}};
}

}  // namespace

Task<Result<std::vector<JobService::ReadPlan>>> JobService::newest_sets_of(std::vector<std::string> paths,
                                                                           std::optional<catalog::FileTime> at) {
    // A directory that a set has only as the way to others is the last choice, but an older set may have it whole.
    struct Choice {
        std::string path;
        std::optional<SetNumber> set;
        bool whole = false;
    };
    auto choices = std::make_shared<std::vector<Choice>>();
    for (auto& path : paths) choices->push_back({std::move(path), {}, false});
    CatalogPortion ask = [choices, at](catalog::Catalog& catalog) -> Result<bool> {
        bool more = false;
        for (auto& choice : *choices) {
            if (choice.whole) continue;
            CAPSTAN_TRY(auto newest, catalog.newest(choice.path, at));
            choice.whole = newest && !newest->object.facts.path_only;
            if (newest && (choice.whole || !choice.set)) choice.set = newest->set;
            more = more || !choice.whole;
        }
        return more;
    };
    SetNumber newest{};
    CAPSTAN_CO_CHECK(co_await ask_in_portions(context_, newest, std::move(ask)));
    std::map<std::uint64_t, ReadPlan> plans;
    for (auto& choice : *choices) {
        if (!choice.set)
            co_return fail(Recovery::change_request,
                           fmt::format("no set has /{}{}", choice.path, at ? " from that time or before" : ""),
                           "'capstan find PATTERN' searches all sets; 'capstan set list' shows them.");
        CAPSTAN_CO_TRY(auto sets, co_await sets_of_one_run(*choice.set, choice.path));
        for (auto set : sets) {
            auto& plan = plans[raw(set)];
            plan.set = set;
            plan.paths.push_back(choice.path);
        }
    }
    std::vector<ReadPlan> list;
    for (auto& [set, plan] : plans) list.push_back(std::move(plan));
    co_return list;
}

// A run whose objects were too many for one set has a directory in several.
Task<Result<std::vector<SetNumber>>> JobService::sets_of_one_run(SetNumber chosen, std::string path) {
    pools::Sets rows(context_.store);
    CAPSTAN_CO_TRY(auto set, rows.get(chosen));
    CAPSTAN_CO_TRY(auto run, rows.of_one_run(set));
    std::vector<SetNumber> sets;
    for (const auto& other : run) {
        bool has_it = other.number == chosen;
        if (!has_it) {
            std::move_only_function<Result<bool>(catalog::Catalog&)> ask =
                [number = other.number, path](catalog::Catalog& catalog) -> Result<bool> {
                CAPSTAN_TRY(auto found, catalog.lookup(number, path));
                return found.has_value();
            };
            CAPSTAN_CO_TRY(has_it, co_await ask_catalog<bool>(context_, other.number, std::move(ask)));
        }
        if (has_it) sets.push_back(other.number);
    }
    if (sets.empty()) sets.push_back(chosen);  // one that is being written
    co_return sets;
}

// Refused at once: a request of which the set has nothing.
Task<Result<void>> JobService::check_paths(SetNumber set, std::vector<std::string> paths) {
    if (paths.empty()) co_return Result<void>{};
    std::move_only_function<Result<bool>(catalog::Catalog&)> ask = [set,
                                                                    paths](catalog::Catalog& catalog) -> Result<bool> {
        for (const auto& path : paths) {
            CAPSTAN_TRY(auto found, catalog.lookup(set, path));
            if (found) return true;
        }
        return false;
    };
    CAPSTAN_CO_TRY(bool any, co_await ask_catalog<bool>(context_, set, std::move(ask)));
    if (any) co_return Result<void>{};
    co_return fail(Recovery::change_request, fmt::format("set {} has no /{}", raw(set), paths.front()),
                   "'capstan ls SET:PATH' shows what is in it.");
}

Result<SetNumber> JobService::set_in_file(const std::string& file) {
    CAPSTAN_TRY(auto set, pools::Sets(context_.store).newest_in_file(file));
    if (set) return set->number;
    return fail(Recovery::change_request,
                fmt::format("{} was not written by this Capstan, or under another path", file),
                "Use 'capstan mtf extract FILE --to DIR', which needs no catalog.");
}

Task<Result<JobId>> JobService::start_restore(api::RestoreRequest request, std::string owner) {
    if (!request.file.empty()) {
        CAPSTAN_CO_TRY(auto set, set_in_file(request.file));
        if (request.set && SetNumber{*request.set} != set)
            co_return fail(Recovery::change_request,
                           fmt::format("{} holds set {}, not set {}", request.file, raw(set), *request.set),
                           "Leave out one of the two.");
        request.set = raw(set);
    }
    if (!request.set && request.paths.empty())
        co_return fail(Recovery::change_request, "nothing to restore was named",
                       "Name paths, or a whole set as 'SET:'.");
    if (!request.to.empty() && request.to[0] != '/')
        co_return fail(Recovery::change_request, fmt::format("'{}' is not an absolute directory", request.to),
                       "Begin it with a slash.");
    std::vector<std::string> paths;
    for (const auto& path : request.paths) paths.push_back(recorded_path(path));
    std::vector<ReadPlan> plans;
    if (request.set) {
        auto set = pools::Sets(context_.store).get(SetNumber{*request.set});
        if (!set) co_return std::unexpected(set.error());
        CAPSTAN_CO_CHECK(co_await check_paths(SetNumber{*request.set}, paths));
        plans.push_back(ReadPlan{SetNumber{*request.set}, std::move(paths)});
    } else if (!request.parts.empty()) {
        for (auto& part : request.parts) plans.push_back(ReadPlan{SetNumber{part.set}, part.paths});
    } else {
        std::optional<catalog::FileTime> at;
        if (request.at) at = file_time(*request.at);
        CAPSTAN_CO_TRY(plans, co_await newest_sets_of(std::move(paths), at));
        for (const auto& plan : plans) request.parts.push_back({raw(plan.set), plan.paths});
    }
    backup::RestoreOptions options;
    if (!request.to.empty()) options.root = request.to;
    options.existing = request.existing == api::Existing::never   ? backup::Existing::never
                       : request.existing == api::Existing::older ? backup::Existing::older
                                                                  : backup::Existing::always;
    if (request.repeats != 0) {
        CAPSTAN_CO_TRY(auto cut_off, pools::Jobs(context_.store).get(JobId{request.repeats}));
        options.cut_off = backup::CutOffRun{cut_off.started.value_or(cut_off.created), std::to_string(request.repeats)};
    }
    options.several_sets = plans.size() > 1;
    auto name = request.paths.empty() ? fmt::format("set {}", *request.set) : request.paths.front();
    CAPSTAN_CO_TRY(auto id, add(pools::JobKind::restore, name, api::encode(request), owner));
    options.nonce = fmt::format("{}", raw(id));
    options.threads = environment_.file_threads;
    auto live = live_.at(id);
    auto work = run_read(live, std::move(plans), std::move(options));
    set_out(live, std::move(work));
    co_return id;
}

Task<Result<JobId>> JobService::start_verify(api::VerifyRequest request, std::string owner) {
    const SetNumber set{request.set};
    auto row = pools::Sets(context_.store).get(set);
    if (!row) co_return std::unexpected(row.error());
    std::vector<ReadPlan> plans(1);
    plans[0].set = set;
    for (const auto& path : request.paths) plans[0].paths.push_back(recorded_path(path));
    CAPSTAN_CO_TRY(auto id, add(pools::JobKind::verify, fmt::format("set {}", raw(set)), api::encode(request), owner));
    auto live = live_.at(id);
    auto work = run_read(live, std::move(plans), std::nullopt);
    set_out(live, std::move(work));
    co_return id;
}

Task<Result<void>> JobService::run_read(std::shared_ptr<Live> live, std::vector<ReadPlan> plans,
                                        std::optional<backup::RestoreOptions> target) {
    if (target) {
        CAPSTAN_CO_TRY(live->sink, backup::open_restore_target(*target, live->issues));
    } else {
        live->sink = std::make_unique<backup::VerifySink>(live->issues);
    }
    for (auto& plan : plans) {
        live->sets.push_back(plan.set);
        const bool whole = plan.paths.empty();
        CAPSTAN_CO_CHECK(co_await read_set(*live, std::move(plan)));
        if (whole && !target) CAPSTAN_CO_CHECK(co_await verify_frame(*live, live->sets.back()));
        CAPSTAN_CO_CHECK(drain_issues(*live));
    }
    std::move_only_function<Result<void>()> lock = [live] { return live->sink->lock(); };
    auto locked = co_await context_.worker.run<Result<void>>(std::move(lock));
    if (locked && !*locked) co_return std::unexpected(locked->error());
    co_return Result<void>{};
}

// Of a set on cartridges; a .bkf file is proven as a whole by `capstan mtf check`.
Task<Result<void>> JobService::verify_frame(Live& live, SetNumber number) {
    pools::Sets sets(context_.store);
    CAPSTAN_CO_TRY(auto set, sets.get(number));
    if (!set.file.empty()) co_return Result<void>{};
    CAPSTAN_CO_TRY(auto extents, sets.extents(number));
    CAPSTAN_CO_TRY(auto faults, co_await faults_of_frame(mounts_, live.job.id, std::move(set), std::move(extents)));
    for (auto& fault : faults) live.issues.add(backup::Issue{backup::IssueKind::damaged, "", std::move(fault)});
    co_return Result<void>{};
}

// Beside the restore, with a catalog and a thread of its own: for the time that is left.
Task<void> JobService::count_selection(std::shared_ptr<SelectionCount> count, std::shared_ptr<SegmentSnapshot> snapshot,
                                       ReadPlan plan) {
    auto worker = environment_.make_worker();
    std::move_only_function<Result<void>()> walk = [count, snapshot, plan = std::move(plan)]() -> Result<void> {
        catalog::Catalog catalog(*snapshot);
        CAPSTAN_TRY(auto selection, catalog.select(plan.set, plan.paths));
        std::uint64_t objects = 0, bytes = 0;
        for (;;) {
            CAPSTAN_TRY(const auto* selected, selection.next());
            if (selected == nullptr || count->stop) break;
            ++objects;
            bytes += selected->object.facts.size;
        }
        count->objects += objects;
        count->bytes += bytes;
        return {};
    };
    (void)co_await worker->run<Result<void>>(std::move(walk));
    if (context_.loop.stopping()) count->stop = true;  // the worker is joined now
    --count->unknown;
}

Task<Result<void>> JobService::read_set(Live& live, ReadPlan plan) {
    // The selection's readers stay open on their own; the catalog that made it is kept until the job is done.
    CAPSTAN_CO_TRY(auto snapshot, SegmentSnapshot::take(context_, plan.set));
    auto catalog = std::make_shared<catalog::Catalog>(*snapshot);
    std::move_only_function<Result<catalog::Selection>()> select = [catalog, snapshot, plan] {
        return catalog->select(plan.set, plan.paths);
    };
    auto selected = co_await context_.worker.run<Result<catalog::Selection>>(std::move(select));
    if (!selected) co_return fail(Recovery::cancelled, "the daemon is stopping");
    if (!*selected) co_return std::unexpected(selected->error());
    if (!(*selected)->missing().empty()) {
        const auto& missing = (*selected)->missing();
        if (missing.size() == plan.paths.size())
            co_return fail(Recovery::change_request, fmt::format("set {} has no /{}", raw(plan.set), missing.front()),
                           "'capstan ls SET:PATH' shows what is in it.");
        for (const auto& path : missing)
            live.issues.add(backup::Issue{backup::IssueKind::not_restored, path, "the set does not have it"});
    }
    CAPSTAN_CO_TRY(auto set, pools::Sets(context_.store).get(plan.set));
    if (plan.paths.empty()) {
        live.count->objects += set.objects;
        live.count->bytes += set.bytes;
    } else {
        ++live.count->unknown;
        context_.loop.spawn(count_selection(live.count, snapshot, plan));
    }
    backup::RestorePlan restore{live.job.id, plan.set, set.file,
                                [catalog, snapshot, number = plan.set](std::vector<std::string> paths) {
                                    return catalog->select(number, paths);
                                }};
    live.reading = std::make_unique<backup::RestoreJob>(environment_, restore, std::move(**selected), *live.sink,
                                                        live.issues, live.read_progress);
    auto outcome = co_await live.reading->run();
    live.reading.reset();
    co_return outcome;
}

}  // namespace capstan::daemon
