#include "backup/job/encoder_stage.hpp"

#include "backup/job/commit_feed.hpp"
#include "backup/job/content_hash.hpp"
#include "backup/job/object_blocks.hpp"
#include "backup/job/ring_output.hpp"
#include "backup/mtf/writer.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

namespace capstan::backup {

namespace {

using Outcome = ObjectOutcome::State;
constexpr int kObjectsPerStep = 64;
constexpr std::uint64_t kDetailOfObject =
    68;  // bytes of its entry in a type 1 catalog without the name (MTF reference 4.2)

mtf::ObjectState state_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::ok: return mtf::ObjectState::ok;
        case Outcome::changed: return mtf::ObjectState::changed;
        case Outcome::grew: return mtf::ObjectState::grown;
        case Outcome::shrank: return mtf::ObjectState::shrunk;
        case Outcome::read_error: return mtf::ObjectState::read_error;
    }
    return mtf::ObjectState::ok;
}

catalog::ObjectState catalog_state_of(Outcome outcome) {
    if (outcome == Outcome::ok) return catalog::ObjectState::saved;
    return outcome == Outcome::changed || outcome == Outcome::grew ? catalog::ObjectState::changed
                                                                   : catalog::ObjectState::partial;
}

}  // namespace

struct EncoderStage::Work {
    enum class Phase : std::uint8_t {
        medium,
        set,
        volume,
        objects,
        extents,
        data,
        tail,
        corrupt,
        set_end,
        last_checkpoint,
        end
    };
    enum class Act : std::uint8_t { did, object_done, blocked, finished };

    Work(Source& s, std::shared_ptr<drives::BlockRing> r, EncoderSettings e, IssueQueue& i, EncoderProgress& p)
        : source(s),
          settings(std::move(e)),
          issues(i),
          progress(p),
          output(std::move(r)),
          writer(output, {.output_size = settings.output_size, .soft_filemarks = settings.soft_filemarks}),
          feed(settings.segment_path),
          phase(settings.media_header ? Phase::medium : Phase::set) {}

    Act act();
    Act begin_set();
    Act next_object();
    bool is_full() const { return objects >= settings.objects_max || detail_bytes >= settings.detail_bytes_max; }
    void begin_object();
    Act next_extent();
    Act move_data();
    void take_data(MutableBytes space, std::size_t size);
    bool end_data();
    void end_object();
    void object_finished();
    Act end_set();
    Act last_checkpoint();
    void take_issues();
    void account_pushed();
    void cut(std::uint64_t sequence, bool last);

    Source& source;
    EncoderSettings settings;
    IssueQueue& issues;
    EncoderProgress& progress;
    RingOutput output;
    mtf::SetWriter writer;
    CommitFeed feed;
    ContentHasher hasher;
    Phase phase;
    std::atomic<bool> checkpoint_requested = false, stop_requested = false, abandoned = false;
    std::atomic<bool> more = false;  // the source has objects for another set

    // the present object
    ObjectRecord record;
    std::uint64_t address = 0;
    std::vector<std::uint8_t> payload;
    Extent extent;
    std::uint64_t sparse_end = 0;  // of the last extent
    bool extent_open = false, data_missing = false;
    std::uint16_t data_stream = 0;    // its number, for CFIL
    std::uint64_t first_missing = 0;  // offset in the stream of the first byte that could not be read
    ObjectOutcome outcome;
    std::optional<catalog::ContentHash> hash;

    std::string directory;       // recorded path of the one in force
    std::uint64_t set_base = 0;  // bytes on the medium before the set
    std::uint64_t data_end = 0;  // FLA behind the set's data
    std::uint64_t accounted = 0, since_checkpoint = 0;
    std::uint64_t objects = 0, bytes = 0, not_saved = 0, changed = 0, corrupt = 0;
    std::uint64_t detail_bytes = 0;  // that the set's entries take in a type 1 catalog, at most

    std::mutex mutex;
    std::deque<CheckpointPart> parts;  // of entries that the ring has not reported yet
};

