#include "backup/source/walker.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace capstan::backup {

namespace {

constexpr std::size_t kOpenDirectories = 32;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;

// Reading a directory as root leaves its access time alone; others may do that only with their own.
int open_directory(int parent, const char* name) {
    int fd = ::openat(parent, name, kOpenDirectory | O_NOATIME);
    return fd < 0 && errno == EPERM ? ::openat(parent, name, kOpenDirectory) : fd;
}

// File systems whose contents are the kernel's own state: never entered from another one, only if their mount point is
// chosen.
bool is_kernel_state(int directory) {
    struct statfs fs{};
    if (::fstatfs(directory, &fs) != 0) return false;
    constexpr decltype(fs.f_type) kMagics[] = {
        PROC_SUPER_MAGIC, SYSFS_MAGIC,      DEVPTS_SUPER_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC,
        TRACEFS_MAGIC,    SECURITYFS_MAGIC, BPF_FS_MAGIC,       PSTOREFS_MAGIC,     EFIVARFS_MAGIC};
    return std::find(std::begin(kMagics), std::end(kMagics), fs.f_type) != std::end(kMagics);
}

IssueKind kind_of(int error) {
    return error == ENOENT || error == ESTALE ? IssueKind::vanished : IssueKind::unreadable;
}

}  // namespace

const ChosenNode* ChosenNode::child(const std::string& name) const {
    auto found = children.find(name);
    return found == children.end() ? nullptr : found->second.get();
}

void ChosenNode::add(const std::string& recorded_path) {
    auto* node = this;
    for (std::size_t begin = 0; begin < recorded_path.size();) {
        auto end = std::min(recorded_path.find('/', begin), recorded_path.size());
        auto& next = node->children[recorded_path.substr(begin, end - begin)];
        if (!next) next = std::make_unique<ChosenNode>();
        node = next.get();
        begin = end + 1;
    }
    node->chosen = true;
}

Walker::Walker(ChosenNode chosen, bool cross_file_systems, std::vector<std::string> exclude)
    : chosen_(std::move(chosen)), cross_(cross_file_systems), exclude_(std::move(exclude)), space_(65536) {}

Walker::~Walker() = default;

std::string Walker::path_of(const std::string& name) const {
    if (path_.empty()) return name;
    std::string path;
    path.reserve(path_.size() + 1 + name.size());
    return path.append(path_).append(1, '/').append(name);
}

void Walker::report(IssueKind kind, std::string path, std::string text) {
    issues_.push_back({kind, std::move(path), std::move(text)});
}

bool Walker::is_excluded(const std::string& name) {
    if (exclude_.empty()) return false;
    auto path = "/" + path_of(name);
    for (const auto& pattern : exclude_) {
        bool whole = pattern.find('/') != std::string::npos;
        if (::fnmatch(pattern.c_str(), whole ? path.c_str() : name.c_str(), 0) == 0) return ++excluded_, true;
    }
    return false;
}

bool Walker::next(WalkEntry& entry) {
    entry = {};
    if (!std::exchange(begun_, true)) {
        Frame nowhere;
        if (enter(nowhere, "/", entry)) return true;
    }
    for (;;) {
        if (!issues_.empty()) {
            entry.kind = WalkEntry::Kind::issue;
            entry.issue = std::move(issues_.front());
            issues_.erase(issues_.begin());
            return true;
        }
        if (frames_.empty()) return false;
        auto& frame = frames_.back();
        if (!std::exchange(frame.listed, true)) {
            list(frame);
        } else if (!frame.objects.empty()) {
            auto name = std::move(frame.objects.back());
            frame.objects.pop_back();
            entry.directory = frame.directory;
            entry.path = path_of(name.text);
            entry.name = std::move(name.text);
            entry.type = name.type;
            return true;
        } else if (!frame.directories.empty()) {
            auto name = std::move(frame.directories.back().text);
            frame.directories.pop_back();
            if (enter(frame, name, entry)) return true;
        } else {
            leave();
        }
    }
}

