// Finds the handler of a request and does the JSON around it: handlers are coroutines from request type to reply type.
//
//     Router router;
//     router.on(api::kInventory, [&](Call call, api::InventoryRequest request) { return inventory(call.parameters[0], request); });
//     HttpServer server(loop, options, router.handler());
//
// Control thread. Handlers are plain functions that return a Task (a coroutine lambda would lose its captures).
#pragma once

#include "daemon/api/codec.hpp"
#include "daemon/http_server.hpp"

#include <memory>
#include <vector>

namespace capstan::daemon {

struct Call {
    Peer peer;
    std::vector<std::string> parameters;  // of the path, decoded, in order
};
template <class RouteType>
using RouteHandler = std::function<Task<Result<typename RouteType::Reply>>(Call, typename RouteType::Request)>;

class Router {
  public:
    Router();
    template <class RouteType>
    void on(const RouteType& route, RouteHandler<RouteType> handler) {
        auto shared = std::make_shared<const RouteHandler<RouteType>>(std::move(handler));
        add(route.method, route.path, [shared](HttpRequest request, std::vector<std::string> parameters) {
            return answer<RouteType>(shared, std::move(request), std::move(parameters));
        });
    }
    // Shares the table: routes may be added afterwards. 404 for an unknown path, 405 for a method that it does not have.
    HttpHandler handler() const;

  private:
    using Entry = std::function<Task<HttpReply>(HttpRequest, std::vector<std::string>)>;
    struct Table;
    std::shared_ptr<Table> table_;
    void add(api::Method method, std::string_view pattern, Entry entry);
    static Task<HttpReply> dispatch(std::shared_ptr<const Table> table, HttpRequest request);

    template <class RouteType>
    static Task<HttpReply> answer(std::shared_ptr<const RouteHandler<RouteType>> handler, HttpRequest request,
                                  std::vector<std::string> parameters) {
        auto asked = request.method == api::Method::get
                         ? api::decode_query<typename RouteType::Request>(request.query)
                         : api::decode<typename RouteType::Request>(request.body.empty() ? "{}" : request.body,
                                                                    api::UnknownKeys::refuse);
        if (!asked) co_return error_reply(asked.error());
        Call call{request.peer, std::move(parameters)};
        auto task = (*handler)(std::move(call), std::move(*asked));
        Result<typename RouteType::Reply> reply = co_await std::move(task);
        if (!reply) co_return error_reply(reply.error());
        HttpReply sent;
        sent.body = api::encode(*reply);
        co_return sent;
    }

  public:
    static HttpReply error_reply(const Error& error);
};

}  // namespace capstan::daemon
