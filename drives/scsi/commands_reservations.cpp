#include "drives/scsi/commands_run.hpp"

namespace capstan::scsi {
namespace {

using Out = PersistentReserveOutCdb::Action;
using In = PersistentReserveInCdb::Action;
constexpr std::size_t kReplySize = 8 * 1024;

Result<std::vector<std::uint8_t>> ask(const Target& target, std::string_view act, In action) {
    std::vector<std::uint8_t> buffer(kReplySize);
    CAPSTAN_CHECK(fetch(target, act,
                        to_cdb(PersistentReserveInCdb{.action = raw(action), .allocation_length = BigEndian<2>{buffer.size()}}), buffer));
    return buffer;
}

Result<void> tell(const Target& target, std::string_view act, Out action, ReservationKey key, ReservationKey action_key) {
    const auto bytes = encode(ReserveOutParameters{.key = BigEndian<8>{raw(key)}, .action_key = BigEndian<8>{raw(action_key)}});
    const Bytes pieces[] = {bytes};
    const bool has_type = action == Out::reserve || action == Out::release || action == Out::preempt;
    const PersistentReserveOutCdb cdb{.action = raw(action),
                                      .scope_and_type = has_type ? raw(ReservationType::exclusive_access) : std::uint8_t{0},
                                      .parameter_length = BigEndian<4>{bytes.size()}};
    return done(run(target, act, to_cdb(cdb), pieces));
}

}  // namespace

Result<RegisteredKeys> read_registered_keys(const Target& target) {
    constexpr std::string_view act = "ask who is registered";
    CAPSTAN_TRY(const auto bytes, ask(target, act, In::read_keys));
    auto keys = decode_registered_keys(bytes);
    if (!keys) return odd_reply(target, act, "the reply has no header");
    return std::move(*keys);
}

Result<ReservationReport> read_reservation(const Target& target) {
    constexpr std::string_view act = "ask who has reserved it";
    CAPSTAN_TRY(const auto bytes, ask(target, act, In::read_reservation));
    const auto report = decode_reservation(bytes);
    if (!report) return odd_reply(target, act, "the reply has no header");
    return *report;
}

Result<std::vector<Registrant>> read_full_status(const Target& target) {
    constexpr std::string_view act = "ask for all registrations";
    CAPSTAN_TRY(const auto bytes, ask(target, act, In::read_full_status));
    auto all = decode_full_status(bytes);
    if (!all) return odd_reply(target, act, "the reply has no header");
    return std::move(*all);
}

Result<void> register_key(const Target& target, ReservationKey key) {
    return tell(target, "register a reservation key", Out::register_and_ignore, ReservationKey{}, key);
}
Result<void> reserve_exclusively(const Target& target, ReservationKey key) {
    return tell(target, "reserve it", Out::reserve, key, ReservationKey{});
}
Result<void> preempt(const Target& target, ReservationKey key, ReservationKey former) {
    return tell(target, "take over its reservation", Out::preempt, key, former);
}
Result<void> release(const Target& target, ReservationKey key) { return tell(target, "release it", Out::release, key, ReservationKey{}); }

}  // namespace capstan::scsi
