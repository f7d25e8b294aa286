#include "drives/virtual/tape_drive.hpp"

#include "config/base/log.hpp"

#include <algorithm>

namespace capstan::virtual_library {
namespace {

using scsi::Opcode;
constexpr DeviceServer::Supported kSupported[] = {
    {Opcode::test_unit_ready, {}, 1, 60},
    {Opcode::rewind, {}, 100, 600},
    {Opcode::request_sense, {}, 1, 60},
    {Opcode::format_medium, {}, 60, 3600},
    {Opcode::read_block_limits, {}, 1, 60},
    {Opcode::read_6, {}, 60, 1500},
    {Opcode::write_6, {}, 60, 1500},
    {Opcode::set_capacity, {}, 60, 3600},
    {Opcode::write_filemarks_6, {}, 60, 1700},
    {Opcode::space_6, {}, 180, 2900},
    {Opcode::inquiry, {}, 1, 60},
    {Opcode::mode_select_6, {}, 1, 60},
    {Opcode::erase_6, {}, 600, 60000},
    {Opcode::mode_sense_6, {}, 1, 60},
    {Opcode::load_unload, {}, 60, 900},
    {Opcode::prevent_allow_medium_removal, {}, 1, 60},
    {Opcode::locate_10, {}, 180, 2900},
    {Opcode::read_position, raw(scsi::PositionForm::short_block), 1, 60},
    {Opcode::read_position, raw(scsi::PositionForm::long_form), 1, 60},
    {Opcode::read_position, raw(scsi::PositionForm::extended), 1, 60},
    {Opcode::report_density_support, {}, 1, 60},
    {Opcode::log_sense, {}, 1, 60},
    {Opcode::mode_select_10, {}, 1, 60},
    {Opcode::mode_sense_10, {}, 1, 60},
    {Opcode::persistent_reserve_in, {}, 1, 60},
    {Opcode::persistent_reserve_out, {}, 1, 60},
    {Opcode::allow_overwrite, {}, 1, 60},
    {Opcode::read_attribute, {}, 1, 60},
    {Opcode::write_attribute, {}, 1, 60},
    {Opcode::space_16, {}, 180, 2900},
    {Opcode::locate_16, {}, 180, 2900},
    {Opcode::report_luns, {}, 1, 60},
    {Opcode::security_protocol_in, {}, 1, 60},
    {Opcode::maintenance_in, scsi::ReportOperationCodesCdb::kServiceAction, 1, 60},
};

std::vector<DeviceServer::Supported> supported_by(const DriveModel* model) {
    constexpr unsigned kOptimisingLoad = 8100;
    std::vector<DeviceServer::Supported> list(std::begin(kSupported), std::end(kSupported));
    if (model == nullptr) return list;
    std::erase_if(list, [&](const auto& each) { return std::ranges::find(model->lacks, each.opcode) != model->lacks.end(); });
    std::erase_if(
        list, [&](const auto& each) { return !model->knows_position && each.opcode == Opcode::read_position && each.service_action != 0; });
    for (auto& each : list)
        if (each.opcode == Opcode::load_unload && model->optimises_new_media) each.recommended_s = kOptimisingLoad;
    return list;
}

}  // namespace

TapeDrive::TapeDrive(Identity identity, const DriveModel* model, std::uint8_t density, const Timing& timing, std::uint64_t buffer_size)
    : DeviceServer(std::move(identity), supported_by(model)),
      model_(model),
      density_(model != nullptr ? model->density : density),
      timing_(timing),
      buffer_size_(buffer_size),
      health_(this->identity().vendor + " " + this->identity().serial) {
    default_modes();
}

std::chrono::microseconds TapeDrive::takes(Activity activity) const {
    return timing_.mode == TimeMode::none ? std::chrono::microseconds{} : timing_.model->takes({.activity = activity});
}

std::optional<SenseCode> TapeDrive::may_remove(bool auto_unload) const {
    if (prevented() || is_busy_with_cartridge()) return code::kRemovalPrevented;
    if (threaded() && !auto_unload) return code::kRemovalPrevented;
    return std::nullopt;
}

void TapeDrive::remove() {
    if (auto problem = flush()) deferred_ = problem;
    health_.unload();
    cartridge_.reset();
    load_ = Load::empty;
    threaded_ = false;
    position_ = BlockNumber{};
}

// The buffer is gone; the drive finds the cartridge where it is and loads it again.
void TapeDrive::power_cycle() {
    if (cartridge_) {
        if (auto dropped = cartridge_->drop_unsynchronised(); !dropped) (void)failed(dropped.error());
    }
    deferred_.reset();
    bad_buffered_.reset();
    default_modes();
    health_.unload();
    health_.power_on();
    power_on();
    if (cartridge_) start_loading({});
}

// A deferred error is told instead of the next command, which is not carried out (SPC-4 4.5.7).
std::optional<Sense> TapeDrive::pending(const Command&) { return std::exchange(deferred_, std::nullopt); }

Answer TapeDrive::run(const Command& command) {
    switch (scsi::opcode_of(command.cdb)) {
        case Opcode::prevent_allow_medium_removal: return prevent_allow(command);
        case Opcode::load_unload: return load_unload(command);
        case Opcode::mode_sense_6:
        case Opcode::mode_sense_10: return mode_sense(command);
        case Opcode::mode_select_6:
        case Opcode::mode_select_10: return mode_select(command);
        case Opcode::read_block_limits: return read_block_limits(command);
        case Opcode::security_protocol_in: return security_protocol_in(command);
        case Opcode::log_sense: return log_sense(command);
        case Opcode::report_density_support: return report_densities(command);
        default: break;
    }
    if (not_ready()) return check_condition(waits());
    auto from = position_;
    auto from_byte = cartridge_->byte_position(from);
    Answer answer;
    switch (scsi::opcode_of(command.cdb)) {
        case Opcode::test_unit_ready: return {};
        case Opcode::read_attribute: return read_attribute(command);
        case Opcode::write_attribute: return write_attribute(command);
        case Opcode::allow_overwrite: return allow_overwrite(command);
        case Opcode::rewind: answer = rewind(); break;
        case Opcode::read_6: answer = read(command); break;
        case Opcode::write_6: answer = write(command); break;
        case Opcode::write_filemarks_6: answer = write_filemarks(command); break;
        case Opcode::space_6:
        case Opcode::space_16: answer = space(command); break;
        case Opcode::locate_10:
        case Opcode::locate_16: answer = locate(command); break;
        case Opcode::read_position: answer = read_position(command); break;
        case Opcode::erase_6: answer = erase(command); break;
        case Opcode::set_capacity: answer = set_capacity(command); break;
        case Opcode::format_medium: answer = format_medium(command); break;
        default: return check_condition(code::kInvalidOpcode);
    }
    forget_allowance(command, answer, from);
    auto to_byte = cartridge_->byte_position(position_);
    answer.motion.from = from;
    answer.motion.to = position_;
    answer.motion.bytes = answer.transferred;
    answer.motion.from_byte = from_byte.value_or(0);
    answer.motion.to_byte = to_byte.value_or(0);
    return answer;
}

Answer TapeDrive::rewind() {
    if (auto problem = flush()) return check_condition(*problem);
    position_ = BlockNumber{};
    Answer answer;
    answer.motion.activity = Activity::rewind;
    return answer;
}

Answer TapeDrive::read_block_limits(const Command& command) {
    if (scsi::from_cdb<scsi::ReadBlockLimitsCdb>(command.cdb)->flags != 0) return check_condition(code::kInvalidField);
    scsi::BlockLimitsData limits;
    limits.block_size_max = BigEndian<3>{model_ != nullptr ? model_->block_size_max : kBlockSizeMax};
    limits.block_size_min = BigEndian<2>{1};
    return give(scsi::encode(limits), sizeof(limits), command);
}

Answer TapeDrive::read_position(const Command& command) {
    auto cdb = *scsi::from_cdb<scsi::ReadPositionCdb>(command.cdb);
    auto here = raw(position_);
    auto on_medium = std::min(here, raw(cartridge_->synchronised_end()));
    auto objects = here - on_medium;
    auto bytes = objects > 0 ? cartridge_->buffered_bytes() : 0;
    std::uint8_t ends = scsi::flag_if(here == 0, scsi::ShortPositionData::kBeginning) |
                        scsi::flag_if(beyond_early_warning(), scsi::ShortPositionData::kEnd) |
                        scsi::flag_if(beyond_programmable_early_warning(), scsi::ShortPositionData::kEarlyWarning);
    const auto form = static_cast<scsi::PositionForm>(cdb.service_action & scsi::ReadPositionCdb::kServiceActionMask);
    if (model_ != nullptr && !model_->knows_position) {
        if (form != scsi::PositionForm::short_block) return check_condition(code::kInvalidField);
        using Data = scsi::ShortPositionData;
        const Data data{.flags = static_cast<std::uint8_t>(ends | Data::kLocationUnknown | Data::kCountUnknown | Data::kBytesUnknown)};
        return give(scsi::encode(data), sizeof(data), command);
    }
    switch (form) {
        case scsi::PositionForm::short_block:
        case scsi::PositionForm::short_vendor: {
            scsi::ShortPositionData data;
            bool overflow = here > 0xFFFFFFFF;
            data.flags = ends | scsi::flag_if(overflow, scsi::ShortPositionData::kOverflow);
            if (!overflow) data.first = BigEndian<4>{here}, data.last = BigEndian<4>{on_medium};
            data.objects_in_buffer = BigEndian<3>{std::min<std::uint64_t>(objects, 0xFFFFFF)};
            data.bytes_in_buffer = BigEndian<4>{std::min<std::uint64_t>(bytes, 0xFFFFFFFF)};
            return give(scsi::encode(data), sizeof(data), command);
        }
        case scsi::PositionForm::long_form: {
            scsi::LongPositionData data;
            auto files = cartridge_->filemarks_before(position_);
            if (!files) return check_condition(failed(files.error()));
            data.flags = ends;
            data.object = BigEndian<8>{here};
            data.file = BigEndian<8>{*files};
            return give(scsi::encode(data), sizeof(data), command);
        }
        case scsi::PositionForm::extended: {
            scsi::ExtendedPositionData data;
            data.flags = ends;
            data.first = BigEndian<8>{here};
            data.last = BigEndian<8>{on_medium};
            data.objects_in_buffer = BigEndian<3>{std::min<std::uint64_t>(objects, 0xFFFFFF)};
            data.bytes_in_buffer = BigEndian<8>{bytes};
            return give(scsi::encode(data), cdb.allocation_length.value(), command);
        }
    }
    return check_condition(code::kInvalidField);
}

}  // namespace capstan::virtual_library
