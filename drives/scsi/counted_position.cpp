#include "drives/scsi/counted_position.hpp"

#include <algorithm>

namespace capstan::scsi {
namespace {

constexpr SenseCode kInvalidField{0x5, 0x24, 0x00}, kEndOfData{0x8, 0x00, 0x05};
constexpr std::uint64_t kSpaceMax = 0x7FFFFF;  // of SPACE(6)

bool is_remark(const Sense& sense) {
    return !sense.deferred && (key_of(sense) == SenseKey::no_sense || key_of(sense) == SenseKey::recovered_error);
}
bool is_end_of_data(const Sense& sense) {
    return !sense.deferred && sense.code.asc == 0x00 && (key_of(sense) == SenseKey::blank_check || sense.code.ascq == 0x05);
}
ScsiReply check(SenseCode code, std::optional<std::int64_t> information = {}) {
    return ScsiReply{Sense{.code = code, .information = information}, 0, {}};
}
template <class Data>
ScsiReply give(const Data& data, MutableBytes into) {
    const auto bytes = encode(data);
    const auto size = std::min(bytes.size(), into.size());
    std::copy_n(bytes.begin(), size, into.begin());
    return ScsiReply{std::nullopt, size, {}};
}

}  // namespace

Result<ScsiReply> CountedPosition::execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in, Limit timeout) {
    switch (opcode_of(cdb)) {
        case Opcode::read_position: return tell(cdb, data_in);
        case Opcode::locate_10:
        case Opcode::locate_16: return locate(cdb, timeout);
        case Opcode::space_6:
        case Opcode::space_16: return space(cdb, timeout);
        default: return pass(cdb, data_out, data_in, timeout);
    }
}

// --- counting ---

void CountedPosition::lose(bool medium_too) {
    count_.position.reset();
    if (medium_too) count_ = {};
}

void CountedPosition::advance(std::uint64_t objects) {
    if (!count_.position) return;
    count_.position = *count_.position + objects;
    count_.furthest = std::max(count_.furthest, *count_.position);
}

Result<ScsiReply> CountedPosition::pass(const Cdb& cdb, DataOut data_out, MutableBytes data_in, Limit timeout) {
    auto reply = door_.execute(cdb, data_out, data_in, timeout);
    if (reply)
        note(cdb, *reply);
    else if (reply.error().recovery != Recovery::retry_later)
        lose();
    return reply;
}

void CountedPosition::note(const Cdb& cdb, const ScsiReply& reply) {
    if (reply.sense && (is_unit_attention(*reply.sense) || key_of(*reply.sense) == SenseKey::not_ready)) return lose(true);
    const bool well = !reply.sense || is_remark(*reply.sense);
    switch (opcode_of(cdb)) {
        case Opcode::rewind:
            lose();
            if (well) count_.position = BlockNumber{0};
            break;
        case Opcode::load_unload:
            lose(true);
            if (well && has(cdb.bytes[4], LoadUnloadCdb::kLoad)) count_.position = BlockNumber{0};
            break;
        case Opcode::read_6: note_read(cdb, reply); break;
        case Opcode::write_6: {
            const auto write = from_cdb<Write6Cdb>(cdb);
            if (!write || has(write->flags, Write6Cdb::kFixed)) return lose();
            note_write(1, write->transfer_length.value(), reply);
            break;
        }
        case Opcode::write_filemarks_6: {
            const auto marks = from_cdb<WriteFilemarks6Cdb>(cdb);
            if (!marks) return lose();
            note_write(marks->count.value(), marks->count.value(), reply);
            if (well && count_.position && !has(marks->flags, WriteFilemarks6Cdb::kImmediate)) count_.synchronised = *count_.position;
            break;
        }
        case Opcode::erase_6:
            if (well && count_.position)
                count_.furthest = *count_.position;
            else
                lose();
            break;
        default: break;
    }
}

