#include "backup/job/set_scan.hpp"

#include "backup/job/stage_run.hpp"
#include "backup/mtf/wire.hpp"

#include <algorithm>
#include <cstring>

namespace capstan::backup {

namespace {
constexpr std::uint64_t kReadAhead = 4096;  // blocks asked for at a time; a filemark ends it earlier
}

// Ring -> decoder. `checkpoint` stands between two media, `end` behind everything.
class SetScan::Decoding final : public Stage {
  public:
    Decoding(std::shared_ptr<drives::BlockRing> ring, ScanSink& sink, ScanStart start)
        : ring_(std::move(ring)), begins_inside_(start.address != 0), scanner(sink, start) {
        mtf::DecoderSettings settings;
        settings.names = mtf::NameRule::escaped;
        settings.starts_at_block = true;
        settings.offset = start.address * mtf::kFlbSize;
        decoder_ = std::make_unique<mtf::Decoder>(scanner, settings);
    }
    StepResult step() override {
        using Kind = drives::RingEntry::Kind;
        const auto* entry = ring_->front();
        if (entry == nullptr) return StepResult::idle;
        const auto kind = entry->kind;
        if (kind == Kind::block || kind == Kind::end_block) feed(entry->bytes());
        if (kind == Kind::filemark) decoder_->filemark();
        if (kind == Kind::checkpoint) {
            decoder_->end_of_medium();
            decoder_->next_medium();
            joins_ = true;
        }
        if (kind == Kind::end) decoder_->finish();
        const auto sequence = entry->sequence;
        ring_->pop();
        ring_->prove(sequence + 1);
        return kind == Kind::end ? StepResult::finished : StepResult::progressed;
    }
    std::size_t skip = 0;  // of the first block; set before it is pushed

  private:
    void feed(Bytes block) {
        auto set = std::exchange(joins_, false) && begins_inside_ ? mtf::wire::load<mtf::wire::Set>(block) : std::nullopt;
        if (set) {  // a decoder that began inside the set has no number to compare SSET* with
            std::vector<std::uint8_t> copy(block.begin(), block.end());
            set->number = {};
            mtf::wire::store(*set, copy);
            return decoder_->feed(copy);
        }
        decoder_->feed(block.subspan(std::min(std::exchange(skip, 0), block.size())));
    }
    std::shared_ptr<drives::BlockRing> ring_;
    bool begins_inside_ = false, joins_ = false;
    std::unique_ptr<mtf::Decoder> decoder_;

  public:
    SetScanner scanner;
};

SetScan::SetScan(JobEnvironment& environment, ScanSink& sink, ScanStart start, std::size_t block_size) : environment_(environment) {
    auto slots = std::clamp<std::size_t>(environment_.ring_bytes / block_size / 4, 8, 256);
    ring_ = std::make_shared<drives::BlockRing>(block_size, slots);
    stage_ = std::make_unique<Decoding>(ring_, sink, std::move(start));
}
SetScan::~SetScan() = default;

const ScannedSet& SetScan::found() const { return stage_->scanner.found(); }

Task<Result<void>> SetScan::start_stage() {
    if (finished_) co_return Result<void>{};
    finished_ = run_beside(environment_, *stage_, *ring_);
    co_return Result<void>{};
}

Task<Result<void>> SetScan::push(drives::RingEntry::Kind kind, Bytes bytes) {
    while (ring_->reserve().empty()) {
        if (!co_await sleep_for(environment_.loop, environment_.clock, kRingNap))
            co_return fail(Recovery::cancelled, "the daemon is stopping");
    }
    auto slot = ring_->reserve();
    if (bytes.size() > slot.size())
        co_return fail(Recovery::replace_medium, "a block is longer than the medium's label says", "Read this medium with 'capstan mtf'.");
    std::copy(bytes.begin(), bytes.end(), slot.begin());
    ring_->push(kind, bytes.size());
    co_return Result<void>{};
}

Task<Result<void>> SetScan::push_mark(drives::RingEntry::Kind kind) {
    Bytes nothing;
    co_return co_await push(kind, nothing);
}

Task<Result<bool>> SetScan::read_to_filemark(drives::DriveOwner& drive) {
    using Reason = drives::ReadReport::Reason;
    for (;;) {
        if (cancelled_) co_return fail(Recovery::cancelled, "the job was cancelled");
        auto report = co_await drive.read_into(ring_, position_, kReadAhead, environment_.patience);
        if (environment_.loop.stopping()) co_return fail(Recovery::cancelled, "the daemon is stopping");
        position_ = report.position;
        bytes_read_ += report.bytes;
        switch (report.reason) {
            case Reason::count_reached: break;
            case Reason::no_room:
                if (environment_.patience.count() == 0) co_await sleep_until(environment_.loop, environment_.clock, environment_.clock.now());
                break;
            case Reason::filemark: co_return true;
            case Reason::end_of_data: co_return false;
            case Reason::failed: co_return std::unexpected(*report.error);
        }
    }
}

Task<Result<SetScan::Part>> SetScan::read(drives::DriveOwner& drive, BlockNumber first, std::uint32_t offset) {
    using Kind = drives::RingEntry::Kind;
    CAPSTAN_CO_CHECK(co_await start_stage());
    if (further_medium_) CAPSTAN_CO_CHECK(co_await push_mark(Kind::checkpoint));
    further_medium_ = true;
    stage_->skip = offset;
    position_ = first;
    Part part;
    CAPSTAN_CO_TRY(bool marked, co_await read_to_filemark(drive));
    part.data_end = marked ? BlockNumber{raw(position_) - 1} : position_;
    part.behind = position_;
    if (!marked) co_return part;
    CAPSTAN_CO_CHECK(co_await push_mark(Kind::filemark));
    CAPSTAN_CO_TRY(auto objects, co_await drive.read_objects(position_, 2));
    if (objects.empty() || objects[0].kind != drives::TapeObject::Kind::block) co_return part;
    auto header = mtf::decode_header(objects[0].bytes);
    const bool marked_again = objects.size() == 2 && objects[1].kind == drives::TapeObject::Kind::filemark;
    const bool is_end = header && header->header.type == mtf::BlockType::end_of_set;
    const bool goes_on = header && header->header.type == mtf::BlockType::end_of_tape;
    if (!is_end && !goes_on) co_return part;
    CAPSTAN_CO_CHECK(co_await push(Kind::block, objects[0].bytes));
    if (marked_again) CAPSTAN_CO_CHECK(co_await push_mark(Kind::filemark));
    part.behind = position_ + (marked_again ? 2 : 1);
    if (goes_on) part.ended = Ended::goes_on;
    if (is_end && marked_again) part.ended = Ended::closed;
    co_return part;
}

Task<Result<void>> SetScan::finish() {
    if (!finished_) co_return Result<void>{};
    auto ended = co_await push_mark(drives::RingEntry::Kind::end);
    co_await joined(environment_, finished_);
    co_return ended;
}

}  // namespace capstan::backup
