// Files of our own state: owned descriptors, durable replacement. Paths are bytes as the kernel takes them.
#pragma once

#include "config/base/bytes.hpp"
#include "config/base/error.hpp"

#include <string>
#include <utility>
#include <vector>

namespace capstan {

class FileHandle {  // owns a descriptor; closing errors are ignored, so sync first where they matter
  public:
    FileHandle() = default;
    explicit FileHandle(int fd) : fd_(fd) {}
    FileHandle(FileHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileHandle& operator=(FileHandle&& other) noexcept {
        if (this != &other) reset(std::exchange(other.fd_, -1));
        return *this;
    }
    ~FileHandle() { reset(); }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    explicit operator bool() const { return fd_ >= 0; }
    void reset(int fd = -1);

  private:
    int fd_ = -1;
};

Result<FileHandle> open_file(const std::string& path, int flags, unsigned mode = 0600);  // O_CLOEXEC is added
Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t size_max);
// Whole or not at all, also across a power cut: temporary file, fsync, rename, fsync of the directory.
Result<void> replace_file(const std::string& path, Bytes content, unsigned mode = 0600);
Result<void> sync_directory(const std::string& path);
Result<void> make_directories(const std::string& path, unsigned mode = 0700);
Result<void> write_all(int fd, Bytes bytes, std::uint64_t offset, const std::string& path_for_errors);  // pwrite, loops
Result<std::size_t> read_some(int fd, MutableBytes space, std::uint64_t offset, const std::string& path_for_errors);
// Loops until `space` is full or the file ends.

}  // namespace capstan
