#include "daemon/mount_service.hpp"

#include "config/base/log.hpp"
#include "pools/store/error_counts.hpp"
#include "pools/store/set_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {

using pools::MountPlan;

namespace {
constexpr const char* kSmallerBlocks =
    "Give the pool a smaller block size ('capstan pool set POOL --block-size 256KiB'), or use a library whose drives take such blocks.";
bool was_taken(const Library::Drive& drive) { return drive.owner->identity().claim == scsi::Claim::of_another; }
bool only_reads(const Library::Drive& drive) { return !drive.owner->why_only_read().empty(); }
}  // namespace

MountService::MountService(Context& context, Libraries& libraries, WorkQueue& queue)
    : context_(context), libraries_(libraries), queue_(queue) {}

Library* MountService::library(const LibraryName& name) {
    for (auto& library : libraries_)
        if (library->name() == name) return library.get();
    return nullptr;
}

Library::Drive* MountService::drive(const DriveName& name) {
    for (auto& library : libraries_)
        if (auto* found = library->find_drive(name)) return found;
    return nullptr;
}

drives::DriveOwner* MountService::drive_owner(const DriveName& name) {
    auto* found = drive(name);
    return found == nullptr ? nullptr : found->owner.get();
}

std::vector<pools::DriveView> MountService::views() const {
    std::vector<pools::DriveView> views;
    for (const auto& library : libraries_) {
        for (const auto& drive : library->drives()) {
            pools::DriveView view;
            view.name = drive.owner->name();
            view.library = library->name();
            view.comes_back = library->disabled() || drive.disabled || library->state() == "starting";
            view.why_unusable = library->disabled()                     ? pools::to_text(*library->disabled())
                                : drive.disabled                        ? pools::to_text(*drive.disabled)
                                : !library->trouble().empty()           ? library->trouble()
                                : !drive.trouble.empty()                ? drive.trouble
                                : !drive.foreign.empty()                ? drive.foreign
                                                                        : drive.owner->why_faulted();
            view.usable = view.why_unusable.empty() && library->state() != "starting";
            if (library->state() == "starting") view.why_unusable = "its library is starting";
            view.why_only_read = drive.owner->why_only_read();
            view.leased = !drive.leased_by.empty();
            view.leased_by = drive.leased_by;
            view.cartridge = drive.cartridge;
            view.full = drive.cartridge.has_value();
            view.idle_since = drive.idle_since;
            view.abilities = {drive.owner->identity().kind, drive.owner->identity().densities, drive.owner->identity().block_size_max};
            views.push_back(std::move(view));
        }
    }
    return views;
}

std::optional<RequestId> MountService::request_for_every_drive(bool for_writing) const {
    const auto all = views();
    const auto will_do = [&](const auto& drive) { return drive.comes_back || (drive.usable && !(for_writing && !drive.why_only_read.empty())); };
    if (std::ranges::any_of(all, will_do)) return std::nullopt;
    for (const auto& [id, request] : queue_.open_requests()) {  // those without work are about the devices of a library
        const auto there = std::ranges::find(libraries_, request.library, [](const auto& each) { return each->name(); });
        if (raw(request.work_item) != 0 || there == libraries_.end()) continue;
        const auto& drives = (*there)->drives();
        if ((*there)->changer().identity().claim == scsi::Claim::of_another || std::ranges::any_of(drives, was_taken) ||
            (for_writing && std::ranges::any_of(drives, only_reads)))
            return id;
    }
    return std::nullopt;
}

std::vector<pools::AllocationRequest::Busy> MountService::busy() const {
    std::vector<pools::AllocationRequest::Busy> busy;
    for (const auto& [id, lease] : leases_)
        busy.push_back({lease.cartridge, fmt::format("in use by {} in drive {}", lease.drive->leased_by, lease.drive->settings.name)});
    return busy;
}

