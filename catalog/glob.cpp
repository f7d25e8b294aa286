#include "catalog/glob.hpp"

#include "catalog/object.hpp"

namespace capstan::catalog {

bool matches_object(std::string_view pattern, std::string_view path) {
    return glob_match(pattern, pattern.find('/') == std::string_view::npos ? name_of(path) : path);
}

}  // namespace capstan::catalog
