#include "daemon/library.hpp"

#include "config/base/log.hpp"
#include "pools/reconcile.hpp"
#include "pools/store/work_rows.hpp"

#include <fmt/format.h>

#include <charconv>

namespace capstan::daemon {

using namespace std::chrono_literals;
using changer::ElementKind;
using pools::Place;
using pools::PlaceKind;

Library::Library(Context& context, const config::LibrarySettings& settings, LibraryDevices devices)
    : context_(context), settings_(settings), name_{settings.name}, open_again_(std::move(devices.open_again)), robot_(context.loop) {
    const auto key = settings.reserve ? std::optional(scsi::ReservationKey{context.store.reservation_key()}) : std::nullopt;
    changer::ChangerSettings changer_settings{.name = name_, .serial = {}, .key = key, .foreign = settings.foreign};
    changer_ = std::make_unique<changer::ChangerOwner>(context.loop, context.clock, std::move(devices.changer), changer_settings);
    changer_->on_stale = [this](changer::StaleReason reason) {
        log::info("inventory-stale", {{"library", name_.text}, {"reason", std::string(changer::name_of(reason))}});
        context_.changed.notify();
    };
    for (std::size_t i = 0; i < settings.drives.size(); ++i) {
        Drive drive;
        drive.settings = settings.drives[i];
        drives::DriveSettings drive_settings{.name = DriveName{drive.settings.name},
                                             .serial = drive.settings.serial,
                                             .key = key,
                                             .expects_key = drive.settings.expects_key};
        drive.owner = std::make_unique<drives::DriveOwner>(context.loop, context.clock, std::move(devices.drives[i]), drive_settings);
        drive.owner->on_identified = [this, name = drive.owner->name()](const drives::DriveIdentity& identity) { note_drive(name, identity); };
        drives_.push_back(std::move(drive));
    }
    read_disabled();
}

pools::AuditNote Library::note(std::string why) const { return {"daemon", std::move(why), context_.clock.wall()}; }

Library::Drive* Library::find_drive(const DriveName& name) {
    for (auto& drive : drives_)
        if (drive.owner->name() == name) return &drive;
    return nullptr;
}

Result<void> Library::set_state(std::string state, std::string trouble) {
    if (state != state_ || trouble != trouble_)
        log::info("library-state", {{"library", name_.text}, {"state", state}, {"trouble", trouble}});
    state_ = std::move(state);
    trouble_ = std::move(trouble);
    context_.changed.notify();
    return {};
}

Task<Result<void>> Library::let_go() {
    auto hold = co_await robot_.take();
    ended_ = true;
    co_return co_await changer_->let_go();
}

Task<Result<void>> Library::start() {
    auto hold = co_await robot_.take();
    if (inventoried_ || closed_) co_return Result<void>{};  // an operator was faster
    co_return co_await start_locked();
}

Task<Result<void>> Library::start_locked() {
    CAPSTAN_CO_CHECK(check_open());
    auto identified = co_await changer_->identify();
    if (!identified) {
        (void)set_state("needs_service", to_text(identified.error()));
        co_return std::unexpected(identified.error());
    }
    for (auto& drive : drives_) {
        if (drive.disabled) continue;
        auto found = co_await drive.owner->identify();
        drive.trouble = found ? "" : to_text(found.error());
    }
    auto inventory = co_await changer_->inventory();
    if (!inventory) {
        (void)set_state("needs_service", to_text(inventory.error()));
        co_return std::unexpected(inventory.error());
    }
    for (auto& drive : drives_) find_element(drive, *inventory);
    remarks_ = changer::beyond_library(settings_.foreign, name_, *inventory);
    for (const auto& remark : remarks_) log::warning("foreign-beyond-library", {{"remark", remark}});
    CAPSTAN_CO_CHECK(apply_inventory(*inventory));
    CAPSTAN_CO_CHECK(set_state("ready", ""));
    co_await empty_pickers();
    co_return Result<void>{};
}

void Library::note_drive(const DriveName& name, const drives::DriveIdentity& identity) {
    if (identity.serial.empty()) return;
    pools::Devices devices(context_.store);
    auto known = devices.of(pools::DeviceSeen::Kind::drive, name.text);
    if (known && *known && (*known)->serial == identity.serial) return;
    pools::DeviceSeen now{pools::DeviceSeen::Kind::drive, name.text, identity.product, identity.serial, {}, context_.clock.wall()};
    if (known && *known) {
        now.before = (*known)->serial;
        log::warning("drive-replaced", {{"drive", name.text}, {"serial", now.serial}, {"before", now.before}});
    }
    auto keep = [&]() -> Result<void> {
        CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
        CAPSTAN_CHECK(devices.seen(transaction, now));
        return transaction.commit();
    };
    if (auto kept = keep(); !kept) log::error("drive-not-recorded", {{"drive", name.text}, {"error", to_text(kept.error())}});
    context_.changed.notify();
}

void Library::find_element(Drive& drive, const changer::Inventory& inventory) {
    const auto* element = inventory.find(ElementKind::drive, drive.settings.element);
    if (element == nullptr)
        drive.trouble = fmt::format("library {} has no drive element {}; it has {}: correct `element` of drive {}", name_.text,
                                    drive.settings.element, inventory.count(ElementKind::drive), drive.settings.name);
    else
        drive.element = element->address;
}

Task<Result<void>> Library::reopen(Drive& drive) {
    CAPSTAN_CO_CHECK(check_in_use());
    if (!inventoried_)  // a refusal, no trouble of the drive
        co_return fail(Recovery::retry_later, fmt::format("library {} has not been inventoried", name_.text),
                       fmt::format("Run 'capstan library inventory {}' first.", name_.text));
    auto outcome = co_await open_drive(drive);
    drive.trouble = outcome ? "" : to_text(outcome.error());
    if (outcome) find_element(drive, changer_->last_inventory());
    context_.changed.notify();
    if (outcome && !drive.trouble.empty()) outcome = fail(Recovery::ask_operator, drive.trouble);
    co_return outcome;
}

Task<Result<void>> Library::open_drive(Drive& drive) {
    CAPSTAN_CO_CHECK(drive.owner->replace_device(open_again_(&drive.settings)));
    CAPSTAN_CO_CHECK(co_await drive.owner->identify());  // the robot serves others meanwhile
    auto hold = co_await robot_.take();
    drive.owner->cartridge_removed();  // what is in it now, the inventory tells
    drive.cartridge.reset();
    drive.prepared = false;
    co_return co_await refresh_locked();
}

// A crash in the middle of a move may leave a cartridge in the picker; with it in its hand the robot moves no other.
Task<void> Library::empty_pickers() {
    auto here = pools::Cartridges(context_.store).in_library(name_);
    if (!here) co_return;
    for (const auto& cartridge : *here) {
        if (cartridge.place.kind != PlaceKind::picker) continue;
        auto slot = free_slot();
        Result<void> moved = slot ? Result<void>{} : std::unexpected(slot.error());
        if (slot) moved = co_await move_locked(cartridge.id, *slot, WorkItemId{});
        log::info("picker-emptied", {{"library", name_.text},
                                     {"volume_tag", cartridge.volume_tag.text},
                                     {"outcome", moved ? to_text(*slot) : to_text(moved.error())}});
    }
}

Task<Result<void>> Library::refresh(bool scan) {
    CAPSTAN_CO_CHECK(check_in_use());
    auto hold = co_await robot_.take();
    CAPSTAN_CO_CHECK(check_open());
    if (!changer_->why_faulted().empty()) {
        CAPSTAN_CO_CHECK(changer_->replace_device(open_again_(nullptr)));
        auto identified = co_await changer_->identify();
        if (!identified) {
            (void)set_state("needs_service", to_text(identified.error()));
            co_return std::unexpected(identified.error());
        }
    }
    if (!inventoried_) co_return co_await start_locked();
    co_return co_await refresh_locked(scan);
}

Task<Result<void>> Library::refresh_locked(bool scan) {
    CAPSTAN_CO_CHECK(check_open());
    (void)set_state("inventory", "");
    Result<changer::Inventory> inventory;
    if (scan) {
        inventory = co_await changer_->init_element_status();
    } else {
        inventory = co_await changer_->inventory();
    }
    if (!inventory) {
        (void)set_state("needs_service", to_text(inventory.error()));
        co_return std::unexpected(inventory.error());
    }
    auto applied = apply_inventory(*inventory);
    (void)set_state(applied ? "ready" : "needs_service", applied ? "" : to_text(applied.error()));
    co_return applied;
}

std::string Library::why_foreign(const changer::ElementFact& element) const {
    return changer::why_foreign(settings_.foreign, element, changer_->last_inventory());
}

Place Library::place_of(const changer::ElementFact& fact) const {
    switch (fact.kind) {
        case ElementKind::picker: return {PlaceKind::picker, std::to_string(fact.number)};
        case ElementKind::slot: return {PlaceKind::slot, std::to_string(fact.number)};
        case ElementKind::ie_port: return {PlaceKind::ie_port, std::to_string(fact.number)};
        case ElementKind::drive: break;
    }
    for (const auto& drive : drives_)
        if (drive.settings.element == fact.number) return {PlaceKind::drive, drive.settings.name};
    return {PlaceKind::drive, fmt::format("#{}", fact.number)};  // of the robot, but not of the configuration
}

Result<ElementAddress> Library::element_of(const Place& place) const {
    const auto& inventory = changer_->last_inventory();
    const changer::ElementFact* element = nullptr;
    if (place.kind == PlaceKind::drive) {
        for (const auto& drive : drives_)
            if (drive.settings.name == place.id) element = inventory.find(drive.element);
    } else {
        std::uint32_t number = 0;
        std::from_chars(place.id.data(), place.id.data() + place.id.size(), number);
        auto kind = place.kind == PlaceKind::slot      ? ElementKind::slot
                    : place.kind == PlaceKind::ie_port ? ElementKind::ie_port
                                                       : ElementKind::picker;
        if (place.kind != PlaceKind::offline) element = inventory.find(kind, number);
    }
    if (element == nullptr)
        return fail(Recovery::refresh_inventory, fmt::format("library {} has no {}", name_.text, to_text(place)),
                    "Run 'capstan library inventory' and look at 'capstan library show'.");
    return element->address;
}

Result<void> Library::apply_inventory(const changer::Inventory& inventory) {
    pools::InventoryFacts facts{.library = name_};
    for (const auto& element : inventory.elements) {
        pools::ElementFact fact;
        fact.place = place_of(element);
        fact.content = element.full        ? pools::ElementFact::Content::full
                       : element.exception ? pools::ElementFact::Content::unknown
                                           : pools::ElementFact::Content::empty;
        fact.volume_tag = element.volume_tag;
        const auto foreign = why_foreign(element);
        for (auto& drive : drives_)
            if (element.kind == ElementKind::drive && drive.settings.element == element.number) drive.foreign = foreign;
        if (!foreign.empty()) {  // for the database there is nothing: it is not ours
            fact.content = pools::ElementFact::Content::empty;
            fact.volume_tag = {};
            facts.elements.push_back(std::move(fact));
            continue;
        }
        if (element.source)
            if (const auto* source = inventory.find(*element.source)) fact.source = place_of(*source);
        facts.elements.push_back(std::move(fact));
    }
    CAPSTAN_TRY(auto snapshot, pools::reconcile_snapshot(context_.store, facts));
    auto corrections = pools::reconcile(snapshot, facts);
    if (!corrections.empty()) {
        CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
        CAPSTAN_CHECK(pools::apply(transaction, name_, corrections, context_.clock.wall()));
        CAPSTAN_CHECK(transaction.commit());
    }
    for (const auto& correction : corrections)
        log::info("reconciled", {{"library", name_.text},
                                 {"what", std::string(pools::name_of(correction.kind))},
                                 {"place", to_text(correction.place)},
                                 {"volume_tag", correction.volume_tag.text},
                                 {"reason", correction.reason}});
    inventoried_ = context_.clock.wall();
    follow_database();
    context_.changed.notify();
    return {};
}

void Library::follow_database() {
    pools::Cartridges cartridges(context_.store);
    for (auto& drive : drives_) {
        auto row = cartridges.at(name_, {PlaceKind::drive, drive.settings.name});
        if (!row) continue;
        auto now = *row ? std::optional((*row)->id) : std::nullopt;
        if (now == drive.cartridge) continue;
        if (drive.cartridge) drive.owner->cartridge_removed();
        if (now) drive.owner->cartridge_inserted(*now, (*row)->volume_tag);
        drive.cartridge = now;
        drive.prepared = false;
    }
}

Result<Place> Library::free_slot() const {
    for (const auto& element : changer_->last_inventory().elements)
        if (element.kind == ElementKind::slot && !element.full && element.accessible && !element.exception && why_foreign(element).empty())
            return Place{PlaceKind::slot, std::to_string(element.number)};
    return fail(Recovery::ask_operator, fmt::format("library {}: every slot is full", name_.text),
                "Take a cartridge out: 'capstan media export VOLUME'.");
}

Task<Result<void>> Library::move(CartridgeId cartridge, Place destination, WorkItemId item) {
    auto hold = co_await robot_.take();
    co_return co_await move_locked(cartridge, std::move(destination), item);
}

Task<Result<void>> Library::move_locked(CartridgeId id, Place destination, WorkItemId item) {
    CAPSTAN_CO_CHECK(check_open());
    if (changer_->stale()) CAPSTAN_CO_CHECK(co_await refresh_locked());
    pools::Cartridges cartridges(context_.store);
    pools::Journal journal(context_.store);
    CAPSTAN_CO_TRY(auto cartridge, cartridges.get(id));
    if (cartridge.library == name_ && cartridge.place == destination) co_return Result<void>{};
    if (cartridge.library != name_)
        co_return fail(Recovery::refresh_inventory,
                       fmt::format("{} is not in library {} but {}", to_text(cartridge), name_.text, to_text(cartridge.place)),
                       "Put it into an IE port and run 'capstan media import'.");
    CAPSTAN_CO_TRY(auto from, element_of(cartridge.place));
    CAPSTAN_CO_TRY(auto to, element_of(destination));

    pools::JournalEntry entry;
    entry.work_item = item;
    entry.cartridge = id;
    entry.library = name_;
    entry.source = cartridge.place;
    entry.destination = destination;
    entry.at = context_.clock.wall();
    CAPSTAN_CO_TRY(auto intent, journal.intend(entry));
    auto outcome = co_await changer_->move(from, to);

    if (outcome.kind == changer::MoveOutcome::Kind::unclear) {
        // The hardware is the truth: reconciliation settles the journal entry.
        CAPSTAN_CO_CHECK(co_await refresh_locked());
        CAPSTAN_CO_TRY(auto now, cartridges.get(id));
        if (now.library == name_ && now.place == destination) co_return Result<void>{};
        co_return std::unexpected(*outcome.error);
    }
    CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    if (outcome.kind == changer::MoveOutcome::Kind::refused) {
        CAPSTAN_CO_CHECK(journal.end(transaction, intent, pools::JournalState::failed, outcome.error->happened, context_.clock.wall()));
        CAPSTAN_CO_CHECK(transaction.commit());
        co_return std::unexpected(*outcome.error);
    }
    CAPSTAN_CO_CHECK(cartridges.set_place(transaction, id, name_, destination, note("moved by the robot")));
    CAPSTAN_CO_CHECK(journal.end(transaction, intent, pools::JournalState::done, "", context_.clock.wall()));
    CAPSTAN_CO_CHECK(transaction.commit());
    follow_database();
    context_.changed.notify();
    co_return Result<void>{};
}

Task<Result<Library::Loaded>> Library::load(Drive& drive, CartridgeId cartridge, WorkItemId item) {
    const auto ready_limit = drive.owner->identity().load_limit;  // a new LTO-9 cartridge takes up to two hours
    drive.activity = "loading";
    Place place{PlaceKind::drive, drive.settings.name};
    CAPSTAN_CO_CHECK(co_await drive.owner->claim());  // nothing is put into a drive that another host has taken
    if (drive.cartridge != cartridge) CAPSTAN_CO_CHECK(co_await move(cartridge, place, item));
    CAPSTAN_CO_CHECK(co_await drive.owner->wait_until_ready(ready_limit));
    if (drive.owner->cartridge() != cartridge) {
        // The drive was reset and reported a medium of its own accord; whether it is the right one, its label tells.
        CAPSTAN_CO_TRY(auto row, pools::Cartridges(context_.store).get(cartridge));
        drive.owner->cartridge_inserted(cartridge, row.volume_tag);
        CAPSTAN_CO_CHECK(co_await drive.owner->wait_until_ready(ready_limit));
    }
    CAPSTAN_CO_TRY(auto medium, co_await drive.owner->prepare());
    CAPSTAN_CO_TRY(auto label, co_await read_label(*drive.owner));
    label.facts.write_protected = medium.write_protected;
    CAPSTAN_CO_TRY(auto identified, pools::identify(context_.store, cartridge, label.facts, note("label read in drive " + drive.settings.name)));
    {
        pools::Cartridges cartridges(context_.store);
        CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
        CAPSTAN_CO_CHECK(cartridges.count_mount(transaction, identified.cartridge.id, context_.clock.wall()));
        CAPSTAN_CO_CHECK(cartridges.set_density(transaction, identified.cartridge.id, medium.density, note("the drive says so")));
        if (identified.cartridge.write_protected != medium.write_protected)
            CAPSTAN_CO_CHECK(cartridges.set_write_protected(transaction, identified.cartridge.id, medium.write_protected,
                                                            note("the drive says so")));
        CAPSTAN_CO_CHECK(transaction.commit());
    }
    follow_database();
    drive.prepared = true;
    drive.activity = "idle";
    context_.changed.notify();
    Loaded loaded{std::move(identified), std::move(label), medium.write_protected};
    co_return loaded;
}

Task<Result<void>> Library::put_away(Drive& drive, WorkItemId item) {
    if (!drive.cartridge) co_return Result<void>{};
    drive.activity = "unloading";
    auto unloaded = co_await drive.owner->unload();
    if (!unloaded && unloaded.error().recovery == Recovery::retry_later) {  // it measures a new cartridge, and lets go of it afterwards
        auto ready = co_await drive.owner->wait_until_ready(drive.owner->identity().load_limit);
        if (ready) unloaded = co_await drive.owner->unload();
    }
    if (!unloaded) {
        drive.trouble = to_text(unloaded.error());
        co_return std::unexpected(unloaded.error());
    }
    auto hold = co_await robot_.take();
    if (changer_->stale()) CAPSTAN_CO_CHECK(co_await refresh_locked());
    if (!drive.cartridge) co_return Result<void>{};
    // Home, if it is still empty: the operator finds cartridges where he put them.
    const auto& inventory = changer_->last_inventory();
    const auto* element = inventory.find(drive.element);
    std::optional<Place> destination;
    if (element != nullptr && element->source) {
        const auto* home = inventory.find(*element->source);
        if (home != nullptr && home->kind == ElementKind::slot && !home->full && why_foreign(*home).empty()) destination = place_of(*home);
    }
    if (!destination) {
        CAPSTAN_CO_TRY(destination, free_slot());
    }
    CAPSTAN_CO_CHECK(co_await move_locked(*drive.cartridge, *destination, item));
    drive.activity = "idle";
    co_return Result<void>{};
}

}  // namespace capstan::daemon
