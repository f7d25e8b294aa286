#include "pools/store/meta.hpp"

#include "pools/store/cartridges.hpp"
#include "pools/store/sql.hpp"

#include <charconv>

namespace capstan::pools {
namespace {

constexpr auto kNextSet = "next_set";
constexpr auto kNextFamily = "next_family";
constexpr auto kOverwriteStop = "overwrite_stop";

}  // namespace

Result<std::optional<std::string>> Meta::get(const std::string& key) {
    CAPSTAN_TRY(auto row, store_.database().query_one("SELECT value FROM meta WHERE name = $1", sql::values(key), "t"));
    if (!row) return std::nullopt;
    return row->text();
}

Result<void> Meta::set(WriteTransaction& transaction, const std::string& key, const std::string& value) {
    CAPSTAN_CHECK(transaction.database().execute(
        "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        sql::values(key, value)));
    return {};
}

Result<void> Meta::clear(WriteTransaction& transaction, const std::string& key) {
    CAPSTAN_CHECK(transaction.database().execute("DELETE FROM meta WHERE name = $1", sql::values(key)));
    return {};
}

Result<std::uint64_t> Meta::number(const std::string& key) {
    CAPSTAN_TRY(auto text, get(key));
    if (!text) return 1;
    std::uint64_t value = 0;
    const auto* end = text->data() + text->size();
    if (auto [stop, error] = std::from_chars(text->data(), end, value);
        error != std::errc{} || stop != end || value == 0)
        return fail(Recovery::give_up, fmt::format("state database: {} is '{}', not a number", key, *text),
                    "Restore the newest copy of the state database.");
    return value;
}

Result<std::uint64_t> Meta::take(WriteTransaction& transaction, const std::string& key) {
    CAPSTAN_TRY(const auto value, number(key));
    CAPSTAN_CHECK(set(transaction, key, fmt::format("{}", value + 1)));
    return value;
}

Result<SetNumber> Meta::next_set() {
    CAPSTAN_TRY(const auto value, number(kNextSet));
    return SetNumber{value};
}

Result<MediaFamilyId> Meta::next_family() {
    CAPSTAN_TRY(const auto value, number(kNextFamily));
    return MediaFamilyId{static_cast<std::uint32_t>(value)};
}

Result<SetNumber> Meta::take_set(WriteTransaction& transaction) {
    CAPSTAN_TRY(const auto value, take(transaction, kNextSet));
    return SetNumber{value};
}

Result<MediaFamilyId> Meta::take_family(WriteTransaction& transaction) {
    CAPSTAN_TRY(const auto value, take(transaction, kNextFamily));
    if (value > 0xFFFFFFFFU) return fail(Recovery::give_up, "media family numbers are used up (32 bits)");
    return MediaFamilyId{static_cast<std::uint32_t>(value)};
}

Result<void> Meta::numbers_seen(WriteTransaction& transaction, SetNumber set_number, MediaFamilyId family) {
    CAPSTAN_TRY(const auto next_number, number(kNextSet));
    // A damaged or hostile medium must not use up the numbers: only what leaves room is taken over.
    if (raw(set_number) >= next_number && raw(set_number) < (1ULL << 62))
        CAPSTAN_CHECK(set(transaction, kNextSet, fmt::format("{}", raw(set_number) + 1)));
    CAPSTAN_TRY(const auto next_family_number, number(kNextFamily));
    if (raw(family) >= next_family_number && raw(family) < 0xF0000000U)
        CAPSTAN_CHECK(set(transaction, kNextFamily, fmt::format("{}", std::uint64_t{raw(family)} + 1)));
    return {};
}

Result<std::string> Meta::overwrite_stop() {
    CAPSTAN_TRY(auto text, get(kOverwriteStop));
    return text.value_or("");
}

Result<void> Meta::stop_overwriting(WriteTransaction& transaction, const std::string& why, const AuditNote& note) {
    CAPSTAN_TRY(auto before, overwrite_stop());
    if (before.empty()) CAPSTAN_CHECK(set(transaction, kOverwriteStop, why));
    return Audit(store_).add(transaction,
                             {0, note, CartridgeId{}, "overwrite stop", before, before.empty() ? why : before});
}

Result<void> Meta::clear_overwrite_stop(WriteTransaction& transaction, const AuditNote& note) {
    CAPSTAN_TRY(auto before, overwrite_stop());
    CAPSTAN_CHECK(clear(transaction, kOverwriteStop));
    return Audit(store_).add(transaction, {0, note, CartridgeId{}, "overwrite stop", before, ""});
}

}  // namespace capstan::pools
