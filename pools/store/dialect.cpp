#include "pools/store/dialect.hpp"

namespace capstan::pools::sql {

const std::vector<std::string>& connection_setup() {
    static const std::vector<std::string> statements{
        "PRAGMA busy_timeout = 0",  // one owner: a lock held by somebody else is an error at once
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",  // the commit is on the disk when it returns
        "PRAGMA foreign_keys = ON",    "PRAGMA wal_autocheckpoint = 1000", "PRAGMA journal_size_limit = 8388608",
        "PRAGMA cache_size = -8192",    // KiB
        "PRAGMA trusted_schema = OFF",  // the file is data, also when somebody else has edited it
    };
    return statements;
}

std::string in_dialect(std::string_view schema_text) {
    std::string text(schema_text);
    auto replace = [&text](std::string_view token, std::string_view by) {
        for (auto at = text.find(token); at != std::string::npos; at = text.find(token, at + by.size()))
            text.replace(at, token.size(), by);
    };
    replace("{id}", "INTEGER PRIMARY KEY AUTOINCREMENT");  // a number is never given twice
    replace("{bytes}", "BLOB");
    return text;
}

std::string copy_statement(std::string_view path) {
    std::string quoted;
    for (char c : path) {
        quoted += c;
        if (c == '\'') quoted += c;
    }
    return "VACUUM INTO '" + quoted + "'";
}

}  // namespace capstan::pools::sql
