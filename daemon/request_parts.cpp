#include "daemon/request_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {

std::string who_is(const Peer& peer) { return fmt::format("uid {}", peer.uid); }

std::string recorded_path(std::string path) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    path.erase(0, std::min(path.find_first_not_of('/'), path.size()));
    return path;
}

api::Accepted accepted_job(JobId id) {
    api::Accepted accepted;
    accepted.job = raw(id);
    return accepted;
}

}  // namespace capstan::daemon
