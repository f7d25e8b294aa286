// Objects of the file systems of this machine. Nothing is followed, nothing is entered twice, and each directory is
// reached by openat from its parent, so that depth beyond PATH_MAX and changes meanwhile are safe. At most about 300
// descriptors are open.
#pragma once

#include "backup/source/source.hpp"
#include "config/base/stage.hpp"

#include <memory>
#include <string>
#include <vector>

namespace capstan::backup {

struct FileSourceOptions {
    // Absolute paths. Duplicates and paths below other paths are merged; ancestors are saved as path-only directories.
    // Symbolic links in front of the last component are resolved: the recorded path is the real one.
    std::vector<std::string> paths;
    bool cross_file_systems = false;
    // fnmatch patterns: with a '/' against the whole path ("/var/cache/*"), else against the last component. What lies
    // below an excluded directory is excluded, too.
    std::vector<std::string> exclude;
    unsigned threads = 0;          // 0: everything inline in next() (simulation); 1-3: run ahead
    Doorbell* doorbell = nullptr;  // rung when next() has something after `waiting`; needed with threads
};

// Errors (change_request), all in one message: a path that is not absolute, does not exist or cannot be reached.
Result<std::unique_ptr<Source>> open_file_source(FileSourceOptions options);

}  // namespace capstan::backup
