#include "backup/job/decoder_stage.hpp"

#include "backup/job/object_reader.hpp"
#include "backup/mtf/decoder.hpp"
#include "backup/mtf/wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace capstan::backup {

struct DecoderStage::Work {
    Work(std::shared_ptr<drives::BlockRing> r, ObjectSink& s, IssueQueue& i, DecoderProgress& p)
        : ring(std::move(r)), sink(s), issues(i), progress(p), reader(sink, issues) {}
    ~Work() { sink.unused_below(0, true); }  // the ring's memory ends with us

    void take_stretch();
    void feed(Bytes block);
    void fail_links();
    void report();

    std::shared_ptr<drives::BlockRing> ring;
    ObjectSink& sink;
    IssueQueue& issues;
    DecoderProgress& progress;
    ObjectReader reader;
    std::unique_ptr<mtf::Decoder> decoder;
    bool joins = false;    // the next block is the continuation on a further medium
    std::size_t skip = 0;  // bytes of the stretch's first block in front of its first wanted object

    std::mutex mutex;
    std::optional<Stretch> next;              // announced by the control thread
    std::atomic<std::size_t> left = 0;        // wanted objects that are not complete
    std::atomic<std::uint64_t> consumed = 0;  // ring entries
    Result<void> closed;
};

void DecoderStage::Work::take_stretch() {
    std::unique_lock lock(mutex);
    if (!next) return;
    auto stretch = std::move(*next);
    next.reset();
    lock.unlock();
    if (stretch.continues && decoder) {
        decoder->end_of_medium();
        decoder->next_medium();
        joins = true;
        skip = 0;
    } else {
        if (!stretch.broke_off.empty()) reader.broke_off(stretch.broke_off);
        if (decoder) decoder->finish();
        if (stretch.broke_off.empty()) reader.give_up();
        else reader.give_up_before(stretch.first_address, stretch.broke_off);
        mtf::DecoderSettings settings;
        settings.names = mtf::NameRule::escaped;
        settings.starts_at_block = true;
        settings.offset = stretch.first_address * mtf::kFlbSize;
        decoder = std::make_unique<mtf::Decoder>(reader, settings);
        skip = stretch.offset;
    }
    reader.want(std::move(stretch.wanted));
}

void DecoderStage::Work::feed(Bytes block) {
    if (!decoder || reader.left() == 0) return;  // all is there: the rest was read for nothing
    auto set = std::exchange(joins, false) ? mtf::wire::load<mtf::wire::Set>(block) : std::nullopt;
    if (set) {
        // The decoder began inside the set, so that it does not know its number (0) and would take SSET* for another
        // set's.
        std::vector<std::uint8_t> copy(block.begin(), block.end());
        set->number = {};
        mtf::wire::store(*set, copy);
        return decoder->feed(copy);
    }
    auto front = std::min(skip, block.size());
    skip -= front;
    decoder->feed(block.subspan(front));
}

void DecoderStage::Work::fail_links() {
    for (const auto& link : reader.take_unresolved_links()) {
        issues.add({IssueKind::not_restored, link.path,
                    fmt::format("it is a hard link to /{}, which was not restored with it", link.first_name)});
    }
}

void DecoderStage::Work::report() {
    std::unique_lock lock(mutex);
    left = reader.left() + (next ? next->wanted.size() : 0);
    lock.unlock();
    auto counts = sink.counts();
    progress.objects = counts.objects;
    progress.bytes = counts.bytes;
    progress.failed = counts.failed;
    progress.kept = counts.kept;
}

DecoderStage::DecoderStage(std::shared_ptr<drives::BlockRing> ring, ObjectSink& sink, IssueQueue& issues,
                           DecoderProgress& progress)
    : work_(std::make_unique<Work>(std::move(ring), sink, issues, progress)) {}
DecoderStage::~DecoderStage() = default;

StepResult DecoderStage::step() {
    using Kind = drives::RingEntry::Kind;
    auto& work = *work_;
    const auto* entry = work.ring->front();
    if (entry == nullptr) {
        auto taken = work.ring->taken();
        if (work.ring->proven() == taken) return StepResult::idle;
        work.ring->prove(work.sink.unused_below(taken, true));  // the drive may wait for room
        return StepResult::progressed;
    }
    bool end = false;
    work.take_stretch();
    switch (entry->kind) {
        case Kind::block:
        case Kind::end_block:
            work.sink.in_block(entry->sequence, entry->bytes());
            work.feed(entry->bytes());
            break;
        case Kind::filemark:
            if (work.decoder && work.reader.left() > 0) work.decoder->filemark();
            break;
        case Kind::checkpoint: break;  // the next stretch says whether what is open goes on
        case Kind::end: {
            if (work.decoder) work.decoder->finish();
            work.reader.give_up();
            work.fail_links();
            work.closed = work.sink.close();
            end = true;
            break;
        }
    }
    work.report();
    auto sequence = entry->sequence;
    work.ring->pop();
    work.ring->prove(work.sink.unused_below(sequence + 1, end));
    work.consumed = sequence + 1;
    return end ? StepResult::finished : StepResult::progressed;
}

void DecoderStage::begin_stretch(Stretch stretch) {
    std::lock_guard lock(work_->mutex);
    if (!stretch.continues && stretch.broke_off.empty()) work_->left = stretch.wanted.size();
    work_->next = std::move(stretch);
}

bool DecoderStage::satisfied() const { return work_->left == 0; }
std::vector<UnresolvedLink> DecoderStage::take_unresolved_links() { return work_->reader.take_unresolved_links(); }
bool DecoderStage::idle_ring() const { return work_->consumed == work_->ring->pushed(); }
Result<void> DecoderStage::outcome() const { return work_->closed; }

}  // namespace capstan::backup
