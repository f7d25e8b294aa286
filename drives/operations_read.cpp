// Reading and positioning. A read error is never taken for the end of data (design rule 12).
#include "drives/operations.hpp"
#include "drives/scsi/sense_table.hpp"

#include <fmt/format.h>

namespace capstan::drives::operations {

namespace {

using scsi::SenseKey;
constexpr std::size_t kReadSizeMax = 8U << 20;  // LTO's longest block; asked for when the drive gives no limit

Result<std::size_t> longest_block(const scsi::Target& drive) {
    CAPSTAN_TRY(auto limits, scsi::read_block_limits(drive));
    if (limits.size_max == 0) return kReadSizeMax;
    return std::min<std::size_t>(limits.size_max, kReadSizeMax);
}

// END-OF-DATA DETECTED, or BLANK CHECK without more; not END-OF-DATA NOT FOUND (14/03) and its like.
bool says_nothing_recorded(const Sense& sense) {
    return scsi::key_of(sense) == SenseKey::blank_check && !sense.deferred && !sense.filemark &&
           (sense.code == SenseCode{0x8, 0x00, 0x05} || sense.code == SenseCode{0x8, 0x00, 0x00});
}

Result<bool> at_beginning(const scsi::Target& drive) {
    CAPSTAN_TRY(auto position, scsi::read_position(drive, scsi::PositionForm::short_block));
    return position.at_beginning && position.block == BlockNumber{0};
}

Error too_long(const scsi::Target& drive, BlockNumber number, std::size_t size, std::size_t size_max) {
    return Error{Recovery::change_request,
                 fmt::format("{}: block {} is {} bytes long, and {} were expected at most", drive.name, raw(number), size, size_max),
                 "Read this medium with a larger block size", {}};
}

// Key, flags and length of the answer to the first READ decide what the medium begins with.
FirstRecord classify(const scsi::ScsiReply& reply, std::vector<std::uint8_t> buffer) {
    FirstRecord record;
    auto size = reply.transferred;
    if (reply.sense) {
        const auto& sense = *reply.sense;
        auto key = scsi::key_of(sense);
        bool data = !sense.deferred && (key == SenseKey::no_sense || key == SenseKey::recovered_error);
        record.sense = sense;
        if (data && sense.filemark) {
            record.kind = FirstRecord::Kind::filemark_first;
            return record;
        }
        if (says_nothing_recorded(sense)) {
            record.kind = FirstRecord::Kind::blank;  // the caller asks for the position again
            return record;
        }
        if (!data) return record;
        record.sense.reset();
        if (sense.incorrect_length && sense.information) {
            // Residual = asked for minus found; negative when the block is longer (SSC-4, READ(6)).
            auto asked = static_cast<std::int64_t>(buffer.size());
            size = static_cast<std::size_t>(std::max<std::int64_t>(0, asked - *sense.information));
        }
    }
    record.size = size;
    buffer.resize(std::min(size, buffer.size()));
    record.bytes = std::move(buffer);
    record.kind = record.size == 0 ? FirstRecord::Kind::unreadable : FirstRecord::Kind::block;
    return record;
}

Result<void> go_to(const scsi::Target& drive, std::optional<BlockNumber> position, BlockNumber block) {
    if (position == block) return {};
    return operations::locate(drive, block);
}

}  // namespace

Result<FirstRead> read_first_record(const scsi::Target& drive, std::size_t size_max) {
    CAPSTAN_TRY(auto longest, longest_block(drive));
    CAPSTAN_CHECK(scsi::rewind(drive));
    CAPSTAN_TRY(bool beginning, at_beginning(drive));
    FirstRead first;
    if (!beginning) return first;  // a drive that does not confirm BOT after a rewind has told us nothing about the medium
    std::vector<std::uint8_t> buffer(size_max == 0 ? longest : std::min(size_max, longest));
    auto cdb = scsi::to_cdb(scsi::Read6Cdb{.transfer_length = BigEndian<3>{buffer.size()}});
    CAPSTAN_TRY(auto reply, drive.transport.execute(cdb, {}, buffer, drive.timeouts.of(cdb)));
    if (reply.sense && (scsi::is_unit_attention(*reply.sense) || scsi::key_of(*reply.sense) == SenseKey::not_ready)) {
        return std::unexpected(scsi::error_from_sense(fmt::format("{}: cannot read the first block", drive.name), *reply.sense));
    }
    first.record = classify(reply, std::move(buffer));
    if (first.record.kind == FirstRecord::Kind::blank) {
        CAPSTAN_TRY(bool still, at_beginning(drive));
        if (!still) first.record.kind = FirstRecord::Kind::unreadable;
        if (still) first.position = BlockNumber{0};
    } else if (first.record.kind != FirstRecord::Kind::unreadable) {
        CAPSTAN_TRY(first.position, scsi::current_block(drive));
    }
    return first;
}

Result<void> locate(const scsi::Target& drive, BlockNumber block) {
    if (block == BlockNumber{0}) {
        CAPSTAN_CHECK(scsi::rewind(drive));
    } else {
        auto found = scsi::locate(drive, block);
        if (!found) {
            auto& error = found.error();
            if (error.sense && says_nothing_recorded(*error.sense)) {
                error.recovery = Recovery::replace_medium;
                error.happened = fmt::format("{}: its data end before block {}", drive.name, raw(block));
                error.advice = "The cartridge holds less than was recorded for it; check which cartridge it is";
            }
            return std::unexpected(std::move(error));
        }
    }
    return confirm(drive, block);
}

Result<EndOfData> find_end_of_data(const scsi::Target& drive) {
    CAPSTAN_CHECK(scsi::locate_end_of_data(drive));
    CAPSTAN_TRY(auto position, scsi::read_position(drive, scsi::PositionForm::long_form));
    if (!position.block) {
        return fail(Recovery::replace_medium, fmt::format("{}: it went to the end of data but does not know where that is", drive.name),
                    "The cartridge is closed for writing; copy what is on it to another one");
    }
    return EndOfData{*position.block, position.file};
}

Result<std::optional<BlockNumber>> pass_filemark(const scsi::Target& drive, std::optional<BlockNumber> position, BlockNumber from) {
    CAPSTAN_CHECK(go_to(drive, position, from));
    CAPSTAN_TRY(auto spaced, scsi::space(drive, scsi::SpaceCode::filemarks, 1));
    if (spaced.end_of_data) return std::nullopt;
    CAPSTAN_TRY(auto behind, scsi::current_block(drive));
    if (spaced.moved != 1 || behind <= from) {
        return fail(Recovery::replace_medium,
                    fmt::format("{}: it was sent over the next filemark behind block {} and stands at block {}", drive.name, raw(from),
                                raw(behind)),
                    "The cartridge may be damaged; verify the sets on it");
    }
    return behind;
}

Result<std::vector<TapeObject>> read_objects(const scsi::Target& drive, std::optional<BlockNumber> position, BlockNumber from,
                                             std::size_t count, std::size_t size_max) {
    if (size_max == 0) {
        CAPSTAN_TRY(size_max, longest_block(drive));
    }
    CAPSTAN_CHECK(go_to(drive, position, from));
    std::vector<std::uint8_t> buffer(size_max);
    std::vector<TapeObject> objects;
    auto number = from;
    while (objects.size() < count) {
        CAPSTAN_TRY(auto read, scsi::read_block(drive, buffer));
        if (read.end_of_data) {
            objects.push_back({TapeObject::Kind::end_of_data, number, {}});
            break;
        }
        if (read.filemark) {
            objects.push_back({TapeObject::Kind::filemark, number, {}});
        } else {
            if (read.block_size > read.bytes) return std::unexpected(too_long(drive, number, read.block_size, size_max));
            objects.push_back({TapeObject::Kind::block, number, {buffer.data(), buffer.data() + read.bytes}});
        }
        number = number + 1;
    }
    CAPSTAN_CHECK(confirm(drive, number));
    return objects;
}

namespace {

// Reads until there is something to report. False: stop, the report's reason says why.
bool read_one(const scsi::Target& drive, BlockRing& ring, const ReadOrder& order, ReadReport& report) {
    using Reason = ReadReport::Reason;
    report.reason = Reason::no_room;
    if (*order.stop) return false;
    auto slot = ring.wait_room(order.patience);
    if (slot.empty()) return false;
    auto read = scsi::read_block(drive, slot);
    report.reason = Reason::failed;
    if (!read) {
        report.error = std::move(read.error());
        return false;
    }
    report.reason = Reason::end_of_data;
    if (read->end_of_data) return false;
    if (!read->filemark && read->block_size > read->bytes) {
        report.reason = Reason::failed;
        report.error = too_long(drive, report.position, read->block_size, slot.size());
        return false;
    }
    report.position = report.position + 1;
    report.reason = Reason::filemark;
    if (read->filemark) return false;
    ring.push(RingEntry::Kind::block, read->bytes);
    ++report.blocks;
    report.bytes += read->bytes;
    return true;
}

}  // namespace

ReadReport read_into(const scsi::Target& drive, std::optional<BlockNumber> position, BlockRing& ring, const ReadOrder& order) {
    ReadReport report;
    report.position = order.from;
    if (auto there = go_to(drive, position, order.from); !there) {
        report.error = std::move(there.error());
        return report;
    }
    report.reason = ReadReport::Reason::count_reached;
    while (report.blocks < order.count) {
        if (!read_one(drive, ring, order, report)) break;
        report.reason = ReadReport::Reason::count_reached;
    }
    if (report.reason == ReadReport::Reason::failed) return report;
    if (auto there = confirm(drive, report.position); !there) {
        report.reason = ReadReport::Reason::failed;
        report.error = std::move(there.error());
    }
    return report;
}

}  // namespace capstan::drives::operations
