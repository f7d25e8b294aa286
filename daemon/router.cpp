#include "daemon/router.hpp"

#include "daemon/api/client.hpp"

#include <fmt/format.h>

namespace capstan::daemon {

struct Router::Table {
    struct Row {
        api::Method method;
        std::string pattern;
        Entry entry;
        bool exact() const { return pattern.find('{') == std::string::npos; }
    };
    std::vector<Row> rows;
};

Router::Router() : table_(std::make_shared<Table>()) {}

void Router::add(api::Method method, std::string_view pattern, Entry entry) {
    table_->rows.push_back({method, std::string(pattern), std::move(entry)});
}

HttpHandler Router::handler() const {
    return [table = table_](HttpRequest request) { return dispatch(table, std::move(request)); };
}

HttpReply Router::error_reply(const Error& error) {
    return {api::http_status(error.recovery), api::encode_error(error)};
}

Task<HttpReply> Router::dispatch(std::shared_ptr<const Table> table, HttpRequest request) {
    const Table::Row* found = nullptr;  // a pattern without parameters goes before one with them
    std::vector<std::string> parameters;
    bool path_known = false;
    for (const auto& row : table->rows) {
        auto matched = api::match_path(row.pattern, request.path);
        path_known = path_known || matched;
        if (!matched || row.method != request.method || (found && !row.exact())) continue;
        found = &row;
        parameters = std::move(*matched);
    }
    if (!found) {
        Error error{Recovery::change_request,
                    "",
                    "See daemon/api/routes.hpp for the routes; is the client of another version?",
                    {}};
        error.happened = path_known ? fmt::format("{} has no method {}", request.path, api::name_of(request.method))
                                    : fmt::format("there is nothing at {}", request.path);
        HttpReply reply{path_known ? 405 : 404, api::encode_error(error)};
        co_return reply;
    }
    auto task = found->entry(std::move(request), std::move(parameters));
    HttpReply reply = co_await std::move(task);
    co_return reply;
}

}  // namespace capstan::daemon
