// One TCP connection: whole reads, gathered writes. read() by one thread, write() by one at a time, shut_down() by any.
#pragma once

#include "config/base/bytes.hpp"
#include "config/base/file.hpp"

#include <chrono>
#include <span>
#include <string>

namespace capstan::iscsi {

class Stream {
  public:
    explicit Stream(FileHandle socket);
    bool read(MutableBytes into);                  // false: closed, broken, or nothing came within the limit
    bool write(std::span<const Bytes> parts);      // false: likewise; the connection is of no use any more
    void limit_reading(std::chrono::seconds limit);  // 0: none
    void shut_down();                              // wakes a read() that waits
    std::string local_address() const;             // 127.0.0.1:3260, [::1]:3260
    std::string peer_address() const;

  private:
    FileHandle socket_;
};

// `portal`: ADDRESS:PORT, [ADDRESS]:PORT; port 0: one that is free.
Result<FileHandle> listen_on(const std::string& portal);
std::string address_of_listener(const FileHandle& listener);

}  // namespace capstan::iscsi
