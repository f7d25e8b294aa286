// SPACE and LOCATE of a virtual drive. Residuals are how many of what was asked for were not passed, never negative.
#include "drives/virtual/tape_drive.hpp"

namespace capstan::virtual_library {
namespace {

Answer stopped(SenseCode sense_code, std::uint64_t residual, bool filemark = false, bool end_of_medium = false) {
    return check_condition(Sense{.code = sense_code,
                                 .filemark = filemark,
                                 .end_of_medium = end_of_medium,
                                 .information = static_cast<std::int64_t>(residual)});
}
std::uint64_t magnitude(std::int64_t count) {
    return count < 0 ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
}

}  // namespace

Answer TapeDrive::space(const Command& command) {
    std::int64_t count = 0;
    std::uint8_t space_code = 0;
    if (auto six = scsi::from_cdb<scsi::Space6Cdb>(command.cdb)) {
        count = scsi::signed_value(six->count);
        space_code = six->code & 0x0F;
    } else {
        auto sixteen = *scsi::from_cdb<scsi::Space16Cdb>(command.cdb);
        if (sixteen.parameter_length.value() != 0) return check_condition(code::kInvalidField);
        count = scsi::signed_value(sixteen.count);
        space_code = sixteen.code & 0x0F;
    }
    if (auto problem = flush()) return check_condition(*problem);
    Answer answer;
    switch (static_cast<scsi::SpaceCode>(space_code)) {
        case scsi::SpaceCode::blocks: answer = space_blocks(count); break;
        case scsi::SpaceCode::filemarks: answer = space_filemarks(count); break;
        case scsi::SpaceCode::end_of_data: position_ = cartridge_->end(); break;
        default: return check_condition(code::kInvalidField);
    }
    answer.motion.activity = Activity::space;
    return answer;
}

// A filemark on the way stops the tape beyond it, seen in the direction of travel.
Answer TapeDrive::space_blocks(std::int64_t count) {
    auto wanted = magnitude(count), here = raw(position_), end = raw(cartridge_->end());
    auto marks_before = cartridge_->filemarks_before(position_);
    auto marks = cartridge_->filemarks_before(cartridge_->end());
    if (!marks_before || !marks) return check_condition(failed(marks_before ? marks.error() : marks_before.error()));
    if (count >= 0) {
        if (*marks_before < *marks) {
            auto mark = cartridge_->find_filemark(*marks_before);
            if (!mark) return check_condition(failed(mark.error()));
            auto passed = raw(*mark) - here;
            if (passed < wanted) {
                position_ = *mark + 1;
                return stopped(code::kFilemark, wanted - passed, true);
            }
        }
        if (wanted > end - here) {
            position_ = cartridge_->end();
            return stopped(code::kEndOfData, wanted - (end - here));
        }
        position_ = BlockNumber{here + wanted};
        return {};
    }
    if (*marks_before > 0) {
        auto mark = cartridge_->find_filemark(*marks_before - 1);
        if (!mark) return check_condition(failed(mark.error()));
        auto passed = here - raw(*mark) - 1;
        if (passed < wanted) {
            position_ = *mark;
            return stopped(code::kFilemark, wanted - passed, true);
        }
    }
    if (wanted > here) {
        position_ = BlockNumber{};
        return stopped(code::kBeginning, wanted - here, false, true);
    }
    position_ = BlockNumber{here - wanted};
    return {};
}

Answer TapeDrive::space_filemarks(std::int64_t count) {
    auto wanted = magnitude(count);
    auto before = cartridge_->filemarks_before(position_);
    auto all = cartridge_->filemarks_before(cartridge_->end());
    if (!before || !all) return check_condition(failed(before ? all.error() : before.error()));
    if (wanted == 0) return {};
    if (count > 0 && wanted > *all - *before) {
        position_ = cartridge_->end();
        return stopped(code::kEndOfData, wanted - (*all - *before));
    }
    if (count < 0 && wanted > *before) {
        position_ = BlockNumber{};
        return stopped(code::kBeginning, wanted - *before, false, true);
    }
    auto mark = cartridge_->find_filemark(count > 0 ? *before + wanted - 1 : *before - wanted);
    if (!mark) return check_condition(failed(mark.error()));
    position_ = count > 0 ? *mark + 1 : *mark;
    return {};
}

Answer TapeDrive::go_to(BlockNumber target) {
    position_ = std::min(target, cartridge_->end());
    auto answer = target > position_ ? check_condition(code::kEndOfData) : Answer{};
    answer.motion.activity = Activity::locate;
    return answer;
}

std::optional<Sense> TapeDrive::move_tape(BlockNumber block) {
    if (not_ready()) return waits();
    if (auto problem = flush()) return problem;
    forbid_overwrite();
    return go_to(block).sense;
}

Answer TapeDrive::locate(const Command& command) {
    using Cdb = scsi::Locate16Cdb;
    std::uint64_t target = 0;
    auto destination = Cdb::Destination::object;
    if (auto cdb = scsi::from_cdb<Cdb>(command.cdb)) {
        target = cdb->identifier.value();
        destination = static_cast<Cdb::Destination>(cdb->flags & Cdb::kDestinationMask);
        bool change = scsi::has(cdb->flags, Cdb::kChangePartition);
        if (scsi::has(cdb->address_mode, Cdb::kExplicitAddressMode) || (change && cdb->partition != 0))
            return check_condition(code::kInvalidField);
    } else {
        // BT asks for the drive's own numbering, as Linux' st does; with LTO drives that is the logical object number.
        using Ten = scsi::Locate10Cdb;
        auto ten = *scsi::from_cdb<Ten>(command.cdb);
        if (scsi::has(ten.flags, Ten::kChangePartition) && ten.partition != 0) return check_condition(code::kInvalidField);
        target = ten.block.value();
    }
    if (auto problem = flush()) return check_condition(*problem);
    if (destination == Cdb::Destination::object) return go_to(BlockNumber{target});
    if (destination == Cdb::Destination::end_of_data) return go_to(cartridge_->end());
    if (destination != Cdb::Destination::file) return check_condition(code::kInvalidField);
    auto files = cartridge_->filemarks_before(cartridge_->end());
    if (!files) return check_condition(failed(files.error()));
    if (target > *files) return go_to(BlockNumber{~std::uint64_t{0}});
    if (target == 0) return go_to(BlockNumber{});
    auto mark = cartridge_->find_filemark(target - 1);
    return mark ? go_to(*mark + 1) : check_condition(failed(mark.error()));
}

}  // namespace capstan::virtual_library
