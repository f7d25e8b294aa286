#include "daemon/peer.hpp"

#include <grp.h>
#include <sys/socket.h>
#include <algorithm>
#include <cerrno>

namespace capstan::daemon {

Result<PeerCredentials> credentials_of(int socket) {
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return fail_errno(errno, "cannot ask who connected to the API's socket");
    PeerCredentials peer{credentials.uid, credentials.gid, credentials.pid, {}};
    peer.groups.resize(64);
    for (;;) {
        auto bytes = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
        int asked = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &bytes);
        auto needed = bytes / sizeof(gid_t);
        if (asked == 0) {
            peer.groups.resize(needed);
            return peer;
        }
        if (errno != ERANGE || needed <= peer.groups.size()) {  // an old kernel: the primary group alone
            peer.groups.clear();
            return peer;
        }
        peer.groups.resize(needed);
    }
}

std::optional<gid_t> group_id(const std::string& group) {
    std::vector<char> space(16384);
    for (;;) {
        struct group entry{};
        struct group* found = nullptr;
        int error = ::getgrnam_r(group.c_str(), &entry, space.data(), space.size(), &found);
        if (error == ERANGE && space.size() < (std::size_t{1} << 26)) {
            space.resize(space.size() * 2);
            continue;
        }
        return found ? std::optional(found->gr_gid) : std::nullopt;
    }
}

bool in_group(const PeerCredentials& peer, gid_t group) {
    return peer.gid == group || std::find(peer.groups.begin(), peer.groups.end(), group) != peer.groups.end();
}

}  // namespace capstan::daemon
