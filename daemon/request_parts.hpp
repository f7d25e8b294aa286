// What several handlers make of the parts of a request.
#pragma once

#include "config/base/error.hpp"
#include "config/base/ids.hpp"
#include "daemon/api/job_types.hpp"
#include "daemon/http_server.hpp"

#include <charconv>
#include <string>
#include <type_traits>

namespace capstan::daemon {

std::string who_is(const Peer& peer);  // for the audit
// Recorded paths have no leading and no trailing slash; "/" is the root.
std::string recorded_path(std::string path);

api::Accepted accepted_job(JobId id);  // the reply to what began a job

// Errors (change_request): not a number above 0.
template <class Id>
Result<Id> number(const std::string& text) {
    std::underlying_type_t<Id> value = 0;
    auto end = text.data() + text.size();
    auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc{} || parsed.ptr != end || value <= 0)
        return fail(Recovery::change_request, "'" + text + "' is not a number", "Give the number that the list shows.");
    return Id{value};
}

}  // namespace capstan::daemon
