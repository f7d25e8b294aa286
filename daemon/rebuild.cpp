#include "daemon/rebuild.hpp"

#include "config/base/log.hpp"
#include "pools/store/import_state.hpp"
#include "pools/store/meta.hpp"
#include "pools/store/pool_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace capstan::daemon {
namespace {

constexpr BlockNumber kBehindLabel{2};  // TAPE, filemark

bool ends_the_rebuild(const Error& error) { return error.recovery == Recovery::cancelled || error.recovery == Recovery::give_up; }

}  // namespace

Rebuild::Rebuild(Context& context, MountService& mounts, backup::JobEnvironment& environment, SetReader& reader, JobId job,
                 backup::DecoderProgress& progress)
    : context_(context),
      mounts_(mounts),
      environment_(environment),
      reader_(reader),
      job_(job),
      progress_(progress),
      files_(context.settings.state_directory + "/rebuild", catalog_directory(context)) {}
Rebuild::~Rebuild() { let_go(); }

void Rebuild::note(std::string text, bool failed) {
    incomplete_ = incomplete_ || failed;
    log::info("rebuild", {{"job", std::to_string(raw(job_))}, {"text", text}});
    pools::JobIssue line{job_, failed ? pools::IssueKind::not_restored : pools::IssueKind::note, "", std::move(text)};
    auto transaction = pools::WriteTransaction::begin(context_.store);
    if (!transaction) return;
    if (pools::Jobs(context_.store).add_issues(*transaction, {line})) (void)transaction->commit();
}

void Rebuild::let_go() {
    if (lease_) mounts_.release(lease_->id, pools::MountPort::After::keep);
    lease_.reset();
}

Task<Result<drives::DriveOwner*>> Rebuild::hold(CartridgeId cartridge) {
    if (cancelled_) co_return fail(Recovery::cancelled, "the job was cancelled");
    if (!lease_ || lease_->medium.cartridge != cartridge) {
        let_go();
        CAPSTAN_CO_TRY(lease_, co_await mounts_.mount_for_reading(job_, cartridge));
    }
    co_return environment_.drive(lease_->drive);
}

std::uint32_t Rebuild::block_size_of(CartridgeId cartridge) const {
    for (const auto& medium : media_)
        if (medium.id == cartridge) return medium.block_size;
    auto row = pools::Cartridges(context_.store).get(cartridge);
    return row && row->side.block_size != 0 ? row->side.block_size : 1U << 20;
}

// Named ones, or all that bear a label of ours which this state does not know.
Result<std::vector<CartridgeId>> Rebuild::candidates(const std::vector<std::string>& volumes) {
    pools::Cartridges cartridges(context_.store);
    std::vector<pools::Cartridge> found;
    for (const auto& tag : volumes) {
        CAPSTAN_TRY(auto named, cartridges.by_tag(VolumeTag{tag}));
        if (named.size() != 1)
            return fail(Recovery::change_request, fmt::format("{} cartridges have the volume tag {}", named.size(), tag),
                        "'capstan media list' shows what is here; 'capstan library inventory --full' looks again.");
        found.push_back(std::move(named.front()));
    }
    pools::CartridgeFilter filter;
    filter.state = pools::SideState::import;
    while (volumes.empty()) {
        CAPSTAN_TRY(auto page, cartridges.list(filter));
        for (auto& cartridge : page)
            if (cartridge.place.kind != pools::PlaceKind::offline) found.push_back(std::move(cartridge));
        if (page.size() < filter.limit) break;
        filter.after = found.back().id;
    }
    std::vector<CartridgeId> ids;
    const pools::Cartridge* first = nullptr;
    for (const auto& cartridge : found) {
        ids.push_back(cartridge.id);
        if (cartridge.side.state != pools::SideState::import) continue;
        lost_ = true;
        if (first == nullptr) first = &cartridge;
        if (cartridge.side.domain_id != first->side.domain_id)
            return fail(Recovery::change_request,
                        fmt::format("{} and {} were written by different installations", to_text(*first), to_text(cartridge)),
                        "Name the cartridges of the one whose catalog was lost: 'capstan catalog rebuild VOLUME…'.");
    }
    return ids;
}

