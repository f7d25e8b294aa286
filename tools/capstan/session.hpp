// What every command of `capstan` has at hand: where to write, the daemon, and how the answer is to look.
#pragma once

#include "config/base/error.hpp"
#include "daemon/api/client.hpp"

#include <functional>
#include <ostream>
#include <string>

namespace capstan::tools {

enum ExitStatus : int {
    kDone = 0,
    kFailed = 1,             // refused or failed
    kWrongUsage = 2,
    kIncomplete = 3,         // done, but some objects were not saved or restored
    kWaitsForOperator = 4,   // with --no-wait
    kInterrupted = 130,      // Ctrl-C: detached from a job that goes on
};

struct Session {
    std::ostream& out;
    std::ostream& errors;         // messages and progress
    bool terminal = false;        // `errors` is one: progress is one line that changes
    std::size_t columns = 80;     // of that terminal
    bool json = false;
    bool no_wait = false;         // do not wait for an operator
    bool detach = false;          // do not wait at all
    std::function<bool()> interrupted = [] { return false; };
    api::Client client{std::string(api::kDefaultSocket)};

    int failed(const Error& error);                            // shows it; kFailed
    int wrong_usage(const std::string& problem);               // shows it; kWrongUsage
    void warn(const std::string& what);                        // the answer is good, but not whole

    template <class Reply>
    int print_json(const Reply& reply) {
        out << api::encode(reply, api::Layout::indented) << "\n";
        return kDone;
    }
    // Calls, and shows either the JSON, or what `show` makes of the reply.
    template <class RouteType, class Show>
    int ask(const RouteType& route, const std::vector<std::string>& parameters, const typename RouteType::Request& request, Show show) {
        auto reply = client.call(route, parameters, request);
        if (!reply) return failed(reply.error());
        if (json) return print_json(*reply);
        show(*reply);
        return kDone;
    }
    // All pages of a list; `rows` names the vector of the reply.
    template <class RouteType, class Row>
    Result<typename RouteType::Reply> all_pages(const RouteType& route, const std::vector<std::string>& parameters,
                                                typename RouteType::Request request, std::vector<Row> RouteType::Reply::*rows) {
        typename RouteType::Reply whole;
        do {
            auto page = client.call(route, parameters, request);
            if (!page) return std::unexpected(std::move(page.error()));
            auto& more = (*page).*rows;
            (whole.*rows).insert((whole.*rows).end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
            if constexpr (requires { page->warnings; })
                std::move(page->warnings.begin(), page->warnings.end(), std::back_inserter(whole.warnings));
            request.cursor = page->next;
        } while (!request.cursor.empty());
        return whole;
    }
};

}  // namespace capstan::tools
