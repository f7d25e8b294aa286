// A client of the daemon's API over its Unix socket. Blocking; one connection for each call; any one thread at a time.
// Errors are the daemon's own, or say that it does not answer, at which socket, and how it is started.
#pragma once

#include "config/base/error.hpp"
#include "daemon/api/codec.hpp"
#include "daemon/api/routes.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace capstan::api {

inline constexpr std::string_view kDefaultSocket = "/run/capstan/api.sock";
inline constexpr std::size_t kReplySizeMax = 256 * 1024 * 1024;

class Client {
  public:
    explicit Client(std::string socket_path, std::chrono::seconds timeout = std::chrono::seconds{60})
        : socket_(std::move(socket_path)), timeout_(timeout) {}

    template <class RouteType>
    Result<typename RouteType::Reply> call(const RouteType& route, const std::vector<std::string>& parameters = {},
                                           const typename RouteType::Request& request = {}) {
        auto path = fill_path(route.path, parameters);
        std::string body;
        if (route.method == Method::get) {
            if (auto query = encode_query(request); !query.empty()) path += "?" + query;
        } else {
            body = encode(request);
        }
        auto reply = exchange(route.method, path, body);
        if (!reply) return std::unexpected(std::move(reply.error()));
        return decode<typename RouteType::Reply>(*reply, UnknownKeys::pass_over);
    }
    // The bare exchange: the reply's body, or the error that it holds. `target` is path and query, encoded.
    Result<std::string> exchange(Method method, const std::string& target, const std::string& body);

    const std::string& socket_path() const { return socket_; }
    // Asked when a signal interrupts a wait for the answer: true ends the call with Recovery::cancelled.
    void set_interrupted(std::function<bool()> asked) { interrupted_ = std::move(asked); }

  private:
    std::string socket_;
    std::chrono::seconds timeout_;
    std::function<bool()> interrupted_;
};

std::string_view name_of(Method method);  // "GET"

}  // namespace capstan::api
