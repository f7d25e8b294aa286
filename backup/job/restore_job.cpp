#include "backup/job/restore_job.hpp"

#include "backup/job/stage_run.hpp"
#include "backup/job/bkf_file.hpp"
#include "backup/mtf/blocks.hpp"
#include "config/base/log.hpp"
#include "pools/store/cartridges.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::backup {
namespace {

constexpr std::size_t kObjectsAtOnce = 20000;   // of the selection in memory
constexpr std::uint64_t kGapWorthReading = 64;  // blocks between two wanted objects that are read through, not located
constexpr std::uint64_t kReadAhead = 256;       // blocks asked for at a time when an object goes on

}  // namespace

ObjectSink::Verdict VerifySink::begin(IncomingObject object) {
    ++counts_.objects;
    path_ = object.path;
    return object.metadata.is_regular() && object.metadata.first_name.empty() ? Verdict::write_data : Verdict::done;
}
bool VerifySink::write(std::uint64_t, Bytes bytes) {
    counts_.bytes += bytes.size();
    return true;
}
void VerifySink::finish(const std::string& damage) {
    if (damage.empty()) return;
    ++counts_.failed;
    issues_.add(Issue{IssueKind::damaged, path_, damage});
}

RestoreJob::RestoreJob(JobEnvironment& environment, RestorePlan plan, catalog::Selection selection, ObjectSink& sink,
                       IssueQueue& issues, DecoderProgress& progress)
    : environment_(environment),
      plan_(plan),
      selection_(std::move(selection)),
      sink_(sink),
      issues_(issues),
      progress_(progress) {}
RestoreJob::~RestoreJob() = default;

Task<Result<void>> RestoreJob::run() {
    std::size_t block_size = 65536;
    for (const auto& extent : selection_.extents()) block_size = std::max<std::size_t>(block_size, extent.block_size);
    auto slots = std::clamp<std::size_t>(environment_.ring_bytes / block_size / 4, 8, 512);
    ring_ = std::make_shared<drives::BlockRing>(block_size, slots, nullptr,
                                                environment_.ring_memory.take(block_size * slots));
    stage_ = std::make_unique<DecoderStage>(ring_, sink_, issues_, progress_);
    auto stage_run = run_beside(environment_, *stage_, *ring_);
    auto outcome = co_await read_steps();
    if (outcome) outcome = co_await read_links();
    release();
    auto ended = co_await push(drives::RingEntry::Kind::end);
    co_await joined(environment_, stage_run);
    if (!outcome) co_return outcome;
    if (!ended) co_return ended;
    co_return stage_->outcome();
}

void RestoreJob::release() {
    if (lease_) environment_.mounts.release(lease_->id, pools::MountPort::After::keep);
    lease_.reset();
}

// The next objects of the selection, in the order of the medium (ancestors come before the paths that need them).
Result<std::vector<RestoreJob::Placed>> RestoreJob::next_objects() {
    std::vector<Placed> placed;
    const auto& extents = selection_.extents();
    while (placed.size() < kObjectsAtOnce) {
        CAPSTAN_TRY(const auto* selected, selection_.next());
        if (selected == nullptr) {
            selection_done_ = true;
            break;
        }
        if (!links_.empty() && selected->ancestor) continue;  // the chosen names' own directories exist by now
        const auto& facts = selected->object.facts;
        if (!selected->location) {
            if (!selected->ancestor)
                issues_.add(
                    Issue{IssueKind::not_restored, selected->object.path, "nothing of it was saved in this set"});
            continue;
        }
        const auto& location = *selected->location;
        auto extent = std::find_if(extents.begin(), extents.end(), [&](const catalog::MediaExtent& e) {
            return e.media_id == location.media_id && e.sequence == location.sequence && facts.fla >= e.first_fla &&
                   (facts.fla < e.end_fla || e.end_fla == 0);
        });
        if (extent == extents.end()) {
            issues_.add(
                Issue{IssueKind::not_restored, selected->object.path, "the catalog does not say where it lies"});
            continue;
        }
        Placed object;
        object.extent = static_cast<std::size_t>(extent - extents.begin());
        object.block = location.block;
        object.offset = location.offset;
        object.end = raw(location.block) + (location.offset + facts.size) / location.block_size + 2;
        object.wanted = WantedObject{selected->object.path, facts.fla, selected->ancestor, facts.hash};
        if (auto link = links_.find(selected->object.path); link != links_.end()) {
            object.wanted.recorded_path = link->first;
            object.wanted.path = link->second.front();
            object.wanted.further_names.assign(link->second.begin() + 1, link->second.end());
        }
        placed.push_back(std::move(object));
    }
    std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
        return std::pair(a.extent, a.wanted.address) < std::pair(b.extent, b.wanted.address);
    });
    return placed;
}

