#include "drives/scsi/commands_run.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace capstan::scsi {
namespace {

constexpr std::size_t kBlockSizeMax = 0xFFFFFF;
constexpr std::int64_t kSpace6Max = 0x7FFFFF;
constexpr std::string_view kRead = "read a block", kWrite = "write a block";

bool done_with_remark(const Sense& sense) {
    return !sense.deferred && (key_of(sense) == SenseKey::no_sense || key_of(sense) == SenseKey::recovered_error);
}

// "Nothing is recorded here" and nothing else: 00/05, or no reason at all. 14/03 means that the end of data is missing,
// as after a power cut; a caller that took that for the end would overwrite what may still be read.
bool says_end_of_data(const Sense& sense) {
    return !sense.deferred && key_of(sense) == SenseKey::blank_check && sense.code.asc == 0x00 &&
           (sense.code.ascq == 0x05 || sense.code.ascq == 0x00);
}

// SSC-4 5.3: with SILI 0 and another length than asked for, INFORMATION is the requested length minus the block's own.
Result<ReadOutcome> odd_length(const Target& target, const Sense& sense, std::size_t requested,
                               std::size_t transferred) {
    if (!sense.information)
        return odd_reply(target, kRead, "the block has another length, and the drive does not say which");
    const std::int64_t length = static_cast<std::int64_t>(requested) - *sense.information;
    if (length < 0 || length > static_cast<std::int64_t>(kBlockSizeMax)) {
        return odd_reply(target, kRead, fmt::format("the drive says that the block has {} bytes", length));
    }
    ReadOutcome outcome{.end_of_medium = sense.end_of_medium, .incorrect_length = true};
    outcome.block_size = static_cast<std::size_t>(length);
    outcome.bytes = std::min(outcome.block_size, requested);
    if (transferred < outcome.bytes) {
        return odd_reply(target, kRead, fmt::format("{} of {} bytes arrived", transferred, outcome.bytes));
    }
    return outcome;
}

// What a WRITE or WRITE FILEMARKS of `asked` bytes or marks came to.
Result<WriteOutcome> write_outcome(const Target& target, std::string_view act, const Sense& sense, std::size_t asked) {
    if (done_with_remark(sense) && !sense.filemark && !sense.incorrect_length) {
        // INFORMATION is what was not written. Drives set it to 0 at early warning, or leave it out.
        const std::int64_t missing = sense.information.value_or(0);
        if (missing == 0 && is_programmable_early_warning(sense)) return WriteOutcome{.programmable_early_warning = true};
        if (missing == 0) return WriteOutcome{.written = true, .early_warning = sense.end_of_medium};
        if (sense.end_of_medium && missing == static_cast<std::int64_t>(asked)) {
            return WriteOutcome{.written = false, .early_warning = true};
        }
        return odd_reply(target, act, fmt::format("the drive says that {} of {} were not written", missing, asked));
    }
    if (!sense.deferred && key_of(sense) == SenseKey::volume_overflow) {
        return WriteOutcome{.written = false, .early_warning = true, .volume_overflow = true};
    }
    return refused(target, act, sense);
}

std::uint8_t load_flags(bool in) { return flag_if(in, LoadUnloadCdb::kLoad); }

Result<void> load_or_unload(const Target& target, std::string_view act, bool in, Wait wait) {
    const std::uint8_t immediate = flag_if(wait == Wait::immediate, LoadUnloadCdb::kImmediate);
    return done(run(target, act, to_cdb(LoadUnloadCdb{.immediate = immediate, .flags = load_flags(in)})));
}

}  // namespace

Result<void> load(const Target& target, Wait wait) { return load_or_unload(target, "load the cartridge", true, wait); }
Result<void> unload(const Target& target, Wait wait) {
    return load_or_unload(target, "unload the cartridge", false, wait);
}

Result<void> rewind(const Target& target, Wait wait) {
    const std::uint8_t immediate = flag_if(wait == Wait::immediate, RewindCdb::kImmediate);
    return done(run(target, "rewind", to_cdb(RewindCdb{.immediate = immediate})));
}

Result<BlockLimits> read_block_limits(const Target& target) {
    constexpr std::string_view act = "ask for its block limits";
    std::vector<std::uint8_t> buffer(sizeof(BlockLimitsData));
    CAPSTAN_CHECK(fetch(target, act, to_cdb(ReadBlockLimitsCdb{}), buffer));
    const auto limits = decode_block_limits(buffer);
    if (!limits) return odd_reply(target, act, "the reply is too short");
    return *limits;
}

