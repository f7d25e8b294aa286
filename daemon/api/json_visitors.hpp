// How a described type (describe.hpp) is written to and read from JSON. Inside the library `api` only: nlohmann-json.
#pragma once

#include "daemon/api/codec.hpp"
#include "daemon/api/describe.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <concepts>
#include <limits>
#include <set>
#include <type_traits>

namespace capstan::api {

using WrittenJson = nlohmann::ordered_json;  // keys in the order of the struct
using ReadJson = nlohmann::json;

class JsonWriter {
    WrittenJson object_ = WrittenJson::object();

  public:
    template <class T>
    void operator()(const char* key, const T& value) { object_[key] = json_of(value); }
    template <class T>
    void operator()(const char* key, const std::optional<T>& value) {
        if (value) object_[key] = json_of(*value);
    }
    template <class T>
    void number(const char* key, const T& value, T, T) { object_[key] = value; }
    void bytes(const char* key, const std::string& value) {
        object_[key] = repair_utf8(value);
        if (!is_utf8(value)) object_[std::string(key) + "_bytes"] = base64_encode(value);
    }
    void bytes(const char* key, const std::vector<std::string>& values) {
        auto list = WrittenJson::array();
        for (const auto& value : values) {
            if (is_utf8(value)) {
                list.push_back(value);
                continue;
            }
            WrittenJson pair;
            pair["name"] = repair_utf8(value);
            pair["name_bytes"] = base64_encode(value);
            list.push_back(std::move(pair));
        }
        object_[key] = std::move(list);
    }
    WrittenJson finish() && { return std::move(object_); }

  private:
    template <class T>
    static WrittenJson json_of(const T& value) {
        if constexpr (std::is_enum_v<T>) {
            return WrittenJson(name_of(value));
        } else if constexpr (std::is_arithmetic_v<T>) {
            return WrittenJson(value);
        } else {
            JsonWriter inner;
            describe(inner, value);
            return std::move(inner).finish();
        }
    }
    static WrittenJson json_of(const std::string& value) { return WrittenJson(repair_utf8(value)); }
    static WrittenJson json_of(const Time& value) { return WrittenJson(time_text(value)); }
    template <class T>
    static WrittenJson json_of(const std::vector<T>& values) {
        auto list = WrittenJson::array();
        for (const auto& value : values) list.push_back(json_of(value));
        return list;
    }
};

// Reads one object; the first thing that is wrong is kept, with the path of its key.
class JsonReader {
    struct Common {
        UnknownKeys unknown_keys;
        bool from_text;  // a query: every value is a string
        std::string problem;
    };
    const ReadJson& json_;
    Common& common_;
    std::string where_;
    std::set<std::string_view> known_;

  public:
    template <class T>
    static Result<T> read(const ReadJson& json, UnknownKeys unknown_keys, bool from_text) {
        Common common{unknown_keys, from_text, {}};
        T value;
        JsonReader reader(json, common, "");
        reader.object(value);
        if (!common.problem.empty())
            return fail(Recovery::change_request, common.problem, "Compare it with daemon/api/routes.hpp and its types.");
        return value;
    }

    template <class T>
    void operator()(const char* key, T& value) {
        if (const auto* found = find(key)) read_value(*found, value, path(key));
    }
    template <class T>
    void operator()(const char* key, std::optional<T>& value) {
        const auto* found = find(key);
        if (!found || found->is_null()) return;
        T inner{};
        read_value(*found, inner, path(key));
        value = std::move(inner);
    }
    template <class T>
    void number(const char* key, T& value, T least, T most) {
        const auto* found = find(key);
        if (!found) return;
        read_value(*found, value, path(key));
        if (value < least || value > most) problem(path(key), fmt::format("is not from {} to {}", least, most));
    }
    void bytes(const char* key, std::string& value) {
        auto coded_key = std::string(key) + "_bytes";
        const auto* plain = find(key);
        known_.insert(keep(coded_key));
        if (auto coded = json_.find(coded_key); coded != json_.end()) {
            read_coded(*coded, value, path(coded_key));
        } else if (plain) {
            read_value(*plain, value, path(key));
        }
    }
    void bytes(const char* key, std::vector<std::string>& values) {
        const auto* found = find(key);
        if (!found) return;
        if (!found->is_array()) return problem(path(key), "is not a list");
        for (const auto& item : *found) {
            auto where = fmt::format("{}[{}]", path(key), values.size());
            std::string value;
            if (item.is_object() && item.contains("name_bytes"))
                read_coded(item["name_bytes"], value, where);
            else
                read_value(item, value, where);
            values.push_back(std::move(value));
        }
    }

  private:
    JsonReader(const ReadJson& json, Common& common, std::string where) : json_(json), common_(common), where_(std::move(where)) {}

