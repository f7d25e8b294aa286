// The work queue and operator requests.
#include "daemon/describe.hpp"
#include "daemon/handlers.hpp"
#include "daemon/request_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

Task<Result<api::RequestList>> requests(ControlPlane& plane, bool all) {
    api::RequestList list;
    auto rows = all ? plane.queue().requests().newest(1000) : plane.queue().requests().submitted();
    if (!rows) co_return std::unexpected(rows.error());
    for (const auto& row : *rows) list.requests.push_back(describe(plane, row));
    co_return list;
}

Task<Result<api::OperatorRequest>> request(ControlPlane& plane, std::string text) {
    CAPSTAN_CO_TRY(auto id, number<RequestId>(text));
    CAPSTAN_CO_TRY(auto row, plane.queue().requests().get(id));
    co_return describe(plane, row);
}

Task<Result<api::OperatorRequest>> answer(ControlPlane& plane, std::string text, std::string note, bool done,
                                          Peer peer) {
    CAPSTAN_CO_TRY(auto id, number<RequestId>(text));
    CAPSTAN_CO_CHECK(plane.answer_request(id, note, done, who_is(peer)));
    co_return co_await request(plane, std::move(text));
}

Task<Result<api::WorkList>> queue(ControlPlane& plane, bool all) {
    api::WorkList list;
    auto rows = all ? plane.queue().items().newest(1000) : plane.queue().items().unfinished();
    if (!rows) co_return std::unexpected(rows.error());
    for (const auto& row : *rows) list.items.push_back(describe(plane, row));
    co_return list;
}

Task<Result<api::WorkItem>> item(ControlPlane& plane, std::string text, api::WatchRequest watch) {
    CAPSTAN_CO_TRY(auto id, number<WorkItemId>(text));
    auto& clock = plane.context().clock;
    auto end = clock.now() + std::chrono::milliseconds{std::min<std::uint32_t>(watch.wait_ms, 20000)};
    for (;;) {
        CAPSTAN_CO_TRY(auto row, plane.queue().items().get(id));
        auto info = describe(plane, row);
        if (info.finished() || watch.after == 0 || info.version != watch.after || clock.now() >= end) co_return info;
        auto nap = std::min(end, clock.now() + std::chrono::milliseconds{250});
        if (!co_await sleep_until(plane.context().loop, clock, nap)) co_return info;
    }
}

Task<Result<api::WorkItem>> cancel(ControlPlane& plane, std::string text, Peer peer) {
    CAPSTAN_CO_TRY(auto id, number<WorkItemId>(text));
    CAPSTAN_CO_CHECK(plane.queue().cancel(id, who_is(peer)));
    api::WatchRequest at_once;
    co_return co_await item(plane, std::move(text), at_once);
}

Task<Result<api::Explanation>> explain(ControlPlane& plane, std::string text) {
    CAPSTAN_CO_TRY(auto id, number<WorkItemId>(text));
    CAPSTAN_CO_TRY(auto row, plane.queue().items().get(id));
    api::Explanation explanation;
    explanation.item = describe(plane, row);
    auto found = plane.queue().explained.find(id);
    if (found == plane.queue().explained.end()) {
        explanation.summary = explanation.item.reason.empty() ? "it does not wait" : explanation.item.reason;
        co_return explanation;
    }
    explanation.summary = found->second.summary;
    for (const auto& verdict : found->second.media)
        explanation.candidates.push_back({verdict.name, verdict.chosen ? "taken" : "refused", verdict.reason});
    for (const auto& verdict : found->second.drives)
        explanation.candidates.push_back({verdict.drive.text, verdict.chosen ? "taken" : verdict.unfit ? "refused" : "busy", verdict.reason});
    co_return explanation;
}

}  // namespace

void add_work_handlers(Router& router, ControlPlane& plane) {
    router.on(api::kRequests, [&plane](Call, api::RequestQuery query) { return requests(plane, query.all); });
    router.on(api::kRequest, [&plane](Call call, api::None) { return request(plane, call.parameters[0]); });
    router.on(api::kComplete, [&plane](Call call, api::AnswerRequest a) {
        return answer(plane, call.parameters[0], a.note, true, call.peer);
    });
    router.on(api::kRefuse, [&plane](Call call, api::AnswerRequest a) {
        return answer(plane, call.parameters[0], a.note, false, call.peer);
    });
    router.on(api::kQueue, [&plane](Call, api::WorkQuery query) { return queue(plane, query.all); });
    router.on(api::kQueueItem,
              [&plane](Call call, api::WatchRequest watch) { return item(plane, call.parameters[0], watch); });
    router.on(api::kQueueCancel,
              [&plane](Call call, api::None) { return cancel(plane, call.parameters[0], call.peer); });
    router.on(api::kQueueExplain, [&plane](Call call, api::None) { return explain(plane, call.parameters[0]); });
}

}  // namespace capstan::daemon
