// Getting a cartridge ready and letting it go.
#include "drives/operations.hpp"
#include "drives/scsi/attentions.hpp"
#include "drives/scsi/claim.hpp"
#include "drives/scsi/sense_table.hpp"

#include <fmt/format.h>

namespace capstan::drives::operations {

namespace {

using scsi::SenseKey;

using scsi::is_refused;
bool is_attention(const Error& error) { return error.sense && scsi::is_unit_attention(*error.sense); }

std::string text_of_designator(const scsi::Designator& designator) {
    if (designator.code_set != scsi::Designator::CodeSet::binary) {
        return std::string(capstan::text_of(designator.bytes));
    }
    std::string text;
    for (auto byte : designator.bytes) text += fmt::format("{:02x}", byte);
    return text;
}

struct Modes {
    scsi::ModeData data;
    std::uint8_t page = 0;
};
Result<Modes> read_modes(const scsi::Target& drive) {
    auto data = scsi::mode_sense(drive, scsi::DeviceConfigurationPage::kPage);
    if (data) return Modes{std::move(*data)};
    if (!is_refused(data.error())) return std::unexpected(std::move(data.error()));
    CAPSTAN_TRY(auto all, scsi::mode_sense(drive, scsi::kAllPages));
    return Modes{std::move(all)};
}

// Variable blocks, buffered. The density stays what the drive found on the medium.
Result<PreparedMedium> set_modes(const scsi::Target& drive) {
    CAPSTAN_TRY(auto found, read_modes(drive));
    scsi::ModeData wanted;
    wanted.device_specific = scsi::kModeBuffered;
    scsi::BlockDescriptor descriptor;
    if (found.data.block_descriptor) descriptor.density_code = found.data.block_descriptor->density_code;
    wanted.block_descriptor = descriptor;
    CAPSTAN_CHECK(scsi::mode_select(drive, wanted));
    CAPSTAN_TRY(auto now, read_modes(drive));
    bool buffered = (now.data.device_specific & scsi::kModeBufferedMask) == scsi::kModeBuffered;
    bool variable = !now.data.block_descriptor || now.data.block_descriptor->block_length.value() == 0;
    if (!buffered || !variable) {
        return fail(Recovery::ask_operator,
                    fmt::format("{}: it did not take variable-block, buffered mode (block length {}, buffered {})", drive.name,
                                now.data.block_descriptor ? now.data.block_descriptor->block_length.value() : 0,
                                buffered ? "yes" : "no"),
                    "Another program may be using this drive; find it and stop it");
    }
    PreparedMedium medium;
    medium.write_protected = now.data.write_protected();
    if (now.data.block_descriptor) medium.density = now.data.block_descriptor->density_code;
    return medium;
}

Result<Prepared> prepare_once(const scsi::Target& drive, const Key& key, Abilities abilities) {
    CAPSTAN_TRY(auto readiness, scsi::take_attentions(drive));
    CAPSTAN_TRY(auto claimed, scsi::claim(drive, key));
    if (claimed.by_another) return Prepared{{}, std::move(claimed), {}};
    const auto& not_ready = readiness.not_ready;
    if (not_ready) return std::unexpected(scsi::error_from_sense(fmt::format("{}: it is not ready", drive.name), *not_ready));
    auto held = scsi::set_medium_removal(drive, scsi::Removal::prevent);
    if (!held && !is_refused(held.error())) return std::unexpected(std::move(held.error()));
    CAPSTAN_TRY(auto medium, set_modes(drive));
    CAPSTAN_CHECK(end_block_protection(drive));
    std::optional<scsi::EncryptionStatus> encryption;
    if (abilities.encryption) {
        CAPSTAN_TRY(encryption, ask_encryption(drive));
    }
    CAPSTAN_TRY(auto limits, scsi::read_block_limits(drive));
    medium.block_size_min = limits.size_min;
    medium.block_size_max = limits.size_max;
    CAPSTAN_CHECK(scsi::rewind(drive));
    CAPSTAN_CHECK(confirm(drive, BlockNumber{0}));
    if (abilities.append_only) {
        CAPSTAN_TRY(medium.append_only, set_append_only(drive));
    }
    return Prepared{medium, std::move(claimed), encryption};
}

}  // namespace

Result<void> confirm(const scsi::Target& drive, BlockNumber expected) {
    CAPSTAN_TRY(auto block, scsi::current_block(drive));
    if (block == expected) return {};
    return fail(Recovery::replace_medium,
                fmt::format("{}: it stands at block {}, not at block {} where it was sent or has written to", drive.name, raw(block),
                            raw(expected)),
                "Nothing more is written to this cartridge until its end was read back; look for another program that uses the drive");
}

Result<void> look(const scsi::Target& drive) {
    CAPSTAN_CHECK(scsi::take_attentions(drive));
    return {};
}

namespace {

// Empty: it does not say.
Result<std::string> serial_number(const scsi::Target& drive) {
    auto serial = scsi::vpd_serial_number(drive);
    if (serial || !is_refused(serial.error())) return serial;
    return std::string();
}

}  // namespace

Result<Identified> identify(const scsi::Target& drive, const Key& key, const std::string& wanted_serial) {
    CAPSTAN_CHECK(scsi::take_attentions(drive));
    CAPSTAN_TRY(auto inquiry, scsi::inquiry(drive));
    if (inquiry.peripheral_qualifier != 0 || inquiry.device_type != scsi::DeviceType::tape) {
        return fail(Recovery::ask_operator,
                    fmt::format("{}: what answers is {} {}, not a tape drive (device type {:02X}h)", drive.name, inquiry.vendor,
                                inquiry.product, raw(inquiry.device_type)),
                    "Correct the drive's device in the configuration");
    }
    Identified found;
    auto& identity = found.identity;
    CAPSTAN_TRY(identity.serial, serial_number(drive));
    if (!wanted_serial.empty() && wanted_serial != identity.serial) {
        return fail(Recovery::stop_device,
                    fmt::format("{}: its serial number is {}, the configuration says {}", drive.name,
                                identity.serial.empty() ? "unknown" : identity.serial, wanted_serial),
                    "If the drive was replaced, correct its device or serial number in the configuration and start capstand again");
    }
    CAPSTAN_TRY(auto claimed, scsi::claim(drive, key));
    identity.claim = claimed.claim;
    found.by_another = std::move(claimed.by_another);
    identity.vendor = inquiry.vendor;
    identity.product = inquiry.product;
    identity.revision = inquiry.revision;
    auto designators = scsi::vpd_identification(drive);
    if (designators) {
        for (const auto& designator : *designators) {
            if (designator.association == scsi::Designator::Association::logical_unit) {
                identity.designators.push_back(text_of_designator(designator));
            }
        }
    } else if (!is_refused(designators.error())) {
        return std::unexpected(std::move(designators.error()));
    }
    if (found.by_another) return found;
    CAPSTAN_CHECK(learn_abilities(drive, found));
    CAPSTAN_TRY(auto limits, scsi::read_block_limits(drive));
    identity.block_size_min = limits.size_min;
    identity.block_size_max = limits.size_max;
    return found;
}

Result<scsi::Claimed> claim(const scsi::Target& drive, const Key& key) {
    CAPSTAN_CHECK(scsi::take_attentions(drive));
    return scsi::claim(drive, key);
}

Result<void> let_go(const scsi::Target& drive, const scsi::ReservationKey& key) {
    CAPSTAN_CHECK(scsi::take_attentions(drive));
    auto allowed = scsi::set_medium_removal(drive, scsi::Removal::allow);
    if (!allowed && !is_refused(allowed.error())) return allowed;
    return scsi::unclaim(drive, key);
}

namespace {
std::optional<int> percent_of(const Sense& sense) {
    constexpr unsigned kWhole = 65536, kHundred = 100;
    return sense.progress ? std::optional(static_cast<int>(*sense.progress * kHundred / kWhole)) : std::nullopt;
}
}  // namespace

Result<Probed> probe(const scsi::Target& drive) {
    CAPSTAN_TRY(auto readiness, scsi::take_attentions(drive));
    const auto& sense = readiness.not_ready;
    if (!sense) return Probed{Presence::ready, {}, {}, "ready"};
    auto rule = scsi::rule_for(sense->code);
    Probed probed{Presence::becoming_ready, sense, percent_of(*sense), fmt::format("{} ({})", rule.advice, to_text(sense->code))};
    if (scsi::key_of(*sense) != SenseKey::not_ready) {
        return std::unexpected(scsi::error_from_sense(fmt::format("{}: it cannot be used", drive.name), *sense));
    }
    if (sense->code.asc == 0x3A) {  // MEDIUM NOT PRESENT
        probed.presence = Presence::absent;
    } else if (sense->code.asc == 0x04 && sense->code.ascq == 0x02) {  // INITIALIZING COMMAND REQUIRED
        probed.presence = Presence::not_loaded;
    } else if (rule.recovery != Recovery::retry_later) {
        return std::unexpected(scsi::error_from_sense(fmt::format("{}: it does not become ready", drive.name), *sense));
    }
    return probed;
}

Result<void> load(const scsi::Target& drive) {
    CAPSTAN_CHECK(scsi::take_attentions(drive));
    return scsi::load(drive);
}

Result<Prepared> prepare(const scsi::Target& drive, const Key& key, Abilities abilities) {
    // A unit attention in the midst of it makes all of it uncertain: begin again.
    for (int attempt = 0;; ++attempt) {
        auto medium = prepare_once(drive, key, abilities);
        if (medium || attempt == 2 || !is_attention(medium.error())) return medium;
    }
}

Result<void> unload(const scsi::Target& drive, bool has_append_only) {
    CAPSTAN_TRY(auto readiness, scsi::take_attentions(drive));
    auto allowed = scsi::set_medium_removal(drive, scsi::Removal::allow);
    if (!allowed && !is_refused(allowed.error())) return std::unexpected(std::move(allowed.error()));
    const bool let_go_already = readiness.not_ready && readiness.not_ready->code.asc == 0x3A;
    if (!let_go_already) CAPSTAN_CHECK(scsi::unload(drive));
    if (has_append_only) leave_append_only(drive);
    return {};
}

}  // namespace capstan::drives::operations