    std::set<std::string> kept_;
    std::string_view keep(const std::string& key) { return *kept_.insert(key).first; }
    std::string path(std::string_view key) const { return where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key); }
    void problem(std::string_view where, std::string_view fact) {
        if (!common_.problem.empty()) return;
        common_.problem = where.empty() ? fmt::format("the request {}", fact)
                                        : fmt::format("the key '{}' {}", repair_utf8(where.substr(0, 200)), fact);
    }
    const ReadJson* find(const char* key) {
        known_.insert(key);
        if (!json_.is_object()) return nullptr;
        auto found = json_.find(key);
        return found == json_.end() ? nullptr : &*found;
    }

    template <class T>
    void object(T& value) {
        if (!json_.is_object()) return problem(where_, "is not an object");
        describe(*this, value);
        if (common_.unknown_keys == UnknownKeys::pass_over) return;
        for (const auto& [key, unused] : json_.items())
            if (!known_.contains(key)) return problem(path(key), "is not known");
    }

    template <class T>
    void read_value(const ReadJson& json, T& value, const std::string& where) {
        if constexpr (std::is_enum_v<T>) {
            read_enum(json, value, where);
        } else if constexpr (std::is_same_v<T, bool>) {
            if (json.is_boolean()) value = json.get<bool>();
            else if (common_.from_text && (json == "true" || json == "false")) value = json == "true";
            else problem(where, "is not true or false");
        } else if constexpr (std::is_integral_v<T>) {
            read_integer(json, value, where);
        } else {
            JsonReader inner(json, common_, where);
            inner.object(value);
        }
    }
    void read_value(const ReadJson& json, std::string& value, const std::string& where) {
        if (!json.is_string()) return problem(where, "is not a text");
        value = json.get_ref<const std::string&>();
    }
    void read_value(const ReadJson& json, Time& value, const std::string& where) {
        auto time = json.is_string() ? parse_time(json.get_ref<const std::string&>()) : Result<Time>(fail(Recovery::change_request, ""));
        if (!time) return problem(where, "is not a time like 2026-11-22T16:20:00Z");
        value = *time;
    }
    template <class T>
    void read_value(const ReadJson& json, std::vector<T>& values, const std::string& where) {
        if (!json.is_array()) return problem(where, "is not a list");
        for (const auto& item : json) {
            T value{};
            read_value(item, value, fmt::format("{}[{}]", where, values.size()));
            values.push_back(std::move(value));
        }
    }
    void read_coded(const ReadJson& json, std::string& value, const std::string& where) {
        auto bytes = json.is_string() ? base64_decode(json.get_ref<const std::string&>()) : Result<std::string>(fail(Recovery::change_request, ""));
        if (!bytes) return problem(where, "is not base64");
        value = std::move(*bytes);
    }
    template <class T>
    void read_integer(const ReadJson& json, T& value, const std::string& where) {
        bool good = false;
        if (common_.from_text && json.is_string()) {
            const auto& text = json.get_ref<const std::string&>();
            auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            good = error == std::errc{} && end == text.data() + text.size();
        } else if (json.is_number_unsigned()) {
            auto number = json.get<std::uint64_t>();
            good = std::in_range<T>(number);
            if (good) value = static_cast<T>(number);
        } else if (json.is_number_integer()) {
            auto number = json.get<std::int64_t>();
            good = std::in_range<T>(number);
            if (good) value = static_cast<T>(number);
        }
        if (!good)
            problem(where, fmt::format("is not a whole number from {} to {}", std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    }
    template <class T>
    void read_enum(const ReadJson& json, T& value, const std::string& where) {
        std::string allowed;
        for (auto candidate : kAllValues<T>) {
            if (json.is_string() && json.get_ref<const std::string&>() == name_of(candidate)) {
                value = candidate;
                return;
            }
            allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", name_of(candidate));
        }
        problem(where, "is not one of " + allowed);
    }
};

template <class T>
std::string encode(const T& value, Layout layout) {
    JsonWriter writer;
    describe(writer, value);
    return std::move(writer).finish().dump(layout == Layout::indented ? 2 : -1, ' ', false, WrittenJson::error_handler_t::replace);
}

template <class T>
Result<T> decode(std::string_view text, UnknownKeys unknown_keys) {
    auto json = ReadJson::parse(text, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded())
        return fail(Recovery::change_request, "the text is not JSON", "Send one object, in UTF-8.");
    return JsonReader::read<T>(json, unknown_keys, false);
}

Result<ReadJson> json_of_query(std::string_view query);
std::string query_of_json(const WrittenJson& json);

template <class T>
std::string encode_query(const T& value) {
    JsonWriter writer;
    describe(writer, value);
    return query_of_json(std::move(writer).finish());
}

template <class T>
Result<T> decode_query(std::string_view query) {
    CAPSTAN_TRY(auto json, json_of_query(query));
    return JsonReader::read<T>(json, UnknownKeys::refuse, true);
}

#define CAPSTAN_CODEC(Type)                                            \
    template std::string encode<Type>(const Type&, Layout);            \
    template Result<Type> decode<Type>(std::string_view, UnknownKeys); \
    template std::string encode_query<Type>(const Type&);              \
    template Result<Type> decode_query<Type>(std::string_view);

}  // namespace capstan::api
