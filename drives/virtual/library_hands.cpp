// The operator's hands in a virtual library, and what goes wrong in it.
#include "drives/scsi/spc.hpp"
#include "drives/virtual/library.hpp"
#include "drives/virtual/library_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace capstan::virtual_library {
namespace {

std::unexpected<Error> refuse(std::string happened, std::string advice = {}) {
    return fail(Recovery::change_request, "virtual library: " + std::move(happened), std::move(advice));
}

}  // namespace

DeviceServer* VirtualLibrary::State::unit(std::uint8_t lun) {
    if (lun == 0) return changer.get();
    return lun <= drives.size() ? drives[lun - 1u].get() : nullptr;
}

std::optional<CommandFault::Kind> VirtualLibrary::State::next_fault(std::uint8_t lun) {
    std::lock_guard guard(fault_mutex);
    auto& count = counts[lun];
    ++count.commands;
    if (count.gone) return CommandFault::Kind::gone;
    for (const auto& each : command_faults) {
        if (each.lun != lun || each.command != count.commands) continue;
        if (each.kind == CommandFault::Kind::gone) count.gone = true;
        return each.kind;
    }
    return std::nullopt;
}

scsi::ScsiReply VirtualLibrary::State::no_such_unit(const scsi::Cdb& cdb, MutableBytes data_in) {
    Command command{{}, cdb, {}, data_in};
    Answer answer = check_condition(code::kNoSuchUnit);
    auto inquiry = scsi::from_cdb<scsi::InquiryCdb>(cdb);
    if (inquiry && !scsi::has(inquiry->flags, scsi::InquiryCdb::kVitalProductData)) {
        scsi::InquiryData nothing{.peripheral_qualifier = 3, .device_type = scsi::DeviceType::unknown};
        answer = give(scsi::encode_inquiry(nothing), inquiry->allocation_length.value(), command);
    }
    return {answer.sense, answer.transferred, {}};
}

Result<void> VirtualLibrary::State::in_reach(const std::string& cartridge) const {
    if (!shelf.label(cartridge)) return refuse(fmt::format("there is no cartridge '{}'", cartridge));
    auto element = shelf.place(cartridge).element;
    if (element && changer->is_drive(*element))
        return refuse(fmt::format("cartridge '{}' is in a drive", cartridge), "Move it out of the drive first.");
    return {};
}

std::vector<CartridgeInfo> VirtualLibrary::cartridges() const {
    std::lock_guard lock(state_->changer->mutex());
    std::vector<CartridgeInfo> list;
    for (const auto& [id, label] : state_->shelf.labels())
        list.push_back(
            {id, state_->shelf.directory(id), label.barcode, label.volume_tag, state_->shelf.place(id).element});
    return list;
}

Result<std::string> VirtualLibrary::add_cartridge(MediumInfo info) {
    std::lock_guard lock(state_->changer->mutex());
    if (!state_->geometry.models.empty())
        if (const auto* type = media_type_of(info.volume_tag)) take_generation(info, *type);
    return state_->shelf.add(std::move(info));
}

Result<void> VirtualLibrary::put_into_port(const std::string& cartridge, ElementAddress port) {
    auto& changer = *state_->changer;
    std::lock_guard lock(changer.mutex());
    if (!state_->shelf.label(cartridge)) return refuse(fmt::format("there is no cartridge '{}'", cartridge));
    if (state_->shelf.place(cartridge).element)
        return refuse(fmt::format("cartridge '{}' is in the library already", cartridge));
    if (!changer.is_port(port)) return refuse(fmt::format("element 0x{:04x} is no IE port", raw(port)));
    if (changer.prevented()) return refuse("the IE port is locked", "Let the host allow medium removal.");
    if (auto there = state_->shelf.at(port); !there.empty())
        return refuse(fmt::format("the IE port holds cartridge '{}'", there));
    const std::array change{Places::Change{cartridge, {port, std::nullopt, true}}};
    CAPSTAN_CHECK(state_->shelf.put(change));
    changer.port_used(port);
    return {};
}

