#include "catalog/object.hpp"

namespace capstan::catalog {

bool valid_name(std::string_view name) {
    constexpr std::string_view kForbidden("/\0", 2);
    return !name.empty() && name.size() <= kNameMax && name.find_first_of(kForbidden) == std::string_view::npos;
}

bool valid_path(std::string_view path) {
    if (path.size() > kPathMax) return false;
    if (path.empty()) return true;
    for (std::size_t start = 0;;) {
        auto slash = path.find('/', start);
        if (!valid_name(path.substr(start, slash - start))) return false;
        if (slash == std::string_view::npos) return true;
        start = slash + 1;
    }
}

}  // namespace capstan::catalog
