#include "backup/posix/collect.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace capstan::backup {

namespace {

constexpr std::uint32_t kFlagNoCow = 0x00800000, kFlagCaseFold = 0x40000000;  // newer than some headers
constexpr std::uint32_t kLocking = FS_IMMUTABLE_FL | FS_APPEND_FL;
constexpr std::uint32_t kBeforeData = kFlagNoCow | kFlagCaseFold;
// Flags that a user may set; the others describe how the file system stores the object.
constexpr std::uint32_t kSettable = FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL | FS_NODUMP_FL | FS_NOATIME_FL |
                                    FS_JOURNAL_DATA_FL | FS_NOTAIL_FL | FS_DIRSYNC_FL | FS_TOPDIR_FL;

struct NamedFlag {
    std::uint32_t flag;
    const char* name;
};
constexpr NamedFlag kNames[] = {
    {FS_IMMUTABLE_FL, "immutable"},   {FS_APPEND_FL, "append-only"},
    {FS_NODUMP_FL, "no-dump"},        {FS_NOATIME_FL, "no-atime"},
    {FS_SYNC_FL, "synchronous"},      {FS_DIRSYNC_FL, "synchronous directory"},
    {FS_COMPR_FL, "compressed"},      {FS_JOURNAL_DATA_FL, "journalled data"},
    {kFlagNoCow, "no copy-on-write"},
};

std::string names_of(std::uint32_t flags) {
    std::string names;
    for (const auto& named : kNames) {
        if ((flags & named.flag) != 0) names += (names.empty() ? "" : ", ") + std::string(named.name);
    }
    return names.empty() ? fmt::format("{:#x}", flags) : names;
}

// Makes the flags in `mask` what they were; touches nothing if they already are.
void set_flags(int descriptor, const Metadata& metadata, std::uint32_t mask, std::vector<std::string>& missing) {
    int now = 0;
    if (::ioctl(descriptor, FS_IOC_GETFLAGS, &now) != 0) {
        if ((metadata.inode_flags & mask) != 0)
            missing.push_back(
                fmt::format("inode flags ({}): {}", names_of(metadata.inode_flags & mask), ::strerror(errno)));
        return;
    }
    auto present = static_cast<std::uint32_t>(now);
    auto wanted = (present & ~mask) | (metadata.inode_flags & mask);
    if (wanted == present) return;
    now = static_cast<int>(wanted);
    if (::ioctl(descriptor, FS_IOC_SETFLAGS, &now) != 0)
        missing.push_back(fmt::format("inode flags ({}): {}", names_of(wanted ^ present), ::strerror(errno)));
}

int set_attribute(int descriptor, Access access, const ExtendedAttribute& attribute) {
    const auto& [name, value] = attribute;
    if (access == Access::readable) return ::fsetxattr(descriptor, name.c_str(), value.data(), value.size(), 0);
    auto path = fmt::format("/proc/self/fd/{}", descriptor);
    return ::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0);
}

// A directory's default ACL comes upon everything that is made in it; an object that was saved without one has none.
void remove_inherited_acls(int descriptor, Access access, const Metadata& metadata, std::vector<std::string>& missing) {
    if (metadata.is_symlink()) return;
    const auto path = access == Access::readable ? std::string() : fmt::format("/proc/self/fd/{}", descriptor);
    for (const char* name : {"system.posix_acl_access", "system.posix_acl_default"}) {
        const bool saved = std::any_of(metadata.attributes.begin(), metadata.attributes.end(),
                                       [name](const ExtendedAttribute& attribute) { return attribute.name == name; });
        if (saved || (std::string_view(name).ends_with("default") && !metadata.is_directory())) continue;
        auto size =
            path.empty() ? ::fgetxattr(descriptor, name, nullptr, 0) : ::getxattr(path.c_str(), name, nullptr, 0);
        if (size < 0) continue;  // there is none, or the file system knows none
        if ((path.empty() ? ::fremovexattr(descriptor, name) : ::removexattr(path.c_str(), name)) != 0)
            missing.push_back(fmt::format("without {}: {}", name, ::strerror(errno)));
    }
}