// What drives that cannot be used have in them.
std::vector<pools::AllocationRequest::Busy> MountService::stuck() const {
    std::vector<pools::AllocationRequest::Busy> stuck;
    for (const auto& drive : views())
        if (!drive.usable && drive.cartridge)
            stuck.push_back({*drive.cartridge, fmt::format("is in drive {}, which cannot be used: {}", drive.name.text, drive.why_unusable)});
    return stuck;
}

std::optional<MountService::Reserved> MountService::try_reserve(const pools::Cartridge& cartridge, const Purpose& purpose, MountPlan& plan) {
    pools::MountRequest request;
    request.cartridge = cartridge.id;
    request.cartridge_name = to_text(cartridge);
    request.library = cartridge.library;
    request.place = cartridge.place;
    request.for_writing = purpose.writing;
    request.block_size = purpose.block_size;
    request.medium = pools::generation_of(cartridge.volume_tag, cartridge.density);
    for (const auto& held : busy())
        if (held.cartridge == cartridge.id) request.busy = held.why;
    if (request.busy.empty()) request.busy = why_out_of_reach(cartridge);
    plan = pools::plan_mount(views(), request);
    if (plan.kind != MountPlan::Kind::use_mounted && plan.kind != MountPlan::Kind::load && plan.kind != MountPlan::Kind::evict)
        return std::nullopt;
    for (auto& library : libraries_) {
        auto* found = library->find_drive(plan.drive);
        if (found == nullptr) continue;
        found->leased_by = purpose.owner;
        found->job = purpose.job;
        pools::LeaseId lease{++last_lease_};
        leases_.emplace(lease, Lease{library.get(), found, cartridge.id, purpose.job, purpose.writing, found->owner->counters()});
        return Reserved{lease, plan.evicted};
    }
    return std::nullopt;
}

Task<Result<MountService::Reserved>> MountService::reserve(CartridgeId id, Purpose purpose, WorkItemId item) {
    for (;;) {
        pools::Cartridges cartridges(context_.store);
        CAPSTAN_CO_TRY(auto cartridge, cartridges.get(id));
        MountPlan plan;
        auto reserved = try_reserve(cartridge, purpose, plan);
        queue_.explained[item] = {plan.reason, {}, plan.verdicts};
        if (reserved) {
            CAPSTAN_CO_CHECK(queue_.satisfied(item, fmt::format("{} can be had", to_text(cartridge))));
            CAPSTAN_CO_CHECK(queue_.start(item, fmt::format("mounting {}", to_text(cartridge))));
            co_return *reserved;
        }
        if (plan.kind == MountPlan::Kind::impossible)
            co_return fail(Recovery::ask_operator, plan.reason,
                           plan.too_large ? purpose.writing ? kSmallerBlocks : "Use a library whose drives take such blocks."
                           : plan.unfit   ? "Use another cartridge, or a library whose drives take this one."
                                      : "Look at 'capstan drive list'; repair a drive, run 'capstan drive enable DRIVE', and run the job again.");
        const bool is_stuck = plan.kind == MountPlan::Kind::stuck;
        if (plan.kind == MountPlan::Kind::ask_operator || is_stuck) {
            pools::OperatorRequest request;
            request.kind = pools::RequestKind::mount_this;
            request.work_item = item;
            request.cartridge = id;
            request.text = is_stuck ? fmt::format("{}. Look at the drive, then run 'capstan drive enable {}'; or take the cartridge out by "
                                                  "hand, put it into an IE port and run 'capstan media import'.",
                                                  plan.reason, plan.drive.text)
                                    : fmt::format("Put cartridge {} into an IE port and run 'capstan media import'.", to_text(cartridge));
            auto asked = queue_.ask(std::move(request));
            if (!asked) co_return std::unexpected(asked.error());
        }
        CAPSTAN_CO_CHECK(co_await queue_.wait(item, plan.reason));
    }
}

