#include "daemon/medium_reader.hpp"

#include "config/base/log.hpp"
#include "backup/mtf/decoder.hpp"
#include "backup/mtf/private_streams.hpp"
#include "pools/medium_memory.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {

Task<Result<LabelRead>> read_label(drives::DriveOwner& drive) {
    CAPSTAN_CO_TRY(drives::FirstRecord first, co_await drive.read_first_record());
    LabelRead read;
    switch (first.kind) {
        case drives::FirstRecord::Kind::blank: read.facts.kind = pools::MediumKind::blank; break;
        case drives::FirstRecord::Kind::filemark_first:
            read.facts.kind = pools::MediumKind::foreign;
            read.facts.description = "begins with a filemark";
            break;
        case drives::FirstRecord::Kind::unreadable:
            read.facts.kind = pools::MediumKind::unreadable;
            read.facts.description =
                first.sense ? fmt::format("first block unreadable ({})", to_text(first.sense->code)) : "first block unreadable";
            break;
        case drives::FirstRecord::Kind::block: {
            auto recognition = labels::recognise(first.bytes);
            read.facts.description = labels::describe(recognition);
            if (const auto* ours = std::get_if<labels::MediaLabel>(&recognition)) {
                read.facts.kind = pools::MediumKind::capstan;
                read.facts.label = pools::LabelOnMedium{ours->media_id, ours->domain_id, ours->family, ours->sequence,
                                                        ours->generation, wall_of(ours->appendable_until),
                                                        wall_of(ours->keep_until)};
                read.label = *ours;
            } else if (std::holds_alternative<labels::DamagedCapstan>(recognition)) {
                read.facts.kind = pools::MediumKind::unreadable;
            } else {
                read.facts.kind = pools::MediumKind::foreign;
            }
            break;
        }
    }
    co_return read;
}

Task<Result<void>> read_memory(drives::DriveOwner& drive, pools::OnMedium& facts) {
    facts.memory.reset();
    if (!facts.label) co_return Result<void>{};
    CAPSTAN_CO_TRY(auto note, co_await drive.read_memory());
    if (!note) co_return Result<void>{};
    auto memory = pools::decode_medium_memory(note->note);
    if (!memory || memory->media_id != facts.label->media_id || memory->generation != facts.label->generation) co_return Result<void>{};
    memory->current = note->current;
    facts.memory = std::move(memory);
    co_return Result<void>{};
}

namespace {

// The first private stream of one kind in the first block of a record, with the set's number.
class PrivateStream final : public mtf::DecoderEvents {
  public:
    explicit PrivateStream(mtf::StreamId wanted) : wanted_(wanted) {}
    void stream_start(const mtf::Place&, const mtf::StreamHeader& header) override {
        if (!complete_) collector_.start(header);
    }
    void stream_data(std::uint64_t, Bytes bytes) override {
        if (!complete_) collector_.data(bytes);
    }
    void stream_end(const mtf::StreamEnd& end) override {
        if (complete_ || collector_.id() != wanted_ || !end.complete || end.checksum == mtf::ChecksumState::bad) return;
        complete_ = !collector_.too_long();
    }
    std::optional<Bytes> payload() const { return complete_ ? std::optional(collector_.bytes()) : std::nullopt; }

  private:
    mtf::StreamId wanted_;
    mtf::StreamCollector collector_;
    bool complete_ = false;
};

std::optional<std::vector<std::uint8_t>> private_stream_in(Bytes block, mtf::StreamId id, mtf::BlockType type) {
    auto header = mtf::decode_header(block);
    if (!header || header->header.type != type || header->state != mtf::HeaderState::valid) return std::nullopt;
    PrivateStream events(id);
    mtf::DecoderSettings settings;
    settings.starts_at_block = true;
    mtf::Decoder decoder(events, settings);
    decoder.feed(block);
    decoder.finish();
    auto payload = events.payload();
    if (!payload) return std::nullopt;
    return std::vector<std::uint8_t>(payload->begin(), payload->end());
}

}  // namespace

std::optional<mtf::SetEndRecord> end_record_in(Bytes block) {
    auto payload = private_stream_in(block, mtf::StreamId::set_end, mtf::BlockType::end_of_set);
    if (!payload) return std::nullopt;
    auto record = mtf::decode_set_end(*payload);
    return record ? std::optional(std::move(*record)) : std::nullopt;
}