EncoderStage::Work::Act EncoderStage::Work::act() {
    switch (phase) {
        case Phase::medium:
            if (!writer.ready()) return Act::blocked;
            writer.media_header(*settings.media_header);
            phase = Phase::set;
            return Act::did;
        case Phase::set:
        case Phase::volume: return begin_set();
        case Phase::objects: return next_object();
        case Phase::extents: return next_extent();
        case Phase::data: return move_data();
        case Phase::tail: end_object(); return Act::object_done;
        case Phase::corrupt: {
            if (!writer.ready()) return Act::blocked;
            mtf::CorruptBlock block;
            block.attributes = outcome.state == Outcome::read_error ? mtf::corrupt_attribute::read_error
                                                                    : mtf::corrupt_attribute::length_changed;
            block.stream_offset = first_missing;
            block.stream_number = data_stream;
            writer.corrupt(block);
            ++corrupt;
            object_finished();
            return Act::did;
        }
        case Phase::set_end: return end_set();
        case Phase::last_checkpoint: return last_checkpoint();
        case Phase::end: {
            std::uint64_t sequence = 0;
            return output.push_entry(drives::RingEntry::Kind::end, sequence) ? Act::finished : Act::blocked;
        }
    }
    return Act::blocked;
}

EncoderStage::Work::Act EncoderStage::Work::begin_set() {
    if (!writer.ready()) return Act::blocked;
    if (phase == Phase::volume) {
        writer.volume(settings.volume);
        phase = Phase::objects;
        return Act::did;
    }
    set_base = writer.position();
    mtf::encode(settings.begin, payload);
    const mtf::SmallStream stream{mtf::StreamId::set_begin, payload};
    writer.begin_set(settings.set, {&stream, 1});
    phase = Phase::volume;
    return Act::did;
}

// The ledger gets what the source had to say; what was not saved at all is also counted, and listed where its directory
// is.
void EncoderStage::Work::take_issues() {
    auto news = source.take_issues();
    if (news.empty()) return;
    for (auto& issue : news) {
        if (issue.kind == IssueKind::unreadable || issue.kind == IssueKind::vanished) {
            ++not_saved;
            ++progress.not_saved;
            FinishedObject object{issue.path, {}, writer.position(), 0};
            object.facts.state = catalog::ObjectState::not_saved;
            bool listable = catalog::parent_of(issue.path) == directory && writer.position() > 0;
            if (!listable) object.path.clear();
            feed.finished(std::move(object));
        }
        issues.add(std::move(issue));
    }
}

EncoderStage::Work::Act EncoderStage::Work::next_object() {
    if (!writer.ready()) return Act::blocked;
    if (is_full() && !stop_requested) source.end_set();
    auto step = stop_requested ? SourceStep::end : source.next(record);
    take_issues();
    progress.skipped = source.counts().sockets;
    if (step == SourceStep::waiting) return Act::blocked;
    if (step == SourceStep::end || step == SourceStep::next_set) {
        more = step == SourceStep::next_set;
        phase = Phase::set_end;
        return Act::did;
    }
    begin_object();
    return Act::did;
}

void EncoderStage::Work::begin_object() {
    address = writer.address();
    outcome = {};
    hash.reset();
    data_missing = extent_open = false;
    sparse_end = 0;
    if (record.metadata.is_directory()) {
        writer.directory(directory_block(record));
        directory = record.path;
    } else {
        writer.file(file_block(record));
    }
    payload.clear();
    encode(record.metadata, payload);
    writer.small_stream({mtf::StreamId::posix, payload});
    if (record.metadata.is_directory()) {
        phase = Phase::tail;
    } else if (!record.metadata.first_name.empty()) {
        payload = link_payload(record.metadata.first_name);
        writer.small_stream({mtf::StreamId::link, payload, 0});
        phase = Phase::tail;
    } else if (!record.has_data()) {
        writer.small_stream({mtf::StreamId::data, {}, 0});  // other readers make an empty file of it
        phase = Phase::tail;
    } else {
        hasher.begin();
        if (record.sparse) writer.sparse_header(mtf::StreamId::data);
        phase = Phase::extents;
    }
}

