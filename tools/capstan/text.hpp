// Text for people: tables, names with odd bytes, times, counts. Pure.
#pragma once

#include "daemon/api/types.hpp"

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace capstan::tools {

// Columns as wide as their widest cell; numbers to the right. The last column is not padded.
class Table {
  public:
    enum class Align : std::uint8_t { left, right };
    struct Column {
        std::string title;
        Align align = Align::left;
    };
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    bool empty() const { return rows_.empty(); }
    void print(std::ostream& out, std::string_view if_empty = "") const;

  private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

// "name:   value" lines with the values below each other. Empty values are left out.
class Facts {
    std::vector<std::pair<std::string, std::string>> lines_;

  public:
    void add(std::string name, std::string value) {
        if (!value.empty()) lines_.emplace_back(std::move(name), std::move(value));
    }
    void print(std::ostream& out) const;
};

// What is not printable UTF-8 becomes \xNN, a backslash is doubled: no name can command the terminal.
std::string shown(std::string_view bytes);
std::string local_time(const std::optional<api::Time>& time, std::string_view if_none = "-");  // "2026-11-22 16:20:00"
std::string grouped(std::uint64_t number);                                                     // "80,000"
std::string mode_text(const std::string& kind, std::uint32_t mode);                            // "drwxr-xr-x"
std::string or_dash(const std::string& text);
std::string number_or_dash(std::int64_t number);  // 0: "-"

// "7:/etc": set 7 and the path; "/a:b" and "a": no set. Digits before the first colon make a set.
struct SetAndPath {
    std::optional<std::uint64_t> set;
    std::string path;
};
SetAndPath split_set(const std::string& text);
std::string absolute(const std::string& path);  // against the current directory; '.', '..' and double slashes go

}  // namespace capstan::tools
