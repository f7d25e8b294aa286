// The reply of the daemon as bytes of HTTP/1.1 (RFC 9112), read to the end of the connection. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace capstan::api {

struct ParsedReply {
    int status = 0;
    std::string body;
};
// Empty: not a reply, or cut short. Takes a body with a length, one in chunks, and one that ends with the connection.
std::optional<ParsedReply> parse_http_reply(std::string_view bytes);

}  // namespace capstan::api
