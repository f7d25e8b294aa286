#include "drives/scsi/claim.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::scsi {
namespace {


// Devices that do not tell who it is tell at least the key.
std::unexpected<Error> held_by_another(const Target& target, const Reservation& reservation) {
    std::string holder = "another host";
    if (const auto all = read_full_status(target)) {
        const auto found = std::ranges::find_if(*all, [](const Registrant& each) { return each.holds; });
        if (found != all->end() && !found->initiator.empty()) holder = found->initiator;
    }
    return fail(Recovery::ask_operator, fmt::format("{}: {} has reserved it (key {:#018x})", target.name, holder, raw(reservation.key)),
                "End what uses it there. If that host is gone for good, take its reservation away with 'sg_persist --out --clear' from a host "
                "that is registered, or switch the device off and on.");
}

}  // namespace

Result<Claim> claim(const Target& target, ReservationKey ours) {
    auto report = read_reservation(target);
    if (!report && is_refused(report.error())) return Claim::not_offered;
    if (!report) return std::unexpected(std::move(report.error()));
    const auto& before = report->reservation;
    if (before && before->key != ours) return held_by_another(target, *before);
    auto registered = register_key(target, ours);
    if (!registered && is_refused(registered.error())) return Claim::not_offered;
    if (!registered) return std::unexpected(std::move(registered.error()));
    // Reserving what this nexus holds is done; a conflict means that the holder is a former nexus of ours.
    auto reserved = reserve_exclusively(target, ours);
    if (!reserved && reserved.error().recovery == Recovery::ask_operator && before) reserved = preempt(target, ours, ours);
    if (!reserved) return std::unexpected(std::move(reserved.error()));
    CAPSTAN_TRY(const auto after, read_reservation(target));
    if (after.reservation && after.reservation->key == ours && after.reservation->type == ReservationType::exclusive_access) return Claim::held;
    if (after.reservation && after.reservation->key != ours) return held_by_another(target, *after.reservation);
    return fail(Recovery::ask_operator, fmt::format("{}: it did not keep the reservation that it had accepted", target.name),
                "Another host may be clearing reservations; find it. `reserve: false` in the library's configuration does without.");
}

Result<Claimed> claim(const Target& target, const std::optional<ReservationKey>& ours) {
    if (!ours) return Claimed{};
    auto outcome = claim(target, *ours);
    if (outcome) return Claimed{*outcome, {}};
    // Also RESERVATION CONFLICT: another was faster.
    if (outcome.error().recovery == Recovery::ask_operator) return Claimed{Claim::of_another, std::move(outcome.error())};
    return std::unexpected(std::move(outcome.error()));
}

Result<void> unclaim(const Target& target, ReservationKey ours) {
    CAPSTAN_TRY(const auto report, read_reservation(target));
    if (!report.reservation || report.reservation->key != ours) return {};
    CAPSTAN_CHECK(release(target, ours));
    return register_key(target, ReservationKey{});
}

}  // namespace capstan::scsi