// Begins the next stream of the object's data, or finds that there is none.
EncoderStage::Work::Act EncoderStage::Work::next_extent() {
    auto next = source.next_extent();
    if (!record.sparse) {
        extent = {0, record.metadata.size};
        if (record.size_known)
            writer.begin_stream(mtf::StreamId::data, extent.size);
        else
            writer.begin_stream_of_unknown_length(mtf::StreamId::data);
    } else if (next) {
        extent = *next;
        writer.begin_sparse_extent(extent.offset, extent.size);
        sparse_end = extent.offset + extent.size;
    } else {
        if (sparse_end == record.metadata.size) {
            phase = Phase::tail;
            return Act::did;
        }
        extent = {record.metadata.size, 0};  // it ends in a hole: an empty extent marks the end
        writer.begin_sparse_extent(extent.offset, 0);
        sparse_end = extent.offset;
    }
    if (record.sparse) {
        std::array<std::uint8_t, 8> offset{};
        for (std::size_t i = 0; i < 8; ++i) offset[i] = static_cast<std::uint8_t>(extent.offset >> (8 * i));
        hasher.add(offset);
    }
    if (!data_missing) data_stream = writer.streams_begun();
    extent_open = true;
    phase = Phase::data;
    return Act::did;
}

void EncoderStage::Work::take_data(MutableBytes space, std::size_t size) {
    hasher.add(space.first(size));
    writer.advance(size);
    progress.bytes += size;
    since_checkpoint += size;
}

EncoderStage::Work::Act EncoderStage::Work::move_data() {
    if (record.size_known && writer.stream_remaining() == 0) return end_data() ? Act::did : Act::blocked;
    auto space = writer.data_space();
    if (space.empty()) return Act::blocked;
    if (!data_missing) {
        auto got = source.read(space);  // its error is told by finish_object()
        if (got && *got > 0) {
            take_data(space, *got);
            return Act::did;
        }
        if (!record.size_known) return end_data() ? Act::did : Act::blocked;
        data_missing = true;
        first_missing = extent.size + (record.sparse ? 8 : 0) - writer.stream_remaining();
    }
    std::memset(space.data(), 0, space.size());
    take_data(space, space.size());
    return Act::did;
}

bool EncoderStage::Work::end_data() {
    writer.end_stream();
    extent_open = false;
    phase = record.sparse ? Phase::extents : Phase::tail;
    return true;
}

void EncoderStage::Work::end_object() {
    outcome = source.finish_object();
    if (record.has_data()) {
        hash = hasher.value();
        if (data_missing && outcome.state != Outcome::read_error) outcome.state = Outcome::shrank;
        mtf::ObjectHash stored;
        stored.hash = *hash;
        stored.bytes_read = outcome.bytes_read;
        stored.state = state_of(outcome.state);
        auto bytes_stored = mtf::encode(stored);
        writer.small_stream({mtf::StreamId::object_hash, bytes_stored});
    }
    take_issues();
    writer.end_object();
    if (data_missing || outcome.state == Outcome::read_error) {
        if (!data_missing) first_missing = 0;
        phase = Phase::corrupt;
        return;
    }
    object_finished();
}

void EncoderStage::Work::object_finished() {
    FinishedObject object{record.path, facts_of(record, address), writer.position(), outcome.bytes_read};
    if (record.metadata.size_unknown) object.facts.size = outcome.bytes_read;
    object.facts.state = catalog_state_of(outcome.state);
    object.facts.hash = hash;
    feed.finished(std::move(object));
    ++objects;
    // A directory's entry has its whole path, a file's its name; UTF-16 takes at most two bytes for one of ours.
    detail_bytes += kDetailOfObject + 2 * (record.metadata.is_directory() ? record.path : record.metadata.name).size();
    bytes += outcome.bytes_read;
    ++progress.objects;
    if (outcome.state != Outcome::ok) {
        ++changed;
        ++progress.changed;
    }
    phase = Phase::objects;
}

// What lies below this is in the ring, hence before a checkpoint that comes next.
void EncoderStage::Work::account_pushed() {
    if (accounted == output.pushed_bytes() || phase == Phase::medium || phase == Phase::set) return;
    accounted = output.pushed_bytes();
    if (accounted > set_base) feed.pushed(accounted - set_base);
    bool due = since_checkpoint >= settings.checkpoint_bytes || checkpoint_requested.load();
    bool in_data = phase != Phase::set_end && phase != Phase::last_checkpoint && phase != Phase::end;
    if (!due || !in_data || output.wants_checkpoint() || accounted <= set_base) return;
    checkpoint_requested = false;
    since_checkpoint = 0;
    output.want_checkpoint([this](std::uint64_t sequence) { cut(sequence, false); });
}

