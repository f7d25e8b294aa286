// LOG SENSE, READ ATTRIBUTE and WRITE ATTRIBUTE of a virtual drive.
#include "drives/virtual/tape_drive.hpp"

#include <algorithm>
#include <array>

namespace capstan::virtual_library {

Answer TapeDrive::log_sense(const Command& command) {
    using Cdb = scsi::LogSenseCdb;
    const auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    if (cdb.subpage != 0 || cdb.parameter_pointer.value() != 0) return check_condition(code::kInvalidField);
    const auto page = health_.log_page(static_cast<scsi::LogPageCode>(cdb.page & Cdb::kPageMask), cartridge_.get());
    return page ? give(*page, cdb.allocation_length.value(), command) : check_condition(code::kInvalidField);
}

Answer TapeDrive::read_attribute(const Command& command) {
    using Cdb = scsi::ReadAttributeCdb;
    const auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    const auto room = cdb.allocation_length.value();
    if (cdb.partition != 0 || cdb.volume != 0) return check_condition(code::kInvalidField);
    if (bad(BlockNumber{0}, MediumFault::When::memory)) return check_condition(code::kMemoryNotAccessible);
    constexpr std::array<std::uint8_t, 4> kOneFromZero{0, 2, 0, 1};  // two bytes follow: the first is 0, there is 1
    auto all = health_.attributes(*cartridge_);
    std::vector<scsi::AttributeId> ids;
    for (const auto& each : all) ids.push_back(each.id);
    switch (static_cast<Cdb::Action>(cdb.action & Cdb::kActionMask)) {
        case Cdb::Action::logical_volumes:
        case Cdb::Action::partitions: return give(kOneFromZero, room, command);
        case Cdb::Action::list:
        case Cdb::Action::supported: return give(scsi::encode_attribute_list(ids), room, command);
        case Cdb::Action::values: break;
        default: return check_condition(code::kInvalidField);
    }
    std::erase_if(all, [&](const auto& each) { return raw(each.id) < cdb.first.value(); });
    if (cdb.first.value() == raw(scsi::AttributeId::volume_change_reference)) health_.reference_was_read();
    if (all.empty()) return check_condition(code::kInvalidField);
    return give(scsi::encode_attributes(all), room, command);
}

Answer TapeDrive::write_attribute(const Command& command) {
    const auto cdb = *scsi::from_cdb<scsi::WriteAttributeCdb>(command.cdb);
    if (cdb.partition != 0 || cdb.volume != 0) return check_condition(code::kInvalidField);
    if (bad(BlockNumber{0}, MediumFault::When::memory)) return check_condition(code::kMemoryNotAccessible);
    if (cdb.parameter_length.value() == 0) return {};
    if (auto reason = write_protected()) return check_condition(*reason);
    const auto bytes = gather(command.data_out, cdb.parameter_length.value());
    const auto attributes = scsi::decode_attributes(bytes);
    if (!attributes || scsi::encode_attributes(*attributes).size() != bytes.size()) return check_condition(code::kParameterListLength);
    const auto refused = health_.set_attributes(*attributes);
    if (!refused) return check_condition(failed(refused.error()));
    if (*refused) return check_condition(**refused);
    Answer answer;
    answer.transferred = bytes.size();
    return answer;
}

}  // namespace capstan::virtual_library
