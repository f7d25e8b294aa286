#include "drives/virtual/reservations.hpp"

#include "drives/scsi/smc.hpp"
#include "drives/scsi/spc.hpp"

#include <algorithm>

namespace capstan::virtual_library {
namespace {

using scsi::Opcode;
using scsi::ReservationKey;
using scsi::ReservationType;
constexpr SenseCode kPreempted{0x6, 0x2A, 0x03}, kReleased{0x6, 0x2A, 0x04}, kRegistrationPreempted{0x6, 0x2A, 0x05};

bool is_type(std::uint8_t type) { return type == 1 || type == 3 || (type >= 5 && type <= 8); }
bool is_for_all(ReservationType type) {
    return type == ReservationType::write_exclusive_all_registrants || type == ReservationType::exclusive_access_all_registrants;
}
bool for_registrants(ReservationType type) { return raw(type) >= raw(ReservationType::write_exclusive_registrants); }
bool excludes_reading(ReservationType type) {
    return type == ReservationType::exclusive_access || type == ReservationType::exclusive_access_registrants ||
           type == ReservationType::exclusive_access_all_registrants;
}

// Of a disk (SBC-3 table 13); their numbers are nothing else in tapes and changers.
bool is_capacity(const scsi::Cdb& cdb) { return cdb.bytes[0] == 0x25 || cdb.bytes[0] == 0x9E; }
bool reads_disk(const scsi::Cdb& cdb) {
    constexpr std::array<std::uint8_t, 6> kReadAndVerify{0x28, 0x88, 0xA8, 0x2F, 0x8F, 0xAF};
    return std::ranges::find(kReadAndVerify, cdb.bytes[0]) != kReadAndVerify.end();
}

// SPC-4 table 66, SSC-4 table 9, SMC-3 table 4: what anybody may ask whoever holds the reservation.
bool is_free(const scsi::Cdb& cdb) {
    if (is_capacity(cdb)) return true;
    switch (scsi::opcode_of(cdb)) {
        case Opcode::inquiry:
        case Opcode::report_luns:
        case Opcode::request_sense:
        case Opcode::test_unit_ready:
        case Opcode::log_sense:
        case Opcode::persistent_reserve_in:
        case Opcode::persistent_reserve_out: return true;  // which decides for itself
        case Opcode::prevent_allow_medium_removal: return (cdb.bytes[4] & 0x03) == 0;
        case Opcode::read_element_status: return scsi::has(cdb.bytes[6], scsi::ReadElementStatusCdb::kCurrentData);
        default: return false;
    }
}
// What a reservation against writing leaves to others: nothing is written, but the tape may move.
bool only_reads(const scsi::Cdb& cdb) {
    switch (scsi::opcode_of(cdb)) {
        case Opcode::read_6:
        case Opcode::read_position:
        case Opcode::read_block_limits:
        case Opcode::report_density_support:
        case Opcode::mode_sense_6:
        case Opcode::mode_sense_10:
        case Opcode::maintenance_in:
        case Opcode::read_attribute:
        case Opcode::read_element_status: return true;
        default: return reads_disk(cdb);
    }
}

}  // namespace

bool Reservations::for_all() const { return holding_ && is_for_all(holding_->type); }
bool Reservations::is_holder(NexusId nexus) const { return holding_ && (for_all() ? is_registered(nexus) : holding_->nexus == nexus); }

bool Reservations::conflicts(NexusId nexus, const scsi::Cdb& cdb) const {
    if (!holding_ || is_holder(nexus) || is_free(cdb)) return false;
    if (for_registrants(holding_->type) && is_registered(nexus)) return false;
    return excludes_reading(holding_->type) || !only_reads(cdb);
}

Reservations::Verdict Reservations::change(NexusId nexus, const scsi::PersistentReserveOutCdb& cdb,
                                           const scsi::ReserveOutParameters& parameters, const Tell& tell) {
    using Parameters = scsi::ReserveOutParameters;
    const auto action = static_cast<Action>(cdb.action & scsi::PersistentReserveOutCdb::kActionMask);
    const ReservationKey key{parameters.key.value()}, action_key{parameters.action_key.value()};
    if ((parameters.flags & (Parameters::kThroughPowerLoss | Parameters::kOtherPorts)) != 0) return Verdict::invalid_parameter;
    if (action == Action::register_and_ignore) return register_key(nexus, action_key, tell);
    const auto own = keys_.find(nexus);
    if (action == Action::register_key) {
        if (key != (own == keys_.end() ? ReservationKey{} : own->second)) return Verdict::conflict;
        return register_key(nexus, action_key, tell);
    }
    if (own == keys_.end() || own->second != key) return Verdict::conflict;
    switch (action) {
        case Action::reserve: return reserve(nexus, cdb.scope_and_type);
        case Action::release: return release(nexus, cdb.scope_and_type, tell);
        case Action::clear: return clear(nexus, tell);
        case Action::preempt:
        case Action::preempt_and_abort: return preempt(nexus, cdb.scope_and_type, action_key, tell);
        default: return Verdict::invalid_field;
    }
}

void Reservations::gone(NexusId nexus) {
    forget(nexus, [](NexusId, SenseCode) {});
}

// A registration that ends takes its holder's reservation along.
void Reservations::forget(NexusId nexus, const Tell& tell) {
    const bool held = holding_ && holding_->nexus == nexus && !for_all();
    keys_.erase(nexus);
    if (!held && !(for_all() && keys_.empty())) return;
    const bool registrants = for_registrants(holding_->type);
    holding_.reset();
    if (!registrants) return;
    for (const auto& [other, key] : keys_) tell(other, kReleased);
}

Reservations::Verdict Reservations::register_key(NexusId nexus, ReservationKey key, const Tell& tell) {
    ++generation_;
    if (key == ReservationKey{})
        forget(nexus, tell);
    else
        keys_[nexus] = key;
    return Verdict::done;
}

Reservations::Verdict Reservations::reserve(NexusId nexus, std::uint8_t scope_and_type) {
    if (!is_type(scope_and_type)) return Verdict::invalid_field;
    const auto type = static_cast<ReservationType>(scope_and_type);
    if (holding_ && (!is_holder(nexus) || holding_->type != type)) return Verdict::conflict;
    if (!holding_) holding_ = Holding{nexus, type};
    return Verdict::done;
}

Reservations::Verdict Reservations::release(NexusId nexus, std::uint8_t scope_and_type, const Tell& tell) {
    constexpr std::uint8_t kScopeAndType = 0xFF;
    if (!is_holder(nexus)) return Verdict::done;
    if ((scope_and_type & kScopeAndType) != raw(holding_->type)) return Verdict::invalid_field;
    const bool registrants = for_registrants(holding_->type);
    holding_.reset();
    if (registrants) {
        for (const auto& [other, key] : keys_)
            if (other != nexus) tell(other, kReleased);
    }
    return Verdict::done;
}

Reservations::Verdict Reservations::clear(NexusId nexus, const Tell& tell) {
    ++generation_;
    for (const auto& [other, key] : keys_)
        if (other != nexus) tell(other, kPreempted);
    keys_.clear();
    holding_.reset();
    return Verdict::done;
}

// The victims' registrations end; where the holder is one of them, the reservation is ours.
Reservations::Verdict Reservations::preempt(NexusId nexus, std::uint8_t scope_and_type, ReservationKey victim, const Tell& tell) {
    const bool holder_falls =
        holding_ && (for_all() ? victim == ReservationKey{} : keys_.contains(holding_->nexus) && keys_[holding_->nexus] == victim);
    if (holder_falls && !is_type(scope_and_type)) return Verdict::invalid_field;
    if (victim == ReservationKey{} && !holder_falls) return Verdict::invalid_parameter;
    const bool any = victim == ReservationKey{} || std::ranges::any_of(keys_, [&](const auto& each) { return each.second == victim; });
    if (!any) return Verdict::conflict;
    ++generation_;
    for (auto at = keys_.begin(); at != keys_.end();) {
        const bool falls = at->first != nexus && (victim == ReservationKey{} || at->second == victim);
        if (falls) tell(at->first, kRegistrationPreempted);
        at = falls ? keys_.erase(at) : std::next(at);
    }
    if (holder_falls) holding_ = Holding{nexus, static_cast<ReservationType>(scope_and_type)};
    return Verdict::done;
}

std::optional<std::vector<std::uint8_t>> Reservations::report(scsi::PersistentReserveInCdb::Action action,
                                                              const std::function<std::string(NexusId)>& name_of) const {
    using In = scsi::PersistentReserveInCdb::Action;
    switch (action) {
        case In::read_keys: {
            scsi::RegisteredKeys registered{generation_, {}};
            for (const auto& [nexus, key] : keys_) registered.keys.push_back(key);
            return scsi::encode_registered_keys(registered);
        }
        case In::read_reservation: {
            scsi::ReservationReport found{generation_, {}};
            if (holding_) {
                const auto key = keys_.find(holding_->nexus);
                found.reservation = scsi::Reservation{for_all() || key == keys_.end() ? ReservationKey{} : key->second, holding_->type};
            }
            return scsi::encode_reservation(found);
        }
        // Length 8; no flags; the type mask is valid: all six types.
        case In::report_capabilities: return std::vector<std::uint8_t>{0, 8, 0, 0x80, 0xEA, 0x01, 0, 0};
        case In::read_full_status: {
            std::vector<scsi::Registrant> all;
            for (const auto& [nexus, key] : keys_) {
                const bool holds = is_holder(nexus);
                all.push_back({key, holds, holds ? holding_->type : ReservationType{}, name_of(nexus)});
            }
            return scsi::encode_full_status(generation_, all);
        }
    }
    return std::nullopt;
}

}  // namespace capstan::virtual_library
