#include "backup/tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cerrno>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace capstan::backup {

namespace {

constexpr const char* kValueOfCapability =
    "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

void set_flags(const std::string& path, int flags, std::string& failed) {
    int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK), now = 0;
    bool known = fd >= 0 && ::ioctl(fd, FS_IOC_GETFLAGS, &now) == 0;
    now |= flags;
    if (!known || ::ioctl(fd, FS_IOC_SETFLAGS, &now) != 0) failed += "flags of " + path + "; ";
    ::close(fd);
}

void put_at(int fd, const std::string& text, off_t offset) {
    if (::pwrite(fd, text.data(), text.size(), offset) < 0) std::abort();
}

// Removes a tree by descriptors, so that depth does not matter.
void remove_below(int directory) {
    int flags = 0;
    if (::ioctl(directory, FS_IOC_GETFLAGS, &flags) == 0 && (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0) {
        flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
        ::ioctl(directory, FS_IOC_SETFLAGS, &flags);
    }
    DIR* list = ::fdopendir(::dup(directory));
    std::vector<std::pair<std::string, bool>> names;
    while (auto* entry = ::readdir(list)) {
        std::string name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name, entry->d_type == DT_DIR);
    }
    ::closedir(list);
    for (const auto& [name, is_directory] : names) {
        if (is_directory) {
            int child = ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            if (child >= 0) remove_below(child);
            ::close(child);
            ::unlinkat(directory, name.c_str(), AT_REMOVEDIR);
        } else if (::unlinkat(directory, name.c_str(), 0) != 0) {
            int fd = ::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
            if (fd >= 0 && ::ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
                flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
                ::ioctl(fd, FS_IOC_SETFLAGS, &flags);
            }
            ::close(fd);
            ::unlinkat(directory, name.c_str(), 0);
        }
    }
}

std::string attributes_of(int fd) {
    auto path = fmt::format("/proc/self/fd/{}", fd);
    std::vector<char> names(65536), value(65536);
    auto size = ::listxattr(path.c_str(), names.data(), names.size());
    std::map<std::string, std::string> sorted;
    for (ssize_t at = 0; at < size;) {
        std::string name = names.data() + at;
        auto length = ::getxattr(path.c_str(), name.c_str(), value.data(), value.size());
        if (length >= 0) sorted[name] = std::string(value.data(), static_cast<std::size_t>(length));
        at += static_cast<ssize_t>(name.size()) + 1;
    }
    std::string text;
    for (const auto& [name, bytes] : sorted) text += fmt::format(" {}={}", name, std::hash<std::string>{}(bytes));
    return text;
}

std::string content_of(int fd, off_t size) {
    std::string text;
    std::vector<char> space(1 << 20);
    for (off_t at = 0; at < size;) {  // extents and the data in them
        auto data = ::lseek(fd, at, SEEK_DATA);
        if (data < 0) break;
        auto hole = ::lseek(fd, data, SEEK_HOLE);
        std::size_t hash = 0;
        for (auto i = data; i < hole;) {
            auto want = std::min<off_t>(hole - i, static_cast<off_t>(space.size()));
            auto got = ::pread(fd, space.data(), static_cast<std::size_t>(want), i);
            if (got <= 0) break;
            hash = hash * 31 + std::hash<std::string_view>{}({space.data(), static_cast<std::size_t>(got)});
            i += got;
        }
        text += fmt::format(" {}+{}:{}", data, hole - data, hash);
        at = hole;
    }
    return text;
}

struct Look {
    std::map<std::string, std::string> lines;
    std::map<std::pair<dev_t, ino_t>, std::string> groups;
};