Task<Result<Library::Loaded>> MountService::load(Reserved reserved, WorkItemId item) {
    auto lease = leases_.at(reserved.lease);
    if (lease.drive->cartridge && lease.drive->cartridge != lease.cartridge) {
        queue_.set_doing(item, {fmt::format("putting away what is in drive {}", lease.drive->settings.name)});
        const auto other = Lease{lease.library, lease.drive, *lease.drive->cartridge, {}, false, lease.drive->owner->counters()};
        auto put_away = co_await lease.library->put_away(*lease.drive, item);
        count_errors(other);  // what it met on its way out is not the next one's
        if (auto own = leases_.find(reserved.lease); own != leases_.end()) own->second.before = lease.drive->owner->counters();
        CAPSTAN_CO_CHECK(put_away);
    }
    queue_.set_doing(item, {fmt::format("loading into drive {}", lease.drive->settings.name)});
    auto loaded = co_await lease.library->load(*lease.drive, lease.cartridge, item);
    if (!loaded && was_taken(*lease.drive)) loaded.error().recovery = Recovery::stop_device;  // the cartridge cannot help it
    if (!loaded && (loaded.error().recovery == Recovery::stop_device || !lease.drive->owner->why_faulted().empty()))
        lease.drive->trouble = to_text(loaded.error());
    co_return loaded;
}

void MountService::count_errors(const Lease& lease) {
    const auto& now = lease.drive->owner->counters();
    pools::ErrorCount count{lease.cartridge,
                            lease.drive->owner->name(),
                            lease.drive->owner->identity().serial,
                            now.recovered_errors - lease.before.recovered_errors,
                            now.medium_errors - lease.before.medium_errors,
                            context_.clock.wall()};
    if (count.recovered == 0 && count.hard == 0) return;
    auto add = [&]() -> Result<void> {
        CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
        CAPSTAN_CHECK(pools::ErrorCounts(context_.store).add(transaction, count));
        return transaction.commit();
    };
    if (auto added = add(); !added)
        log::error("errors-not-counted", {{"drive", lease.drive->settings.name}, {"error", to_text(added.error())}});
}

void MountService::release(pools::LeaseId id, After after, const std::string& why) {
    auto found = leases_.find(id);
    if (found == leases_.end()) return;
    auto lease = found->second;
    leases_.erase(found);
    count_errors(lease);
    lease.drive->leased_by.clear();
    lease.drive->job = JobId{};
    lease.drive->activity = "idle";
    lease.drive->idle_since = context_.clock.now();
    if (after != After::keep) {
        pools::Cartridges cartridges(context_.store);
        auto transaction = pools::WriteTransaction::begin(context_.store);
        Result<void> done;
        if (!transaction) {
            done = std::unexpected(transaction.error());
        } else {
            if (after == After::full || after == After::failed) {
                auto fact = after == After::full ? std::string("the medium is full") : "closed for writing: " + why;
                auto closed = cartridges.apply(*transaction, lease.cartridge, pools::SideEvent::close, note(std::move(fact)));
                if (!closed) done = std::unexpected(closed.error());
            } else {
                done = cartridges.set_suspect(*transaction, lease.cartridge, true, note("a write or a position failed"));
            }
            if (done) done = transaction->commit();
        }
        if (!done) log::error("release-not-recorded", {{"drive", lease.drive->settings.name}, {"error", to_text(done.error())}});
    }
    context_.changed.notify();
}

Task<Result<MountService::InDrive>> MountService::reserve_and_load(CartridgeId cartridge, Purpose purpose, WorkItemId item) {
    for (;;) {
        CAPSTAN_CO_TRY(auto reserved, co_await reserve(cartridge, purpose, item));
        auto loaded = co_await load(reserved, item);
        const auto& drive = *leases_.at(reserved.lease).drive;
        const bool another = loaded ? purpose.writing && only_reads(drive) : was_taken(drive);
        if (!another) co_return InDrive{reserved, std::move(loaded)};
        release(reserved.lease, After::keep);
    }
}

