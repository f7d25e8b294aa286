#include "changer/changer_owner.hpp"

#include "changer/operations.hpp"
#include "config/base/log.hpp"
#include "drives/scsi/sense_table.hpp"
#include "drives/scsi/supervised.hpp"

#include <fmt/format.h>

namespace capstan::changer {

namespace {

constexpr std::chrono::seconds kNap{1};  // between two looks at a robot that is not ready
constexpr std::chrono::seconds kNoWait{0};
template <class T>
using Operation = std::move_only_function<T(const scsi::Target&)>;

// Which unit attentions say something about where cartridges are.
std::optional<StaleReason> stale_reason(SenseCode code) {
    if (code.asc == 0x28 && code.ascq == 0x01) return StaleReason::ie_port_used;
    if (code.asc == 0x28) return StaleReason::door_or_hand;
    if (code.asc == 0x2A || code.asc == 0x3F) return std::nullopt;  // parameters changed, target's conditions changed
    return StaleReason::reset;
}
}  // namespace

std::string_view name_of(StaleReason reason) {
    switch (reason) {
        case StaleReason::never_taken: return "no inventory was taken yet";
        case StaleReason::ie_port_used: return "the IE port was used";
        case StaleReason::reset: return "the robot was reset";
        case StaleReason::door_or_hand: return "a door was open or a hand was in the library";
        case StaleReason::move_unclear: return "a move ended unclear";
    }
    return "unknown";
}

class ChangerOwner::Core {
  public:
    Core(Loop& l, Clock& c, std::shared_ptr<scsi::Device> d, ChangerSettings s)
        : loop(l), clock(c), settings(std::move(s)), device(l, c, std::move(d), settings.hang_grace), turns(l) {
        timeouts.set(scsi::Opcode::move_medium, settings.move_limit);
    }

    std::string subject() const { return fmt::format("library {}", settings.name.text); }
    void set_stale(StaleReason reason);
    void believe(const scsi::CommandLog& log);
    void give_up(const std::string& why);
    Task<Result<scsi::Turns::Turn>> turn();
    template <class T>
    Task<Result<T>> perform(Operation<T> operation);
    template <class T>
    Task<Result<T>> perform_flat(Operation<Result<T>> operation) {
        Result<Result<T>> answer = co_await perform<Result<T>>(std::move(operation));
        if (!answer) co_return std::unexpected(std::move(answer.error()));
        co_return std::move(*answer);
    }
    Task<Result<void>> wait_until_ready(std::chrono::seconds limit);
    Task<Result<void>> take_inventory(std::chrono::seconds limit);
    Result<std::pair<ElementFact, ElementAddress>> check_move(ElementAddress source, ElementAddress destination) const;
    void moved(ElementAddress source, ElementAddress destination);
    Task<MoveOutcome> find_cartridge(ElementFact source, ElementAddress destination, Error why);

