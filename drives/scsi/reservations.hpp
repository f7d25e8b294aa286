// PERSISTENT RESERVE IN and OUT (SPC-4 6.13, 6.14): who may use a device among several hosts. A nexus registers a key, then
// reserves; Capstan reserves exclusive access for itself, since a foreign READ moves the tape too. Reservations end with the
// device's power, and are told of by unit attentions (2A/03 to 2A/05, 29/00).
#pragma once

#include "drives/scsi/cdb.hpp"

#include <optional>
#include <string>
#include <vector>

namespace capstan::scsi {

enum class ReservationKey : std::uint64_t {};  // 0: none

enum class ReservationType : std::uint8_t {
    write_exclusive = 1,
    exclusive_access = 3,
    write_exclusive_registrants = 5,
    exclusive_access_registrants = 6,
    write_exclusive_all_registrants = 7,
    exclusive_access_all_registrants = 8,
};

struct PersistentReserveInCdb {
    static constexpr Opcode kOpcode = Opcode::persistent_reserve_in;
    enum class Action : std::uint8_t { read_keys = 0, read_reservation = 1, report_capabilities = 2, read_full_status = 3 };
    static constexpr std::uint8_t kActionMask = 0x1F;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t action = 0;  // byte 1
    std::array<std::uint8_t, 5> reserved_2{};
    BigEndian<2> allocation_length{};  // bytes 7-8
    std::uint8_t control = 0;
    friend constexpr bool operator==(const PersistentReserveInCdb&, const PersistentReserveInCdb&) = default;
};
static_assert(sizeof(PersistentReserveInCdb) == 10);

struct PersistentReserveOutCdb {
    static constexpr Opcode kOpcode = Opcode::persistent_reserve_out;
    enum class Action : std::uint8_t {
        register_key = 0,  // refused unless `key` is the one that is registered
        reserve = 1,
        release = 2,
        clear = 3,
        preempt = 4,
        preempt_and_abort = 5,
        register_and_ignore = 6,
    };
    static constexpr std::uint8_t kActionMask = 0x1F;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t action = 0;          // byte 1
    std::uint8_t scope_and_type = 0;  // byte 2: scope 0 (logical unit), type
    std::array<std::uint8_t, 2> reserved_3{};
    BigEndian<4> parameter_length{};  // bytes 5-8
    std::uint8_t control = 0;
    friend constexpr bool operator==(const PersistentReserveOutCdb&, const PersistentReserveOutCdb&) = default;
};
static_assert(sizeof(PersistentReserveOutCdb) == 10);

struct ReserveOutParameters {  // SPC-4 6.14.3
    static constexpr std::uint8_t kThroughPowerLoss = 0x01, kAllPorts = 0x04, kOtherPorts = 0x08;
    BigEndian<8> key{};         // the one that is registered
    BigEndian<8> action_key{};  // the one to register, or whose owner loses it
    std::array<std::uint8_t, 4> obsolete_16{};
    std::uint8_t flags = 0;  // byte 20
    std::array<std::uint8_t, 3> reserved_21{};
    friend constexpr bool operator==(const ReserveOutParameters&, const ReserveOutParameters&) = default;
};
static_assert(sizeof(ReserveOutParameters) == 24);

struct Reservation {
    ReservationKey key{};
    ReservationType type = ReservationType::exclusive_access;
    friend bool operator==(const Reservation&, const Reservation&) = default;
};
struct RegisteredKeys {
    std::uint32_t generation = 0;  // another one after each change
    std::vector<ReservationKey> keys;
    friend bool operator==(const RegisteredKeys&, const RegisteredKeys&) = default;
};
struct Registrant {
    ReservationKey key{};
    bool holds = false;
    ReservationType type{};  // where it holds
    std::string initiator;   // of an iSCSI initiator its name and session, of others the TransportID in hex
    friend bool operator==(const Registrant&, const Registrant&) = default;
};

// Empty: the bytes end in the header. What is cut off behind it is left out.
std::optional<RegisteredKeys> decode_registered_keys(Bytes bytes);
std::vector<std::uint8_t> encode_registered_keys(const RegisteredKeys& keys);
struct ReservationReport {
    std::uint32_t generation = 0;
    std::optional<Reservation> reservation;
    friend bool operator==(const ReservationReport&, const ReservationReport&) = default;
};
std::optional<ReservationReport> decode_reservation(Bytes bytes);
std::vector<std::uint8_t> encode_reservation(const ReservationReport& report);
std::optional<std::vector<Registrant>> decode_full_status(Bytes bytes);
// Initiators as iSCSI names (TransportID of format 01b, SPC-4 7.6.4.6).
std::vector<std::uint8_t> encode_full_status(std::uint32_t generation, std::span<const Registrant> registrants);

}  // namespace capstan::scsi
