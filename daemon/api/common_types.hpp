// What several requests and replies share. All types of daemon/api are plain values with defaults; their JSON has one key
// for each member, of the same name, unless the member's comment says otherwise. Any thread.
//
// Text from tapes and file systems is bytes. A member KEY marked `bytes` travels as two keys: KEY (always valid UTF-8, damaged
// parts replaced by U+FFFD) and, only where that lost something, KEY_bytes (base64 of the true bytes). In lists of such
// names an element is a string, or the object {"name":…,"name_bytes":…}.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace capstan::api {

// A point in time, since 1970, UTC. JSON: "2026-11-22T16:20:00Z" with a fraction where there is one, and "@SECONDS" where the
// year has not four digits. File systems and tapes hold times that std::chrono's nanoseconds cannot.
struct Time {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;  // < 10^9
    friend constexpr auto operator<=>(const Time&, const Time&) = default;
};
constexpr Time time_of(std::chrono::system_clock::time_point point) {
    auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(point.time_since_epoch()).count();
    auto part = since % 1'000'000'000;
    if (part < 0) part += 1'000'000'000;
    return {(since - part) / 1'000'000'000, static_cast<std::uint32_t>(part)};
}

struct None {  // no body
    friend bool operator==(const None&, const None&) = default;
};

struct ListRequest {              // the query of a list that comes in pages
    std::uint32_t limit = 1000;   // at most so many rows, 1 to 10000
    std::string cursor;           // `next` of the page before; empty: from the start. Opaque to the client
    friend bool operator==(const ListRequest&, const ListRequest&) = default;
};

// Work that goes on after the answer. Exactly one of the two is set.
struct Accepted {
    std::int64_t job = 0;        // a job: watch kJobProgress, read kJobLog
    std::int64_t work_item = 0;  // an item of the work queue: watch kQueueItem
    friend bool operator==(const Accepted&, const Accepted&) = default;
};

// The answer to everything that failed, with the HTTP status of `http_status(recovery)`. JSON: {"error":{…}}.
// It is the Error of config/base/error.hpp; see codec.hpp.

}  // namespace capstan::api
