#include "daemon/control_plane.hpp"

#include "config/base/log.hpp"
#include "daemon/operations.hpp"
#include "daemon/reopen.hpp"
#include "pools/store/meta.hpp"
#include "pools/store/pool_rows.hpp"
#include "pools/store/set_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {

ControlPlane::~ControlPlane() = default;

Result<std::unique_ptr<ControlPlane>> ControlPlane::open(World world, config::Settings settings) {
    auto plane = std::unique_ptr<ControlPlane>(new ControlPlane(std::move(world), std::move(settings)));
    auto& self = *plane;
    CAPSTAN_TRY(self.store_, pools::StateStore::open(self.settings_.state_directory, self.world_.entropy,
                                                     self.settings_.reserve_file));
    self.guard_ = std::make_unique<pools::ClockGuard>(*self.store_, self.world_.clock);
    self.permits_ = std::make_unique<pools::PermitOffice>(*self.store_, *self.guard_, self.world_.clock);
    self.changed_ = std::make_unique<Signal>(self.world_.loop);
    self.context_.reset(new Context{self.world_.loop, self.world_.clock, self.world_.entropy, self.world_.worker,
                                    self.world_.stages, self.settings_, *self.store_, *self.guard_, *self.permits_,
                                    *self.changed_});
    self.started_ = self.world_.clock.wall();
    CAPSTAN_TRY(self.clock_stop_, self.guard_->check());
    if (!self.clock_stop_.empty()) log::warning("expiry-stopped", {{"reason", self.clock_stop_}});
    CAPSTAN_CHECK(self.ensure_pools());
    self.queue_ = std::make_unique<WorkQueue>(*self.context_);
    CAPSTAN_CHECK(self.queue_->settle_after_start());
    self.reservations_ = std::make_unique<ReservationWatch>(*self.context_, self.libraries_, *self.queue_);
    self.mounts_ = std::make_unique<MountService>(*self.context_, self.libraries_, *self.queue_);
    backup::JobEnvironment environment{self.world_.loop,
                                       self.world_.clock,
                                       self.world_.entropy,
                                       self.world_.worker,
                                       self.world_.stages,
                                       *self.store_,
                                       *self.mounts_,
                                       [mounts = self.mounts_.get()](const DriveName& name) { return mounts->drive_owner(name); }};
    environment.make_worker = self.world_.make_worker;
    environment.ring_bytes = self.settings_.memory.ring;
    environment.checkpoint_bytes = self.settings_.checkpoint.bytes;
    environment.checkpoint_time = self.settings_.checkpoint.time;
    environment.patience = self.world_.patience;
    environment.file_threads = self.world_.file_threads;
    environment.host = self.world_.host;
    environment.set_objects_max = self.world_.set_objects_max;
    self.jobs_ = std::make_unique<JobService>(*self.context_, *self.mounts_, *self.queue_, std::move(environment));
    self.mounts_->take_in = [service = self.jobs_.get()](drives::DriveOwner& drive, pools::Cartridge cartridge, SetSpan span) {
        return service->reader().take_in(drive, std::move(cartridge), std::move(span));
    };
    CAPSTAN_CHECK(self.jobs_->settle_after_start());
    for (const auto& library : self.settings_.libraries) {
        if (!library.enabled) continue;
        CAPSTAN_TRY(auto devices, self.world_.open_library(library));
        self.libraries_.push_back(std::make_unique<Library>(*self.context_, library, std::move(devices)));
    }
    return plane;
}

Result<void> ControlPlane::ensure_pools() {
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(*store_));
    pools::Pools pools(*store_);
    constexpr std::chrono::seconds kForEver = std::chrono::years(200);
    for (const auto& wanted : settings_.pools) {
        pools::PoolPolicy policy;
        policy.draw_from_free = wanted.draw_from_free;
        policy.return_to_free = wanted.return_to_free;
        policy.block_size = wanted.block_size;
        policy.append_for = wanted.append.value_or(kForEver);
        policy.keep_for = wanted.retention.value_or(kForEver);
        auto ensured = pools.ensure(transaction, PoolName{wanted.name}, policy);
        if (!ensured) return std::unexpected(ensured.error());
    }
    return transaction.commit();
}