std::optional<mtf::SetBeginRecord> begin_record_in(Bytes block) {
    auto payload = private_stream_in(block, mtf::StreamId::set_begin, mtf::BlockType::set);
    if (!payload) return std::nullopt;
    auto record = mtf::decode_set_begin(*payload);
    return record ? std::optional(std::move(*record)) : std::nullopt;
}

pools::SetOnMedium on_medium(const mtf::SetEndRecord& record) { return {record.number, record.set, wall_of(record.keep_until)}; }
pools::SetOnMedium on_medium(const mtf::SetBeginRecord& record) { return {record.number, record.set, wall_of(record.keep_until)}; }

Task<Result<std::optional<pools::SetOnMedium>>> set_that_ends_before(drives::DriveOwner& drive, BlockNumber behind) {
    std::optional<pools::SetOnMedium> set;
    if (behind < BlockNumber{4}) co_return set;
    CAPSTAN_CO_TRY(auto objects, co_await drive.read_objects(BlockNumber{raw(behind) - 2}, 2));
    if (objects.size() < 2 || objects[1].kind == drives::TapeObject::Kind::end_of_data) co_return set;
    // A full medium may have had no room for the filemark behind it.
    const auto& end = objects[1].kind == drives::TapeObject::Kind::filemark ? objects[0] : objects[1];
    if (end.kind != drives::TapeObject::Kind::block) co_return set;
    if (auto record = end_record_in(end.bytes)) set = on_medium(*record);
    co_return set;
}

namespace {

// What stands behind a span's filemark.
Result<void> take_end(const std::vector<drives::TapeObject>& objects, SetSpan& span) {
    using Kind = drives::TapeObject::Kind;
    auto strange = [&](std::string_view what) {
        return fail(Recovery::replace_medium,
                    fmt::format("behind the set at block {} stands {} where the set's end should be", raw(span.first), what),
                    "Read the cartridge with 'capstan mtf check'; nothing is written on it.");
    };
    if (objects.empty() || objects[0].kind == Kind::end_of_data) return {};
    if (objects[0].kind == Kind::filemark) return strange("another filemark");
    const bool marked = objects.size() > 1 && objects[1].kind == Kind::filemark;
    auto header = mtf::decode_header(objects[0].bytes);
    if (!header || header->state != mtf::HeaderState::valid) return strange("a block that is none of MTF");
    span.behind = span.behind + (marked ? 2 : 1);
    if (header->header.type == mtf::BlockType::end_of_tape) {
        span.end = SetSpan::End::goes_on;
        return {};
    }
    if (header->header.type != mtf::BlockType::end_of_set) return strange(mtf::name_of(header->header.type));
    span.end_written = true;
    if (auto block = mtf::decode_end_of_set(objects[0].bytes)) span.end_block = *block;
    span.end_record = end_record_in(objects[0].bytes);
    if (marked) span.end = SetSpan::End::closed;
    return {};
}

}  // namespace

std::string set_type_name(mtf::SetType type) {
    switch (type) {
        case mtf::SetType::copy: return "copy";
        case mtf::SetType::differential: return "differential";
        case mtf::SetType::incremental: return "incremental";
        case mtf::SetType::daily: return "daily";
        case mtf::SetType::catalog: return "catalog";
        case mtf::SetType::normal: break;
    }
    return "normal";
}

pools::SetExtent extent_of(const pools::Cartridge& cartridge, const SetSpan& span, SetNumber set) {
    pools::SetExtent extent{set, cartridge.id, cartridge.side.sequence, 0, span.first, span.behind};
    if (span.continuation()) {
        extent.first_block = span.first + 1;
        extent.first_fla = span.address + cartridge.side.block_size / mtf::kFlbSize;
    }
    extent.end_block = std::max(extent.end_block, extent.first_block);
    return extent;
}

