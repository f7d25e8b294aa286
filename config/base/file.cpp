#include "config/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace capstan {

void FileHandle::reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

Result<FileHandle> open_file(const std::string& path, int flags, unsigned mode) {
    int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd < 0) return fail_errno(errno, fmt::format("cannot open {}", path));
    return FileHandle(fd);
}

Result<std::size_t> read_some(int fd, MutableBytes space, std::uint64_t offset, const std::string& path_for_errors) {
    std::size_t done = 0;
    while (done < space.size()) {
        auto got = ::pread(fd, space.data() + done, space.size() - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(errno, fmt::format("cannot read {}", path_for_errors));
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return done;
}

Result<void> write_all(int fd, Bytes bytes, std::uint64_t offset, const std::string& path_for_errors) {
    while (!bytes.empty()) {
        auto put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(errno, fmt::format("cannot write {}", path_for_errors));
        offset += static_cast<std::uint64_t>(put);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
}

Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t size_max) {
    CAPSTAN_TRY(auto file, open_file(path, O_RDONLY));
    std::vector<std::uint8_t> content;
    for (;;) {
        auto old = content.size();
        content.resize(old + 65536);
        CAPSTAN_TRY(auto got, read_some(file.get(), MutableBytes(content).subspan(old), old, path));
        content.resize(old + got);
        if (content.size() > size_max)
            return fail(Recovery::change_request, fmt::format("{} is larger than {} bytes", path, size_max));
        if (got < 65536) return content;
    }
}

Result<void> sync_directory(const std::string& path) {
    CAPSTAN_TRY(auto directory, open_file(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(directory.get()) != 0) return fail_errno(errno, fmt::format("cannot synchronise {}", path));
    return {};
}

Result<void> replace_file(const std::string& path, Bytes content, unsigned mode) {
    auto temporary = path + ".new";
    CAPSTAN_TRY(auto file, open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode));
    CAPSTAN_CHECK(write_all(file.get(), content, 0, temporary));
    if (::fsync(file.get()) != 0) return fail_errno(errno, fmt::format("cannot synchronise {}", temporary));
    if (::rename(temporary.c_str(), path.c_str()) != 0)
        return fail_errno(errno, fmt::format("cannot rename {} to {}", temporary, path));
    auto slash = path.rfind('/');
    return sync_directory(slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash));
}

Result<void> make_directories(const std::string& path, unsigned mode) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        auto part = path.substr(0, end);
        if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST)
            return fail_errno(errno, fmt::format("cannot create directory {}", part));
        if (end == std::string::npos) return {};
    }
}

}  // namespace capstan
