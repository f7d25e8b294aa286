// capstan request …, capstan queue …
#include "tools/capstan/commands.hpp"
#include "tools/capstan/text.hpp"

#include <fmt/format.h>

#include <charconv>

namespace capstan::tools {
namespace {

using Align = Table::Align;

void print_request(std::ostream& out, const api::OperatorRequest& request) {
    Facts facts;
    facts.add("Request", fmt::format("{} ({})", request.id, request.kind));
    facts.add("State", request.state);
    facts.add("To do", shown(request.message));
    facts.add("Library", shown(request.library));
    facts.add("Pool", shown(request.pool));
    facts.add("Volume", shown(request.volume_tag));
    if (request.job != 0) facts.add("For job", std::to_string(request.job));
    facts.add("Submitted", local_time(request.submitted, ""));
    facts.add("Fails at", request.ended ? "" : local_time(request.limit, ""));
    facts.add("Ended", local_time(request.ended, ""));
    facts.add("Answer", shown(request.answer));
    facts.print(out);
}

void print_item(std::ostream& out, const api::WorkItem& item) {
    Facts facts;
    facts.add("Work item", fmt::format("{} ({} {})", item.id, item.operation, shown(item.subject)));
    facts.add("State", item.state);
    facts.add("Doing", shown(item.doing));
    facts.add("Reason", shown(item.reason));
    facts.add("Advice", shown(item.advice));
    facts.add("Fails at", item.ended ? "" : local_time(item.limit, ""));
    facts.print(out);
}

}  // namespace

int list_requests(Session& session, bool all) {
    return session.ask(api::kRequests, {}, {.all = all}, [&](const api::RequestList& list) {
        Table table({{"REQUEST", Align::right}, {"KIND"}, {"STATE"}, {"SUBMITTED"}, {"JOB", Align::right}, {"TO DO"}});
        for (const auto& request : list.requests)
            table.row({std::to_string(request.id), request.kind, request.state, local_time(request.submitted),
                       number_or_dash(request.job), shown(request.message)});
        table.print(session.out, "Nothing waits for an operator.");
    });
}

int show_request(Session& session, std::int64_t request) {
    return session.ask(api::kRequest, {std::to_string(request)}, {},
                       [&](const api::OperatorRequest& reply) { print_request(session.out, reply); });
}

int answer_request(Session& session, std::int64_t request, Answer answer, const std::string& note) {
    const auto& route = answer == Answer::complete ? api::kComplete : api::kRefuse;
    return session.ask(route, {std::to_string(request)}, {.note = note},
                       [&](const api::OperatorRequest& reply) { print_request(session.out, reply); });
}

int list_queue(Session& session, bool all) {
    return session.ask(api::kQueue, {}, {.all = all}, [&](const api::WorkList& list) {
        Table table({{"ITEM", Align::right},
                     {"OPERATION"},
                     {"SUBJECT"},
                     {"STATE"},
                     {"QUEUED"},
                     {"JOB", Align::right},
                     {"REASON"}});
        for (const auto& item : list.items)
            table.row({std::to_string(item.id), item.operation, shown(item.subject), item.state,
                       local_time(item.queued), number_or_dash(item.job),
                       shown(item.reason.empty() ? item.doing : item.reason)});
        table.print(session.out, "The work queue is empty.");
    });
}

int cancel_work(Session& session, std::int64_t item) {
    return session.ask(api::kQueueCancel, {std::to_string(item)}, {},
                       [&](const api::WorkItem& reply) { print_item(session.out, reply); });
}

int explain(Session& session, const std::string& what) {
    bool of_job = what.starts_with("job:");
    auto number = of_job ? what.substr(4) : what;
    std::int64_t id = 0;
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), id);
    if (error != std::errc{} || end != number.data() + number.size())
        return session.wrong_usage(fmt::format("'{}' is neither the number of a work item nor job:N", shown(what)));
    const auto& route = of_job ? api::kJobExplain : api::kQueueExplain;
    return session.ask(route, {number}, {}, [&](const api::Explanation& explanation) {
        session.out << shown(explanation.summary) << "\n\n";
        if (explanation.item.id != 0) print_item(session.out, explanation.item);
        if (explanation.candidates.empty()) return;
        session.out << "\n";
        Table table({{"CANDIDATE"}, {"VERDICT"}, {"REASON"}});
        for (const auto& candidate : explanation.candidates)
            table.row({shown(candidate.name), candidate.verdict, shown(candidate.reason)});
        table.print(session.out);
    });
}

}  // namespace capstan::tools
