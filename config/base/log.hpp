// The daemon's log: an event name plus fields, one line each, to the error stream or the journal (daemon/ chooses).
// A repeated condition is logged when it changes, not each time. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace capstan::log {

struct Field {
    std::string_view name;  // `library`, `drive`, `element`, `volume_tag`, `sense`, `job`, `set`, …
    std::string value;
};
enum class Level : std::uint8_t { debug, info, warning, error };

void write(Level level, std::string_view event, std::initializer_list<Field> fields = {});
inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::debug, event, fields); }
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::info, event, fields); }
inline void warning(std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::warning, event, fields); }
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::error, event, fields); }

void set_level(Level lowest);  // default: info
// Replaces the output (tests, journal); nullptr restores the error stream. Called with the finished line.
void set_output(std::function<void(Level, const std::string&)> output);

}  // namespace capstan::log