Task<Result<pools::ReadLease>> MountService::mount_for_reading(JobId job, CartridgeId cartridge) {
    pools::WorkItem work;
    work.kind = pools::WorkKind::mount;
    work.job = job;
    work.cartridge = cartridge;
    CAPSTAN_CO_TRY(auto item, queue_.add(work));
    auto mount = [](MountService& self, JobId job_id, CartridgeId wanted, WorkItemId work_item) -> Task<Result<pools::ReadLease>> {
        CAPSTAN_CO_TRY(const auto row, pools::Cartridges(self.context_.store).get(wanted));
        const Purpose purpose{job_id, fmt::format("job {}", raw(job_id)), false, row.side.block_size};
        CAPSTAN_CO_TRY(auto in_drive, co_await self.reserve_and_load(wanted, purpose, work_item));
        auto& [reserved, loaded] = in_drive;
        auto lease = self.leases_.at(reserved.lease);
        if (!loaded || loaded->identified.verdict.kind != pools::LabelVerdictKind::matches) {
            self.release(reserved.lease, After::keep);
            if (!loaded) co_return std::unexpected(loaded.error());
            co_return fail(Recovery::refresh_inventory, loaded->identified.verdict.text, loaded->identified.verdict.advice);
        }
        const auto& side = loaded->identified.cartridge.side;
        pools::ReadLease given;
        given.id = reserved.lease;
        given.drive = lease.drive->owner->name();
        given.medium = {wanted, loaded->identified.cartridge.volume_tag, side.media_id, side.family, side.sequence, side.generation,
                        side.block_size, side.recorded_end, side.last_set};
        lease.drive->activity = "reading";
        co_return given;
    };
    Result<pools::ReadLease> outcome = co_await mount(*this, job, cartridge, item);
    Result<void> ended;
    if (!outcome) ended = std::unexpected(outcome.error());
    CAPSTAN_CO_CHECK(queue_.finish(item, ended));
    co_return outcome;
}

Task<Result<pools::WriteLease>> MountService::mount_for_writing(pools::WriteRequest request) {
    pools::WorkItem work;
    work.kind = pools::WorkKind::mount;
    work.job = request.job;
    work.pool = request.pool;
    CAPSTAN_CO_TRY(auto item, queue_.add(work));
    auto outcome = co_await write_mount(request, item);
    Result<void> ended;
    if (!outcome) ended = std::unexpected(outcome.error());
    CAPSTAN_CO_CHECK(queue_.finish(item, ended));
    queue_.explained.erase(item);
    co_return outcome;
}

Result<void> MountService::ask_for_media(const pools::AllocationDecision& decision, PoolId pool, WorkItemId item) {
    CAPSTAN_TRY(auto row, pools::Pools(context_.store).get(pool));
    pools::OperatorRequest request;
    request.kind = pools::RequestKind::new_media;
    request.work_item = item;
    request.pool = pool;
    request.text = fmt::format("Pool {} needs a cartridge: put a blank or expired one into an IE port and run 'capstan media import', or "
                               "label one with 'capstan media label'. ({})",
                               row.name.text, decision.reason);
    auto asked = queue_.ask(std::move(request));
    if (!asked) return std::unexpected(asked.error());
    return {};
}

// Before a person is asked for media: what has an unread label may be one. It is read once for each wait.
Task<Result<void>> MountService::read_before_asking(CartridgeId id, WorkItemId item) {
    auto read = co_await identify(id, item);
    if (!read && (read.error().recovery == Recovery::cancelled || read.error().recovery == Recovery::give_up))
        co_return std::unexpected(read.error());
    CAPSTAN_CO_TRY(auto cartridge, pools::Cartridges(context_.store).get(id));
    if (read && !cartridge.must_identify) co_return Result<void>{};
    auto why = read ? fmt::format("{} is not what is recorded of it", to_text(cartridge)) : to_text(read.error());
    CAPSTAN_CO_CHECK(turned_down_.add(id, std::move(why)));
    co_return Result<void>{};
}

