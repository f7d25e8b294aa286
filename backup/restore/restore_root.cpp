#include "backup/restore/restore_root.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

namespace capstan::backup {

bool usable_path(const std::string& path) {
    if (path.empty()) return true;
    if (path.find('\0') != std::string::npos) return false;
    for (std::size_t begin = 0; begin <= path.size();) {
        auto end = std::min(path.find('/', begin), path.size());
        auto size = end - begin;
        if (size == 0 || size > 255) return false;
        if (path.compare(begin, size, ".") == 0 || path.compare(begin, size, "..") == 0) return false;
        begin = end + 1;
    }
    return true;
}

Result<FileHandle> open_restore_root(const RestoreOptions& options, bool create) {
    if (!options.root.starts_with('/'))
        return fail(Recovery::change_request,
                    fmt::format("cannot restore to '{}': not an absolute path", options.root));
    if (create && options.root != "/") CAPSTAN_CHECK(make_directories(options.root, 0755));
    return open_file(options.root, O_RDONLY | O_DIRECTORY);
}

}  // namespace capstan::backup
