#include "pools/clock_guard.hpp"

#include "pools/store/cartridges.hpp"
#include "pools/store/meta.hpp"
#include "pools/store/sql.hpp"

#include <charconv>

namespace capstan::pools {
namespace {

constexpr auto kLastWall = "clock_last";  // microseconds
constexpr auto kStop = "clock_stop";      // why expiry is stopped

Result<std::optional<Wall>> last_recorded(Meta& meta) {
    CAPSTAN_TRY(auto text, meta.get(kLastWall));
    if (!text) return std::nullopt;
    std::int64_t value = 0;
    const auto* end = text->data() + text->size();
    if (auto [stop, error] = std::from_chars(text->data(), end, value); error != std::errc{} || stop != end)
        return fail(Recovery::give_up, fmt::format("state database: {} is '{}', not a time", kLastWall, *text),
                    "Restore the newest copy of the state database.");
    return sql::wall_from_db(value);
}

Result<void> store_wall(Meta& meta, WriteTransaction& transaction, Wall wall) {
    return meta.set(transaction, kLastWall, fmt::format("{}", sql::to_db(wall)));
}

}  // namespace

std::string clock_jump(Wall recorded, std::chrono::nanoseconds passed, Wall wall) {
    // Compared in seconds: the difference of two hostile times may not fit into nanoseconds.
    using std::chrono::duration_cast, std::chrono::seconds;
    const auto expected = duration_cast<seconds>(recorded.time_since_epoch()) + duration_cast<seconds>(passed);
    const auto jump = duration_cast<seconds>(wall.time_since_epoch()) - expected;
    const auto limit = duration_cast<seconds>(kClockJumpMax);
    if (jump <= limit && jump >= -limit) return {};
    return fmt::format("the clock of this machine is {:.1f} days {} the last recorded time",
                       static_cast<double>((jump < seconds{0} ? -jump : jump).count()) / 86400.0,
                       jump < seconds{0} ? "behind" : "ahead of");
}

Result<std::string> ClockGuard::check() {
    Meta meta(store_);
    CAPSTAN_TRY(auto stop, meta.get(kStop));
    const bool stopped = stop && !stop->empty();
    const auto wall = clock_.wall();
    const auto steady = clock_.now();
    const bool first = !recorded_;
    if (first) {
        CAPSTAN_TRY(recorded_, last_recorded(meta));
        recorded_at_ = steady;
    }
    auto jump = recorded_ ? clock_jump(*recorded_, steady - recorded_at_, wall) : std::string();
    // While it is stopped the recorded time stays as it was, so that a restart forgets nothing.
    if (stopped && !jump.empty()) return *stop;
    if (stopped) {
        CAPSTAN_CHECK(end_stop("daemon", "the clock is again where the last believed time lets it be"));
        return std::string();
    }
    // Compared each time, written once a minute.
    if (jump.empty() && !first && steady - recorded_at_ < std::chrono::minutes(1)) return std::string();
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store_));
    if (!jump.empty()) {
        CAPSTAN_CHECK(meta.set(transaction, kStop, jump));
        const AuditNote note{"daemon", "a wall clock that jumped frees nothing", wall};
        CAPSTAN_CHECK(Audit(store_).add(transaction, {0, note, CartridgeId{}, "clock", "", jump}));
        CAPSTAN_CHECK(transaction.commit());
        return jump;
    }
    CAPSTAN_CHECK(store_wall(meta, transaction, wall));
    CAPSTAN_CHECK(transaction.commit());
    recorded_ = wall;
    recorded_at_ = steady;
    return std::string();
}

Result<void> ClockGuard::confirm(const std::string& who, const std::string& why) { return end_stop(who, why); }

Result<void> ClockGuard::end_stop(const std::string& who, const std::string& why) {
    Meta meta(store_);
    CAPSTAN_TRY(auto stop, meta.get(kStop));
    const auto wall = clock_.wall();
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store_));
    CAPSTAN_CHECK(meta.clear(transaction, kStop));
    CAPSTAN_CHECK(store_wall(meta, transaction, wall));
    CAPSTAN_CHECK(Audit(store_).add(transaction, {0, {who, why, wall}, CartridgeId{}, "clock", stop.value_or(""), ""}));
    CAPSTAN_CHECK(transaction.commit());
    recorded_ = wall;
    recorded_at_ = clock_.now();
    return {};
}

}  // namespace capstan::pools