Task<Result<std::optional<SetSpan>>> read_span(drives::DriveOwner& drive, BlockNumber first) {
    CAPSTAN_CO_TRY(auto head, co_await drive.read_objects(first, 1));
    if (head.empty() || head[0].kind == drives::TapeObject::Kind::end_of_data) co_return std::optional<SetSpan>{};
    SetSpan span;
    span.first = first;
    if (head[0].kind == drives::TapeObject::Kind::block) {
        auto header = mtf::decode_header(head[0].bytes);
        if (header && header->state == mtf::HeaderState::valid && header->header.type == mtf::BlockType::set) {
            if (auto block = mtf::decode_set(head[0].bytes)) span.block = std::move(*block);
            span.begin = begin_record_in(head[0].bytes);
            span.address = header->header.address;
        }
    }
    CAPSTAN_CO_TRY(auto behind, co_await drive.pass_filemark(first));
    if (!behind) {
        CAPSTAN_CO_TRY(auto end, co_await drive.find_end_of_data());
        span.data_end = span.behind = end.block;
        co_return span;
    }
    span.filemark_written = true;
    span.data_end = BlockNumber{raw(*behind) - 1};
    span.behind = *behind;
    CAPSTAN_CO_TRY(auto objects, co_await drive.read_objects(*behind, 2));
    CAPSTAN_CO_CHECK(take_end(objects, span));
    co_return span;
}

namespace {

// The EOTM between the last two filemarks, if one is there.
Task<Result<std::optional<mtf::EndOfTapeBlock>>> end_marker_before(drives::DriveOwner& drive, BlockNumber end) {
    std::optional<mtf::EndOfTapeBlock> marker;
    if (end < BlockNumber{4}) co_return marker;
    CAPSTAN_CO_TRY(auto objects, co_await drive.read_objects(BlockNumber{raw(end) - 2}, 2));
    for (const auto& object : objects) {  // the filemark behind it may have found no room
        if (object.kind != drives::TapeObject::Kind::block) continue;
        auto header = mtf::decode_header(object.bytes);
        if (!header || header->state != mtf::HeaderState::valid || header->header.type != mtf::BlockType::end_of_tape) continue;
        if (auto block = mtf::decode_end_of_tape(object.bytes)) marker = *block;
    }
    co_return marker;
}

}  // namespace

Task<Result<void>> read_end(drives::DriveOwner& drive, BlockNumber recorded_end, pools::OnMedium& facts) {
    constexpr BlockNumber kBehindLabel{2};  // TAPE, filemark
    facts.last_closed.reset();
    facts.unfinished.reset();
    auto end = co_await drive.find_end_of_data();
    if (!end) {
        log::warning("end-of-data-not-found", {{"drive", drive.name().text}, {"reason", to_text(end.error())}});
        facts.end = pools::EndSearch::failed;
        if (end.error().recovery == Recovery::stop_device || end.error().recovery == Recovery::cancelled)
            co_return std::unexpected(end.error());
        co_return Result<void>{};
    }
    facts.end = pools::EndSearch::found;
    facts.end_of_data = end->block;
    if (end->block <= kBehindLabel) co_return Result<void>{};

    CAPSTAN_CO_TRY(auto full, co_await end_marker_before(drive, end->block));
    if (full) {  // the medium was full: a set goes on elsewhere, and the marker says where the last end of a set lies here
        const bool closed = (full->header.attributes & mtf::block_attribute::eotm_no_eset) == 0;
        const auto first = closed ? BlockNumber{full->last_end_of_set + 2} : kBehindLabel;
        CAPSTAN_CO_TRY(facts.last_closed, co_await set_that_ends_before(drive, first));
        CAPSTAN_CO_TRY(auto objects, co_await drive.read_objects(first, 1));
        if (objects.empty() || objects[0].kind != drives::TapeObject::Kind::block) co_return Result<void>{};
        if (auto record = begin_record_in(objects[0].bytes)) facts.unfinished = on_medium(*record);
        co_return Result<void>{};
    }
    CAPSTAN_CO_TRY(facts.last_closed, co_await set_that_ends_before(drive, end->block));
    if (facts.last_closed || recorded_end < kBehindLabel || recorded_end >= end->block) co_return Result<void>{};

    // Something unfinished lies behind the recorded end: whose is it, and is the recorded end still what it was?
    CAPSTAN_CO_TRY(facts.last_closed, co_await set_that_ends_before(drive, recorded_end));
    CAPSTAN_CO_TRY(auto objects, co_await drive.read_objects(recorded_end, 1));
    if (objects.empty() || objects[0].kind != drives::TapeObject::Kind::block) co_return Result<void>{};
    if (auto record = begin_record_in(objects[0].bytes)) facts.unfinished = on_medium(*record);
    co_return Result<void>{};
}

}  // namespace capstan::daemon
