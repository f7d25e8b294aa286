#include "pools/store/disabled_rows.hpp"

#include "pools/store/meta.hpp"

#include <fmt/format.h>

#include <charconv>

namespace capstan::pools {
namespace {

std::string key_of(const LibraryName& library) { return "disabled library " + library.text; }
std::string key_of(const DriveName& drive) { return "disabled drive " + drive.text; }

}  // namespace

std::string to_text(const Disabled& disabled) {
    return fmt::format("disabled by {}{}{}", disabled.who, disabled.reason.empty() ? "" : ": ", disabled.reason);
}

// "SECONDS\nWHO\nREASON"; a reason may have lines of its own.
Result<std::optional<Disabled>> DisabledRows::read(const std::string& key) {
    CAPSTAN_TRY(const auto row, Meta(store_).get(key));
    if (!row) return std::nullopt;
    const auto first = row->find('\n');
    const auto second = first == std::string::npos ? first : row->find('\n', first + 1);
    if (second == std::string::npos) return Disabled{*row, "somebody", {}};  // it is disabled, whatever else is damaged
    std::int64_t seconds = 0;
    std::from_chars(row->data(), row->data() + first, seconds);
    return Disabled{row->substr(second + 1), row->substr(first + 1, second - first - 1), Wall{std::chrono::seconds{seconds}}};
}

Result<void> DisabledRows::write(WriteTransaction& transaction, const std::string& key, const std::optional<Disabled>& disabled) {
    if (!disabled) return Meta(store_).clear(transaction, key);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(disabled->since.time_since_epoch()).count();
    return Meta(store_).set(transaction, key, fmt::format("{}\n{}\n{}", seconds, disabled->who, disabled->reason));
}

Result<std::optional<Disabled>> DisabledRows::of(const LibraryName& library) { return read(key_of(library)); }
Result<std::optional<Disabled>> DisabledRows::of(const DriveName& drive) { return read(key_of(drive)); }
Result<void> DisabledRows::set(WriteTransaction& transaction, const LibraryName& library, const std::optional<Disabled>& disabled) {
    return write(transaction, key_of(library), disabled);
}
Result<void> DisabledRows::set(WriteTransaction& transaction, const DriveName& drive, const std::optional<Disabled>& disabled) {
    return write(transaction, key_of(drive), disabled);
}

}  // namespace capstan::pools
