// One connection and its statements. Poco::Data stays behind this: values go in and rows come out as plain variants,
// every exception ends here as an Error. Placeholders are $1…$n, each once, in ascending order (SQLite binds by
// appearance, PostgreSQL by number). Control thread.
#pragma once

#include "config/base/error.hpp"
#include "pools/media.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace capstan::pools::sql {

struct Blob {
    std::string bytes;  // an empty one is stored as NULL
};
using Value = std::variant<std::monostate, std::int64_t, std::string, Blob>;
using Values = std::vector<Value>;

std::int64_t to_db(Wall time);  // microseconds since 1970; kForever is the largest number
Wall wall_from_db(std::int64_t value);

inline Value value_of(const std::optional<Wall>& time) { return time ? Value(to_db(*time)) : Value(); }
inline Value value_of(Wall time) { return to_db(time); }
inline Value value_of(bool flag) { return std::int64_t{flag}; }
inline Value value_of(const std::string& text) { return text; }
template <class Tag>
Value value_of(const Name<Tag>& name) {
    return name.text;
}
template <class Number>
    requires(std::is_integral_v<Number> && !std::is_same_v<Number, bool>)
Value value_of(Number number) {
    return static_cast<std::int64_t>(number);
}
template <class Enum>
    requires(std::is_enum_v<Enum>)
Value value_of(Enum value) {
    if constexpr (requires { name_of(value); })
        return std::string(name_of(value));
    else
        return static_cast<std::int64_t>(raw(value));
}
template <class T>
Value value_of(const std::optional<T>& value) {
    return value ? value_of(*value) : Value();
}
template <class Id>
Value reference(Id id) {
    return raw(id) == 0 ? Value() : Value(static_cast<std::int64_t>(raw(id)));
}  // 0: none

template <class... T>
Values values(const T&... each) {
    Values all;
    all.reserve(sizeof...(each));
    auto add = [&all](const auto& one) {
        if constexpr (std::is_same_v<std::decay_t<decltype(one)>, Value>)
            all.push_back(one);
        else if constexpr (std::is_same_v<std::decay_t<decltype(one)>, Blob>)
            all.push_back(Value(one));
        else
            all.push_back(value_of(one));
    };
    (add(each), ...);
    return all;
}

// Reads a row from left to right. What does not fit is remembered, and check() makes it an error: a damaged row or one
// of a newer program never becomes a guess.
class Row {
  public:
    explicit Row(Values cells) : cells_(std::move(cells)) {}
    std::int64_t integer();  // NULL: 0
    std::string text();      // NULL: empty; also byte strings
    bool null() const { return at_ < cells_.size() && std::holds_alternative<std::monostate>(cells_[at_]); }
    bool flag() { return integer() != 0; }
    Wall time() { return wall_from_db(integer()); }
    std::optional<Wall> maybe_time();
    template <class T>
    T number() {
        return static_cast<T>(integer());
    }
    template <class NameType>
    NameType name() {
        return NameType{text()};
    }
    template <class Enum>
    Enum named() {
        auto word = text();
        if (auto value = from_name<Enum>(word)) return *value;
        if (problem_.empty()) problem_ = fmt::format("column {} holds the unknown word '{}'", at_, word);
        return {};
    }
    Result<void> check(std::string_view what) const;

  private:
    Values cells_;
    std::size_t at_ = 0;
    std::string problem_;
};

class Database {
  public:
    static Result<std::unique_ptr<Database>> open(const std::string& path);
    ~Database();

    // `kinds`: one letter per column: i integer, t text, b bytes.
    Result<std::vector<Row>> query(std::string_view statement, const Values& parameters, std::string_view kinds);
    Result<std::optional<Row>> query_one(std::string_view statement, const Values& parameters, std::string_view kinds);
    Result<std::uint64_t> execute(std::string_view statement, const Values& parameters = {});  // rows changed
    Result<void> change_one(std::string_view statement, const Values& parameters,
                            std::string_view what);                                     // exactly one
    Result<std::int64_t> insert(std::string_view statement, const Values& parameters);  // ends in RETURNING id

    bool in_transaction = false;  // WriteTransaction's

  private:
    struct Connection;
    explicit Database(std::unique_ptr<Connection> connection, std::string path);
    std::unique_ptr<Connection> connection_;
    std::string path_;
};

}  // namespace capstan::pools::sql
