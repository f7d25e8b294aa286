// What SQLite alone says, in one place. Everything else in this folder is the SQL that PostgreSQL understands too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace capstan::pools::sql {

inline constexpr std::string_view kBegin = "BEGIN IMMEDIATE";  // the write lock now, not at the first write

// Run on every new connection, in order.
const std::vector<std::string>& connection_setup();

// Schema text is written with {id} (a 64-bit key that counts itself) and {bytes} (a byte string).
std::string in_dialect(std::string_view schema_text);

// A consistent copy of the database into a file that does not exist yet.
std::string copy_statement(std::string_view path);

}  // namespace capstan::pools::sql