// A block of any length and a filemark count as one; at the end of data the tape stays. After an error nobody knows.
void CountedPosition::note_read(const Cdb& cdb, const ScsiReply& reply) {
    const auto read = from_cdb<Read6Cdb>(cdb);
    if (!read || has(read->flags, Read6Cdb::kFixed)) return lose();
    if (read->transfer_length.value() == 0) return;
    if (!reply.sense || is_remark(*reply.sense)) return advance(1);
    if (!is_end_of_data(*reply.sense)) lose();
}

void CountedPosition::note_write(std::uint64_t objects, std::uint64_t asked, const ScsiReply& reply) {
    if (reply.sense && !is_remark(*reply.sense)) {
        if (key_of(*reply.sense) != SenseKey::volume_overflow || reply.sense->deferred) lose();
        return;
    }
    const auto missing = reply.sense ? reply.sense->information.value_or(0) : 0;
    if (missing != 0 && missing != static_cast<std::int64_t>(asked)) return lose();
    if (missing == 0) advance(objects);
    if (missing == 0 && count_.position && objects > 0) count_.furthest = *count_.position;  // nothing is behind what was written
}

// --- READ POSITION ---

Result<ScsiReply> CountedPosition::tell(const Cdb& cdb, MutableBytes data_in) const {
    const auto asked = from_cdb<ReadPositionCdb>(cdb);
    if (!asked) return check(kInvalidField);
    const auto position = count_.position;
    const auto block = raw(position.value_or(BlockNumber{0}));
    const auto beginning = flag_if(position == BlockNumber{0}, ShortPositionData::kBeginning);
    switch (static_cast<PositionForm>(asked->service_action & ReadPositionCdb::kServiceActionMask)) {
        case PositionForm::short_block:
        case PositionForm::short_vendor: {
            ShortPositionData data;
            data.flags = beginning | ShortPositionData::kCountUnknown | ShortPositionData::kBytesUnknown;
            if (!position || block > UINT32_MAX) data.flags |= ShortPositionData::kLocationUnknown;
            data.first = BigEndian<4>{block};
            data.last = BigEndian<4>{std::min(block, raw(count_.synchronised))};
            return give(data, data_in);
        }
        case PositionForm::long_form: {
            LongPositionData data;
            data.flags = beginning | LongPositionData::kMarksUnknown | flag_if(!position, LongPositionData::kLocationUnknown);
            data.object = BigEndian<8>{block};
            return give(data, data_in);
        }
        case PositionForm::extended: break;
    }
    return check(kInvalidField);
}

// --- going to a place ---

Result<ScsiReply> CountedPosition::rewind(Limit timeout) { return pass(to_cdb(RewindCdb{}), {}, {}, timeout); }

// SPACE over blocks stops behind a filemark and says what is left of the count; or passes over it as over a block.
Result<ScsiReply> CountedPosition::forward(std::uint64_t objects, Limit timeout) {
    ScsiReply reply;
    while (objects > 0) {
        const auto step = std::min(objects, kSpaceMax);
        const Space6Cdb cdb{.code = raw(SpaceCode::blocks), .count = BigEndian<3>{step}};
        CAPSTAN_TRY(reply, pass(to_cdb(cdb), {}, {}, timeout));
        auto passed = step;
        if (reply.sense) {
            const auto& sense = *reply.sense;
            const auto left = sense.information.value_or(-1);
            const bool at_mark = is_remark(sense) && sense.filemark && left > 0 && left <= static_cast<std::int64_t>(step);
            if (!at_mark) {
                lose();
                if (is_end_of_data(sense)) return check(kEndOfData, sense.information);
                return reply;
            }
            passed = step - static_cast<std::uint64_t>(left) + 1;
        }
        advance(passed);
        objects -= passed;
    }
    return ScsiReply{std::nullopt, 0, reply.took};
}

// One object, by reading it: what lies behind it does not matter then.
Result<ScsiReply> CountedPosition::step(Limit timeout) {
    std::array<std::uint8_t, 4096> space{};
    CAPSTAN_TRY(auto reply, pass(to_cdb(Read6Cdb{.transfer_length = BigEndian<3>{space.size()}}), {}, space, timeout));
    return reply;
}

