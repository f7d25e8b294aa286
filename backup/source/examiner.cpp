#include "backup/source/examiner.hpp"

#include "backup/mtf/text.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace capstan::backup {

namespace {

constexpr std::uint64_t kReadAheadFrom = 1u << 20;

std::string text_of_missing(const std::vector<std::string>& missing) {
    std::string text = "saved without ";
    for (const auto& part : missing) text += (&part == missing.data() ? "" : "; ") + part;
    return text;
}

}  // namespace

Examined Examiner::examine(WalkEntry& entry) {
    Examined result;
    if (entry.kind == WalkEntry::Kind::issue) {
        result.issues.push_back(std::move(*entry.issue));
        return result;
    }
    result.record.path = entry.path;
    if (entry.type == DT_DIR) {
        auto& metadata = result.record.metadata;
        std::vector<std::string> missing;
        int error = collector_.collect(entry.directory->handle.get(), Access::readable, metadata, missing);
        if (error != 0) {
            result.issues.push_back({IssueKind::unreadable, entry.path, ::strerror(error)});
            return result;
        }
        metadata.path_only = entry.path_only;
        metadata.name = entry.path.substr(entry.path.rfind('/') + 1);
        if (!mtf::is_utf8(entry.path)) metadata.whole_path = entry.path;
        if (!missing.empty())
            result.issues.push_back({IssueKind::metadata_not_saved, entry.path, text_of_missing(missing)});
        result.state = Examined::State::object;
        return result;
    }
    // What the directory said may be outdated; twice, at most, it is looked at anew.
    auto access = entry.type == DT_REG ? Access::readable : Access::path_only;
    for (int attempt = 0; attempt < 3; ++attempt) {
        if (examine_object(entry, access, result)) return result;
        access = access == Access::readable ? Access::path_only : Access::readable;
    }
    result.issues.push_back({IssueKind::vanished, entry.path, "it was replaced again and again while it was opened"});
    return result;
}

FileHandle Examiner::open_object(const WalkEntry& entry, Access access) {
    int parent = entry.directory->handle.get();
    constexpr int kCommon = O_NOFOLLOW | O_CLOEXEC;
    if (access == Access::path_only) return FileHandle(::openat(parent, entry.name.c_str(), O_PATH | kCommon));
    constexpr int kRead = O_RDONLY | O_NONBLOCK | O_NOCTTY | kCommon;
    int fd = -1;
    if (keep_access_time_) {
        fd = ::openat(parent, entry.name.c_str(), kRead | O_NOATIME);
        if (fd >= 0 || errno != EPERM) return FileHandle(fd);
    }
    fd = ::openat(parent, entry.name.c_str(), kRead);
    if (fd >= 0) keep_access_time_ = ::geteuid() == 0;  // somebody else's file: as an ordinary user do not ask again
    return FileHandle(fd);
}

// False: the object is of another kind than `access` fits.
bool Examiner::examine_object(const WalkEntry& entry, Access access, Examined& result) {
    auto handle = open_object(entry, access);
    int error = handle ? 0 : errno;
    if (access == Access::readable && (error == ELOOP || error == ENXIO)) return false;
    if (error == EMFILE || error == ENFILE) {
        result.state = Examined::State::deferred;
        return true;
    }
    auto& metadata = result.record.metadata;
    metadata = {};
    std::vector<std::string> missing;
    if (error == 0) error = collector_.collect(handle.get(), access, metadata, missing);
    if (error != 0) {
        auto kind = error == ENOENT || error == ESTALE ? IssueKind::vanished : IssueKind::unreadable;
        result.issues.push_back({kind, entry.path, ::strerror(error)});
        return true;
    }
    if (metadata.is_directory()) {
        result.issues.push_back({IssueKind::vanished, entry.path, "it became a directory while it was saved"});
        return true;
    }
    if (S_ISSOCK(metadata.mode)) {
        result.socket = true;
        return true;
    }
    if (metadata.is_regular() != (access == Access::readable)) return false;
    metadata.name = entry.name;
    if (metadata.is_regular()) {
        find_sparseness(handle.get(), result.record);
        if (metadata.size >= kReadAheadFrom) ::posix_fadvise(handle.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
        result.handle = std::move(handle);
    }
    if (!missing.empty())
        result.issues.push_back({IssueKind::metadata_not_saved, entry.path, text_of_missing(missing)});
    result.state = Examined::State::object;
    return true;
}

void Examiner::find_sparseness(int descriptor, ObjectRecord& record) const {
    auto size = record.metadata.size;
    if (size == 0) {  // below /proc and /sys the size is not told
        struct statfs fs{};
        if (collector_.allocated() == 0 && major(record.metadata.device) == 0 && ::fstatfs(descriptor, &fs) == 0)
            record.size_known = fs.f_type != PROC_SUPER_MAGIC;
        record.metadata.size_unknown = !record.size_known;
        return;
    }
    if (collector_.allocated() >= size) return;
    auto hole = ::lseek(descriptor, 0, SEEK_HOLE);  // compressed or embedded data also have few blocks, but no hole
    record.sparse = hole >= 0 && static_cast<std::uint64_t>(hole) < size;
}

}  // namespace capstan::backup
