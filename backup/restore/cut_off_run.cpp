#include "backup/restore/cut_off_run.hpp"

#include "backup/restore/new_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

namespace capstan::backup {
namespace {

constexpr std::chrono::milliseconds kClockGrain{50};  // file systems stamp with a coarser clock than ours
constexpr unsigned kModeUntilLeft = 0700;             // of a directory that is not finished (target_tree.cpp)

bool look(int parent, const char* name, struct statx& status) {
    constexpr unsigned kWanted = STATX_BASIC_STATS | STATX_BTIME;
    return ::statx(parent, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT, kWanted, &status) == 0;
}

Wall wall_of(const struct statx_timestamp& time) {
    return Wall{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

bool born_since(const struct statx& status, Wall since) {
    const auto& time = (status.stx_mask & STATX_BTIME) != 0 ? status.stx_btime : status.stx_ctime;
    return wall_of(time) + kClockGrain >= since;
}

bool has_time_of(const struct statx& status, const Metadata& saved) {
    return status.stx_mtime.tv_sec == saved.modified.seconds && status.stx_mtime.tv_nsec == saved.modified.nanoseconds;
}

// Immutable and append-only are the last touch of all: it is done.
bool is_locked(const struct statx& status) {
    return (status.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0;
}

}  // namespace

bool CutOffRun::made_object(int parent, const std::string& name, const Metadata& saved) const {
    struct statx status{};
    struct statx directory{};
    if (!look(parent, name.c_str(), status) || S_ISDIR(status.stx_mode)) return false;
    // Another name, or another owner, would also have changed an object of somebody else.
    if ((status.stx_mask & STATX_BTIME) == 0 && status.stx_nlink > 1) return false;
    if (!born_since(status, since) || !has_time_of(status, saved)) return false;
    if ((status.stx_mode & S_IFMT) != (saved.mode & S_IFMT)) return false;
    if (is_locked(status) || (look(parent, "", directory) && is_locked(directory))) return false;
    return !S_ISREG(status.stx_mode) || status.stx_size <= saved.size;
}

bool made_since(Wall began, int directory, const Metadata& saved) {
    struct statx status{};
    if (!look(directory, "", status) || !born_since(status, began) || is_locked(status)) return false;
    return (status.stx_mode & 07777) == kModeUntilLeft || has_time_of(status, saved);
}

void CutOffRun::remove_temporaries(int directory) const {
    const auto prefix = temporary_prefix(nonce);
    DIR* listing = ::fdopendir(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (listing == nullptr) return;
    while (const auto* entry = ::readdir(listing))
        if (std::string_view(entry->d_name).starts_with(prefix)) ::unlinkat(directory, entry->d_name, 0);
    ::closedir(listing);
}

}  // namespace capstan::backup