std::string line_of(int parent, const std::string& name, const std::string& path, Look& look, const struct stat& stat) {
    auto line = fmt::format("{:o} {}:{} {}.{:09} {}", stat.st_mode, stat.st_uid, stat.st_gid, stat.st_mtim.tv_sec,
                            stat.st_mtim.tv_nsec, S_ISDIR(stat.st_mode) ? 0 : stat.st_size);
    if (S_ISCHR(stat.st_mode) || S_ISBLK(stat.st_mode))
        line += fmt::format(" device {}:{}", ::major(stat.st_rdev), ::minor(stat.st_rdev));
    bool open_it = S_ISREG(stat.st_mode) || S_ISDIR(stat.st_mode);
    int fd = ::openat(parent, name.c_str(), (open_it ? O_RDONLY : O_PATH) | O_NOFOLLOW | O_NONBLOCK);
    if (S_ISLNK(stat.st_mode)) {
        std::vector<char> target(8192);
        auto size = ::readlinkat(parent, name.c_str(), target.data(), target.size());
        line += " -> " + std::string(target.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    }
    if (!S_ISDIR(stat.st_mode) && stat.st_nlink > 1) {
        auto [group, is_new] = look.groups.try_emplace({stat.st_dev, stat.st_ino}, path);
        line += fmt::format(" link {} of {}", group->second, stat.st_nlink);
    }
    line += attributes_of(fd);
    int flags = 0;
    if (open_it && ::ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) line += fmt::format(" flags {:x}", flags & 0xFF);
    if (S_ISREG(stat.st_mode)) line += content_of(fd, stat.st_size);
    ::close(fd);
    return line;
}

std::vector<std::string> names_in(int directory) {
    DIR* list = ::fdopendir(::dup(directory));
    std::set<std::string> names;
    while (auto* entry = ::readdir(list)) names.insert(entry->d_name);
    ::closedir(list);
    return {names.rbegin(), names.rend()};  // the first one last
}

// Without recursion: trees go deeper than a stack with a sanitizer's frames.
void look_below(int root, const std::string& root_path, Look& look) {
    struct Level {
        int directory;
        std::string path;
        std::vector<std::string> names;  // still to be looked at, the next one last
    };
    std::vector<Level> levels{{::dup(root), root_path, names_in(root)}};
    while (!levels.empty()) {
        if (levels.back().names.empty()) {
            ::close(levels.back().directory);
            levels.pop_back();
            continue;
        }
        const auto name = levels.back().names.back();
        levels.back().names.pop_back();
        const int directory = levels.back().directory;
        struct stat stat{};
        if (name == "." || name == ".." || ::fstatat(directory, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISSOCK(stat.st_mode)) continue;
        auto below = levels.back().path == "." ? name : levels.back().path + "/" + name;
        look.lines[below] = line_of(directory, name, below, look, stat);
        if (!S_ISDIR(stat.st_mode)) continue;
        const int fd = ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        levels.push_back({fd, std::move(below), names_in(fd)});
    }
}

}  // namespace

ScratchDirectory::ScratchDirectory() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr ? base : "/tmp") + "/capstan-backup-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
}

ScratchDirectory::~ScratchDirectory() {
    int fd = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY);
    remove_below(fd);
    ::close(fd);
    ::rmdir(path_.c_str());
}

void write_file(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
}

