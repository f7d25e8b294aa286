// What the catalog knows of one saved object: enough to list it, to find it on a medium and to verify it without the medium.
// Names and paths are byte strings as the source gave them: no encoding is assumed, every byte but '/' and NUL may occur in
// a name. Paths go from the volume's root, without leading or trailing slash; the root itself is the empty path.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace capstan::catalog {

enum class ObjectKind : std::uint8_t { regular, directory, symlink, hard_link, fifo, character_device, block_device };
inline constexpr std::uint8_t kObjectKinds = 7;

enum class ObjectState : std::uint8_t {
    saved,      // whole, and unchanged while it was read
    changed,    // whole, but it changed while it was read
    partial,    // part of it could not be read
    not_saved,  // nothing of it is on the medium; `fla` means nothing
};
inline constexpr std::uint8_t kObjectStates = 4;

using FileTime = std::chrono::sys_time<std::chrono::nanoseconds>;  // the same type as Wall
using ContentHash = std::array<std::uint8_t, 16>;                  // XXH3 128 of the object's data, as the CHSH stream has it

// Limits of what a segment holds; the builder refuses more, a reader takes more for damage.
inline constexpr std::size_t kNameMax = 65536;         // bytes of one name
inline constexpr std::size_t kPathMax = 4 * 1048576;   // bytes of one path
inline constexpr std::uint64_t kFlaEnd = 1ULL << 54;   // addresses are below it
inline constexpr std::int64_t kFileSecondsMax = 9'223'372'035;  // of mtime, both signs: the years 1677 to 2262; clamped

struct ObjectFacts {
    ObjectKind kind = ObjectKind::regular;
    ObjectState state = ObjectState::saved;
    // Directories only. path_only: an ancestor of a chosen path, its other children were not chosen. continued: its own
    // record is in an earlier segment of the set; here it only leads to the objects that follow.
    bool path_only = false;
    bool continued = false;
    std::uint32_t mode = 0;  // permission bits and set-id, sticky (07777); the kind says the rest
    std::uint32_t uid = 0, gid = 0;
    std::uint64_t size = 0;  // bytes of data
    FileTime mtime{};
    std::uint64_t fla = 0;   // where its DBLK lies: format logical address from the set's SSET (MTF 1.5); below 2^54
    std::optional<ContentHash> hash;  // objects with data
    friend bool operator==(const ObjectFacts&, const ObjectFacts&) = default;
};

struct Object {
    std::string path;  // from the root; in a listing of one directory: the name alone
    ObjectFacts facts;
    friend bool operator==(const Object&, const Object&) = default;
};

// What a name and a path may be here; a segment with any other is not made, and not read.
bool valid_name(std::string_view name);  // 1 to kNameMax bytes, without '/' and NUL
bool valid_path(std::string_view path);  // empty, or valid names with one '/' between them, at most kPathMax bytes

// "a/b/c" -> "a/b" and "c"; "a" -> "" and "a".
inline std::string_view parent_of(std::string_view path) {
    auto slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}
inline std::string_view name_of(std::string_view path) {
    auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}
// True if `path` is `root` or lies below it.
inline bool is_within(std::string_view path, std::string_view root) {
    return root.empty() || (path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/'));
}

}  // namespace capstan::catalog
