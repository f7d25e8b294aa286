// The directories of a restore between the root and the place where the next object goes. Each is opened from its
// parent's descriptor by openat2, so that nothing leads out of the root; few are open at a time, however deep the path.
// One thread.
#pragma once

#include "backup/posix/collect.hpp"
#include "config/base/file.hpp"

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace capstan::backup {

class TargetTree {
  public:
    struct Level {
        std::size_t path_size = 0;        // of the path down to this directory
        FileHandle handle;                // empty: closed because too many are open
        bool created = false;             // by this restore: nothing else can be in it
        std::optional<Metadata> pending;  // set when the directory is left
    };
    using Leave = std::function<void(int descriptor, const std::string& path, const Metadata& metadata)>;

    // `leave`: called with each directory that has metadata pending, when it is left.
    TargetTree(FileHandle root, Leave leave);

    // Makes the directory `path` the innermost one. missing: what to do when it is not there.
    enum class Missing : std::uint8_t { create, fail };
    // Null, and errno: it cannot be. The level is good until the next call.
    Level* enter(const std::string& path, Missing missing);
    int descriptor();  // of the innermost directory; -1 and errno
    void leave_all() { leave_to(0); }
    const std::string& path() const { return path_; }

    // A directory beneath the root by its own way, without leaving the present place. Empty, and errno: it cannot be
    // opened.
    FileHandle open(std::string_view path) const;
    // One file system after the other on which something was entered: descriptors for syncfs.
    const std::map<dev_t, FileHandle>& file_systems() const { return file_systems_; }

  private:
    void leave_to(std::size_t depth);
    int descriptor_of(std::size_t level);
    bool push(std::string_view component, Missing missing);
    std::string_view component(std::size_t level) const;
    void note_file_system(int descriptor);

    FileHandle root_;
    Leave leave_;
    std::string path_;
    std::vector<Level> levels_;  // levels_[0] is the root itself
    std::map<dev_t, FileHandle> file_systems_;
};

// openat2 beneath `parent` without links of any kind. -1 and errno.
int open_beneath(int parent, const std::string& path, int flags);

}  // namespace capstan::backup