Result<std::deque<RestoreJob::Step>> RestoreJob::read_selection() {
    CAPSTAN_TRY(auto placed, next_objects());
    std::deque<Step> steps;
    for (auto& object : placed) {
        bool joins = !steps.empty() && steps.back().extent == object.extent &&
                     raw(object.block) <= raw(steps.back().first) + steps.back().blocks + kGapWorthReading;
        if (!joins) {
            Step step;
            step.extent = object.extent;
            step.first = object.block;
            step.stretch.offset = object.offset;
            step.stretch.first_address = object.wanted.address;
            steps.push_back(std::move(step));
        }
        auto& step = steps.back();
        step.starts.push_back({object.wanted.address, object.block, object.offset});
        step.stretch.wanted.push_back(std::move(object.wanted));
        step.blocks = std::max(step.blocks, object.end - raw(step.first));
    }
    return steps;
}

Task<Result<std::deque<RestoreJob::Step>>> RestoreJob::next_steps() {
    std::move_only_function<Result<std::deque<Step>>()> read = [this] { return read_selection(); };
    auto steps = co_await environment_.worker.run<Result<std::deque<Step>>>(std::move(read));
    if (!steps) co_return fail(Recovery::cancelled, "the daemon is stopping");
    co_return std::move(*steps);
}

Task<Result<void>> RestoreJob::read_steps() {
    while (!selection_done_) {
        CAPSTAN_CO_TRY(auto steps, co_await next_steps());
        for (auto& step : steps) {
            for (bool more = true; more;) {
                if (cancelled_) co_return fail(Recovery::cancelled, "the job was cancelled");
                auto done = co_await run_step(step);
                if (done) break;
                if (done.error().recovery != Recovery::replace_medium) co_return done;
                CAPSTAN_CO_TRY(more, co_await go_on_behind(step, std::move(done.error())));
            }
        }
    }
    co_return Result<void>{};
}

// What lies in the block that could not be read is lost; what begins behind it is wanted still.
Task<Result<bool>> RestoreJob::go_on_behind(Step& step, Error error) {
    const auto bad = position_;
    log::warning("read-failed", {{"volume_tag", volume_tag_}, {"block", std::to_string(raw(bad))}, {"error", to_text(error)}});
    CAPSTAN_CO_CHECK(co_await end_stretch());
    // On a further medium there is only the end of the step's last object.
    const bool here = mounted_extent_ == step.extent && bad >= step.first;
    auto next = step.starts.end();
    if (here) next = std::ranges::find_if(step.starts, [&](const Start& start) { return start.block > bad; });
    const bool found = next != step.starts.end();
    Stretch rest;
    rest.broke_off = fmt::format("block {} of {} cannot be read: {}", raw(bad), volume_tag_.empty() ? plan_.file : volume_tag_, to_text(error));
    rest.first_address = found ? next->address : UINT64_MAX;
    if (!found) {
        stage_->begin_stretch(std::move(rest));
        CAPSTAN_CO_CHECK(co_await end_stretch());
        co_return false;
    }
    rest.offset = next->offset;
    step.stretch = std::move(rest);
    step.blocks -= std::min(step.blocks, raw(next->block) - raw(step.first));
    step.first = next->block;
    step.starts.erase(step.starts.begin(), next);
    co_return true;
}

// Names that are links to a file that was not chosen: its data are read for them.
Task<Result<void>> RestoreJob::read_links() {
    auto links = stage_->take_unresolved_links();
    if (links.empty()) co_return Result<void>{};
    std::vector<std::string> first_names;
    for (auto& link : links) {
        auto& names = links_[link.first_name];
        if (names.empty()) first_names.push_back(link.first_name);
        names.push_back(std::move(link.path));
    }
    std::move_only_function<Result<catalog::Selection>()> select = [this, first_names] {
        return plan_.select(first_names);
    };
    auto selected = co_await environment_.worker.run<Result<catalog::Selection>>(std::move(select));
    if (!selected) co_return fail(Recovery::cancelled, "the daemon is stopping");
    if (!*selected) co_return std::unexpected(selected->error());
    selection_ = std::move(**selected);
    for (const auto& missing : selection_.missing())
        for (const auto& path : links_[missing])
            issues_.add(Issue{IssueKind::not_restored, path,
                              fmt::format("its data are those of /{}, which the set does not have", missing)});
    selection_done_ = false;
    co_return co_await read_steps();
}