Result<std::string> VirtualLibrary::take_from_port(ElementAddress port) {
    auto& changer = *state_->changer;
    std::lock_guard lock(changer.mutex());
    if (!changer.is_port(port)) return refuse(fmt::format("element 0x{:04x} is no IE port", raw(port)));
    if (changer.prevented()) return refuse("the IE port is locked", "Let the host allow medium removal.");
    auto cartridge = state_->shelf.at(port);
    if (cartridge.empty()) return refuse("the IE port is empty");
    const std::array change{Places::Change{cartridge, {}}};
    CAPSTAN_CHECK(state_->shelf.put(change));
    changer.port_used(port);
    return cartridge;
}

Result<void> VirtualLibrary::swap_by_hand(ElementAddress one, ElementAddress other, Noticed noticed) {
    auto& changer = *state_->changer;
    std::lock_guard lock(changer.mutex());
    for (auto element : {one, other}) {
        if (!changer.is_slot(element) && !changer.is_port(element))
            return refuse(fmt::format("element 0x{:04x} is no slot and no IE port", raw(element)));
    }
    std::vector<Places::Change> changes;
    auto first = state_->shelf.at(one), second = state_->shelf.at(other);
    if (!first.empty()) changes.push_back({first, {other, std::nullopt, changer.is_port(other)}});
    if (!second.empty()) changes.push_back({second, {one, std::nullopt, changer.is_port(one)}});
    if (one != other && !changes.empty()) CAPSTAN_CHECK(state_->shelf.put(changes));
    if (noticed == Noticed::by_the_door) {
        changer.open_door();
        changer.close_door();
    }
    return {};
}

void VirtualLibrary::open_door() {
    std::lock_guard lock(state_->changer->mutex());
    state_->changer->open_door();
}

void VirtualLibrary::close_door() {
    std::lock_guard lock(state_->changer->mutex());
    state_->changer->close_door();
}

Result<void> VirtualLibrary::set_write_protect(const std::string& cartridge, bool on) {
    std::lock_guard lock(state_->changer->mutex());
    CAPSTAN_CHECK(state_->in_reach(cartridge));
    CAPSTAN_TRY(auto info, state_->shelf.info(cartridge));
    info.write_protected = on;
    return state_->shelf.change(cartridge, info);
}

Result<void> VirtualLibrary::set_barcode(const std::string& cartridge, MediumInfo::Barcode barcode, VolumeTag tag) {
    std::lock_guard lock(state_->changer->mutex());
    CAPSTAN_CHECK(state_->in_reach(cartridge));
    CAPSTAN_TRY(auto info, state_->shelf.info(cartridge));
    info.barcode = barcode;
    info.volume_tag = std::move(tag);
    return state_->shelf.change(cartridge, info);
}

Result<void> VirtualLibrary::set_defects(const std::string& cartridge, std::vector<MediumInfo::Defect> defects) {
    std::lock_guard lock(state_->changer->mutex());
    CAPSTAN_CHECK(state_->in_reach(cartridge));
    CAPSTAN_TRY(auto info, state_->shelf.info(cartridge));
    info.defects = std::move(defects);
    return state_->shelf.change(cartridge, info);
}

Result<void> VirtualLibrary::power_cycle(std::uint8_t lun) {
    auto unit = state_->unit(lun);
    if (!unit) return refuse(fmt::format("there is no logical unit {}", lun));
    {
        std::lock_guard lock(unit->mutex());
        if (lun == 0)
            state_->changer->power_cycle();
        else
            state_->drives[lun - 1u]->power_cycle();
    }
    return {};
}

Result<void> VirtualLibrary::power_cycle() {
    for (std::uint8_t lun = 0; lun <= drives(); ++lun) CAPSTAN_CHECK(power_cycle(lun));
    return {};
}

void VirtualLibrary::lose_nexus(NexusId nexus) {
    for (std::uint8_t lun = 0; lun <= drives(); ++lun) {
        std::lock_guard lock(state_->unit(lun)->mutex());
        state_->unit(lun)->lose_nexus(nexus);
    }
}

void VirtualLibrary::forget_nexus(NexusId nexus) {
    for (std::uint8_t lun = 0; lun <= drives(); ++lun) {
        std::lock_guard lock(state_->unit(lun)->mutex());
        state_->unit(lun)->forget_nexus(nexus);
    }
}

void VirtualLibrary::name_nexus(NexusId nexus, const std::string& name) {
    for (std::uint8_t lun = 0; lun <= drives(); ++lun) {
        std::lock_guard lock(state_->unit(lun)->mutex());
        state_->unit(lun)->name_nexus(nexus, name);
    }
}