void set_attributes(int descriptor, Access access, const Metadata& metadata, bool of_user,
                    std::vector<std::string>& missing) {
    for (const auto& attribute : metadata.attributes) {
        if (attribute.name.starts_with("user.") != of_user) continue;
        if (set_attribute(descriptor, access, attribute) != 0)
            missing.push_back(fmt::format("{}: {}", attribute.name, ::strerror(errno)));
    }
}

struct timespec on_system(FileTime time) {
    return {static_cast<time_t>(time.seconds), static_cast<long>(time.nanoseconds)};
}

}  // namespace

void Applier::apply_before_data(int descriptor, const Metadata& metadata) {
    if (!metadata.inode_flags_known || (metadata.inode_flags & kBeforeData) == 0) return;
    std::vector<std::string> missing;  // a file system without these flags has no use for them
    set_flags(descriptor, metadata, kBeforeData, missing);
}

void Applier::apply(int descriptor, Access access, const Metadata& metadata, std::vector<std::string>& missing) {
    if (::fchownat(descriptor, "", user_id(metadata), group_id(metadata), AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0)
        missing.push_back(fmt::format("owner {}:{}: {}", metadata.uid, metadata.gid, ::strerror(errno)));
    remove_inherited_acls(descriptor, access, metadata, missing);
    set_attributes(descriptor, access, metadata, true, missing);
    if (!metadata.is_symlink()) {
        auto permissions = static_cast<mode_t>(metadata.mode & 07777);
        int done = access == Access::readable
                       ? ::fchmod(descriptor, permissions)
                       : ::chmod(fmt::format("/proc/self/fd/{}", descriptor).c_str(), permissions);
        if (done != 0) missing.push_back(fmt::format("mode {:04o}: {}", permissions, ::strerror(errno)));
    }
    set_attributes(descriptor, access, metadata, false, missing);
    if (metadata.inode_flags_known && access == Access::readable && (metadata.inode_flags & kSettable) != 0)
        set_flags(descriptor, metadata, kSettable, missing);
    struct timespec times[2] = {on_system(metadata.accessed), on_system(metadata.modified)};
    int done =
        access == Access::readable ? ::futimens(descriptor, times) : ::utimensat(descriptor, "", times, AT_EMPTY_PATH);
    if (done != 0) missing.push_back(fmt::format("times: {}", ::strerror(errno)));
}

bool Applier::needs_locking(const Metadata& metadata) {
    // Nothing else has flags, and to open a device can have effects.
    return metadata.inode_flags_known && (metadata.inode_flags & kLocking) != 0 &&
           (metadata.is_regular() || metadata.is_directory());
}

void Applier::lock(int descriptor, const Metadata& metadata, std::vector<std::string>& missing) {
    set_flags(descriptor, metadata, kLocking, missing);
}

std::uint32_t Applier::user_id(const Metadata& metadata) {
    if (numeric_owner_ || metadata.user.empty()) return metadata.uid;
    auto [entry, is_new] = users_.try_emplace(metadata.user);
    if (is_new) {
        struct passwd found{}, *result = nullptr;
        std::vector<char> space(4096);
        while (::getpwnam_r(metadata.user.c_str(), &found, space.data(), space.size(), &result) == ERANGE)
            space.resize(space.size() * 2);
        if (result != nullptr) entry->second = result->pw_uid;
    }
    return entry->second.value_or(metadata.uid);
}

std::uint32_t Applier::group_id(const Metadata& metadata) {
    if (numeric_owner_ || metadata.group.empty()) return metadata.gid;
    auto [entry, is_new] = groups_.try_emplace(metadata.group);
    if (is_new) {
        struct group found{}, *result = nullptr;
        std::vector<char> space(4096);
        while (::getgrnam_r(metadata.group.c_str(), &found, space.data(), space.size(), &result) == ERANGE)
            space.resize(space.size() * 2);
        if (result != nullptr) entry->second = result->gr_gid;
    }
    return entry->second.value_or(metadata.gid);
}

}  // namespace capstan::backup
