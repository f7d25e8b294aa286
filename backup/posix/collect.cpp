#include "backup/posix/collect.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace capstan::backup {

namespace {

FileTime time_of(const struct statx_timestamp& time) { return {time.tv_sec, time.tv_nsec}; }

// What belongs to the object and not to the file system it happens to lie on.
bool wanted(std::string_view name) {
    return name.starts_with("user.") || name.starts_with("trusted.") || name.starts_with("security.") ||
           name == "system.posix_acl_access" || name == "system.posix_acl_default";
}

// An O_PATH descriptor has no attribute calls of its own; its link below /proc leads to the object itself, also to a
// symbolic link itself.
std::string proc_path(int descriptor) { return fmt::format("/proc/self/fd/{}", descriptor); }

ssize_t list_attributes(int descriptor, Access access, char* list, std::size_t size) {
    return access == Access::readable ? ::flistxattr(descriptor, list, size)
                                      : ::listxattr(proc_path(descriptor).c_str(), list, size);
}

ssize_t get_attribute(int descriptor, Access access, const char* name, char* value, std::size_t size) {
    return access == Access::readable ? ::fgetxattr(descriptor, name, value, size)
                                      : ::getxattr(proc_path(descriptor).c_str(), name, value, size);
}

// Calls `get` with growing space until its answer fits. Negative: errno is set.
template <class Get>
ssize_t get_growing(std::vector<char>& space, Get get) {
    if (space.empty()) space.resize(4096);
    for (;;) {
        auto size = get(space.data(), space.size());
        if (size >= 0 || errno != ERANGE) return size;
        auto needed = get(nullptr, std::size_t{0});
        if (needed < 0) return needed;
        space.resize(std::max(space.size() * 2, static_cast<std::size_t>(needed)));
    }
}

bool unsupported(int error) { return error == ENOTSUP || error == ENOTTY || error == ENOSYS || error == EINVAL; }

}  // namespace

Collector::FileSystem& Collector::file_system(dev_t device) {
    if (last_file_system_ < file_systems_.size() && file_systems_[last_file_system_].device == device)
        return file_systems_[last_file_system_];
    for (last_file_system_ = 0; last_file_system_ < file_systems_.size(); ++last_file_system_) {
        if (file_systems_[last_file_system_].device == device) return file_systems_[last_file_system_];
    }
    return file_systems_.emplace_back(FileSystem{device});
}

int Collector::collect(int descriptor, Access access, Metadata& metadata, std::vector<std::string>& missing) {
    struct statx stat{};
    if (::statx(descriptor, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &stat) != 0) return errno;
    allocated_ = stat.stx_blocks * 512;
    metadata.mode = stat.stx_mode;
    metadata.uid = stat.stx_uid, metadata.gid = stat.stx_gid;
    metadata.user = user_name(stat.stx_uid), metadata.group = group_name(stat.stx_gid);
    metadata.accessed = time_of(stat.stx_atime), metadata.modified = time_of(stat.stx_mtime);
    metadata.changed = time_of(stat.stx_ctime);
    if ((stat.stx_mask & STATX_BTIME) != 0) metadata.born = time_of(stat.stx_btime);
    metadata.size = metadata.is_regular() || metadata.is_symlink() ? stat.stx_size : 0;
    metadata.device_major = stat.stx_rdev_major, metadata.device_minor = stat.stx_rdev_minor;
    metadata.device = makedev(stat.stx_dev_major, stat.stx_dev_minor);
    metadata.inode = stat.stx_ino;
    metadata.links = stat.stx_nlink;
    auto& fs = file_system(metadata.device);
    if (fs.flags && access == Access::readable) {
        int flags = 0;
        if (::ioctl(descriptor, FS_IOC_GETFLAGS, &flags) == 0) {
            metadata.inode_flags = static_cast<std::uint32_t>(flags);
            metadata.inode_flags_known = true;
        } else if (unsupported(errno)) {
            fs.flags = false;
        } else {
            missing.push_back(fmt::format("inode flags: {}", ::strerror(errno)));
        }
    }
    if (fs.attributes) collect_attributes(descriptor, access, fs, metadata, missing);
    if (metadata.is_symlink()) {
        auto size = get_growing(value_, [&](char* space, std::size_t room) -> ssize_t {
            if (space == nullptr) return static_cast<ssize_t>(value_.size() * 2);
            auto got = ::readlinkat(descriptor, "", space, room);
            if (got >= 0 && static_cast<std::size_t>(got) == room) return errno = ERANGE, -1;  // perhaps cut short
            return got;
        });
        if (size < 0) return errno;
        metadata.target.assign(value_.data(), static_cast<std::size_t>(size));
    }
    return 0;
}

void Collector::collect_attributes(int descriptor, Access access, FileSystem& fs, Metadata& metadata,
                                   std::vector<std::string>& missing) {
    auto size = get_growing(
        list_, [&](char* space, std::size_t room) { return list_attributes(descriptor, access, space, room); });
    if (size < 0) {
        if (unsupported(errno)) {
            fs.attributes = false;
        } else {
            missing.push_back(fmt::format("extended attributes: {}", ::strerror(errno)));
        }
        return;
    }
    std::string_view names(list_.data(), static_cast<std::size_t>(size));
    while (!names.empty()) {
        auto name = names.substr(0, names.find('\0'));
        names.remove_prefix(std::min(names.size(), name.size() + 1));
        if (!wanted(name)) continue;
        auto length = get_growing(value_, [&](char* space, std::size_t room) {
            return get_attribute(descriptor, access, name.data(), space, room);  // NUL-terminated in the list
        });
        if (length >= 0) {
            metadata.attributes.push_back(
                {std::string(name), std::string(value_.data(), static_cast<std::size_t>(length))});
        } else if (errno != ENODATA) {  // removed meanwhile
            missing.push_back(fmt::format("{}: {}", name, ::strerror(errno)));
        }
    }
}

const std::string& Collector::user_name(std::uint32_t uid) {
    auto [entry, is_new] = users_.try_emplace(uid);
    if (is_new) {
        struct passwd found{}, *result = nullptr;
        std::vector<char> space(4096);
        while (::getpwuid_r(uid, &found, space.data(), space.size(), &result) == ERANGE) space.resize(space.size() * 2);
        if (result != nullptr) entry->second = result->pw_name;
    }
    return entry->second;
}

const std::string& Collector::group_name(std::uint32_t gid) {
    auto [entry, is_new] = groups_.try_emplace(gid);
    if (is_new) {
        struct group found{}, *result = nullptr;
        std::vector<char> space(4096);
        while (::getgrgid_r(gid, &found, space.data(), space.size(), &result) == ERANGE) space.resize(space.size() * 2);
        if (result != nullptr) entry->second = result->gr_name;
    }
    return entry->second;
}

}  // namespace capstan::backup