Task<Result<void>> RestoreJob::mount(std::size_t extent) {
    if (lease_ && mounted_extent_ == extent) co_return Result<void>{};
    const auto& wanted = selection_.extents()[extent];
    if (lease_ && lease_->medium.media_id == wanted.media_id) {
        mounted_extent_ = extent;
        co_return Result<void>{};
    }
    release();
    if (!plan_.file.empty()) {
        if (!file_) {
            CAPSTAN_CO_TRY(file_, BkfReader::open(plan_.file, wanted.media_id, environment_.make_worker()));
        }
        reader_ = file_.get();
        co_return Result<void>{};
    }
    pools::Cartridges cartridges(environment_.store);
    CAPSTAN_CO_TRY(auto cartridge, cartridges.by_media_id(wanted.media_id));
    if (!cartridge)
        co_return fail(Recovery::ask_operator,
                       fmt::format("set {} lies on cartridge {} (media id {}), which the database does not know",
                                   raw(plan_.set), wanted.volume_tag.text, wanted.media_id.text),
                       "Put it into an IE port and run 'capstan media import'.");
    CAPSTAN_CO_TRY(lease_, co_await environment_.mounts.mount_for_reading(plan_.job, cartridge->id));
    mounted_extent_ = extent;
    volume_tag_ = lease_->medium.volume_tag.text;
    drive_ = lease_->drive;
    reader_ = environment_.drive(drive_);
    co_return Result<void>{};
}

Task<Result<void>> RestoreJob::push(drives::RingEntry::Kind kind) {
    while (ring_->reserve().empty()) {
        // A variable, because g++ 12 lays out the frame of a coroutine like this one wrongly if it has none.
        bool slept = co_await sleep_for(environment_.loop, environment_.clock, kRingNap);
        if (!slept) co_return fail(Recovery::cancelled, "the daemon is stopping");
    }
    ring_->push(kind, 0);
    co_return Result<void>{};
}

Task<Result<bool>> RestoreJob::read_blocks(BlockNumber from, std::uint64_t count) {
    using Reason = drives::ReadReport::Reason;
    position_ = from;
    while (count > 0) {
        if (cancelled_) co_return fail(Recovery::cancelled, "the job was cancelled");
        auto report = co_await reader_->read_into(ring_, position_, count, environment_.patience);
        if (environment_.loop.stopping()) co_return fail(Recovery::cancelled, "the daemon is stopping");
        position_ = report.position;
        count -= std::min(count, report.blocks);
        switch (report.reason) {
            case Reason::count_reached: co_return true;
            case Reason::no_room: break;
            case Reason::filemark: CAPSTAN_CO_CHECK(co_await push(drives::RingEntry::Kind::filemark)); co_return false;
            case Reason::end_of_data: co_return false;
            case Reason::failed: co_return std::unexpected(*report.error);
        }
    }
    co_return true;
}

Task<Result<void>> RestoreJob::wait_idle() {
    // A ring full of small files takes seconds; asking each millisecond took a sixth of the processor time of a restore.
    constexpr std::chrono::milliseconds kFirst{1}, kLongest{16};
    for (auto nap = kFirst; !stage_->idle_ring(); nap = std::min(nap * 2, kLongest)) {
        if (!co_await sleep_for(environment_.loop, environment_.clock, nap))
            co_return fail(Recovery::cancelled, "the daemon is stopping");
    }
    co_return Result<void>{};
}

Task<Result<void>> RestoreJob::end_stretch() {
    CAPSTAN_CO_CHECK(co_await push(drives::RingEntry::Kind::checkpoint));
    co_return co_await wait_idle();
}

Task<Result<void>> RestoreJob::run_step(Step& step) {
    CAPSTAN_CO_CHECK(co_await mount(step.extent));
    stage_->begin_stretch(std::move(step.stretch));
    CAPSTAN_CO_TRY(bool more, co_await read_blocks(step.first, step.blocks));
    CAPSTAN_CO_CHECK(co_await wait_idle());
    auto extent = step.extent;
    while (!stage_->satisfied()) {
        if (more) {  // an object is longer than the catalog says
            CAPSTAN_CO_TRY(more, co_await read_blocks(position_, kReadAhead));
        } else if (extent + 1 < selection_.extents().size()) {  // the set goes on, on the next medium
            ++extent;
            CAPSTAN_CO_CHECK(co_await mount(extent));
            CAPSTAN_CO_CHECK(co_await push(drives::RingEntry::Kind::checkpoint));
            CAPSTAN_CO_CHECK(co_await wait_idle());
            Stretch rest;
            rest.continues = true;
            stage_->begin_stretch(std::move(rest));
            auto prefix = BlockNumber{raw(selection_.extents()[extent].block) - 1};
            CAPSTAN_CO_TRY(more, co_await read_blocks(prefix, kReadAhead));
        } else {
            break;  // what is missing is reported by the stage at the stretch's end
        }
        CAPSTAN_CO_CHECK(co_await wait_idle());
    }
    co_return co_await end_stretch();
}

}  // namespace capstan::backup