Task<Result<void>> Rebuild::run(std::vector<std::string> volumes) {
    CAPSTAN_CO_CHECK(files_.open());
    CAPSTAN_CO_TRY(auto ids, candidates(volumes));
    pools::SetFilter all;
    CAPSTAN_CO_TRY(auto known, pools::Sets(context_.store).list(all));
    if (ids.empty() && known.empty())
        co_return fail(Recovery::change_request, "no cartridge here is known to bear a label of ours, and the catalog has no set",
                       "Read the labels first: 'capstan library inventory LIBRARY --full'.");
    for (auto id : ids) {
        auto walked = co_await walk(id);
        if (walked) continue;
        if (ends_the_rebuild(walked.error())) co_return walked;
        note(fmt::format("a cartridge was not read to its end: {}", to_text(walked.error())), true);
    }
    // Catalog sets that go on on another medium, once all of them are known.
    for (const auto& medium : media_) {
        for (const auto& span : medium.spans) {
            if (!span.begin || span.begin->type != mtf::SetType::catalog || span.end != SetSpan::End::goes_on) continue;
            CAPSTAN_CO_CHECK(co_await extract(span.begin->number, parts_of(medium, span), medium.block_size));
        }
    }
    if (lost_) CAPSTAN_CO_CHECK(co_await bring_state_back());
    CAPSTAN_CO_CHECK(co_await repair());
    let_go();
    if (lost_) CAPSTAN_CO_CHECK(settle_stop());
    context_.changed.notify();
    co_return Result<void>{};
}

Task<Result<void>> Rebuild::walk(CartridgeId id) {
    CAPSTAN_CO_TRY(auto* drive, co_await hold(id));
    CAPSTAN_CO_TRY(auto label, co_await read_label(*drive));
    if (!label.label) co_return fail(Recovery::replace_medium, fmt::format("{} has no label of ours", lease_->medium.volume_tag.text));
    auto& medium = media_.emplace_back();
    medium.id = id;
    medium.block_size = label.label->block_size;
    for (auto at = kBehindLabel;;) {
        CAPSTAN_CO_TRY(auto span, co_await read_span(*drive, at));
        if (!span) break;
        at = span->behind;
        const bool cut = span->end == SetSpan::End::cut;
        medium.spans.push_back(std::move(*span));
        if (cut) break;
    }
    medium.whole = true;
    co_return co_await extract_of(medium);
}

Task<Result<void>> Rebuild::extract_of(Medium& medium) {
    for (const auto& span : medium.spans) {
        if (!span.begin || span.begin->type != mtf::SetType::catalog || span.end != SetSpan::End::closed) continue;
        std::vector<Part> parts(1);
        parts[0].cartridge = medium.id;
        parts[0].first = span.first;
        CAPSTAN_CO_CHECK(co_await extract(span.begin->number, std::move(parts), medium.block_size));
    }
    co_return Result<void>{};
}

// The span and what continues it on the family's further media, as far as they were walked.
std::vector<Rebuild::Part> Rebuild::parts_of(const Medium& medium, const SetSpan& span) const {
    std::vector<Part> parts(1);
    parts[0].cartridge = medium.id;
    parts[0].first = span.first;
    const auto* at = &span;
    auto here = pools::Cartridges(context_.store).get(medium.id);
    for (bool more = here && at->end == SetSpan::End::goes_on; more;) {
        more = false;
        for (const auto& other : media_) {
            auto row = pools::Cartridges(context_.store).get(other.id);
            if (!row || row->side.family != here->side.family || row->side.sequence != here->side.sequence + 1 || other.spans.empty()) continue;
            const auto& next = other.spans.front();
            if (!next.continuation() || next.block->number != span.block->number) continue;
            Part part;
            part.cartridge = other.id;
            part.first = next.first;
            parts.push_back(part);
            at = &next;
            here = std::move(row);
            more = at->end == SetSpan::End::goes_on;
            break;
        }
    }
    return parts;
}

