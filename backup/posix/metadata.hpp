// Everything that a POSIX file system knows of one object besides its data, and its form on the medium: the payload of
// the private stream CPSX (described in backup/README.md, frozen by tests/backup/golden). Plain values; any thread.
#pragma once

#include "config/base/bytes.hpp"
#include "config/base/error.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace capstan::backup {

struct FileTime {
    std::int64_t seconds = 0;  // UTC, from 1970
    std::uint32_t nanoseconds = 0;
    friend auto operator<=>(const FileTime&, const FileTime&) = default;
};

struct ExtendedAttribute {
    std::string name;   // with its name space: "user.x", "system.posix_acl_access"
    std::string value;  // raw bytes, ACLs in the kernel's form
    friend bool operator==(const ExtendedAttribute&, const ExtendedAttribute&) = default;
};

struct Metadata {
    std::uint32_t mode = 0;  // type (S_IFMT) and permission bits
    std::uint32_t uid = 0, gid = 0;
    std::string user, group;  // empty: unknown
    FileTime accessed, modified, changed;
    std::optional<FileTime> born;
    std::uint64_t size = 0;                            // displayed length; true also where the data stream is sparse
    std::uint32_t device_major = 0, device_minor = 0;  // of a device node
    // Identity on the source, for hard links: names with the same device and inode are one object.
    std::uint64_t device = 0, inode = 0;
    std::uint32_t links = 1;
    std::uint32_t inode_flags = 0;  // FS_IOC_GETFLAGS
    bool inode_flags_known = false;
    bool size_unknown = false;  // `size` was not told when saving began: the data stream says it
    bool path_only = false;     // an ancestor of a chosen path: created on restore only if it is missing
    std::string name;           // last component, raw bytes; empty for the root
    std::string whole_path;     // of a directory whose path is not UTF-8: the recorded path in raw bytes
    std::string target;         // symbolic link: where it points
    std::string first_name;     // hard link: recorded path of the name that has the data; empty: this name has it
    std::vector<ExtendedAttribute> attributes;

    friend bool operator==(const Metadata&, const Metadata&) = default;
    bool is_directory() const { return (mode & 0170000) == 0040000; }
    bool is_regular() const { return (mode & 0170000) == 0100000; }
    bool is_symlink() const { return (mode & 0170000) == 0120000; }
    bool is_device() const { return (mode & 0170000) == 0060000 || (mode & 0170000) == 0020000; }
    bool is_fifo() const { return (mode & 0170000) == 0010000; }
};

inline constexpr std::size_t kMetadataSizeMax = 64u << 20;  // a larger CPSX payload is damage

// Appends the payload to `out`. Precondition: names and values as a kernel gives them.
void encode(const Metadata& metadata, std::vector<std::uint8_t>& out);
// Errors (ask_operator): a newer version, cut short, or contents no kernel could have given.
Result<Metadata> decode_metadata(Bytes payload);

}  // namespace capstan::backup
