// What the user chose, as a tree of real paths.
#include "backup/source/walker.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

namespace capstan::backup {
namespace {

// The real path of what was chosen, without its last component's own link. Empty: `why` says what is wrong.
std::string real_path(const std::string& chosen, std::string& why) {
    if (!chosen.starts_with('/')) return why = "is not an absolute path", "";
    auto path = chosen;
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    auto slash = path.rfind('/');
    auto last = path.substr(slash + 1);
    if (last == "." || last == "..") {  // a name is needed: the directory itself
        char* real = ::realpath(path.c_str(), nullptr);
        if (real == nullptr) return why = ::strerror(errno), "";
        path = real;
        ::free(real);
        return path;
    }
    struct stat stat{};
    if (::lstat(path.c_str(), &stat) != 0) return why = ::strerror(errno), "";
    if (slash == 0) return path;
    char* real = ::realpath(path.substr(0, slash).c_str(), nullptr);
    if (real == nullptr) return why = ::strerror(errno), "";
    std::string parent = real;
    ::free(real);
    return parent == "/" ? "/" + last : parent + "/" + last;
}

}  // namespace

Result<ChosenNode> choose_paths(const std::vector<std::string>& paths) {
    ChosenNode chosen;
    std::string wrong;
    for (const auto& path : paths) {
        std::string why;
        auto real = real_path(path, why);
        if (real.empty()) {
            wrong += fmt::format("{}{}: {}", wrong.empty() ? "" : "; ", path, why);
        } else {
            chosen.add(real.substr(1));
        }
    }
    if (paths.empty()) wrong = "no path was given";
    if (!wrong.empty())
        return fail(Recovery::change_request, fmt::format("cannot back up {}", wrong),
                    "Name paths that exist, each from '/' on.");
    return chosen;
}

}  // namespace capstan::backup