Task<Result<pools::WriteLease>> MountService::write_mount(pools::WriteRequest request, WorkItemId item) {
    pools::AllocationRequest allocation;
    allocation.pool = request.pool;
    if (request.continuation) allocation.continuation = {request.continuation->family, request.continuation->sequence};
    for (;;) {
        allocation.busy = busy();
        allocation.stuck = stuck();
        CAPSTAN_CO_TRY(allocation.turned_down, turned_down_.now());
        CAPSTAN_CO_TRY(auto unreachable, out_of_reach());
        allocation.turned_down.insert(allocation.turned_down.end(), unreachable.cartridges.begin(), unreachable.cartridges.end());
        CAPSTAN_CO_TRY(auto snapshot, pools::allocation_snapshot(context_.store, allocation, context_.clock.wall()));
        auto decision = pools::choose_medium(snapshot, allocation);
        auto reason = decision.reason;
        if (!turned_down_.last().empty()) reason += "; last turned down: " + turned_down_.last();
        if (!decision.cartridge && !unreachable.why.empty()) reason += "; " + unreachable.why;
        queue_.explained[item] = {reason, decision.verdicts, {}};
        if (!decision.cartridge && !decision.wait_for && decision.identify) {
            CAPSTAN_CO_CHECK(co_await read_before_asking(*decision.identify, item));
            continue;
        }
        if (!decision.cartridge) {
            if (!decision.wait_for) CAPSTAN_CO_CHECK(ask_for_media(decision, request.pool, item));
            CAPSTAN_CO_CHECK(co_await queue_.wait(item, reason));
            continue;
        }
        CAPSTAN_CO_CHECK(queue_.satisfied(item, "a cartridge is there"));
        CAPSTAN_CO_TRY(auto cartridge, pools::Cartridges(context_.store).get(*decision.cartridge));
        CAPSTAN_CO_TRY(const auto pool, pools::Pools(context_.store).get(request.pool));
        MountPlan plan;
        const Purpose purpose{request.job, fmt::format("job {}", raw(request.job)), true,
                              decision.append ? cartridge.side.block_size : pool.policy.block_size};
        auto reserved = try_reserve(cartridge, purpose, plan);
        queue_.explained[item].drives = plan.verdicts;
        if (!reserved && plan.too_large && !decision.append)  // every cartridge would be too
            co_return fail(Recovery::give_up, plan.reason, std::string(kSmallerBlocks));
        if (!reserved && plan.unfit) {  // waiting does not help; another cartridge may do
            CAPSTAN_CO_CHECK(turned_down_.add(cartridge.id, plan.reason));
            continue;
        }
        if (!reserved) {
            CAPSTAN_CO_CHECK(co_await queue_.wait(item, plan.reason));
            continue;
        }
        CAPSTAN_CO_CHECK(queue_.start(item, fmt::format("mounting {}", to_text(cartridge))));
        auto lease = co_await prepare_writing(*reserved, decision, request, item);
        if (lease) co_return lease;
        release(reserved->lease, After::keep);
        if (lease.error().recovery == Recovery::cancelled || lease.error().recovery == Recovery::give_up)
            co_return std::unexpected(lease.error());
        auto why = to_text(lease.error());
        log::warning("medium-turned-down", {{"volume_tag", cartridge.volume_tag.text}, {"reason", why}});
        if (lease.error().recovery != Recovery::stop_device)
            CAPSTAN_CO_CHECK(turned_down_.add(cartridge.id, std::move(why)));
    }
}

