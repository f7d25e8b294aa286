#include "daemon/work_queue.hpp"

#include "config/base/log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

constexpr std::chrono::minutes kLookAgainAfter{10};

// Mounts belong to jobs, which ask for them anew; idle drives are found again.
bool is_operators(const pools::WorkItem& item) {
    using Kind = pools::WorkKind;
    return raw(item.job) == 0 && item.kind != Kind::mount && item.kind != Kind::dismount;
}

// Why work that the daemon's end cut off does not go on; empty: it does.
std::string why_not_again(const pools::WorkItem& item, Wall now) {
    if (!is_operators(item)) return "the daemon was stopped before it was done";
    const auto interruptions = item.interruptions + (item.state == pools::WorkState::in_process ? 1 : 0);
    if (interruptions >= WorkQueue::kInterruptionsMax)
        return fmt::format("the daemon ended {} times while it was done", interruptions);
    if (item.deadline && *item.deadline < now) return "its time limit passed while the daemon was not running";
    return "";
}

}  // namespace

using pools::RequestEvent;
using pools::WorkEvent;
using pools::WriteTransaction;

Result<void> WorkQueue::settle_after_start() {
    CAPSTAN_TRY(auto unfinished, items_.unfinished());
    CAPSTAN_TRY(auto submitted, requests_.submitted());
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(context_.store));
    auto now = context_.clock.wall();
    for (const auto& item : unfinished) {
        auto why_not = why_not_again(item, now);
        auto reason = why_not.empty() ? "the daemon was started again; it goes on" : why_not;
        auto settled = items_.apply(transaction, item.id, why_not.empty() ? WorkEvent::interrupted : WorkEvent::failed,
                                    reason, now);
        if (!settled) return std::unexpected(settled.error());
    }
    for (const auto& request : submitted) {
        auto ended =
            requests_.apply(transaction, request.id, RequestEvent::cancel, "the daemon was started again", now);
        if (!ended) return std::unexpected(ended.error());
    }
    return transaction.commit();
}

Result<std::vector<pools::WorkItem>> WorkQueue::take_up() {
    CAPSTAN_TRY(auto queued, items_.unfinished());
    std::erase_if(queued,
                  [this](const pools::WorkItem& item) { return live_.contains(item.id) || !is_operators(item); });
    for (const auto& item : queued) {
        Live live;
        auto left = item.deadline ? *item.deadline - context_.clock.wall() : context_.settings.waits.default_limit;
        live.deadline = context_.clock.now() + std::max(left, decltype(left){});
        live_.emplace(item.id, std::move(live));
    }
    return queued;
}

Result<WorkItemId> WorkQueue::add(pools::WorkItem item) {
    item.created = context_.clock.wall();
    auto limit = context_.settings.waits.default_limit;
    item.deadline = item.created + limit;
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(context_.store));
    CAPSTAN_TRY(auto id, items_.add(transaction, item));
    CAPSTAN_CHECK(transaction.commit());
    Live live;
    live.deadline = context_.clock.now() + limit;
    live.job = item.job;
    live_.emplace(id, std::move(live));
    context_.changed.notify();
    return id;
}

Result<void> WorkQueue::apply(WorkItemId id, WorkEvent event, const std::string& reason) {
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(context_.store));
    auto applied = items_.apply(transaction, id, event, reason, context_.clock.wall());
    if (!applied) return std::unexpected(applied.error());
    CAPSTAN_CHECK(transaction.commit());
    if (auto found = live_.find(id); found != live_.end()) ++found->second.version;
    return {};
}

Result<void> WorkQueue::start(WorkItemId id, const std::string& doing) {
    if (auto found = live_.find(id); found != live_.end()) {
        found->second.doing.text = doing;
        found->second.reason.clear();
    }
    CAPSTAN_TRY(auto item, items_.get(id));
    if (item.state != pools::WorkState::in_process) CAPSTAN_CHECK(apply(id, WorkEvent::start, ""));
    context_.changed.notify();
    return {};
}

Result<void> WorkQueue::finish(WorkItemId id, const Result<void>& outcome) {
    auto found = live_.find(id);
    bool cancelled = !outcome && outcome.error().recovery == Recovery::cancelled;
    auto reason = outcome ? std::string() : to_text(outcome.error());
    CAPSTAN_CHECK(
        end_requests(id, outcome ? RequestEvent::satisfied : RequestEvent::cancel, outcome ? "done" : reason));
    CAPSTAN_CHECK(apply(id, outcome ? WorkEvent::passed : cancelled ? WorkEvent::cancel : WorkEvent::failed, reason));
    if (found != live_.end()) live_.erase(found);
    if (!outcome) log::warning("work-ended", {{"item", std::to_string(raw(id))}, {"reason", reason}});
    context_.changed.notify();
    return {};
}