Result<void> erase(const Target& target, EraseKind kind, Wait wait) {
    const std::uint8_t flags = flag_if(kind == EraseKind::long_erase, Erase6Cdb::kLong) |
                               flag_if(wait == Wait::immediate, Erase6Cdb::kImmediate);
    return done(run(target, "erase the tape", to_cdb(Erase6Cdb{.flags = flags})));
}

Result<void> allow_overwrite(const Target& target, BlockNumber at) {
    const AllowOverwriteCdb cdb{.mode = raw(AllowOverwriteCdb::Mode::at_position), .object = BigEndian<8>{raw(at)}};
    return done(run(target, "allow the next write to overwrite", to_cdb(cdb)));
}

Result<std::vector<Density>> report_densities(const Target& target, DensityScope scope) {
    constexpr std::string_view act = "ask what it can read and write";
    constexpr std::size_t kSize = 16 * 1024;
    std::vector<std::uint8_t> buffer(kSize);
    const ReportDensityCdb cdb{.flags = flag_if(scope == DensityScope::medium, ReportDensityCdb::kMedia),
                               .allocation_length = BigEndian<2>{buffer.size()}};
    CAPSTAN_CHECK(fetch(target, act, to_cdb(cdb), buffer));
    auto densities = decode_densities(buffer);
    if (!densities) return odd_reply(target, act, "the reply is too short");
    return std::move(*densities);
}

Result<void> set_capacity(const Target& target, std::uint16_t proportion, Wait wait) {
    const SetCapacityCdb cdb{.flags = flag_if(wait == Wait::immediate, SetCapacityCdb::kImmediate),
                             .proportion = BigEndian<2>{proportion}};
    return done(run(target, "set the capacity of the cartridge", to_cdb(cdb)));
}

Result<void> format_medium(const Target& target, Wait wait) {
    const FormatMediumCdb cdb{.flags = flag_if(wait == Wait::immediate, FormatMediumCdb::kImmediate)};
    return done(run(target, "format the cartridge", to_cdb(cdb)));
}

Result<ReadOutcome> read_block(const Target& target, MutableBytes buffer) {
    const std::size_t requested = std::min(buffer.size(), kBlockSizeMax);
    auto reply =
        send(target, to_cdb(Read6Cdb{.transfer_length = BigEndian<3>{requested}}), {}, buffer.first(requested));
    if (!reply) return failed(target, kRead, std::move(reply.error()));
    const std::size_t transferred = std::min(reply->transferred, requested);
    if (!reply->sense) return ReadOutcome{.bytes = transferred, .block_size = transferred};
    const Sense& sense = *reply->sense;
    if (says_end_of_data(sense)) return ReadOutcome{.end_of_data = true, .end_of_medium = sense.end_of_medium};
    if (!done_with_remark(sense)) return refused(target, kRead, sense);
    if (sense.filemark) return ReadOutcome{.filemark = true, .end_of_medium = sense.end_of_medium};
    if (sense.incorrect_length) return odd_length(target, sense, requested, transferred);
    return ReadOutcome{.bytes = transferred, .end_of_medium = sense.end_of_medium, .block_size = transferred};
}

Result<WriteOutcome> write_block(const Target& target, DataOut pieces) {
    std::size_t size = 0;
    for (const auto& piece : pieces) size += piece.size();
    if (size == 0 || size > kBlockSizeMax) {
        return fail(Recovery::change_request, fmt::format("{}: a block of {} bytes", attempted(target, kWrite), size),
                    "A block has 1 to 16777215 bytes; change the pool's block size.");
    }
    auto reply = send(target, to_cdb(Write6Cdb{.transfer_length = BigEndian<3>{size}}), pieces);
    if (!reply) return failed(target, kWrite, std::move(reply.error()));
    if (reply->sense) return write_outcome(target, kWrite, *reply->sense, size);
    if (reply->transferred != size) {
        return odd_reply(target, kWrite, fmt::format("the drive took {} of {} bytes", reply->transferred, size));
    }
    return WriteOutcome{};
}

Result<WriteOutcome> write_block(const Target& target, Bytes block) {
    const Bytes pieces[] = {block};
    return write_block(target, DataOut(pieces));
}

Result<WriteOutcome> write_filemarks(const Target& target, std::uint32_t count, Wait wait) {
    const std::string_view act = count == 0 ? "write its buffer to the tape" : "write a filemark";
    const std::uint8_t flags = flag_if(wait == Wait::immediate, WriteFilemarks6Cdb::kImmediate);
    auto reply = send(target, to_cdb(WriteFilemarks6Cdb{.flags = flags, .count = BigEndian<3>{count}}));
    if (!reply) return failed(target, act, std::move(reply.error()));
    if (reply->sense) return write_outcome(target, act, *reply->sense, count);
    return WriteOutcome{};
}