std::string read_whole(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string make_odd_tree(const std::string& root) {
    std::string failed;
    auto at = [&](const std::string& name) { return root + "/" + name; };
    auto need = [&](int done, const std::string& what) {
        failed += done == 0 ? "" : what + ": " + ::strerror(errno) + "; ";
    };
    for (const char* name : {"plain", "links", "odd names", "sparse", "special", "flags", "empty"})
        need(::mkdir(at(name).c_str(), 0755), name);
    write_file(at("plain/empty"), "");
    write_file(at("plain/one byte"), "x");
    std::string big;
    for (int i = 0; i < 700000; ++i) big += std::to_string(i);
    write_file(at("plain/big"), big);
    need(::chmod(at("plain/big").c_str(), 04751), "mode");
    need(::chown(at("plain/one byte").c_str(), 12345, 54321), "owner");
    struct timespec times[2] = {{1000000000, 123456789}, {-5, 987654321}};
    need(::utimensat(AT_FDCWD, at("plain/one byte").c_str(), times, 0), "times");
    write_file(at("links/z first"), "linked");
    need(::link(at("links/z first").c_str(), at("links/a other").c_str()), "link");
    need(::link(at("links/z first").c_str(), at("plain/third").c_str()), "link");
    need(::symlink("../plain/big", at("links/symbolic").c_str()), "symlink");
    need(::symlink("/nowhere/at all", at("links/dangling").c_str()), "symlink");
    need(::link(at("links/dangling").c_str(), at("links/second dangling").c_str()), "link to a symlink");
    need(::lchown(at("links/dangling").c_str(), 7, 8), "owner of a symlink");
    write_file(at("odd names/new\nline"), "1");
    write_file(at("odd names/not \xff\xfe UTF-8"), "2");
    write_file(at("odd names/" + std::string(255, 'n')), "3");
    write_file(at("odd names/back\\slash:colon*"), "4");
    need(::mkdir(at("odd names/\xe4 directory").c_str(), 0700), "directory");
    write_file(at("odd names/\xe4 directory/inside"), "5");
    int fd = ::open(at("sparse/both ends").c_str(), O_RDWR | O_CREAT, 0644);
    put_at(fd, "data in the middle", 1 << 20);
    put_at(fd, std::string(100000, 'q'), 5 << 20);
    need(::ftruncate(fd, 9 << 20), "truncate");
    ::close(fd);
    fd = ::open(at("sparse/huge").c_str(), O_RDWR | O_CREAT, 0644);
    put_at(fd, "begin", 0);
    put_at(fd, "beyond 4 GiB", (off_t{5} << 30) + 17);
    ::close(fd);
    fd = ::open(at("sparse/only a hole").c_str(), O_RDWR | O_CREAT, 0644);
    need(::ftruncate(fd, 123456), "truncate");
    ::close(fd);
    need(::mkfifo(at("special/fifo").c_str(), 0620), "fifo");
    need(::mknod(at("special/null").c_str(), S_IFCHR | 0666, ::makedev(1, 3)), "character device");
    need(::mknod(at("special/loop").c_str(), S_IFBLK | 0660, ::makedev(7, 300)), "block device");
    int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address{};
    address.sun_family = AF_UNIX;
    at("special/socket").copy(address.sun_path, sizeof address.sun_path - 1);
    need(::bind(listener, static_cast<struct sockaddr*>(static_cast<void*>(&address)), sizeof address), "socket");
    ::close(listener);
    write_file(at("flags/attributes"), "x");
    need(::setxattr(at("flags/attributes").c_str(), "user.colour", "blue\0green", 10, 0), "user.");
    need(::setxattr(at("flags/attributes").c_str(), "user.empty", "", 0, 0), "user.");
    need(::setxattr(at("flags/attributes").c_str(), "trusted.secret", "t", 1, 0), "trusted.");
    need(::setxattr(at("flags/attributes").c_str(), "security.capability", kValueOfCapability, 20, 0), "capability");
    need(::lsetxattr(at("links/dangling").c_str(), "trusted.on.link", "l", 1, 0), "trusted. of a symlink");
    const char acl[] =
        "\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x04\0\x39\x30\0\0\x04\0\x04\0\xff\xff\xff\xff"
        "\x10\0\x04\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff";
    write_file(at("flags/acl"), "a");
    need(::setxattr(at("flags/acl").c_str(), "system.posix_acl_access", acl, sizeof acl - 1, 0), "ACL");
    need(::setxattr(at("flags").c_str(), "system.posix_acl_default", acl, sizeof acl - 1, 0), "default ACL");
    write_file(at("flags/no dump"), "n");
    set_flags(at("flags/no dump"), FS_NODUMP_FL | FS_NOATIME_FL, failed);
    need(::mkdir(at("flags/frozen").c_str(), 0755), "directory");
    write_file(at("flags/frozen/immutable"), "i");
    need(::link(at("flags/frozen/immutable").c_str(), at("flags/frozen/linked").c_str()), "link");
    set_flags(at("flags/frozen/immutable"), FS_IMMUTABLE_FL, failed);
    write_file(at("flags/log"), "append");
    set_flags(at("flags/log"), FS_APPEND_FL, failed);
    need(::utimensat(AT_FDCWD, at("flags/frozen").c_str(), times, 0), "times");
    set_flags(at("flags/frozen"), FS_IMMUTABLE_FL, failed);
    need(::chmod(at("empty").c_str(), 01777), "mode");
    need(::utimensat(AT_FDCWD, at("links").c_str(), times, 0), "times");
    return failed;
}

void make_deep_tree(const std::string& root, int depth) {
    int fd = ::open(root.c_str(), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < depth; ++i) {
        auto name = fmt::format("d{}", i % 10);
        if (::mkdirat(fd, name.c_str(), 0755) != 0) std::abort();
        int next = ::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY);
        ::close(fd);
        fd = next;
    }
    int file = ::openat(fd, "bottom", O_WRONLY | O_CREAT, 0644);
    put_at(file, "deep", 0);
    ::close(file);
    ::close(fd);
}

std::map<std::string, std::string> look_at(const std::string& root) {
    Look look;
    int fd = ::open(root.c_str(), O_RDONLY | O_DIRECTORY);
    look_below(fd, ".", look);
    ::close(fd);
    return look.lines;
}

std::string difference(const std::map<std::string, std::string>& a, const std::map<std::string, std::string>& b) {
    std::string text;
    for (const auto& [path, line] : a) {
        auto other = b.find(path);
        if (other == b.end())
            text += fmt::format("- {}\n", path);
        else if (other->second != line)
            text += fmt::format("! {}\n    {}\n    {}\n", path, line, other->second);
    }
    for (const auto& [path, line] : b) {
        if (!a.contains(path)) text += fmt::format("+ {}\n", path);
    }
    return text;
}

}  // namespace capstan::backup