Task<Result<void>> WorkQueue::wait(WorkItemId id, std::string reason) {
    auto found = live_.find(id);
    if (found == live_.end()) co_return fail(Recovery::give_up, fmt::format("work item {} is not known", raw(id)));
    if (found->second.reason != reason) {
        found->second.reason = reason;
        CAPSTAN_CO_CHECK(apply(id, WorkEvent::block, reason));
        log::info("work-waits", {{"item", std::to_string(raw(id))}, {"reason", reason}});
    }
    // Looks again after some time also when nobody notified: what time alone changes.
    auto until = std::min(found->second.deadline, context_.clock.now() + kLookAgainAfter);
    auto timer = context_.clock.at(until, [this] { context_.changed.notify(); });
    bool going_on = co_await context_.changed.wait();
    context_.clock.cancel(timer);
    if (!going_on) co_return fail(Recovery::cancelled, "the daemon is stopping");
    found = live_.find(id);
    if (found == live_.end()) co_return fail(Recovery::cancelled, fmt::format("work item {} was removed", raw(id)));
    if (!found->second.cancelled_by.empty())
        co_return fail(Recovery::cancelled,
                       fmt::format("work item {} was cancelled by {}", raw(id), found->second.cancelled_by));
    if (!found->second.refused.empty())
        co_return fail(Recovery::change_request, fmt::format("the operator refused: {}", found->second.refused));
    if (context_.clock.now() >= found->second.deadline)
        co_return fail(Recovery::ask_operator, fmt::format("work item {} waited too long: {}", raw(id), reason),
                       "Remove the cause and run the job again; 'waits: default' in the configuration sets the limit.");
    co_return Result<void>{};
}

Result<RequestId> WorkQueue::ask(pools::OperatorRequest request) {
    for (const auto& [id, open] : open_) {
        if (open.work_item != request.work_item || open.kind != request.kind || open.cartridge != request.cartridge)
            continue;
        if (raw(request.work_item) == 0 && open.text != request.text) continue;
        if (open.text == request.text) return id;
        CAPSTAN_CHECK(end_requests(request.work_item, RequestEvent::cancel, "replaced by a newer request"));
        break;
    }
    request.created = context_.clock.wall();
    if (auto found = live_.find(request.work_item); found != live_.end())
        request.deadline = request.created + std::chrono::duration_cast<std::chrono::seconds>(found->second.deadline -
                                                                                              context_.clock.now());
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(context_.store));
    CAPSTAN_TRY(auto id, requests_.add(transaction, request));
    CAPSTAN_CHECK(transaction.commit());
    request.id = id;
    log::warning("operator-request", {{"request", std::to_string(raw(id))}, {"text", request.text}});
    open_.emplace(id, std::move(request));
    return id;
}

Result<void> WorkQueue::end_requests(WorkItemId id, RequestEvent event, const std::string& answer) {
    for (auto open = open_.begin(); open != open_.end();) {
        if (open->second.work_item != id) {
            ++open;
            continue;
        }
        CAPSTAN_TRY(auto transaction, WriteTransaction::begin(context_.store));
        auto applied = requests_.apply(transaction, open->first, event, answer, context_.clock.wall());
        if (!applied) return std::unexpected(applied.error());
        CAPSTAN_CHECK(transaction.commit());
        open = open_.erase(open);
    }
    return {};
}

Result<void> WorkQueue::satisfied(WorkItemId id, const std::string& by) {
    return end_requests(id, RequestEvent::satisfied, by);
}

Result<void> WorkQueue::cancel(WorkItemId id, const std::string& who) {
    CAPSTAN_TRY(auto item, items_.get(id));
    if (!pools::next(item.state, WorkEvent::cancel))
        return fail(Recovery::change_request,
                    fmt::format("work item {} is {}: it cannot be cancelled", raw(id), pools::name_of(item.state)),
                    "Wait until it has ended, or cancel the job that it belongs to.");
    auto found = live_.find(id);
    if (found == live_.end()) return apply(id, WorkEvent::cancel, "cancelled by " + who);
    found->second.cancelled_by = who;
    context_.changed.notify();
    return {};
}

void WorkQueue::cancel_job(JobId job, const std::string& who) {
    for (auto& [id, live] : live_)
        if (live.job == job) live.cancelled_by = who;
    context_.changed.notify();
}

Result<void> WorkQueue::refuse(RequestId id, const std::string& note) {
    auto open = open_.find(id);
    if (open == open_.end())
        return fail(Recovery::change_request, fmt::format("operator request {} is not open", raw(id)),
                    "'capstan request list' shows those that are.");
    auto item = open->second.work_item;
    auto reason = note.empty() ? open->second.text : note;
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(context_.store));
    auto applied = requests_.apply(transaction, id, RequestEvent::refuse, reason, context_.clock.wall());
    if (!applied) return std::unexpected(applied.error());
    CAPSTAN_CHECK(transaction.commit());
    open_.erase(open);
    if (auto found = live_.find(item); found != live_.end()) found->second.refused = reason;
    context_.changed.notify();
    return {};
}

Result<void> WorkQueue::complete(RequestId id, const std::string& note) {
    auto open = open_.find(id);
    if (open == open_.end())
        return fail(Recovery::change_request, fmt::format("operator request {} is not open", raw(id)),
                    "'capstan request list' shows those that are.");
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(context_.store));
    auto applied = requests_.apply(transaction, id, RequestEvent::satisfied,
                                   note.empty() ? "the operator says so" : note, context_.clock.wall());
    if (!applied) return std::unexpected(applied.error());
    CAPSTAN_CHECK(transaction.commit());
    open_.erase(open);
    context_.changed.notify();  // whoever waits looks again, and asks again if nothing has changed
    return {};
}

std::uint64_t WorkQueue::version(WorkItemId id) const {
    auto found = live_.find(id);
    return found == live_.end() ? ~std::uint64_t{0} : found->second.version;
}

const WorkQueue::Doing* WorkQueue::doing(WorkItemId id) const {
    auto found = live_.find(id);
    return found == live_.end() ? nullptr : &found->second.doing;
}

void WorkQueue::set_doing(WorkItemId id, Doing doing) {
    auto found = live_.find(id);
    if (found == live_.end()) return;
    found->second.doing = std::move(doing);
    ++found->second.version;
    context_.changed.notify();
}

}  // namespace capstan::daemon
