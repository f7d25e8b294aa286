#include "backup/restore/new_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace capstan::backup {

std::string temporary_prefix(const std::string& nonce) { return fmt::format(".capstan-restore-{}-", nonce); }

std::string TemporaryNames::next() { return fmt::format("{}{}", prefix_, ++count_); }

namespace {

bool move_into_place(int parent, const std::string& from, const std::string& to, Existing existing) {
    if (existing == Existing::never) {
        if (::renameat2(parent, from.c_str(), parent, to.c_str(), RENAME_NOREPLACE) == 0) return true;
        if (errno != EINVAL && errno != ENOSYS) return false;
        struct stat stat{};  // a file system that cannot promise it: look first
        if (::fstatat(parent, to.c_str(), &stat, AT_SYMLINK_NOFOLLOW) == 0) return errno = EEXIST, false;
    }
    return ::renameat(parent, from.c_str(), parent, to.c_str()) == 0;
}

}  // namespace

bool name_or_remove(int parent, const std::string& from, const std::string& to, Existing existing) {
    if (move_into_place(parent, from, to, existing)) return true;
    int error = errno;
    ::unlinkat(parent, from.c_str(), 0);
    errno = error;
    return false;
}

bool NewFile::create(int parent, Existing existing) {
    constexpr int kCreate = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    parent_ = parent;
    existing_ = existing;
    temporary_.clear();
    handed_over_ = 0;
    // Only a name that nothing has can be given to a file without one.
    if (unnamed_works_ && existing_ == Existing::never) {
        file_.reset(::openat(parent, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
        if (file_) return true;
        if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT) return false;
        unnamed_works_ = false;
    }
    do {
        temporary_ = names_.next();
        file_.reset(::openat(parent, temporary_.c_str(), kCreate, 0600));
    } while (!file_ && errno == EEXIST);  // left by a restore that was killed
    return static_cast<bool>(file_);
}

bool NewFile::has_room_for(std::uint64_t bytes) const {
    constexpr std::uint64_t kSmall = 8u << 20;  // not worth a question
    struct statvfs room{};
    if (bytes < kSmall || ::fstatvfs(file_.get(), &room) != 0) return true;
    if (room.f_blocks == 0 || room.f_frsize == 0) return true;  // a file system without a size: ramfs, some of FUSE
    const auto blocks = ::geteuid() == 0 ? room.f_bfree : room.f_bavail;
    return bytes / room.f_frsize < blocks;
}

void NewFile::written_until(std::uint64_t end) {
    constexpr std::uint64_t kStep = 16u << 20;
    if (end < handed_over_ + kStep) return;
    // A failure shows at the synchronisation of the whole: this call only asks for work to begin.
    (void)::sync_file_range(file_.get(), static_cast<off_t>(handed_over_), static_cast<off_t>(end - handed_over_), SYNC_FILE_RANGE_WRITE);
    handed_over_ = end;
}

bool NewFile::link(const std::string& name) {
    if (empty_path_works_) {
        if (::linkat(file_.get(), "", parent_, name.c_str(), AT_EMPTY_PATH) == 0) return true;
        if (errno != ENOENT) return false;
        empty_path_works_ = false;  // needs a privilege (CAP_DAC_READ_SEARCH)
    }
    auto path = fmt::format("/proc/self/fd/{}", file_.get());
    return ::linkat(AT_FDCWD, path.c_str(), parent_, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

bool NewFile::place(const std::string& name) {
    bool done = temporary_.empty() ? link(name) : name_or_remove(parent_, temporary_, name, existing_);
    int error = errno;
    temporary_.clear();
    file_.reset();
    errno = error;
    return done;
}

void NewFile::drop() {
    if (!file_) return;
    if (!temporary_.empty()) ::unlinkat(parent_, temporary_.c_str(), 0);
    temporary_.clear();
    file_.reset();
}

}  // namespace capstan::backup
