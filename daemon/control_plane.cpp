#include "daemon/control_plane.hpp"

#include "config/base/log.hpp"
#include "pools/store/pool_rows.hpp"
#include "pools/store/set_rows.hpp"

#include <fmt/format.h>

namespace capstan::daemon {

ControlPlane::~ControlPlane() = default;

Result<std::unique_ptr<ControlPlane>> ControlPlane::open(World world, config::Settings settings) {
    auto plane = std::unique_ptr<ControlPlane>(new ControlPlane(std::move(world), std::move(settings)));
    auto& self = *plane;
    CAPSTAN_TRY(self.store_, pools::StateStore::open(self.settings_.state_directory, self.world_.entropy));
    self.guard_ = std::make_unique<pools::ClockGuard>(*self.store_, self.world_.clock);
    self.permits_ = std::make_unique<pools::PermitOffice>(*self.store_, *self.guard_, self.world_.clock);
    self.changed_ = std::make_unique<Signal>(self.world_.loop);
    self.context_.reset(new Context{self.world_.loop, self.world_.clock, self.world_.entropy, self.world_.worker, self.world_.stages,
                                    self.settings_, *self.store_, *self.guard_, *self.permits_, *self.changed_});
    self.started_ = self.world_.clock.wall();
    CAPSTAN_TRY(self.clock_stop_, self.guard_->check());
    if (!self.clock_stop_.empty()) log::warning("expiry-stopped", {{"reason", self.clock_stop_}});
    CAPSTAN_CHECK(self.ensure_pools());
    self.queue_ = std::make_unique<WorkQueue>(*self.context_);
    CAPSTAN_CHECK(self.queue_->settle_after_start());
    self.mounts_ = std::make_unique<MountService>(*self.context_, self.libraries_, *self.queue_);
    backup::JobEnvironment environment{self.world_.loop, self.world_.clock, self.world_.entropy, self.world_.worker,
                                       self.world_.stages, *self.store_, *self.mounts_,
                                       [mounts = self.mounts_.get()](const DriveName& name) { return mounts->drive_owner(name); }};
    environment.ring_bytes = self.settings_.memory.ring;
    environment.checkpoint_bytes = self.settings_.checkpoint.bytes;
    environment.checkpoint_time = self.settings_.checkpoint.time;
    environment.patience = self.world_.patience;
    environment.reader_threads = self.world_.reader_threads;
    environment.host = self.world_.host;
    self.jobs_ = std::make_unique<JobService>(*self.context_, *self.mounts_, *self.queue_, std::move(environment));
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
        if (!started) log::error("library-not-ready", {{"library", library->name().text}, {"error", to_text(started.error())}});
    }
    ready_ = true;
    changed_->notify();
    world_.loop.spawn(mounts_->dismount_idle());
    world_.loop.spawn(check_clock());
    world_.loop.spawn(release_expired());
}

Task<void> ControlPlane::check_clock() {
    constexpr std::chrono::minutes kInterval{5};
    while (co_await sleep_for(world_.loop, world_.clock, kInterval)) {
        auto checked = guard_->check();
        if (!checked) {
            log::error("clock-not-recorded", {{"error", to_text(checked.error())}});
            continue;
        }
        if (*checked != clock_stop_ && !checked->empty()) log::warning("expiry-stopped", {{"reason", *checked}});
        clock_stop_ = *checked;
    }
}

// Cartridges whose every set has expired go back, once an hour. The clock guard is asked by pools itself.
Task<void> ControlPlane::release_expired() {
    do {
        auto list = pools::releasable(*store_, *guard_, world_.clock.wall());
        if (!list) {
            log::error("expiry-not-checked", {{"error", to_text(list.error())}});
            continue;
        }
        for (auto cartridge : list->cartridges) {
            pools::AuditNote note{"daemon", "every set on it has expired", world_.clock.wall()};
            auto released = pools::release_cartridge(*store_, *guard_, cartridge, note);
            if (!released) log::error("not-released", {{"cartridge", std::to_string(raw(cartridge))}, {"error", to_text(released.error())}});
        }
        if (!list->cartridges.empty()) changed_->notify();
    } while (co_await sleep_for(world_.loop, world_.clock, std::chrono::hours{1}));
}

}  // namespace capstan::daemon