Task<void> ControlPlane::start() {
    for (auto& library : libraries_) {
        auto started = co_await library->start();
        if (!started)
            log::error("library-not-ready", {{"library", library->name().text}, {"error", to_text(started.error())}});
    }
    ready_ = true;
    changed_->notify();
    if (auto taken_up = take_up_operations(*this); !taken_up)
        log::error("work-not-taken-up", {{"error", to_text(taken_up.error())}});
    co_await jobs_->repeat_cut_off();
    world_.loop.spawn(mounts_->dismount_idle());
    world_.loop.spawn(reopen_lost(*context_, libraries_));
    world_.loop.spawn(check_clock());
    world_.loop.spawn(watch_stops());
    world_.loop.spawn(reservations_->watch());
    world_.loop.spawn(release_expired());
}

Task<void> ControlPlane::check_clock() {
    constexpr std::chrono::minutes kInterval{5};
    while (co_await sleep_for(world_.loop, world_.clock, kInterval)) {
        store_->keep_reserve();
        auto checked = guard_->check();
        if (!checked) {
            log::error("clock-not-recorded", {{"error", to_text(checked.error())}});
            continue;
        }
        if (*checked == clock_stop_) continue;
        if (!checked->empty()) log::warning("expiry-stopped", {{"reason", *checked}});
        clock_stop_ = *checked;
        changed_->notify();
    }
}

// What only a person can decide is asked for as a request, which 'capstan request complete' answers.
Result<void> ControlPlane::ask_about_stops() {
    CAPSTAN_TRY(auto overwriting, pools::Meta(*store_).overwrite_stop());
    const std::pair<std::string, std::string> stops[] = {
        {"expiry", clock_stop_.empty() ? "" : clock_stop_ + " Complete this request if the time is right now."},
        {"overwriting", overwriting.empty() ? "" : overwriting + " Complete this request when you have seen to it."}};
    for (const auto& [what, text] : stops) {
        auto asked = stop_requests_.find(what);
        if (text.empty() == (asked == stop_requests_.end())) continue;
        if (text.empty()) {  // a rebuild of the catalog ended it
            CAPSTAN_CHECK(queue_->complete(asked->second, "the stop has ended"));
            stop_requests_.erase(asked);
            continue;
        }
        pools::OperatorRequest request;
        request.text = text;
        CAPSTAN_TRY(auto id, queue_->ask(std::move(request)));
        stop_requests_.emplace(what, id);
    }
    return {};
}

Task<void> ControlPlane::watch_stops() {
    do {
        auto asked = ask_about_stops();
        if (!asked) log::error("stop-not-asked-about", {{"error", to_text(asked.error())}});
    } while (co_await changed_->wait());
}

Result<void> ControlPlane::answer_request(RequestId id, const std::string& note, bool done, const std::string& who) {
    CAPSTAN_CHECK(done ? queue_->complete(id, note) : queue_->refuse(id, note));
    auto asked = std::find_if(stop_requests_.begin(), stop_requests_.end(),
                              [id](const auto& stop) { return stop.second == id; });
    if (asked == stop_requests_.end()) return {};
    auto what = asked->first;
    stop_requests_.erase(asked);
    if (!done) return {};  // it is asked again: the stop stays
    if (what == "expiry") {
        CAPSTAN_CHECK(guard_->confirm(who, note.empty() ? "an operator confirmed the time" : note));
        CAPSTAN_TRY(clock_stop_, guard_->check());
    } else {
        CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(*store_));
        pools::AuditNote audit{who, note.empty() ? "an operator ended the stop" : note, world_.clock.wall()};
        CAPSTAN_CHECK(pools::Meta(*store_).clear_overwrite_stop(transaction, audit));
        CAPSTAN_CHECK(transaction.commit());
    }
    changed_->notify();
    return {};
}

// Cartridges whose every set has expired go back, once an hour. The clock guard is asked by pools itself.
Task<void> ControlPlane::release_expired() {
    constexpr std::chrono::hours kBetween{1};
    do {
        auto list = pools::releasable(*store_, *guard_, world_.clock.wall());
        if (!list) {
            log::error("expiry-not-checked", {{"error", to_text(list.error())}});
            continue;
        }
        for (auto cartridge : list->cartridges) {
            pools::AuditNote note{"daemon", "every set on it has expired", world_.clock.wall()};
            auto released = pools::release_cartridge(*store_, *guard_, cartridge, note);
            if (!released)
                log::error("not-released",
                           {{"cartridge", std::to_string(raw(cartridge))}, {"error", to_text(released.error())}});
        }
        if (!list->cartridges.empty()) changed_->notify();
    } while (co_await sleep_for(world_.loop, world_.clock, kBetween));
}

}  // namespace capstan::daemon