// The files of one catalog set. What is wrong with one set is noted: another has the same, or the tape is read instead.
Task<Result<void>> Rebuild::extract(SetNumber set, std::vector<Part> parts, std::uint32_t block_size) {
    CatalogFiles::Sink sink(files_, set);
    backup::ScanStart from_the_begin;
    backup::SetScan scan(environment_, sink, from_the_begin, block_size);
    Result<void> outcome;
    for (const auto& part : parts) {
        auto drive = co_await hold(part.cartridge);
        if (!drive) outcome = std::unexpected(drive.error());
        if (!drive) break;
        auto read = co_await scan.read(**drive, part.first);
        if (!read) outcome = std::unexpected(read.error());
        if (!read || read->ended != backup::SetScan::Ended::goes_on) break;
    }
    CAPSTAN_CO_CHECK(co_await scan.finish());
    if (!outcome && ends_the_rebuild(outcome.error())) co_return outcome;
    if (!outcome) note(fmt::format("catalog set {} cannot be read: {}", raw(set), to_text(outcome.error())), true);
    if (outcome && scan.found().damaged != 0) note(fmt::format("catalog set {} is damaged: {}", raw(set), scan.found().damage), true);
    if (!sink.failure().empty()) co_return fail(Recovery::give_up, sink.failure(), "Make room in the state directory and run the job again.");
    co_return Result<void>{};
}

Task<Result<void>> Rebuild::bring_state_back() {
    bool imported = false;
    auto copies = files_.copies();
    for (auto copy = copies.rbegin(); copy != copies.rend() && !imported; ++copy) {
        CAPSTAN_CO_TRY(imported, co_await import_copy(copy->second, SetNumber{copy->first}));
    }
    if (!imported) note("no copy of the state database was found: what is on the media themselves is all there is", false);
    CAPSTAN_CO_CHECK(adopt_rest());
    // In the order of the families, so that a set comes before what continues it.
    std::vector<std::pair<std::pair<std::uint64_t, std::uint16_t>, CartridgeId>> order;
    for (const auto& medium : media_) {
        CAPSTAN_CO_TRY(auto row, pools::Cartridges(context_.store).get(medium.id));
        order.emplace_back(std::pair(std::uint64_t{raw(row.side.family)}, row.side.sequence), medium.id);
    }
    std::sort(order.begin(), order.end());
    for (const auto& [place, id] : order) {
        auto taken = co_await take_in_rest(id);
        if (taken) continue;
        if (ends_the_rebuild(taken.error())) co_return taken;
        note(fmt::format("a cartridge could not be taken in to its end: {}", to_text(taken.error())), true);
    }
    co_return Result<void>{};
}

Task<Result<bool>> Rebuild::import_copy(std::string file, SetNumber from) {
    std::move_only_function<Result<std::vector<std::string>>()> install = [this] { return files_.install(); };
    auto installed = co_await context_.worker.run<Result<std::vector<std::string>>>(std::move(install));
    if (!installed) co_return fail(Recovery::cancelled, "the daemon is stopping");
    if (!*installed) co_return std::unexpected(installed->error());
    std::set<std::string> good((*installed)->begin(), (*installed)->end());
    const auto directory = files_.scratch() + "/copy";
    std::error_code error;
    std::filesystem::remove_all(directory, error);
    CAPSTAN_CO_CHECK(make_directories(directory));
    std::filesystem::rename(file, directory + "/state.db", error);
    auto copy = pools::StateStore::open(directory, context_.entropy);
    if (!copy) {
        note(fmt::format("the state database in set {} cannot be used: {}", raw(from), to_text(copy.error())), true);
        co_return false;
    }
    pools::AuditNote audit{"catalog rebuild", fmt::format("from the copy in set {}", raw(from)), context_.clock.wall()};
    auto have = [&good](const pools::CatalogSegment& segment) { return good.contains(segment.file_name); };
    auto imported = pools::import_state(context_.store, **copy, have, audit);
    if (!imported) co_return std::unexpected(imported.error());
    not_here_ = imported->not_here;
    note(fmt::format("the state database in set {} gave {} media and {} sets", raw(from), imported->media, imported->sets), false);
    co_return true;
}

