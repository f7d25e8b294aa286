#include "daemon/api/codec.hpp"

#include "daemon/api/json_visitors.hpp"

#include <algorithm>
#include <array>

namespace capstan::api {

std::string_view name_of(JobState state) {
    constexpr std::array names{"queued", "running", "waiting", "completed", "incomplete", "failed", "cancelled"};
    auto index = static_cast<std::size_t>(state);
    return index < names.size() ? names[index] : "unknown";
}

std::string_view name_of(ObjectOutcome outcome) {
    constexpr std::array names{"saved", "changed",      "skipped",  "not_saved", "restored",
                               "kept",  "not_restored", "verified", "differs"};
    auto index = static_cast<std::size_t>(outcome);
    return index < names.size() ? names[index] : "unknown";
}

std::string_view name_of(Existing existing) {
    constexpr std::array names{"never", "older", "always"};
    auto index = static_cast<std::size_t>(existing);
    return index < names.size() ? names[index] : "unknown";
}

namespace {

constexpr Recovery kRecoveries[] = {Recovery::stop_device,    Recovery::retry_later,  Recovery::refresh_inventory,
                                    Recovery::replace_medium, Recovery::ask_operator, Recovery::change_request,
                                    Recovery::give_up,        Recovery::cancelled};

std::optional<SenseCode> parse_sense(std::string_view text) {  // "05/3B/0D"
    std::array<std::uint8_t, 3> code{};
    if (text.size() != 8 || text[2] != '/' || text[5] != '/') return std::nullopt;
    for (std::size_t i = 0; i < 3; ++i) {
        const char* from = text.data() + 3 * i;
        auto [end, error] = std::from_chars(from, from + 2, code[i], 16);
        if (error != std::errc{} || end != from + 2) return std::nullopt;
    }
    return SenseCode{code[0], code[1], code[2]};
}

}  // namespace

std::string encode_error(const Error& error) {
    WrittenJson inner;
    inner["recovery"] = name_of(error.recovery);
    inner["happened"] = repair_utf8(error.happened);
    inner["advice"] = repair_utf8(error.advice);
    if (error.sense) inner["sense"] = to_text(error.sense->code);
    WrittenJson outer;
    outer["error"] = std::move(inner);
    return outer.dump(-1, ' ', false, WrittenJson::error_handler_t::replace);
}

Error decode_error(std::string_view text, int status) {
    Error error{Recovery::give_up,
                fmt::format("the daemon answered with status {} and no reason", status),
                "Look at the daemon's log.",
                {}};
    auto json = ReadJson::parse(text, nullptr, false);
    if (json.is_discarded() || !json.is_object() || !json.contains("error") || !json["error"].is_object()) return error;
    const auto& inner = json["error"];
    auto text_of_key = [&](const char* key) {
        auto found = inner.find(key);
        return found != inner.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    if (auto happened = text_of_key("happened"); !happened.empty()) {
        error.happened = happened;
        error.advice = text_of_key("advice");
    }
    for (auto recovery : kRecoveries)
        if (capstan::name_of(recovery) == text_of_key("recovery")) error.recovery = recovery;
    if (auto sense = parse_sense(text_of_key("sense"))) error.sense = Sense{*sense};
    return error;
}

int http_status(Recovery recovery) {
    switch (recovery) {
        case Recovery::retry_later: return 503;
        case Recovery::refresh_inventory:
        case Recovery::replace_medium:
        case Recovery::ask_operator:
        case Recovery::cancelled: return 409;
        case Recovery::change_request: return 422;
        case Recovery::stop_device:
        case Recovery::give_up: break;
    }
    return 500;
}

Result<ReadJson> json_of_query(std::string_view query) {
    auto object = ReadJson::object();
    while (!query.empty()) {
        auto pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        if (pair.empty()) continue;
        auto split = pair.find('=');
        CAPSTAN_TRY(auto key, percent_decode(pair.substr(0, split)));
        CAPSTAN_TRY(auto value, percent_decode(split == std::string_view::npos ? "" : pair.substr(split + 1)));
        if (object.contains(key))
            return fail(Recovery::change_request, fmt::format("the key '{}' is in the query twice", repair_utf8(key)),
                        "Remove one of the two.");
        object[key] = value;
    }
    return object;
}

std::string query_of_json(const WrittenJson& json) {
    std::string query;
    for (const auto& [key, value] : json.items()) {
        if (!query.empty()) query += '&';
        query +=
            percent_encode(key) + '=' + percent_encode(value.is_string() ? value.get<std::string>() : value.dump());
    }
    return query;
}

}  // namespace capstan::api
