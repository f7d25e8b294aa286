#include "config/base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <fmt/format.h>
#include <atomic>
#include <memory>
#include <mutex>

namespace capstan::log {
namespace {

std::atomic<Level> lowest_level = Level::info;
std::mutex output_mutex;
std::function<void(Level, const std::string&)> other_output;

spdlog::logger& stderr_logger() {
    static auto logger = [] {
        auto made = std::make_shared<spdlog::logger>("capstan", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
        made->set_level(spdlog::level::trace);
        return made;
    }();
    return *logger;
}

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
        case Level::debug: return spdlog::level::debug;
        case Level::info: return spdlog::level::info;
        case Level::warning: return spdlog::level::warn;
        case Level::error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

bool plain(const std::string& value) { return !value.empty() && value.find_first_of(" \"=\n\t") == std::string::npos; }

}  // namespace

void set_level(Level lowest) { lowest_level = lowest; }

void set_output(std::function<void(Level, const std::string&)> output) {
    std::lock_guard lock(output_mutex);
    other_output = std::move(output);
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
    if (level < lowest_level.load(std::memory_order_relaxed)) return;
    std::string line(event);
    for (const auto& field : fields) {
        line += fmt::format(" {}=", field.name);
        if (plain(field.value)) {
            line += field.value;
        } else {
            line += '"';
            for (char c : field.value) {
                if (c == '"' || c == '\\') line += '\\';
                line += c == '\n' ? ' ' : c;
            }
            line += '"';
        }
    }
    std::lock_guard lock(output_mutex);
    if (other_output) {
        other_output(level, line);
    } else {
        stderr_logger().log(spdlog_level(level), "{}", line);
    }
}

}  // namespace capstan::log
