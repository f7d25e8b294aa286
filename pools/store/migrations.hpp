// The schema, as numbered steps. A step that was released is never changed again; a new one is added behind it.
#pragma once

#include "config/base/error.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace capstan::pools::sql {

class Database;

struct Migration {
    int version;  // from 1, without gaps
    std::string_view purpose;
    std::span<const std::string_view> statements;  // {id} and {bytes} as in dialect.hpp
};
std::span<const Migration> migrations();

// Brings the database to the newest version, one transaction a step. give_up if the file is newer than this program.
Result<void> migrate(Database& database, std::span<const Migration> steps);
Result<int> schema_version(Database& database);  // 0: empty file

}  // namespace capstan::pools::sql