Task<Result<pools::WriteLease>> MountService::prepare_writing(Reserved reserved, pools::AllocationDecision decision,
                                                              pools::WriteRequest request, WorkItemId item) {
    CAPSTAN_CO_TRY(auto loaded, co_await load(reserved, item));
    auto lease = leases_.at(reserved.lease);
    auto cartridge = loaded.identified.cartridge;
    const auto& verdict = loaded.identified.verdict;
    using Kind = pools::LabelVerdictKind;
    const bool blank = verdict.kind == Kind::blank || verdict.kind == Kind::label_cut_off;
    bool usable = verdict.kind == Kind::matches || (blank && !decision.append);
    if (!usable || cartridge.id != lease.cartridge) co_return fail(Recovery::replace_medium, verdict.text, verdict.advice);
    if (const auto why = lease.drive->owner->why_only_read(); !why.empty())
        co_return fail(Recovery::stop_device, fmt::format("drive {} {}", lease.drive->settings.name, why), std::string(drives::kClearTheKey));
    if (loaded.write_protected)
        co_return fail(Recovery::replace_medium, fmt::format("{} is write protected", to_text(cartridge)),
                       "Slide its tab, or leave it out of the pool.");
    auto facts = loaded.label.facts;
    if (!decision.append) {
        queue_.set_doing(item, {fmt::format("labelling {}", to_text(cartridge))});
        LabelPlan plan;
        CAPSTAN_CO_TRY(plan.pool, pools::Pools(context_.store).get(request.pool));
        plan.sequence = decision.sequence;
        pools::Families families(context_.store);
        if (decision.family) {
            CAPSTAN_CO_TRY(plan.family, families.get(*decision.family));
        } else {
            CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
            CAPSTAN_CO_TRY(plan.family, families.begin(transaction, plan.pool, context_.clock.wall()));
            CAPSTAN_CO_CHECK(transaction.commit());
        }
        auto read = loaded.label;
        CAPSTAN_CO_TRY(auto label, co_await write_label(context_, *lease.library, *lease.drive, cartridge, std::move(read),
                                                        std::move(plan), item));
        CAPSTAN_CO_TRY(cartridge, pools::Cartridges(context_.store).get(cartridge.id));
        CAPSTAN_CO_TRY(auto again, co_await read_label(*lease.drive->owner));
        facts = again.facts;
    }
    CAPSTAN_CO_CHECK(co_await read_memory(*lease.drive->owner, facts));
    queue_.set_doing(item, {fmt::format("finding the end of {}", to_text(cartridge))});
    CAPSTAN_CO_CHECK(co_await read_end(*lease.drive->owner, cartridge.side.recorded_end, facts));
    CAPSTAN_CO_TRY(cartridge, co_await ready_to_append(lease, std::move(cartridge), facts));

    CAPSTAN_CO_TRY(auto family, pools::Families(context_.store).get(cartridge.side.family));
    CAPSTAN_CO_CHECK(co_await lease.drive->owner->locate(cartridge.side.recorded_end));
    facts.end = pools::EndSearch::not_done;
    CAPSTAN_CO_CHECK(co_await read_end(*lease.drive->owner, cartridge.side.recorded_end, facts));
    pools::PermitRequest permit_request;
    permit_request.purpose = pools::WritePurpose::append;
    permit_request.cartridge = cartridge.id;
    permit_request.drive = lease.drive->owner->name();
    permit_request.medium = facts;
    CAPSTAN_CO_CHECK(co_await lease.drive->owner->locate(cartridge.side.recorded_end));
    CAPSTAN_CO_TRY(auto permit, context_.permits.grant(permit_request));
    lease.drive->owner->hold(permit);
    if (cartridge.suspect) CAPSTAN_CO_CHECK(well_again(cartridge));
    lease.drive->activity = "writing";
    const auto& side = cartridge.side;
    pools::MountedMedium medium{cartridge.id,    cartridge.volume_tag, side.media_id,     side.family,    side.sequence,
                                side.generation, side.block_size,      side.recorded_end, family.last_set};
    co_return pools::WriteLease{reserved.lease, lease.drive->owner->name(), medium, permit, request.continuation.has_value()};
}

Task<Result<void>> MountService::identify(CartridgeId id, WorkItemId item) {
    const Purpose purpose{{}, "inventory"};
    CAPSTAN_CO_TRY(auto reserved, co_await reserve(id, purpose, item));
    auto loaded = co_await load(reserved, item);
    Result<void> outcome;
    if (!loaded) outcome = std::unexpected(loaded.error());
    if (loaded && loaded->identified.cartridge.suspect) outcome = co_await prove_suspect(leases_.at(reserved.lease), *loaded);
    release(reserved.lease, After::keep);
    co_return outcome;
}

}  // namespace capstan::daemon
