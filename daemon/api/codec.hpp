// JSON of the API types, and the encodings of paths and queries. Decoders take bytes from anybody: they never crash, and
// their errors name the key. nlohmann-json stays inside the library. Pure; any thread.
#pragma once

#include "config/base/error.hpp"
#include "daemon/api/types.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace capstan::api {

enum class UnknownKeys : std::uint8_t {
    refuse,     // requests: a misspelt key must not be passed over
    pass_over,  // replies: a newer daemon may say more
};
enum class Layout : std::uint8_t { compact, indented };

// For every type of routes.hpp (others do not link). Members that are absent keep their default; numbers with limits in their
// comment are held to them.
template <class T>
std::string encode(const T& value, Layout layout = Layout::compact);
template <class T>
Result<T> decode(std::string_view json, UnknownKeys unknown_keys);

// The same for a query string, "limit=10&path=%2Fetc", whose values are all text. Only types without nested values.
template <class T>
std::string encode_query(const T& value);
template <class T>
Result<T> decode_query(std::string_view query);

// {"error":{"recovery":"change_request","happened":…,"advice":…,"sense":"05/3B/0D"}}
std::string encode_error(const Error& error);
Error decode_error(std::string_view json, int http_status);  // always an error: at worst one that says so
int http_status(Recovery recovery);                          // change_request 422, retry_later 503, …

std::string_view name_of(JobState state);  // the words of the JSON
std::string_view name_of(ObjectOutcome outcome);
std::string_view name_of(Existing existing);

std::string percent_encode(std::string_view bytes);
Result<std::string> percent_decode(std::string_view text);  // refuses a broken escape
std::string base64_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);
bool is_utf8(std::string_view bytes);
std::string repair_utf8(std::string_view bytes);  // what is not UTF-8 becomes U+FFFD
std::string time_text(const Time& time);          // as in JSON
Result<Time> parse_time(std::string_view text);   // the same, and "2026-11-22", "2026-11-22 16:20[:00]" in UTC

// "/v1/jobs/{job}/log" with {"7"}: "/v1/jobs/7/log".
std::string fill_path(std::string_view pattern, const std::vector<std::string>& parameters);
// The parameters, decoded, where the path fits the pattern.
std::optional<std::vector<std::string>> match_path(std::string_view pattern, std::string_view path);

}  // namespace capstan::api
