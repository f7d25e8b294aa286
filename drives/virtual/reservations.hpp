// Persistent reservations of one logical unit of the virtual library (SPC-4 5.13). They end with the power (APTPL is refused), not with
// a nexus. Internal to drives/virtual. Thread contract: the unit's.
#pragma once

#include "drives/scsi/reservations.hpp"
#include "drives/virtual/nexus.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace capstan::virtual_library {

class Reservations {
  public:
    using Action = scsi::PersistentReserveOutCdb::Action;
    enum class Verdict : std::uint8_t { done, conflict, invalid_field, invalid_parameter };
    // `tell`: another nexus gets a unit attention.
    using Tell = std::function<void(NexusId, SenseCode)>;

    void power_on() { *this = {}; }
    void gone(NexusId nexus);  // it will not come back under this number
    bool conflicts(NexusId nexus, const scsi::Cdb& cdb) const;
    Verdict change(NexusId nexus, const scsi::PersistentReserveOutCdb& cdb, const scsi::ReserveOutParameters& parameters, const Tell& tell);
    // Empty: no such action. `name_of`: what a nexus is called.
    std::optional<std::vector<std::uint8_t>> report(scsi::PersistentReserveInCdb::Action action,
                                                    const std::function<std::string(NexusId)>& name_of) const;

  private:
    struct Holding {
        NexusId nexus{};  // of the types for all registrants: who reserved
        scsi::ReservationType type{};
    };
    bool is_holder(NexusId nexus) const;
    bool for_all() const;
    bool is_registered(NexusId nexus) const { return keys_.contains(nexus); }
    void forget(NexusId nexus, const Tell& tell);
    Verdict register_key(NexusId nexus, scsi::ReservationKey key, const Tell& tell);
    Verdict reserve(NexusId nexus, std::uint8_t scope_and_type);
    Verdict release(NexusId nexus, std::uint8_t scope_and_type, const Tell& tell);
    Verdict clear(NexusId nexus, const Tell& tell);
    Verdict preempt(NexusId nexus, std::uint8_t scope_and_type, scsi::ReservationKey victim, const Tell& tell);

    std::uint32_t generation_ = 0;
    std::map<NexusId, scsi::ReservationKey> keys_;
    std::optional<Holding> holding_;
};

}  // namespace capstan::virtual_library
