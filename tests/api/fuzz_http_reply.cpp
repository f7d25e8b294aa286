// The client's reading of HTTP: any bytes give a reply or none, and a body is never longer than what came.
#include "daemon/api/http_reply.hpp"

#include <cstdint>
#include <cstdlib>

// decodes: daemon/api/http_reply.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string text(data, data + size);
    auto reply = capstan::api::parse_http_reply(text);
    if (reply && (reply->body.size() > size || reply->status < 100 || reply->status > 999)) std::abort();
    return 0;
}
