// A library or a drive out of use for service.
#include "config/base/log.hpp"
#include "daemon/library.hpp"

#include <fmt/format.h>

namespace capstan::daemon {

Result<void> Library::check_open() const {
    if (ended_) return fail(Recovery::cancelled, fmt::format("library {}: the daemon is stopping", name_.text));
    return closed_ ? check_in_use() : Result<void>{};
}

Result<void> Library::check_in_use() const {
    if (!disabled_) return {};
    return fail(Recovery::change_request, fmt::format("library {} is {}", name_.text, pools::to_text(*disabled_)),
                fmt::format("'capstan library enable {}' takes it into use again.", name_.text));
}

// What cannot be read is taken for disabled: somebody may have his hands in it.
void Library::read_disabled() {
    pools::DisabledRows rows(context_.store);
    auto known = [](Result<std::optional<pools::Disabled>> row) {
        return row ? std::move(*row) : std::optional(pools::Disabled{to_text(row.error()), "the daemon", {}});
    };
    disabled_ = known(rows.of(name_));
    for (auto& drive : drives_) drive.disabled = known(rows.of(drive.owner->name()));
    if (!disabled_) return;
    closed_ = true;
    state_ = "disabled";
}

Result<void> Library::set_disabled(std::optional<pools::Disabled> disabled) {
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    CAPSTAN_CHECK(pools::DisabledRows(context_.store).set(transaction, name_, disabled));
    CAPSTAN_CHECK(transaction.commit());
    log::info("library-service", {{"library", name_.text}, {"now", disabled ? pools::to_text(*disabled) : "enabled"}});
    disabled_ = std::move(disabled);
    if (!disabled_ && std::exchange(closed_, false)) return set_state("starting", "");
    context_.changed.notify();
    return {};
}

Result<void> Library::set_disabled(Drive& drive, std::optional<pools::Disabled> disabled) {
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    CAPSTAN_CHECK(pools::DisabledRows(context_.store).set(transaction, drive.owner->name(), disabled));
    CAPSTAN_CHECK(transaction.commit());
    log::info("drive-service", {{"drive", drive.settings.name}, {"now", disabled ? pools::to_text(*disabled) : "enabled"}});
    drive.disabled = std::move(disabled);
    context_.changed.notify();
    return {};
}

// A device that does not answer is what service is for: it stays reserved then, which is said in the log.
Task<Result<void>> Library::close(Drive& drive) {
    if (auto let_go = co_await drive.owner->let_go(); !let_go)
        log::warning("reservation-kept", {{"drive", drive.settings.name}, {"reason", to_text(let_go.error())}});
    // The new door opens with its first command; the old one goes, and with it what it held (O_EXCL, a session).
    if (auto replaced = drive.owner->replace_device(open_again_(&drive.settings)); !replaced)
        log::warning("drive-not-closed", {{"drive", drive.settings.name}, {"reason", to_text(replaced.error())}});
    drive.prepared = false;
    drive.trouble.clear();
    context_.changed.notify();
    co_return Result<void>{};
}

Task<Result<void>> Library::close() {
    auto hold = co_await robot_.take();
    for (auto& drive : drives_) CAPSTAN_CO_CHECK(co_await close(drive));
    if (auto let_go = co_await changer_->let_go(); !let_go)
        log::warning("reservation-kept", {{"library", name_.text}, {"reason", to_text(let_go.error())}});
    if (auto replaced = changer_->replace_device(open_again_(nullptr)); !replaced)
        log::warning("library-not-closed", {{"library", name_.text}, {"reason", to_text(replaced.error())}});
    if (!disabled_) co_return Result<void>{};  // enabled meanwhile: the caller goes on from there
    closed_ = true;
    inventoried_.reset();
    co_return set_state("disabled", "");
}

}  // namespace capstan::daemon
