#include "drives/virtual/device_server.hpp"

#include <algorithm>

namespace capstan::virtual_library {

Answer check_condition(SenseCode sense_code) { return {Sense{.code = sense_code}, 0, {}}; }
Answer check_condition(Sense sense) { return {sense, 0, {}}; }

Answer give(Bytes payload, std::size_t allocation_length, const Command& command) {
    auto size = std::min({payload.size(), allocation_length, command.data_in.size()});
    std::copy_n(payload.begin(), size, command.data_in.begin());
    return {std::nullopt, size, {}};
}

std::vector<std::uint8_t> gather(scsi::DataOut data, std::size_t size) {
    std::vector<std::uint8_t> list;
    for (auto part : data) {
        auto taken = part.first(std::min(part.size(), size - list.size()));
        list.insert(list.end(), taken.begin(), taken.end());
    }
    return list;
}

DeviceServer::Nexus& DeviceServer::nexus(NexusId id) {
    auto [found, fresh] = nexuses_.try_emplace(id);
    if (fresh && !told_elsewhere_) found->second.attentions.push_back(code::kPowerOn);
    return found->second;
}

void DeviceServer::attention(SenseCode what, Whom whom, NexusId self) {
    for (auto& [id, each] : nexuses_) {
        if (whom == Whom::others && id == self) continue;
        if (std::ranges::find(each.attentions, what) == each.attentions.end()) each.attentions.push_back(what);
    }
}

void DeviceServer::power_on() {
    nexuses_.clear();
    told_elsewhere_ = false;
    reservations_.power_on();
}

void DeviceServer::set_time_limits(unsigned seconds) {
    for (auto& each : supported_) each.nominal_s = 1, each.recommended_s = seconds;
}

void DeviceServer::take_attentions() {
    for (auto& [id, each] : nexuses_) each.attentions.clear();
    told_elsewhere_ = true;
}

void DeviceServer::forget_nexus(NexusId id) {
    nexuses_.erase(id);
    names_.erase(id);
    reservations_.gone(id);
}

void DeviceServer::lose_nexus(NexusId id) {
    auto found = nexuses_.find(id);
    if (found == nexuses_.end()) return;
    found->second.prevents = false;
    found->second.attentions.push_back(code::kNexusLost);
}

void DeviceServer::tasks_cleared(NexusId id) {
    auto found = nexuses_.find(id);
    if (found != nexuses_.end()) found->second.attentions.push_back(code::kTasksCleared);
}

void DeviceServer::reset() {
    for (auto& [id, each] : nexuses_) each.prevents = false;
    default_modes();
    attention(code::kReset);
}

bool DeviceServer::prevented() const {
    return std::ranges::any_of(nexuses_, [](const auto& each) { return each.second.prevents; });
}

Answer DeviceServer::prevent_allow(const Command& command) {
    auto cdb = scsi::from_cdb<scsi::PreventAllowCdb>(command.cdb);
    if (!cdb || (cdb->prevent & 0x03) > 1) return check_condition(code::kInvalidField);
    nexus(command.nexus).prevents = (cdb->prevent & 0x03) == 1;
    return {};
}

Answer DeviceServer::serve(const Command& command) {
    settle();
    auto& asking = nexus(command.nexus);
    auto opcode = scsi::opcode_of(command.cdb);
    auto known = std::ranges::find(supported_, opcode, &Supported::opcode);
    if (known == supported_.end()) return check_condition(code::kInvalidOpcode);
    if (command.cdb.size < scsi::cdb_size_of_group(command.cdb.bytes[0])) return check_condition(code::kInvalidField);
    // INQUIRY, REQUEST SENSE and REPORT LUNS are answered whatever is pending (SPC-4 5.14.1).
    if (opcode == scsi::Opcode::inquiry) return inquiry(command);
    if (opcode == scsi::Opcode::request_sense) return request_sense(command);
    if (opcode == scsi::Opcode::report_luns) return report_luns(command);
    if (reservations_.conflicts(command.nexus, command.cdb)) return {.sense = {}, .transferred = 0, .motion = {}, .status = scsi::Status::reservation_conflict};
    if (!asking.attentions.empty()) {
        auto first = asking.attentions.front();
        asking.attentions.erase(asking.attentions.begin());
        return check_condition(first);
    }
    if (auto first = pending(command)) return check_condition(*first);
    if (opcode == scsi::Opcode::persistent_reserve_in) return reserve_in(command);
    if (opcode == scsi::Opcode::persistent_reserve_out) return reserve_out(command);
    if (opcode == scsi::Opcode::maintenance_in) return report_operation_codes(command);
    return run(command);
}

Answer DeviceServer::reserve_in(const Command& command) {
    using Cdb = scsi::PersistentReserveInCdb;
    const auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    const auto name_of = [this](NexusId id) {
        const auto found = names_.find(id);
        return found == names_.end() ? "nexus-" + std::to_string(raw(id)) : found->second;
    };
    const auto report = reservations_.report(static_cast<Cdb::Action>(cdb.action & Cdb::kActionMask), name_of);
    return report ? give(*report, cdb.allocation_length.value(), command) : check_condition(code::kInvalidField);
}

Answer DeviceServer::reserve_out(const Command& command) {
    const auto cdb = *scsi::from_cdb<scsi::PersistentReserveOutCdb>(command.cdb);
    const auto bytes = gather(command.data_out, sizeof(scsi::ReserveOutParameters));
    const auto parameters = scsi::decode<scsi::ReserveOutParameters>(bytes);
    if (!parameters || cdb.parameter_length.value() != bytes.size()) return check_condition(code::kParameterListLength);
    const auto tell = [this](NexusId other, SenseCode what) { nexus(other).attentions.push_back(what); };
    Answer answer;
    answer.transferred = bytes.size();
    switch (reservations_.change(command.nexus, cdb, *parameters, tell)) {
        case Reservations::Verdict::done: break;
        case Reservations::Verdict::conflict: answer.status = scsi::Status::reservation_conflict; break;
        case Reservations::Verdict::invalid_field: return check_condition(code::kInvalidField);
        case Reservations::Verdict::invalid_parameter: return check_condition(code::kInvalidParameter);
    }
    return answer;
}

scsi::Designator DeviceServer::designator() const {
    auto padded = [](std::string text, std::size_t size) {
        text.resize(size, ' ');
        return text;
    };
    auto text = padded(identity_.vendor, 8) + padded(identity_.product, 16) + identity_.serial;
    scsi::Designator designator{scsi::Designator::CodeSet::ascii, scsi::Designator::Type::t10_vendor_id};
    designator.bytes.assign(text.begin(), text.end());
    return designator;
}

Answer DeviceServer::inquiry(const Command& command) {
    auto cdb = scsi::from_cdb<scsi::InquiryCdb>(command.cdb);
    if (!cdb) return check_condition(code::kInvalidField);
    auto room = cdb->allocation_length.value();
    if (!scsi::has(cdb->flags, scsi::InquiryCdb::kVitalProductData)) {
        if (cdb->page_code != 0) return check_condition(code::kInvalidField);
        scsi::InquiryData data{.device_type = identity_.type,
                               .removable = identity_.type != scsi::DeviceType::disk,
                               .vendor = identity_.vendor,
                               .product = identity_.product,
                               .revision = identity_.revision};
        return give(scsi::encode_inquiry(data), room, command);
    }
    switch (static_cast<scsi::VpdPage>(cdb->page_code)) {
        case scsi::VpdPage::supported_pages: {
            const std::array<std::uint8_t, 3> pages{0x00, 0x80, 0x83};
            return give(scsi::encode_vpd_supported_pages(identity_.type, pages), room, command);
        }
        case scsi::VpdPage::unit_serial_number:
            return give(scsi::encode_vpd_serial_number(identity_.type, identity_.serial), room, command);
        case scsi::VpdPage::device_identification:
            return give(scsi::encode_vpd_identification(identity_.type, {designator()}), room, command);
    }
    return check_condition(code::kInvalidField);
}

Answer DeviceServer::request_sense(const Command& command) {
    auto cdb = scsi::from_cdb<scsi::RequestSenseCdb>(command.cdb);
    if (!cdb) return check_condition(code::kInvalidField);
    auto& attentions = nexus(command.nexus).attentions;
    Sense sense;
    if (!attentions.empty()) {
        sense.code = attentions.front();
        attentions.erase(attentions.begin());
    } else if (auto first = pending(command)) {
        sense = *first;
    } else {
        sense = state();
    }
    bool descriptor = scsi::has(cdb->flags, scsi::RequestSenseCdb::kDescriptorFormat);
    auto encoded = scsi::encode_sense(sense, descriptor ? scsi::SenseFormat::descriptor : scsi::SenseFormat::fixed);
    return give(encoded.bytes(), cdb->allocation_length, command);
}

Answer DeviceServer::report_luns(const Command& command) const {
    constexpr std::size_t kHead = 8, kEntry = 8;
    constexpr std::uint64_t kLeastAllocation = 16;
    const auto cdb = scsi::from_cdb<scsi::ReportLunsCdb>(command.cdb);
    if (!cdb || cdb->select_report > 2 || cdb->allocation_length.value() < kLeastAllocation) return check_condition(code::kInvalidField);
    const std::size_t count = cdb->select_report == 1 ? 0 : unit_count_;  // none is well known
    std::vector<std::uint8_t> list(kHead + kEntry * count);
    const auto length = scsi::encode(BigEndian<4>{kEntry * count});
    std::copy(length.begin(), length.end(), list.begin());
    for (std::size_t unit = 0; unit < count; ++unit) list[kHead + kEntry * unit + 1] = static_cast<std::uint8_t>(unit);
    return give(list, cdb->allocation_length.value(), command);
}

Answer DeviceServer::report_operation_codes(const Command& command) {
    using Cdb = scsi::ReportOperationCodesCdb;
    auto cdb = scsi::from_cdb<Cdb>(command.cdb);
    if (!cdb || (cdb->service_action & 0x1F) != Cdb::kServiceAction) return check_condition(code::kInvalidField);
    bool timeouts = scsi::has(cdb->options, Cdb::kReturnTimeouts);
    auto room = cdb->allocation_length.value();
    auto limits = [&](const Supported& each) -> std::optional<scsi::CommandTimeouts> {
        if (!timeouts) return std::nullopt;
        return scsi::CommandTimeouts{std::chrono::seconds(each.nominal_s), std::chrono::seconds(each.recommended_s)};
    };
    auto options = static_cast<Cdb::Options>(cdb->options & 0x07);
    if (options == Cdb::Options::all) {
        std::vector<scsi::SupportedCommand> list;
        for (const auto& each : supported_)
            list.push_back(
                {raw(each.opcode), each.service_action, scsi::cdb_size_of_group(raw(each.opcode)), limits(each)});
        return give(scsi::encode_supported_commands(list), room, command);
    }
    if (options > Cdb::Options::one_either) return check_condition(code::kInvalidField);
    auto wanted = static_cast<scsi::Opcode>(cdb->requested_opcode);
    auto action = static_cast<std::uint16_t>(cdb->requested_service_action.value());
    scsi::OneCommandSupport support{scsi::OneCommandSupport::Support::not_supported, {}, std::nullopt};
    for (const auto& each : supported_) {
        if (each.opcode != wanted) continue;
        if (options == Cdb::Options::one_opcode && each.service_action) return check_condition(code::kInvalidField);
        if (options == Cdb::Options::one_service_action && !each.service_action)
            return check_condition(code::kInvalidField);
        if (options != Cdb::Options::one_opcode && each.service_action.value_or(0) != action) continue;
        support.support = scsi::OneCommandSupport::Support::standard;
        support.usage.assign(scsi::cdb_size_of_group(raw(each.opcode)), 0xFF);
        support.usage.front() = raw(each.opcode);
        support.timeouts = limits(each);
        break;
    }
    return give(scsi::encode_one_command(support), room, command);
}

}  // namespace capstan::virtual_library