Result<WriteOutcome> synchronize(const Target& target) { return write_filemarks(target, 0, Wait::until_done); }

Result<SpaceOutcome> space(const Target& target, SpaceCode code, std::int64_t count) {
    constexpr std::string_view act = "space along the tape";
    const bool to_end = code == SpaceCode::end_of_data;
    if (to_end) count = 0;
    const bool fits = count >= -kSpace6Max && count <= kSpace6Max;
    const Cdb cdb = fits ? to_cdb(Space6Cdb{.code = raw(code), .count = signed_on_wire<3>(count)})
                         : to_cdb(Space16Cdb{.code = raw(code), .count = signed_on_wire<8>(count)});
    auto reply = send(target, cdb);
    if (!reply) return failed(target, act, std::move(reply.error()));
    if (!reply->sense || is_harmless(*reply->sense)) return SpaceOutcome{.moved = count};
    const Sense& sense = *reply->sense;
    SpaceOutcome outcome;
    outcome.end_of_data = says_end_of_data(sense);
    if (!outcome.end_of_data) {
        const bool at_physical_end = !sense.deferred && sense.end_of_medium &&
                                     key_of(sense) == SenseKey::medium_error && sense.code.asc == 0x00 &&
                                     sense.code.ascq == 0x02;
        if (!done_with_remark(sense) && !at_physical_end) return refused(target, act, sense);
        outcome.filemark = sense.filemark;
        outcome.end_of_medium = at_physical_end;
        outcome.beginning = sense.end_of_medium && !at_physical_end && count < 0;
    }
    if (to_end) return outcome;
    if (!sense.information) return odd_reply(target, act, "the drive stopped early and does not say where");
    // Drives differ in the sign of what is left of a negative count.
    const std::int64_t left = std::abs(std::max(*sense.information, -INT64_MAX));
    const std::int64_t asked = std::abs(std::max(count, -INT64_MAX));
    if (left > asked) return odd_reply(target, act, fmt::format("{} of {} are left", left, asked));
    outcome.moved = count < 0 ? left - asked : asked - left;
    return outcome;
}

Result<void> locate(const Target& target, BlockNumber block, Wait wait) {
    const auto act = fmt::format("go to block {}", raw(block));
    const std::uint8_t immediate = flag_if(wait == Wait::immediate, Locate16Cdb::kImmediate);
    auto reply = run(target, act, to_cdb(Locate16Cdb{.flags = immediate, .identifier = BigEndian<8>{raw(block)}}));
    if (reply || !unknown_command(reply.error()) || raw(block) > UINT32_MAX) return done(reply);
    static_assert(raw(Locate16Cdb::Destination::object) == 0 && Locate10Cdb::kImmediate == Locate16Cdb::kImmediate);
    return done(run(target, act, to_cdb(Locate10Cdb{.flags = immediate, .block = BigEndian<4>{raw(block)}})));
}

Result<void> locate_file(const Target& target, FilemarkCount file) {
    return done(
        run(target, fmt::format("go to filemark {}", raw(file)),
            to_cdb(Locate16Cdb{.flags = raw(Locate16Cdb::Destination::file), .identifier = BigEndian<8>{raw(file)}})));
}

Result<void> locate_end_of_data(const Target& target) {
    CAPSTAN_CHECK(space(target, SpaceCode::end_of_data));
    return {};
}

Result<Position> read_position(const Target& target, PositionForm form) {
    constexpr std::string_view act = "ask for the position on the tape";
    std::array<std::uint8_t, sizeof(ExtendedPositionData)> buffer{};
    const std::size_t size = form == PositionForm::long_form || form == PositionForm::extended ? 32 : 20;
    ReadPositionCdb cdb{.service_action = raw(form)};
    if (form == PositionForm::extended) cdb.allocation_length = BigEndian<2>{size};  // reserved in the other forms
    CAPSTAN_TRY(const ScsiReply reply, run(target, act, to_cdb(cdb), {}, MutableBytes(buffer).first(size)));
    const auto position = decode_position(form, Bytes(buffer).first(std::min(reply.transferred, size)));
    if (!position) return odd_reply(target, act, "the reply is too short");
    return *position;
}

Result<BlockNumber> current_block(const Target& target) {
    auto position = read_position(target, PositionForm::long_form);
    const bool no_long_form = !position && position.error().sense && position.error().sense->code.key == 0x5;
    if (no_long_form) position = read_position(target, PositionForm::short_block);
    if (!position) return std::unexpected(std::move(position.error()));
    if (position->block) return *position->block;
    return fail(Recovery::stop_device,
                attempted(target, "find out where the tape stands") + ": the drive does not know",
                "The program rewinds and finds the place again; if that fails too, look at the drive.");
}

}  // namespace capstan::scsi