// Opens a subdirectory and makes it the innermost frame. False: it could not be, or is not to be entered.
bool Walker::enter(Frame& parent, const std::string& name, WalkEntry& entry) {
    bool root = frames_.empty();
    auto path = root ? std::string() : path_of(name);
    bool in_whole = !root && parent.whole;
    const auto* node = root ? &chosen_ : parent.node != nullptr ? parent.node->child(name) : nullptr;
    auto directory = std::make_shared<OpenDirectory>();
    directory->handle.reset(root ? ::open("/", kOpenDirectory)
                                 : open_directory(parent.directory->handle.get(), name.c_str()));
    struct stat stat{};
    if (!directory->handle || ::fstat(directory->handle.get(), &stat) != 0) {
        report(kind_of(errno), path, fmt::format("the directory cannot be opened: {}", ::strerror(errno)));
        return false;
    }
    directory->device = stat.st_dev, directory->inode = stat.st_ino;
    bool chosen = node != nullptr && node->chosen;
    bool whole = chosen || (in_whole && (node == nullptr || !is_excluded(name)));
    if (whole && !chosen && stat.st_dev != parent.device && (!cross_ || is_kernel_state(directory->handle.get()))) {
        report(IssueKind::other_file_system, path, "another file system is mounted here; it is not entered");
        whole = false;
    }
    entry.directory = directory;
    entry.path = path;
    entry.type = DT_DIR;
    entry.path_only = !whole && !in_whole;  // a mount point is an object of the tree that it is in
    Frame frame;
    frame.directory = std::move(directory);
    frame.device = stat.st_dev, frame.inode = stat.st_ino;
    frame.node = node;
    frame.whole = whole;
    frame.path_size = path.size();
    path_ = std::move(path);
    frames_.push_back(std::move(frame));
    if (frames_.size() > kOpenDirectories) frames_[frames_.size() - 1 - kOpenDirectories].directory.reset();
    return true;
}

// The innermost directory by the names that led to it.
FileHandle Walker::open_from_root() const {
    FileHandle handle(::open("/", kOpenDirectory));
    for (std::size_t begin = 0; handle && begin < path_.size();) {
        auto end = std::min(path_.find('/', begin), path_.size());
        handle.reset(open_directory(handle.get(), path_.substr(begin, end - begin).c_str()));
        begin = end + 1;
    }
    return handle;
}

void Walker::leave() {
    auto left = std::move(frames_.back());
    frames_.pop_back();
    if (frames_.empty()) return;
    auto& frame = frames_.back();
    path_.resize(frame.path_size);
    if (frame.directory) return;
    // It was closed to save descriptors. It is opened again also where nothing is left in it: its own parent is reached
    // through it. The way back is the child's "..", or from the root where that was moved elsewhere.
    auto same = [&](const FileHandle& handle) {
        struct stat stat{};
        return handle && ::fstat(handle.get(), &stat) == 0 && stat.st_dev == frame.device && stat.st_ino == frame.inode;
    };
    auto directory = std::make_shared<OpenDirectory>();
    if (left.directory) directory->handle.reset(open_directory(left.directory->handle.get(), ".."));
    if (!same(directory->handle)) directory->handle = open_from_root();
    if (same(directory->handle)) {
        directory->device = frame.device, directory->inode = frame.inode;
        frame.directory = std::move(directory);
        return;
    }
    for (auto name = frame.directories.rbegin(); name != frame.directories.rend(); ++name)
        report(IssueKind::vanished, path_of(name->text), "its parent directory was moved while it was saved");
    frame.directories.clear();
}

void Walker::list(Frame& frame) {
    if (frame.whole) {
        list_all(frame);
    } else if (frame.node != nullptr) {
        for (const auto& [name, node] : frame.node->children) take(frame, {name, DT_UNKNOWN});
    }
    auto backwards = [](const Name& a, const Name& b) { return b.text < a.text; };
    std::sort(frame.objects.begin(), frame.objects.end(), backwards);
    std::sort(frame.directories.begin(), frame.directories.end(), backwards);
}

void Walker::list_all(Frame& frame) {
    for (;;) {
        auto size = ::getdents64(frame.directory->handle.get(), space_.data(), space_.size());
        if (size < 0)
            report(IssueKind::unreadable, path_, fmt::format("the directory cannot be read: {}", ::strerror(errno)));
        if (size <= 0) return;
        for (ssize_t at = 0; at < size;) {
            struct dirent64 head{};
            const char* record = space_.data() + at;
            std::memcpy(static_cast<void*>(&head), record, offsetof(struct dirent64, d_name));
            std::string name(record + offsetof(struct dirent64, d_name));
            at += head.d_reclen;
            if (name != "." && name != "..") take(frame, {std::move(name), head.d_type});
        }
    }
}

void Walker::take(Frame& frame, Name name) {
    const auto* node = frame.node != nullptr ? frame.node->child(name.text) : nullptr;
    if (node == nullptr && is_excluded(name.text)) return;  // what is chosen by its own name is meant
    if (name.type == DT_UNKNOWN) {
        struct stat stat{};
        if (::fstatat(frame.directory->handle.get(), name.text.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
            report(kind_of(errno), path_of(name.text), ::strerror(errno));
            return;
        }
        name.type = static_cast<unsigned char>(IFTODT(stat.st_mode));
    }
    if (name.type == DT_SOCK) {
        ++sockets_;
        return;
    }
    if (node != nullptr && !node->children.empty() && name.type != DT_DIR && !frame.whole && !node->chosen)
        return report(IssueKind::unreadable, path_of(name.text),
                      "is not a directory any more; what was chosen below it is not saved");
    (name.type == DT_DIR ? frame.directories : frame.objects).push_back(std::move(name));
}

}  // namespace capstan::backup
