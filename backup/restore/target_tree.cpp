#include "backup/restore/target_tree.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace capstan::backup {

namespace {

constexpr std::size_t kOpenDirectories = 32;
constexpr std::size_t kPathForKernel = 4000;  // below PATH_MAX
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
constexpr unsigned kModeUntilLeft = 0700;

}  // namespace

int open_beneath(int parent, const std::string& path, int flags) {
    struct open_how how{};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    for (;;) {
        auto fd = ::syscall(SYS_openat2, parent, path.c_str(), &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(fd);  // EAGAIN: a rename raced
    }
}

TargetTree::TargetTree(FileHandle root, Leave leave) : root_(std::move(root)), leave_(std::move(leave)) {
    levels_.emplace_back();
    levels_[0].handle.reset(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
    note_file_system(root_.get());
}

void TargetTree::note_file_system(int descriptor) {
    struct stat stat{};
    if (::fstat(descriptor, &stat) != 0 || file_systems_.contains(stat.st_dev)) return;
    file_systems_.emplace(stat.st_dev, FileHandle(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)));
}

std::string_view TargetTree::component(std::size_t level) const {
    auto before = levels_[level - 1].path_size;
    auto begin = before == 0 ? 0 : before + 1;
    return std::string_view(path_).substr(begin, levels_[level].path_size - begin);
}

TargetTree::Level* TargetTree::enter(const std::string& path, Missing missing) {
    // The part that is entered already: whole components only.
    std::size_t depth = 0;
    while (depth + 1 < levels_.size()) {
        auto size = levels_[depth + 1].path_size;
        if (size > path.size() || (size < path.size() && path[size] != '/')) break;
        auto begin = levels_[depth].path_size;
        if (path.compare(begin, size - begin, path_, begin, size - begin) != 0) break;
        ++depth;
    }
    leave_to(depth + 1);
    auto begin = path_.empty() ? 0 : path_.size() + 1;
    while (begin < path.size()) {
        auto end = std::min(path.find('/', begin), path.size());
        if (!push(std::string_view(path).substr(begin, end - begin), missing)) return nullptr;
        begin = end + 1;
    }
    return &levels_.back();
}

bool TargetTree::push(std::string_view name, Missing missing) {
    int parent = descriptor_of(levels_.size() - 1);
    if (parent < 0) return false;
    Level level;
    std::string text(name);
    level.handle.reset(open_beneath(parent, text, kDirectory));
    if (!level.handle && errno == ENOENT && missing == Missing::create) {
        if (::mkdirat(parent, text.c_str(), kModeUntilLeft) != 0 && errno != EEXIST) return false;
        level.handle.reset(open_beneath(parent, text, kDirectory));
        level.created = static_cast<bool>(level.handle);
    }
    if (!level.handle) return false;
    note_file_system(level.handle.get());
    if (!path_.empty()) path_ += '/';
    path_ += name;
    level.path_size = path_.size();
    levels_.push_back(std::move(level));
    if (levels_.size() > kOpenDirectories) levels_[levels_.size() - 1 - kOpenDirectories].handle.reset();
    return true;
}

int TargetTree::descriptor() { return descriptor_of(levels_.size() - 1); }

// Reopens a level that was closed, and the ones above it that will be needed next on the way up.
int TargetTree::descriptor_of(std::size_t level) {
    if (levels_[level].handle) return levels_[level].handle.get();
    auto first = level + 1 > kOpenDirectories ? level + 1 - kOpenDirectories : 0;
    while (first <= level && !levels_[first].handle) {
        auto handle = open(std::string_view(path_).substr(0, levels_[first].path_size));
        if (!handle) return -1;
        levels_[first].handle = std::move(handle);
    }
    for (auto i = first + 1; i <= level; ++i) {
        if (levels_[i].handle) continue;
        levels_[i].handle.reset(open_beneath(levels_[i - 1].handle.get(), std::string(component(i)), kDirectory));
        if (!levels_[i].handle) return -1;
    }
    return levels_[level].handle.get();
}

FileHandle TargetTree::open(std::string_view path) const {
    FileHandle now(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
    while (now && !path.empty()) {
        auto size = path.size();
        if (size > kPathForKernel) {
            auto slash = path.rfind('/', kPathForKernel);
            if (slash == std::string_view::npos || slash == 0) return errno = ENAMETOOLONG, FileHandle();
            size = slash;
        }
        now = FileHandle(open_beneath(now.get(), std::string(path.substr(0, size)), kDirectory));
        path.remove_prefix(std::min(path.size(), size + 1));
    }
    return now;
}

void TargetTree::leave_to(std::size_t depth) {
    while (levels_.size() > depth) {
        auto level = levels_.size() - 1;
        if (levels_[level].pending) {
            int fd = descriptor_of(level);
            leave_(fd, path_, *levels_[level].pending);
        }
        if (level == 0) {  // the root stays
            levels_[0].pending.reset();
            return;
        }
        levels_.pop_back();
        path_.resize(levels_.back().path_size);
    }
}

}  // namespace capstan::backup