    struct Context {
        std::string name;
        scsi::Timeouts timeouts;
    };
    Loop& loop;
    Clock& clock;
    ChangerSettings settings;
    scsi::SupervisedDevice device;
    scsi::Turns turns;
    ChangerOwner* owner = nullptr;
    scsi::Timeouts timeouts;
    std::string why_faulted;
    bool connection_lost = false;  // the last operation had none, or lost it
    ChangerIdentity identity;
    operations::Abilities abilities;
    Inventory inventory;
    std::optional<StaleReason> stale = StaleReason::never_taken;
};

void ChangerOwner::Core::set_stale(StaleReason reason) {
    stale = reason;
    log::info("inventory_stale", {{"library", settings.name.text}, {"reason", std::string(name_of(reason))}});
    if (owner->on_stale) owner->on_stale(reason);
}

void ChangerOwner::Core::believe(const scsi::CommandLog& log) {
    connection_lost = log.connection_ended;
    for (const auto& sense : log.unit_attentions) {
        log::info("unit_attention", {{"library", settings.name.text}, {"sense", to_text(sense.code)}});
        if (auto reason = stale_reason(sense.code)) set_stale(*reason);
    }
}

void ChangerOwner::Core::give_up(const std::string& why) {
    if (!why_faulted.empty()) return;
    why_faulted = why;
    device.give_up();
    log::error("changer_faulted", {{"library", settings.name.text}, {"reason", why}});
    set_stale(StaleReason::reset);
}

Task<Result<scsi::Turns::Turn>> ChangerOwner::Core::turn() {
    auto mine = co_await turns.take();
    if (!mine) co_return fail(Recovery::cancelled, fmt::format("{}: the daemon is stopping", subject()));
    if (!why_faulted.empty()) {
        co_return fail(Recovery::stop_device, fmt::format("{}: its robot is faulted: {}", subject(), why_faulted),
                       fmt::format("Look at the library, then run 'capstan library inventory {}'", settings.name.text));
    }
    co_return std::move(*mine);
}

template <class T>
Task<Result<T>> ChangerOwner::Core::perform(Operation<T> operation) {
    auto log = std::make_shared<scsi::CommandLog>();
    auto context = std::make_shared<const Context>(subject(), timeouts);
    std::move_only_function<T(scsi::Transport&)> call =
        [context, operation = std::move(operation)](scsi::Transport& door) mutable {
            scsi::Target target(door, context->name, context->timeouts);
            return operation(target);
        };
    Result<T> answer = co_await device.run<T>(std::move(call), log);
    if (answer) {
        believe(*log);
    } else if (answer.error().recovery == Recovery::stop_device) {
        give_up(to_text(answer.error()));
    }
    co_return answer;
}

Task<Result<void>> ChangerOwner::Core::wait_until_ready(std::chrono::seconds limit) {
    const auto deadline = clock.now() + limit;
    for (;;) {
        Operation<Result<scsi::Readiness>> operation = &operations::probe;
        auto readiness = co_await perform_flat(std::move(operation));
        std::optional<Error> why;
        if (!readiness) {
            why = std::move(readiness.error());
        } else if (readiness->not_ready) {
            why = scsi::error_from_sense(fmt::format("{}: the robot is not ready", subject()), *readiness->not_ready);
        } else {
            co_return Result<void>{};
        }
        if (why->recovery != Recovery::retry_later || clock.now() >= deadline)
            co_return std::unexpected(std::move(*why));
        if (!co_await sleep_for(loop, clock, kNap)) {
            co_return fail(Recovery::cancelled, fmt::format("{}: the daemon is stopping", subject()));
        }
    }
}

Task<Result<void>> ChangerOwner::Core::take_inventory(std::chrono::seconds limit) {
    const auto deadline = clock.now() + limit;
    for (;;) {
        auto left = std::chrono::duration_cast<std::chrono::seconds>(deadline - clock.now());
        left = std::max(left, kNoWait);
        auto ready = co_await wait_until_ready(left);
        if (!ready) co_return ready;
        Operation<Result<operations::Elements>> operation = [wanted = abilities, key = settings.key](const scsi::Target& robot) {
            return operations::read_elements(robot, wanted, key);
        };
        auto elements = co_await perform_flat(std::move(operation));
        if (elements && elements->claim.by_another) {
            identity.claim = elements->claim.claim;
            co_return std::unexpected(std::move(*elements->claim.by_another));
        }
        if (elements) {
            abilities = elements->abilities;
            identity.claim = elements->claim.claim;
            identity.reports_tags = abilities.volume_tags;
            identity.reports_drive_serials = abilities.drive_serials;
            inventory.elements = std::move(elements->facts);
            ++inventory.generation;
            stale.reset();
            co_return Result<void>{};
        }
        auto& error = elements.error();
        bool again = error.recovery == Recovery::retry_later || (error.sense && scsi::is_unit_attention(*error.sense));
        if (!again || clock.now() >= deadline) co_return std::unexpected(std::move(error));
        if (!co_await sleep_for(loop, clock, kNap)) co_return std::unexpected(std::move(error));
    }
}

// What the robot would refuse anyway is refused before it is asked; the words are better.
Result<std::pair<ElementFact, ElementAddress>> ChangerOwner::Core::check_move(ElementAddress source,
                                                                              ElementAddress destination) const {
    auto named = [](const ElementFact& fact) { return fmt::format("{} {}", name_of(fact.kind), fact.number); };
    if (stale) {
        return fail(Recovery::refresh_inventory, fmt::format("{}: nothing is moved: {}", subject(), name_of(*stale)),
                    "Run an inventory of the library");
    }
    const auto* from = inventory.find(source);
    const auto* to = inventory.find(destination);
    if (from == nullptr || to == nullptr || source == destination) {
        return fail(
            Recovery::change_request,
            fmt::format("{}: there is no way from element {} to element {}", subject(), raw(source), raw(destination)),
            "See 'capstan library show' for its elements");
    }
    for (const auto* end : {from, to}) {
        if (const auto why = why_foreign(settings.foreign, *end, inventory); !why.empty())
            return fail(Recovery::change_request, fmt::format("{}: nothing is moved from {} to {}: {}", subject(), named(*from), named(*to), why),
                        "See `foreign` in the library's configuration");
    }
    if (!from->full) {
        return fail(Recovery::refresh_inventory,
                    fmt::format("{}: cannot move from {}: it is empty", subject(), named(*from)),
                    "Run an inventory of the library");
    }
    if (to->full) {
        return fail(Recovery::refresh_inventory,
                    fmt::format("{}: cannot move {} to {}: it holds {}", subject(),
                                from->volume_tag.empty() ? "the cartridge" : from->volume_tag.text, named(*to),
                                to->volume_tag.empty() ? "a cartridge" : to->volume_tag.text),
                    fmt::format("Empty {}, then repeat", named(*to)));
    }
    const auto* picker = inventory.find(ElementKind::picker, 1);
    return std::pair{*from, picker == nullptr ? ElementAddress{0} : picker->address};
}

void ChangerOwner::Core::moved(ElementAddress source, ElementAddress destination) {
    ElementFact *from = nullptr, *to = nullptr;
    for (auto& fact : inventory.elements) {
        if (fact.address == source) from = &fact;
        if (fact.address == destination) to = &fact;
    }
    if (from == nullptr || to == nullptr) return;
    to->full = true;
    to->volume_tag = std::exchange(from->volume_tag, {});
    auto came_from = std::exchange(from->source, std::nullopt);
    to->source = from->kind == ElementKind::slot ? std::optional{source} : came_from;
    to->exception = std::exchange(from->exception, std::nullopt);
    to->put_by_operator = false;
    from->full = false;
    from->put_by_operator = false;
}

// The robot said no, or nothing: element status decides where the cartridge is. The move is not repeated.
Task<MoveOutcome> ChangerOwner::Core::find_cartridge(ElementFact source, ElementAddress destination, Error why) {
    auto read = co_await take_inventory(settings.move_limit);
    MoveOutcome outcome;
    if (read) {
        outcome = operations::judge_move(source, destination, inventory, std::move(why));
    } else {
        why.happened += fmt::format("; and where the cartridge is could not be read: {}", read.error().happened);
        outcome.error = std::move(why);
    }
    if (outcome.kind == MoveOutcome::Kind::unclear) set_stale(StaleReason::move_unclear);
    co_return outcome;
}

ChangerOwner::ChangerOwner(Loop& loop, Clock& clock, std::shared_ptr<scsi::Device> device, ChangerSettings settings)
    : core_(std::make_shared<Core>(loop, clock, std::move(device), std::move(settings))) {
    core_->owner = this;
}
ChangerOwner::~ChangerOwner() = default;

const LibraryName& ChangerOwner::name() const { return core_->settings.name; }
const ChangerIdentity& ChangerOwner::identity() const { return core_->identity; }
bool ChangerOwner::connection_lost() const { return core_->connection_lost; }
const std::string& ChangerOwner::why_faulted() const { return core_->why_faulted; }
const Inventory& ChangerOwner::last_inventory() const { return core_->inventory; }
std::optional<StaleReason> ChangerOwner::stale() const { return core_->stale; }

Result<void> ChangerOwner::replace_device(std::shared_ptr<scsi::Device> device) {
    if (!core_->device.replace(std::move(device))) {
        auto why = core_->subject() + ": a command that was sent before has still not come back";
        core_->give_up(why);
        return fail(Recovery::stop_device, std::move(why),
                    "Switch the library off and on; if that does not end it, start capstand again.");
    }
    core_->why_faulted.clear();
    core_->connection_lost = false;
    core_->set_stale(StaleReason::reset);
    return {};
}

Task<Result<ChangerIdentity>> ChangerOwner::identify() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    Operation<Result<operations::Identified>> operation = [key = core.settings.key](const scsi::Target& robot) {
        return operations::identify(robot, key);
    };
    CAPSTAN_CO_TRY(auto answer, co_await core.perform_flat(std::move(operation)));
    if (answer.by_another) {
        core.identity = std::move(answer.identity);
        co_return std::unexpected(std::move(*answer.by_another));
    }
    core.timeouts.take(answer.commands);
    if (answer.narrow_element_status) core.abilities.all_kinds = core.abilities.current_data = false;
    const auto found = std::move(answer.identity);
    core.identity = found;
    const auto& wanted = core.settings.serial;
    if (!wanted.empty() && wanted != found.serial) {
        co_return fail(Recovery::ask_operator,
                       fmt::format("library {}: its serial number is {}, the configuration says {}", name().text,
                                   found.serial.empty() ? "unknown" : found.serial, wanted),
                       "Correct the library's device or serial number in the configuration");
    }
    co_return found;
}