// Media that no copy names are taken over as closed, into the pool that their first set names.
Result<void> Rebuild::adopt_rest() {
    pools::Pools pools(context_.store);
    for (const auto& medium : media_) {
        CAPSTAN_TRY(auto row, pools::Cartridges(context_.store).get(medium.id));
        if (row.side.state != pools::SideState::import) continue;
        std::string name;
        for (const auto& span : medium.spans)
            if (span.begin && name.empty()) name = span.begin->pool;
        if (medium.spans.empty()) {
            note(fmt::format("{} bears a label of ours and no set; it stays in the pool Import", to_text(row)), false);
            continue;
        }
        auto pool = pools.by_name(PoolName{name.empty() ? "Recovered" : name});
        PoolId id{};
        if (pool) {
            id = pool->id;
        } else {
            CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
            pools::Pool fresh;
            fresh.name = PoolName{name.empty() ? "Recovered" : name};
            CAPSTAN_TRY(id, pools.create(transaction, fresh));
            CAPSTAN_CHECK(transaction.commit());
        }
        pools::AuditNote audit{"catalog rebuild", "no copy of the state database names it", context_.clock.wall()};
        CAPSTAN_CHECK(pools::adopt_medium(context_.store, medium.id, id, medium.block_size, audit));
    }
    return {};
}

Task<Result<void>> Rebuild::take_in_rest(CartridgeId id) {
    pools::AuditNote audit{"catalog rebuild", "found on the medium", context_.clock.wall()};
    for (;;) {
        CAPSTAN_CO_TRY(auto row, pools::Cartridges(context_.store).get(id));
        if (row.side.state != pools::SideState::allocated && row.side.state != pools::SideState::complete) co_return Result<void>{};
        const Medium* walked = nullptr;
        for (const auto& medium : media_)
            if (medium.id == id) walked = &medium;
        if (walked == nullptr || walked->spans.empty() || walked->spans.back().behind <= row.side.recorded_end) co_return Result<void>{};
        CAPSTAN_CO_TRY(auto* drive, co_await hold(id));
        CAPSTAN_CO_TRY(auto span, co_await read_span(*drive, row.side.recorded_end));
        if (!span || span->end == SetSpan::End::cut) co_return Result<void>{};  // closed when it is mounted for writing
        if (span->end == SetSpan::End::goes_on) {
            CAPSTAN_CO_TRY(auto found, mounts_.found_going_on(row, *span));
            rescan_.insert(raw(found.set.number));
            CAPSTAN_CO_CHECK(pools::take_in_found(context_.store, found, audit));
            continue;
        }
        CAPSTAN_CO_TRY(auto taken, co_await reader_.take_in(*drive, row, std::move(*span)));
        CAPSTAN_CO_CHECK(pools::take_in_found(context_.store, taken.found, audit));
        progress_.objects += taken.found.set.objects;
        note(fmt::format("set {} was read from {}: {}", raw(taken.found.set.number), to_text(row), taken.found.why), !taken.damage.empty());
    }
}

// Rule 11: nothing is overwritten before every medium that the copy names was seen.
Result<void> Rebuild::settle_stop() {
    pools::AuditNote audit{"catalog rebuild", "every medium that the newest copy of the state database names was seen", context_.clock.wall()};
    pools::Meta meta(context_.store);
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    if (not_here_.empty() && !incomplete_) {
        CAPSTAN_CHECK(meta.clear_overwrite_stop(transaction, audit));
        return transaction.commit();
    }
    std::string names;
    for (const auto& name : not_here_) names += (names.empty() ? "" : ", ") + name;
    auto why = not_here_.empty() ? std::string("the state was rebuilt, but not everything could be read.")
                                 : fmt::format("the state was rebuilt without these media, which it names: {}.", names);
    audit.why = "after a rebuild of the catalog";
    CAPSTAN_CHECK(meta.stop_overwriting(transaction, why, audit));
    CAPSTAN_CHECK(transaction.commit());
    note(why + " Nothing is overwritten until they were imported, or an operator ends the stop.", true);
    return {};
}

}  // namespace capstan::daemon
