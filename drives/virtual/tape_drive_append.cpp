// Append-only mode of a virtual drive (SSC-4, WRITE MODE of page 10h/01h): what is on the tape is written over only where ALLOW OVERWRITE
// said so just before. It is left by a reset, or by MODE SELECT while no cartridge is threaded.
#include "drives/virtual/tape_drive.hpp"

namespace capstan::virtual_library {

using scsi::Opcode;

bool TapeDrive::append_only() const {
    using Page = scsi::DeviceConfigurationExtensionPage;
    return (pages_.extension.write_and_erase_mode & Page::kWriteModeMask) == Page::kAppendOnly;
}

std::optional<SenseCode> TapeDrive::may_write_here() const {
    if (auto reason = write_protected()) return reason;
    if (!append_only() || position_ >= cartridge_->end() || overwrite_at_ == position_) return std::nullopt;
    return code::kAppendOnly;
}

Answer TapeDrive::allow_overwrite(const Command& command) {
    using Cdb = scsi::AllowOverwriteCdb;
    const auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    const auto mode = static_cast<Cdb::Mode>(cdb.mode & Cdb::kModeMask);
    if (cdb.partition != 0 || mode > Cdb::Mode::format) return check_condition(code::kInvalidField);
    if (mode == Cdb::Mode::at_position && cdb.object.value() != raw(position_)) return check_condition(code::kInvalidField);
    overwrite_at_ = mode == Cdb::Mode::at_position ? std::optional(position_) : std::nullopt;
    may_format_ = mode == Cdb::Mode::format;
    return {};
}

void TapeDrive::forbid_overwrite() {
    overwrite_at_.reset();
    may_format_ = false;
}

void TapeDrive::forget_allowance(const Command& command, const Answer& answer, BlockNumber from) {
    const auto opcode = scsi::opcode_of(command.cdb);
    const bool writes = opcode == Opcode::write_6 || opcode == Opcode::write_filemarks_6 || opcode == Opcode::erase_6;
    const bool formats = opcode == Opcode::format_medium || opcode == Opcode::set_capacity;
    if (position_ != from || (writes && !answer.sense)) overwrite_at_.reset();
    if (position_ != from || (formats && !answer.sense)) may_format_ = false;
}

}  // namespace capstan::virtual_library
