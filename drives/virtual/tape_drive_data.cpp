// READ, WRITE, WRITE FILEMARKS, ERASE of a virtual drive, and its buffer.
#include "config/base/log.hpp"
#include "drives/virtual/tape_drive.hpp"

#include <algorithm>

namespace capstan::virtual_library {
namespace {

std::size_t size_of(scsi::DataOut data) {
    std::size_t size = 0;
    for (auto part : data) size += part.size();
    return size;
}

// The next `size` bytes of gathered data, without a copy; advances `part` and `within`.
std::vector<Bytes> next_block(scsi::DataOut data, std::size_t& part, std::size_t& within, std::size_t size) {
    std::vector<Bytes> block;
    while (size > 0) {
        auto piece = data[part].subspan(within, std::min(size, data[part].size() - within));
        block.push_back(piece);
        size -= piece.size();
        within += piece.size();
        if (within == data[part].size()) ++part, within = 0;
    }
    return block;
}

Sense with_information(SenseCode sense_code, std::int64_t information) {
    return {.code = sense_code, .information = information};
}

}  // namespace

Sense TapeDrive::failed(const Error& error) {
    log::error("virtual drive: a cartridge's files failed", {{"drive", identity().serial}, {"error", to_text(error)}});
    return {.code = error.recovery == Recovery::replace_medium ? code::kUnrecoveredRead : code::kInternalFailure};
}

bool TapeDrive::bad(BlockNumber block, MediumFault::When when) const {
    const auto& info = cartridge_->info();
    return std::ranges::any_of(info.defects,
                               [&](const auto& each) { return each.block == block && each.when == when; }) ||
           std::ranges::any_of(faults_, [&](const auto& each) {
               return each.block == block && each.when == when && each.cartridge == info.id;
           });
}

// Many tiny objects fill it, too: what is remembered of each costs memory.
bool TapeDrive::buffer_full() const {
    constexpr std::uint64_t objects_max = 1 << 18;
    auto objects = raw(cartridge_->end()) - raw(cartridge_->synchronised_end());
    return cartridge_->buffered_bytes() >= buffer_size_ || objects >= objects_max;
}

bool TapeDrive::beyond_early_warning() const { return beyond(early_warning_of(cartridge_->info())); }

bool TapeDrive::beyond_programmable_early_warning() const {
    constexpr std::uint64_t kMB = 1'000'000;
    const auto distance = pages_.extension.programmable_early_warning.value() * kMB;
    return distance != 0 && beyond(early_warning_of(cartridge_->info()) + distance);
}

bool TapeDrive::beyond(std::uint64_t bytes_from_end) const {
    const auto capacity = cartridge_->info().capacity;
    const auto limit = capacity - std::min(capacity, bytes_from_end);
    if (cartridge_->used() < limit) return false;  // nothing on this tape is that far out
    if (position_ == cartridge_->end()) return true;
    auto bytes = cartridge_->byte_position(position_);
    return bytes && *bytes >= limit;
}

// Early warning says more, and is told instead.
std::optional<Sense> TapeDrive::sense_of(Warning warning) {
    if (!warning.early && !warning.programmable) return std::nullopt;
    const auto what = warning.early ? code::kEndOfMedium : code::kProgrammableEarlyWarning;
    return Sense{.code = what, .end_of_medium = true, .information = 0};
}

std::optional<SenseCode> TapeDrive::write_protected() const {
    bool by_software = scsi::has(pages_.configuration.end_of_data_flags, scsi::DeviceConfigurationPage::kSoftwareProtect);
    if (cartridge_->info().write_protected || by_software) return code::kWriteProtected;
    if (model_ != nullptr && !(ability() != nullptr && ability()->writes)) return code::kReadOnlyFormat;
    return std::nullopt;
}

// The buffered objects before a bad one reach the tape; it and those after it are lost, and said to be (SSC-4 4.2.x).
std::optional<Sense> TapeDrive::flush() {
    if (!cartridge_) return std::nullopt;
    std::optional<Sense> problem;
    if (bad_buffered_) {
        auto cut = *std::exchange(bad_buffered_, std::nullopt);
        if (auto done = cartridge_->truncate(cut); !done)
            problem = failed(done.error());
        else
            problem = Sense{.code = code::kWriteError};
        health_.failed_to_write();
        position_ = std::min(position_, cut);
    }
    if (auto done = cartridge_->synchronise(); !done) {
        problem = failed(done.error());
        if (auto dropped = cartridge_->drop_unsynchronised(); !dropped) problem = failed(dropped.error());
        position_ = std::min(position_, cartridge_->end());
    }
    if (problem) problem->deferred = true;
    return problem;
}

Answer TapeDrive::read(const Command& command) {
    using Cdb = scsi::Read6Cdb;
    auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    auto length = static_cast<std::uint32_t>(cdb.transfer_length.value());
    bool fixed = scsi::has(cdb.flags, Cdb::kFixed), suppress = scsi::has(cdb.flags, Cdb::kSuppressIncorrectLength);
    if (fixed && (suppress || block_length_ == 0)) return check_condition(code::kInvalidField);
    if (length == 0) return {};
    if (auto problem = flush()) return check_condition(*problem);
    auto answer = fixed ? read_fixed(length, command.data_in) : read_variable(length, suppress, command.data_in);
    health_.read(answer.transferred);
    answer.motion.activity = Activity::read;
    return answer;
}

// Residuals: requested minus read, in bytes (variable) or blocks (fixed); negative when the block is longer than asked
// for.
Answer TapeDrive::read_variable(std::uint32_t length, bool suppress, MutableBytes space) {
    if (position_ >= cartridge_->end()) return check_condition(with_information(code::kEndOfData, length));
    if (bad(position_, MediumFault::When::read)) {
        position_ = position_ + 1;
        health_.failed_to_read();
        return check_condition(with_information(code::kUnrecoveredRead, length));
    }
    auto object = cartridge_->object(position_);
    if (!object) return check_condition(failed(object.error()));
    if (object->filemark) {
        position_ = position_ + 1;
        auto sense = with_information(code::kFilemark, length);
        sense.filemark = true;
        return check_condition(sense);
    }
    auto got = read_object(position_, object->size, space.first(std::min<std::size_t>(length, space.size())));
    if (!got) return check_condition(failed(got.error()));
    position_ = position_ + 1;
    Answer answer;
    answer.transferred = *got;
    const auto size = size_read(object->size);
    // SILI suppresses a short block always, a long one only while the block length of the mode data is 0 (SSC-4 5.3).
    bool told = size < length ? !suppress : size > length && (!suppress || block_length_ != 0);
    if (told) {
        answer.sense =
            Sense{.incorrect_length = true, .information = static_cast<std::int64_t>(length) - static_cast<std::int64_t>(size)};
    }
    return answer;
}

Answer TapeDrive::read_fixed(std::uint32_t count, MutableBytes space) {
    Answer answer;
    auto stop = [&](Sense sense, std::uint32_t done) {
        sense.information = static_cast<std::int64_t>(count) - done;
        answer.sense = sense;
        return answer;
    };
    for (std::uint32_t done = 0; done < count; ++done) {
        if (position_ >= cartridge_->end()) return stop({.code = code::kEndOfData}, done);
        auto number = position_;
        auto object = cartridge_->object(number);
        if (!object) return stop(failed(object.error()), done);
        if (bad(number, MediumFault::When::read)) {
            position_ = number + 1;
            health_.failed_to_read();
            return stop({.code = code::kUnrecoveredRead}, done);
        }
        position_ = number + 1;
        if (object->filemark) return stop({.code = code::kFilemark, .filemark = true}, done);
        if (size_read(object->size) != block_length_) return stop({.incorrect_length = true}, done);
        auto room = space.subspan(std::min<std::size_t>(answer.transferred, space.size()));
        auto got = read_object(number, object->size, room.first(std::min<std::size_t>(room.size(), block_length_)));
        if (!got) {
            position_ = number;
            return stop(failed(got.error()), done);
        }
        answer.transferred += *got;
    }
    return answer;
}

Answer TapeDrive::write(const Command& command) {
    using Cdb = scsi::Write6Cdb;
    auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    auto length = static_cast<std::uint32_t>(cdb.transfer_length.value());
    bool fixed = scsi::has(cdb.flags, Cdb::kFixed);
    if (fixed && block_length_ == 0) return check_condition(code::kInvalidField);
    if (length == 0) return {};
    std::uint64_t count = fixed ? length : 1, size = fixed ? block_length_ : length;
    if (model_ != nullptr && size > model_->block_size_max) return check_condition(code::kInvalidField);
    if (size_of(command.data_out) < count * size) return check_condition(code::kInvalidField);
    if (auto reason = may_write_here()) return check_condition(*reason);
    Answer answer;
    answer.motion.activity = buffered_ ? Activity::write : Activity::synchronise;
    Warning warning;
    std::size_t part = 0, within = 0;
    for (std::uint64_t done = 0; done < count; ++done) {
        std::optional<Sense> problem;
        if (count == 1 && size_of(command.data_out) == size)
            problem = write_one(command.data_out, size, warning);
        else
            problem = write_one(next_block(command.data_out, part, within, size), size, warning);
        if (problem) {
            if (!problem->deferred) problem->information = static_cast<std::int64_t>(fixed ? count - done : size);
            answer.sense = problem;
            return answer;
        }
        answer.transferred += size;
    }
    answer.sense = sense_of(warning);
    return answer;
}

std::optional<Sense> TapeDrive::write_one(scsi::DataOut block, std::size_t size, Warning& warning) {
    if (protects(scsi::ControlDataProtectionPage::kOnWrite)) return write_guarded(block, size, warning);
    return write_data(block, size, warning);
}

std::optional<Sense> TapeDrive::write_data(scsi::DataOut block, std::size_t size, Warning& warning) {
    const auto& info = cartridge_->info();
    if (auto noted = health_.before_change(); !noted) return failed(noted.error());
    if (position_ < cartridge_->end()) {  // written over: all that follows is gone at once
        if (bad_buffered_ && *bad_buffered_ >= position_) bad_buffered_.reset();
        if (auto cut = cartridge_->truncate(position_); !cut) return failed(cut.error());
    }
    if (cartridge_->used() + size > info.capacity) {
        if (auto problem = flush()) return problem;
        return Sense{.code = code::kOverflow, .end_of_medium = true};
    }
    bool defect = bad(position_, MediumFault::When::write);
    if ((defect && !buffered_) || bad(position_, MediumFault::When::write_at_once)) {
        health_.failed_to_write();
        return Sense{.code = code::kWriteError};
    }
    const Warning before{beyond_early_warning(), beyond_programmable_early_warning()};
    if (auto done = cartridge_->append_block(position_, block); !done) return failed(done.error());
    if (defect && !bad_buffered_) bad_buffered_ = position_;
    health_.wrote(size);
    position_ = position_ + 1;
    warning.early = beyond_early_warning();
    warning.programmable |= !before.programmable && beyond_programmable_early_warning();
    // SEW: what is buffered is on the tape once early warning is told.
    bool sync_now = !buffered_ || (warning.early && !before.early);
    if (sync_now || buffer_full()) {
        auto problem = flush();
        if (problem && !buffered_) problem->deferred = false;
        if (problem && !buffered_) return problem;
        if (problem) deferred_ = problem;
    }
    return std::nullopt;
}

Answer TapeDrive::write_filemarks(const Command& command) {
    using Cdb = scsi::WriteFilemarks6Cdb;
    auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    std::uint64_t count = cdb.count.value();
    bool immediate = scsi::has(cdb.flags, Cdb::kImmediate);
    if (scsi::has(cdb.flags, Cdb::kSetmarks)) return check_condition(code::kInvalidField);
    if (auto reason = count > 0 ? may_write_here() : std::nullopt) return check_condition(*reason);
    if (auto noted = count > 0 ? health_.before_change() : Result<void>{}; !noted) return check_condition(failed(noted.error()));
    Answer answer;
    answer.motion.activity = immediate ? Activity::filemark : Activity::synchronise;
    const bool before = beyond_programmable_early_warning();
    for (std::uint64_t done = 0; done < count; ++done) {
        if (position_ < cartridge_->end()) {
            if (bad_buffered_ && *bad_buffered_ >= position_) bad_buffered_.reset();
            if (auto cut = cartridge_->truncate(position_); !cut) return check_condition(failed(cut.error()));
        }
        if (cartridge_->used() + 512 > cartridge_->info().capacity) {
            if (auto problem = flush()) return check_condition(*problem);
            auto sense = with_information(code::kOverflow, static_cast<std::int64_t>(count - done));
            sense.end_of_medium = true;
            return check_condition(sense);
        }
        if (bad(position_, MediumFault::When::write) && !bad_buffered_) bad_buffered_ = position_;
        if (auto put = cartridge_->append_filemarks(position_, 1); !put) return check_condition(failed(put.error()));
        position_ = position_ + 1;
        if (!buffer_full()) continue;
        if (auto problem = flush()) return check_condition(*problem);
    }
    if (!immediate) {
        if (auto problem = flush()) return check_condition(*problem);
    }
    if (count > 0) answer.sense = sense_of({beyond_early_warning(), !before && beyond_programmable_early_warning()});
    return answer;
}

Answer TapeDrive::erase(const Command& command) {
    (void)command;  // LONG only takes longer: nothing that was there can be read afterwards either way
    if (auto reason = may_write_here()) return check_condition(*reason);
    if (auto problem = flush()) return check_condition(*problem);
    if (auto noted = health_.before_change(); !noted) return check_condition(failed(noted.error()));
    if (auto cut = cartridge_->truncate(position_); !cut) return check_condition(failed(cut.error()));
    Answer answer;
    answer.motion.activity = Activity::erase;
    return answer;
}

}  // namespace capstan::virtual_library
