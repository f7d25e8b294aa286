// Who is at the other end of a Unix socket, and whether that is an administrator. Any thread.
#pragma once

#include "config/base/error.hpp"

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace capstan::daemon {

struct PeerCredentials {
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;
    std::vector<gid_t> groups;  // the supplementary ones, of the time of the connection
};
Result<PeerCredentials> credentials_of(int socket);          // SO_PEERCRED and SO_PEERGROUPS, unix(7)
std::optional<gid_t> group_id(const std::string& group);     // empty: no such group. May ask the network: not in the loop
bool in_group(const PeerCredentials& peer, gid_t group);

}  // namespace capstan::daemon
