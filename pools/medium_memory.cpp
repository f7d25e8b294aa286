#include "pools/medium_memory.hpp"

#include "config/base/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace capstan::pools {
namespace {

constexpr std::string_view kVersion = "1";
constexpr std::size_t kTextMax = 300, kUuidSize = 36;

std::string text_of_set(char kind, const std::optional<SetOnMedium>& set) {
    if (!set) return "";
    return fmt::format("|{}{}:{}:{}", kind, raw(set->number), set->uuid.text, unix_seconds_of(set->keep_until));
}

template <class Number>
bool parse(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size();
}

bool parse_uuid(std::string_view text, Uuid& uuid) {
    const bool good = text.size() == kUuidSize && std::ranges::all_of(text, [](char c) {
                          return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                      });
    if (good) uuid.text = text;
    return good;
}

bool parse_time(std::string_view text, Wall& time) {
    std::int64_t seconds = 0;
    if (!parse(text, seconds) || seconds < 0) return false;
    time = wall_of(seconds);
    return true;
}

bool parse_set(std::string_view text, std::optional<SetOnMedium>& set) {
    const auto parts = split(text, ':');
    std::uint64_t number = 0;
    SetOnMedium found;
    if (parts.size() != 3 || !parse(parts[0], number) || !parse_uuid(parts[1], found.uuid) || !parse_time(parts[2], found.keep_until))
        return false;
    found.number = SetNumber{number};
    set = std::move(found);
    return true;
}

}  // namespace

std::string encode(const MediumMemory& memory) {
    return fmt::format("{}|{}|G{}|E{}|K{}{}{}", kVersion, memory.media_id.text, raw(memory.generation), raw(memory.end_of_data),
                       unix_seconds_of(memory.newest_keep_until), text_of_set('C', memory.last_closed), text_of_set('U', memory.unfinished));
}

std::optional<MediumMemory> decode_medium_memory(std::string_view text) {
    if (text.size() > kTextMax) return std::nullopt;
    const auto parts = split(text, '|');
    if (parts.size() < 5 || parts.size() > 7 || parts[0] != kVersion) return std::nullopt;
    const auto field = [&](std::size_t i, char letter) { return parts[i].starts_with(letter) ? parts[i].substr(1) : std::string_view{}; };
    MediumMemory memory;
    std::uint32_t generation = 0;
    std::uint64_t end = 0;
    if (!parse_uuid(parts[1], memory.media_id) || !parse(field(2, 'G'), generation) || !parse(field(3, 'E'), end) ||
        !parse_time(field(4, 'K'), memory.newest_keep_until))
        return std::nullopt;
    memory.generation = WriteGeneration{generation};
    memory.end_of_data = BlockNumber{end};
    for (std::size_t i = 5; i < parts.size(); ++i) {
        auto& set = parts[i].starts_with('C') ? memory.last_closed : memory.unfinished;
        if (set || memory.unfinished || (!parts[i].starts_with('C') && !parts[i].starts_with('U')) || !parse_set(parts[i].substr(1), set))
            return std::nullopt;
    }
    return memory;
}

bool take_end_from_memory(OnMedium& medium) {
    if (!medium.memory || !medium.memory->current) return false;
    medium.end = EndSearch::found;
    medium.end_of_data = medium.memory->end_of_data;
    medium.last_closed = medium.memory->last_closed;
    medium.unfinished = medium.memory->unfinished;
    return true;
}

}  // namespace capstan::pools