void EncoderStage::Work::cut(std::uint64_t sequence, bool last) {
    auto position = output.pushed_bytes() - set_base;
    feed.pushed(last ? UINT64_MAX : position);
    auto part = feed.cut(sequence, last ? data_end : position / mtf::kFlbSize, last);
    std::lock_guard lock(mutex);
    parts.push_back(std::move(part));
}

EncoderStage::Work::Act EncoderStage::Work::end_set() {
    if (!writer.ready()) return Act::blocked;
    output.want_checkpoint({});  // the last one follows at once
    data_end = mtf::align_up(writer.position(), writer.layout().physical_block()) / mtf::kFlbSize;
    mtf::SetEndRecord end;
    end.set = settings.begin.set;
    end.number = settings.begin.number;
    end.objects = objects, end.bytes = bytes;
    end.not_saved = not_saved, end.changed = changed, end.corrupt = corrupt;
    end.keep_until = settings.begin.keep_until;
    end.aborted = stop_requested;
    mtf::encode(end, payload);
    mtf::EndOfSetBlock block;
    block.attributes = settings.set.attributes;
    block.number = settings.set.number;
    block.date = settings.set.date;
    block.corrupt_objects = static_cast<std::uint32_t>(corrupt);
    if (end.aborted) block.header.attributes |= mtf::block_attribute::eset_aborted;
    const mtf::SmallStream stream{mtf::StreamId::set_end, payload};
    writer.end_set(block, {&stream, 1});
    phase = Phase::last_checkpoint;
    return Act::did;
}

EncoderStage::Work::Act EncoderStage::Work::last_checkpoint() {
    if (!writer.drained() && (writer.ready(), !writer.drained())) return Act::blocked;
    writer.finish();
    output.want_checkpoint([this](std::uint64_t sequence) { cut(sequence, true); });
    std::uint64_t sequence = 0;
    if (!output.push_entry(drives::RingEntry::Kind::checkpoint, sequence)) return Act::blocked;
    phase = Phase::end;
    return Act::did;
}

EncoderStage::EncoderStage(Source& source, std::shared_ptr<drives::BlockRing> ring, EncoderSettings settings,
                           IssueQueue& issues, EncoderProgress& progress)
    : work_(std::make_unique<Work>(source, std::move(ring), std::move(settings), issues, progress)) {}
EncoderStage::~EncoderStage() = default;

StepResult EncoderStage::step() {
    auto& work = *work_;
    auto pushed = work.output.pushed_bytes();
    bool did = false;
    for (int done = 0; done < kObjectsPerStep;) {
        if (work.abandoned) return StepResult::finished;
        auto act = work.act();
        work.account_pushed();
        if (act == Work::Act::finished) return StepResult::finished;
        if (act == Work::Act::blocked) return did ? StepResult::progressed : StepResult::idle;
        did = true;
        done += act == Work::Act::object_done ? 1 : 0;
        if (work.output.pushed_bytes() != pushed) break;
    }
    return StepResult::progressed;
}

void EncoderStage::request_checkpoint() { work_->checkpoint_requested = true; }
bool EncoderStage::source_has_more() const { return work_->more; }
void EncoderStage::request_stop() { work_->stop_requested = true; }
void EncoderStage::abandon() { work_->abandoned = true; }

std::optional<CheckpointPart> EncoderStage::take_checkpoint(std::uint64_t sequence) {
    std::lock_guard lock(work_->mutex);
    auto& parts = work_->parts;
    auto found =
        std::find_if(parts.begin(), parts.end(), [&](const CheckpointPart& part) { return part.sequence == sequence; });
    if (found == parts.end()) return std::nullopt;
    auto part = std::move(*found);
    parts.erase(found);
    return part;
}

mtf::ResumePoint EncoderStage::resume_point(std::uint64_t sequence) const {
    return work_->output.resume_point(sequence);
}

}  // namespace capstan::backup
