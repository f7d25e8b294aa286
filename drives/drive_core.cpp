#include "drives/drive_core.hpp"

#include "config/base/log.hpp"
#include "drives/scsi/sense_table.hpp"

namespace capstan::drives {

DriveOwner::Core::Core(Loop& l, Clock& c, std::shared_ptr<scsi::Device> d, DriveSettings s)
    : loop(l), clock(c), settings(std::move(s)), device(l, c, std::move(d), settings.hang_grace), turns(l),
      stop(std::make_shared<std::atomic<bool>>(false)) {}

std::string DriveOwner::Core::subject() const {
    if (volume_tag.empty()) return fmt::format("drive {}", settings.name.text);
    return fmt::format("drive {} ({})", settings.name.text, volume_tag.text);
}

Task<Result<scsi::Turns::Turn>> DriveOwner::Core::turn() {
    auto mine = co_await turns.take();
    if (!mine) co_return fail(Recovery::cancelled, fmt::format("{}: the daemon is stopping", subject()));
    co_return std::move(*mine);
}

void DriveOwner::Core::enter(DriveState to) {
    if (state == to) return;
    log::info("drive_state", {{"drive", settings.name.text}, {"from", std::string(name_of(state))},
                              {"to", std::string(name_of(to))}, {"volume_tag", volume_tag.text}});
    bool known_fault = !why_faulted.empty();
    state = to;
    if (to == DriveState::faulted && !known_fault) give_up("a fact that should never happen: the cartridge left while it was in use");
}

Result<void> DriveOwner::Core::refused(std::string_view what) const {
    if (state == DriveState::faulted) {
        return fail(Recovery::stop_device, fmt::format("{}: cannot {}: the drive is faulted: {}", subject(), what, why_faulted),
                    fmt::format("Look at the drive, then 'capstan drive enable {}'", settings.name.text));
    }
    return fail(Recovery::change_request, fmt::format("{}: cannot {} while the drive is {}", subject(), what, name_of(state)),
                "Wait until what it does has ended");
}

void DriveOwner::Core::forget(const std::string& why) {
    prepared = false;
    label_read = false;
    position.reset();
    if (permit) permit->invalidate(why);
    permit.reset();
}

void DriveOwner::Core::lose_trust(const std::string& why) {
    bool told = prepared || (permit && permit->valid());
    forget(why);
    if (!told) return;
    log::warning("drive_trust_lost", {{"drive", settings.name.text}, {"volume_tag", volume_tag.text}, {"reason", why}});
    if (owner->on_trust_lost) owner->on_trust_lost(why);
}

void DriveOwner::Core::give_up(const std::string& why) {
    if (why_faulted.empty()) {
        why_faulted = why;
        log::error("drive_faulted", {{"drive", settings.name.text}, {"volume_tag", volume_tag.text}, {"reason", why}});
    }
    lose_trust(why);
    loading.reset();
    device.give_up();
    if (state == DriveState::faulted) return;
    enter(DriveState::faulted);
}

void DriveOwner::Core::medium_changed() {
    if (state == DriveState::empty || state == DriveState::loading || state == DriveState::faulted) return;  // expected, or known
    cartridge.reset();
    fact<Inserted>();
}

void DriveOwner::Core::note_write_mode() {
    constexpr std::string_view kRefused = "append-only mode (it lists the command and does not take the mode)";
    if (!identity.has_append_only || medium.append_only) return;
    if (std::ranges::find(identity.not_offered, kRefused) != identity.not_offered.end()) return;
    identity.not_offered.emplace_back(kRefused);
    log::warning("append-only-refused", {{"drive", settings.name.text}, {"volume_tag", volume_tag.text}});
}

void DriveOwner::Core::note_encryption(std::optional<scsi::EncryptionStatus> found) {
    const bool before = key_of_a_program();
    encryption = found;
    if (key_of_a_program() != before)
        log::warning(before ? "key-of-another-program-gone" : "key-of-another-program", {{"drive", settings.name.text}});
}

void DriveOwner::Core::believe(const scsi::CommandLog& log, Attention attention) {
    counters.recovered_errors += log.recovered;
    counters.medium_errors += log.medium_errors;
    counters.unit_attentions += log.unit_attentions.size();
    connection_lost = log.connection_ended;
    for (const auto& sense : log.unit_attentions) {
        auto rule = scsi::rule_for(sense.code);
        log::info("unit_attention", {{"drive", settings.name.text}, {"sense", to_text(sense.code)}});
        lose_trust(fmt::format("{}: unit attention: {} ({})", subject(), rule.advice, to_text(sense.code)));
        if (sense.code.asc == 0x29) identity_in_doubt = !identity.vendor.empty();  // POWER ON, RESET, OR NEXUS LOSS
        // DATA ENCRYPTION PARAMETERS CHANGED: the key that is known of stays known, until it was asked for again
        if (sense.code.asc == 0x2A && sense.code.ascq == 0x11 && !key_of_a_program()) encryption.reset();
        if (sense.code.asc == 0x28) medium_changed();  // NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED
    }
    if (log.lost) return give_up(fmt::format("{}: {}", subject(), to_text(*log.lost)));
    if (log.not_ready && attention == Attention::ends_work) {
        lose_trust(fmt::format("{}: not ready ({})", subject(), to_text(log.not_ready->code)));
        if (log.not_ready->code.asc == 0x3A) {
            cartridge_gone();
        } else {
            fact<NotReady>();
        }
    }
}

void DriveOwner::Core::cartridge_gone() {
    cartridge.reset();
    volume_tag = {};
    fact<Removed>();
}

void DriveOwner::Core::believe_error(const Error& error) {
    if (error.sense && !error.sense->deferred && scsi::key_of(*error.sense) == scsi::SenseKey::hardware_error) {
        give_up(to_text(error));
    }
}

Result<void> DriveOwner::Core::check_trusted(std::string_view what) const {
    if (prepared) return {};
    return fail(Recovery::change_request, fmt::format("{}: cannot {}: position and modes are not known", subject(), what),
                "The cartridge must be prepared again first");
}

void DriveOwner::Core::hold(const WritePermit& granted) {
    if (permit && &permit->terms() != &granted.terms()) permit->invalidate("another permit was granted for this drive");
    permit = granted;
    if (!prepared) lose_trust(fmt::format("{}: position and modes were not known when the permit was granted", subject()));
}

Result<void> DriveOwner::Core::check_permit(const WritePermit& granted) const {
    const auto& terms = granted.terms();
    auto refuse = [&](std::string why) {
        return fail(Recovery::change_request, fmt::format("{}: writing is refused: {}", subject(), why),
                    "The label must be read and a new permit granted");
    };
    if (!granted.valid()) return refuse(fmt::format("the permit is void: {}", granted.why_void()));
    if (terms.drive != settings.name) return refuse(fmt::format("the permit is for drive {}", terms.drive.text));
    if (!cartridge || *cartridge != terms.cartridge) {
        return refuse(fmt::format("the permit is for cartridge {}, which is not known to be in the drive",
                                  terms.volume_tag.empty() ? std::to_string(raw(terms.cartridge)) : terms.volume_tag.text));
    }
    if (!prepared) return refuse("position and modes are not known since the last unit attention or failure");
    if (!label_read) return refuse("the label was not read since the drive was prepared");
    if (position != terms.first_block) {
        return refuse(fmt::format("the permit begins at block {}, the drive stands at {}", raw(terms.first_block),
                                  position ? fmt::format("block {}", raw(*position)) : "an unknown place"));
    }
    if (const auto why = owner->why_only_read(); !why.empty())
        return fail(Recovery::stop_device, fmt::format("{}: it {}", subject(), why), std::string(kClearTheKey));
    if (medium.write_protected) {
        return fail(Recovery::ask_operator, fmt::format("{}: the cartridge is write protected", subject()),
                    "Slide its tab or pick another cartridge");
    }
    return {};
}

Task<Result<void>> DriveOwner::Core::identify_now() {
    std::move_only_function<Result<operations::Identified>(const scsi::Target&)> operation =
        [key = settings.key, serial = settings.serial](const scsi::Target& drive) { return operations::identify(drive, key, serial); };
    CAPSTAN_CO_TRY(auto found, co_await perform(std::move(operation), Attention::is_expected));
    if (found.identity.serial != identity.serial) encryption.reset();  // another drive
    identity = found.identity;
    if (found.by_another) co_return std::unexpected(std::move(*found.by_another));
    timeouts = found.timeouts;
    if (owner->on_identified) owner->on_identified(identity);
    identity_in_doubt = false;
    co_return Result<void>{};
}

Task<Result<operations::Probed>> DriveOwner::Core::probe_once() {
    std::move_only_function<Result<operations::Probed>(const scsi::Target&)> operation = &operations::probe;
    auto probed = co_await perform(std::move(operation), Attention::is_expected);
    if (!probed) co_return probed;
    switch (probed->presence) {
        case Presence::ready: fact<BecameReady>(); break;
        case Presence::absent:
        case Presence::not_loaded:
        case Presence::becoming_ready:
            if (state == DriveState::ready) {
                lose_trust(fmt::format("{}: no longer ready: {}", subject(), probed->words));
                fact<NotReady>();
            }
            break;
    }
    co_return probed;
}

}  // namespace capstan::drives