void VirtualLibrary::reset_unit(std::uint8_t lun) {
    auto unit = state_->unit(lun);
    if (!unit) return;
    std::lock_guard lock(unit->mutex());
    unit->reset();
}

void VirtualLibrary::tasks_cleared(std::uint8_t lun, NexusId nexus) {
    auto unit = state_->unit(lun);
    if (!unit) return;
    std::lock_guard lock(unit->mutex());
    unit->tasks_cleared(nexus);
}

void VirtualLibrary::take_attentions(std::uint8_t lun) {
    auto unit = state_->unit(lun);
    if (!unit) return;
    std::lock_guard lock(unit->mutex());
    unit->take_attentions();
}

Result<void> VirtualLibrary::move_tape(std::uint8_t lun, BlockNumber block) {
    if (lun == 0 || lun > drives()) return refuse(fmt::format("there is no drive {}", lun));
    auto& drive = *state_->drives[lun - 1u];
    std::lock_guard lock(drive.mutex());
    if (const auto problem = drive.move_tape(block))
        return refuse(fmt::format("drive {} does not stand at block {} now: {}", lun, raw(block), to_text(problem->code)));
    return {};
}

Result<void> VirtualLibrary::set_key(std::uint8_t lun, bool there, scsi::EncryptionControl control) {
    if (lun == 0 || lun > drives()) return refuse(fmt::format("there is no drive {}", lun));
    auto& drive = *state_->drives[lun - 1u];
    std::lock_guard lock(drive.mutex());
    drive.set_key(there, control);
    return {};
}

void VirtualLibrary::set_faults(FaultPlan plan) {
    {
        std::lock_guard lock(state_->changer->mutex());
        state_->changer->set_jams(plan.jams);
    }
    for (auto& drive : state_->drives) {
        std::lock_guard lock(drive->mutex());
        drive->set_medium_faults(plan.medium);
    }
    std::lock_guard lock(state_->fault_mutex);
    state_->command_faults = std::move(plan.commands);
    for (auto& each : state_->counts) each = {};
}

void VirtualLibrary::add_fault(MediumFault fault) {
    for (auto& drive : state_->drives) {
        std::lock_guard lock(drive->mutex());
        drive->add_medium_fault(fault);
    }
}

void VirtualLibrary::add_fault(RobotJam jam) {
    std::lock_guard lock(state_->changer->mutex());
    state_->changer->add_jam(jam);
}

void VirtualLibrary::add_fault(CommandFault fault) {
    std::lock_guard lock(state_->fault_mutex);
    if (fault.lun >= state_->counts.size()) return;
    fault.command += state_->counts[fault.lun].commands;
    state_->command_faults.push_back(fault);
}

void VirtualLibrary::clear_faults() {
    for (std::uint8_t lun = 0; lun <= drives(); ++lun) {
        const bool gone = [&] {
            std::lock_guard lock(state_->fault_mutex);
            return state_->counts[lun].gone;
        }();
        if (gone) bring_back(lun);
    }
    set_faults({});
    clear_jam();
}

Result<void> VirtualLibrary::replace_drive(std::uint8_t lun, const std::string& serial) {
    constexpr std::size_t kSerialMax = 24;
    const bool valid = !serial.empty() && serial.size() <= kSerialMax &&
                       std::ranges::all_of(serial, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
    if (!valid) return refuse(fmt::format("'{}' is no serial number", serial), "Write 1 to 24 of A-Z and 0-9.");
    if (lun < 1 || lun > drives()) return refuse(fmt::format("there is no drive {}", lun));
    std::lock_guard guard(state_->changer->mutex());  // the robot tells the drives' serial numbers
    auto& drive = *state_->drives[lun - 1u];
    std::lock_guard lock(drive.mutex());
    drive.set_serial(serial);
    drive.power_cycle();
    return {};
}

void VirtualLibrary::clear_jam() {
    std::lock_guard lock(state_->changer->mutex());
    state_->changer->clear_jam();
}

void VirtualLibrary::bring_back(std::uint8_t lun) {
    if (!state_->unit(lun) || !power_cycle(lun)) return;
    std::lock_guard lock(state_->fault_mutex);
    state_->counts[lun].gone = false;
}

}  // namespace capstan::virtual_library
