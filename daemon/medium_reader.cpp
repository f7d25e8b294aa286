#include "daemon/medium_reader.hpp"

#include "backup/mtf/decoder.hpp"
#include "backup/mtf/private_streams.hpp"

#include <fmt/format.h>

namespace capstan::daemon {

Wall wall_of(std::int64_t unix_seconds) {
    constexpr std::int64_t kLastSecond = 9'223'372'036;  // of a nanosecond clock
    if (unix_seconds == 0 || unix_seconds >= kLastSecond) return pools::kForever;
    return Wall{std::chrono::seconds{unix_seconds}};
}

std::int64_t unix_seconds_of(Wall time) {
    if (time == pools::kForever) return 0;
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

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

std::optional<pools::SetOnMedium> set_end_in(Bytes block) {
    auto payload = private_stream_in(block, mtf::StreamId::set_end, mtf::BlockType::end_of_set);
    if (!payload) return std::nullopt;
    auto record = mtf::decode_set_end(*payload);
    if (!record) return std::nullopt;
    return pools::SetOnMedium{record->number, record->set, wall_of(record->keep_until)};
}

std::optional<pools::SetOnMedium> set_begin_in(Bytes block) {
    auto payload = private_stream_in(block, mtf::StreamId::set_begin, mtf::BlockType::set);
    if (!payload) return std::nullopt;
    auto record = mtf::decode_set_begin(*payload);
    if (!record) return std::nullopt;
    return pools::SetOnMedium{record->number, record->set, wall_of(record->keep_until)};
}

Task<Result<void>> read_end(drives::DriveOwner& drive, BlockNumber recorded_end, pools::OnMedium& facts) {
    constexpr BlockNumber kBehindLabel{2};  // TAPE, filemark
    auto end = co_await drive.find_end_of_data();
    if (!end) {
        facts.end = pools::EndSearch::failed;
        if (end.error().recovery == Recovery::stop_device || end.error().recovery == Recovery::cancelled)
            co_return std::unexpected(end.error());
        co_return Result<void>{};
    }
    facts.end = pools::EndSearch::found;
    facts.end_of_data = end->block;
    if (end->block <= kBehindLabel) co_return Result<void>{};

    // The last set's end is the block before the last filemark.
    auto ends_here = [&](BlockNumber behind) -> Task<Result<std::optional<pools::SetOnMedium>>> {
        if (behind < BlockNumber{4}) co_return std::optional<pools::SetOnMedium>{};
        CAPSTAN_CO_TRY(auto objects, co_await drive.read_objects(BlockNumber{raw(behind) - 2}, 2));
        if (objects.size() < 2 || objects[0].kind != drives::TapeObject::Kind::block ||
            objects[1].kind != drives::TapeObject::Kind::filemark)
            co_return std::optional<pools::SetOnMedium>{};
        co_return set_end_in(objects[0].bytes);
    };
    CAPSTAN_CO_TRY(facts.last_closed, co_await ends_here(end->block));
    if (facts.last_closed || recorded_end < kBehindLabel || recorded_end >= end->block) co_return Result<void>{};

    // Something unfinished lies behind the recorded end: whose is it, and is the recorded end still what it was?
    CAPSTAN_CO_TRY(facts.last_closed, co_await ends_here(recorded_end));
    CAPSTAN_CO_TRY(auto objects, co_await drive.read_objects(recorded_end, 1));
    if (!objects.empty() && objects[0].kind == drives::TapeObject::Kind::block) facts.unfinished = set_begin_in(objects[0].bytes);
    co_return Result<void>{};
}

}  // namespace capstan::daemon