// The last object is read: tgt's drives say "end of data" as soon as SPACE arrives there, and not where they are.
Result<ScsiReply> CountedPosition::to_block(BlockNumber block, Limit timeout) {
    if (!count_.position || *count_.position > block) {
        CAPSTAN_TRY(const auto reply, rewind(timeout));
        if (!count_.position) return reply;
    }
    const auto objects = raw(block) - raw(*count_.position);
    if (objects == 0) return ScsiReply{};
    CAPSTAN_TRY(auto reply, forward(objects - 1, timeout));
    if (reply.sense) return reply;
    CAPSTAN_TRY(reply, step(timeout));
    if (!reply.sense || is_remark(*reply.sense)) return ScsiReply{};
    return is_end_of_data(*reply.sense) ? check(kEndOfData) : reply;
}

Result<ScsiReply> CountedPosition::to_end_of_data(Limit timeout) {
    CAPSTAN_TRY(auto reply, to_block(std::max(count_.furthest, count_.position.value_or(BlockNumber{0})), timeout));
    while (!reply.sense || is_remark(*reply.sense)) {
        CAPSTAN_TRY(reply, step(timeout));
    }
    return is_end_of_data(*reply.sense) && count_.position ? ScsiReply{} : reply;
}

Result<ScsiReply> CountedPosition::locate(const Cdb& cdb, Limit timeout) {
    if (const auto ten = from_cdb<Locate10Cdb>(cdb)) return to_block(BlockNumber{ten->block.value()}, timeout);
    const auto sixteen = from_cdb<Locate16Cdb>(cdb);
    if (!sixteen) return check(kInvalidField);
    switch (static_cast<Locate16Cdb::Destination>(sixteen->flags & Locate16Cdb::kDestinationMask)) {
        case Locate16Cdb::Destination::object: return to_block(BlockNumber{sixteen->identifier.value()}, timeout);
        case Locate16Cdb::Destination::end_of_data: return to_end_of_data(timeout);
        case Locate16Cdb::Destination::file: break;
    }
    return check(kInvalidField);
}

// --- SPACE ---

Result<ScsiReply> CountedPosition::space(const Cdb& cdb, Limit timeout) {
    const auto six = from_cdb<Space6Cdb>(cdb);
    const auto sixteen = from_cdb<Space16Cdb>(cdb);
    if (!six && !sixteen) return check(kInvalidField);
    const auto count = six ? signed_value(six->count) : signed_value(sixteen->count);
    switch (static_cast<SpaceCode>((six ? six->code : sixteen->code) & 0x0F)) {
        case SpaceCode::blocks: return space_blocks(count, cdb, timeout);
        case SpaceCode::filemarks: return space_filemarks(count, cdb, timeout);
        case SpaceCode::end_of_data: return to_end_of_data(timeout);
        case SpaceCode::sequential_filemarks: break;
    }
    return check(kInvalidField);
}

Result<ScsiReply> CountedPosition::space_blocks(std::int64_t blocks, const Cdb& cdb, Limit timeout) {
    const auto from = count_.position;
    auto reply = pass(cdb, {}, {}, timeout);
    if (!reply || !from) return reply;
    lose();
    const auto to = static_cast<std::int64_t>(raw(*from)) + blocks;
    if (!reply->sense && to >= 0) {
        count_.position = from;
        if (blocks >= 0)
            advance(static_cast<std::uint64_t>(blocks));
        else
            count_.position = BlockNumber{static_cast<std::uint64_t>(to)};
    }
    return reply;
}

// Object by object: SPACE over filemarks does not tell how many blocks lie before them.
Result<ScsiReply> CountedPosition::space_filemarks(std::int64_t filemarks, const Cdb& cdb, Limit timeout) {
    if (filemarks <= 0) {
        if (filemarks < 0) lose();
        return pass(cdb, {}, {}, timeout);
    }
    while (filemarks > 0) {
        CAPSTAN_TRY(auto reply, step(timeout));
        if (!reply.sense) continue;
        if (is_remark(*reply.sense))
            filemarks -= reply.sense->filemark ? 1 : 0;
        else if (is_end_of_data(*reply.sense))
            return check(kEndOfData, filemarks);
        else
            return reply;
    }
    return ScsiReply{};
}

}  // namespace capstan::scsi