Task<Result<void>> ChangerOwner::probe() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    co_return co_await core.wait_until_ready(kNoWait);
}

Task<Result<Inventory>> ChangerOwner::inventory(std::chrono::seconds limit) {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    auto taken = co_await core.take_inventory(limit);
    if (!taken) co_return std::unexpected(std::move(taken.error()));
    co_return core.inventory;
}

Task<Result<Inventory>> ChangerOwner::init_element_status() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    Operation<Result<void>> operation = &operations::init_element_status;
    auto begun = co_await core.perform_flat(std::move(operation));
    if (!begun) co_return std::unexpected(std::move(begun.error()));
    auto taken = co_await core.take_inventory(core.settings.move_limit);
    if (!taken) co_return std::unexpected(std::move(taken.error()));
    co_return core.inventory;
}

Task<MoveOutcome> ChangerOwner::move(ElementAddress source, ElementAddress destination) {
    auto& core = *core_;
    MoveOutcome outcome;
    outcome.kind = MoveOutcome::Kind::refused;
    auto turn = co_await core.turn();
    if (!turn) {
        outcome.error = std::move(turn.error());
        co_return outcome;
    }
    auto checked = core.check_move(source, destination);
    if (!checked) {
        outcome.error = std::move(checked.error());
        co_return outcome;
    }
    auto from = checked->first;
    Operation<operations::MoveAnswer> operation = [picker = checked->second, source,
                                                   destination](const scsi::Target& robot) {
        return operations::move(robot, picker, source, destination);
    };
    auto answer = co_await core.perform(std::move(operation));
    if (!answer) {  // it never came back, or the daemon is stopping: the journal and the next inventory will tell
        outcome.kind = MoveOutcome::Kind::unclear;
        outcome.error = std::move(answer.error());
        core.set_stale(StaleReason::move_unclear);
        co_return outcome;
    }
    if (!answer->error) {
        core.moved(source, destination);
        outcome.kind = MoveOutcome::Kind::moved;
        co_return outcome;
    }
    if (!answer->sent) {
        outcome.error = std::move(answer->error);
        co_return outcome;
    }
    log::warning("move_failed", {{"library", name().text},
                                 {"volume_tag", from.volume_tag.text},
                                 {"answer", answer->lost ? "lost" : "refused"},
                                 {"reason", to_text(*answer->error)}});
    auto why = std::move(*answer->error);
    co_return co_await core.find_cartridge(std::move(from), destination, std::move(why));
}

Task<Result<void>> ChangerOwner::let_go() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    if (core.identity.claim != scsi::Claim::held) co_return Result<void>{};
    Operation<Result<void>> operation = [key = *core.settings.key](const scsi::Target& robot) { return operations::let_go(robot, key); };
    CAPSTAN_CO_CHECK(co_await core.perform_flat(std::move(operation)));
    core.identity.claim = scsi::Claim::not_asked_for;
    co_return Result<void>{};
}

Task<Result<void>> ChangerOwner::lock_doors(bool locked) {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    Operation<Result<void>> operation = [locked](const scsi::Target& robot) {
        return operations::lock_doors(robot, locked);
    };
    co_return co_await core.perform_flat(std::move(operation));
}

}  // namespace capstan::changer
