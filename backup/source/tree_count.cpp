#include "backup/source/tree_count.hpp"

#include "backup/source/walker.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace capstan::backup {

Result<bool> count_tree(const FileSourceOptions& options, TreeCount& count) {
    CAPSTAN_TRY(auto chosen, choose_paths(options.paths));
    Walker walker(std::move(chosen), options.cross_file_systems, options.exclude);
    WalkEntry entry;
    while (walker.next(entry)) {
        if (count.stop) return false;
        if (entry.kind != WalkEntry::Kind::object) continue;
        ++count.objects;
        struct stat status{};
        if (entry.type != DT_REG && entry.type != DT_UNKNOWN) continue;
        if (::fstatat(entry.directory->handle.get(), entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISREG(status.st_mode)) count.bytes += static_cast<std::uint64_t>(status.st_size);
    }
    return true;
}

}  // namespace capstan::backup
