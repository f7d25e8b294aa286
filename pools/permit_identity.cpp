// Is the medium in the drive the one that the database means, and is the database as new as the medium (rules 2, 3,
// 11)?
#include "pools/permit_rules.hpp"

#include <fmt/format.h>

namespace capstan::pools {

PermitRefusal refuse(const PermitRequest& request, const PermitFacts& facts, Recovery recovery, std::string_view fact,
                     std::string advice) {
    return {Error{recovery,
                  fmt::format("cannot write on {} in drive {}: {}", to_text(facts.cartridge), request.drive.text, fact),
                  std::move(advice), std::nullopt},
            {}};
}

PermitRefusal database_is_old(const PermitRequest& request, const PermitFacts& facts, std::string_view fact) {
    auto refusal =
        refuse(request, facts, Recovery::ask_operator, fact,
               "The state database is older than this medium: nothing is overwritten until the media it has not "
               "seen are imported, or a newer copy of it is restored.");
    refusal.database_is_old = fmt::format("{}: {}", to_text(facts.cartridge), fact);
    return refusal;
}

const MediumMemory* memory_of(const OnMedium& medium) {
    const bool ours = medium.memory && medium.label && medium.memory->media_id == medium.label->media_id &&
                      medium.memory->generation == medium.label->generation;
    return ours ? &*medium.memory : nullptr;
}

Refusal check_old_database(const PermitRequest& request, const PermitFacts& facts) {
    const auto& medium = request.medium;
    if (medium.kind != MediumKind::capstan || !medium.label || medium.label->domain_id != facts.our_domain)
        return std::nullopt;
    const auto& label = *medium.label;
    const auto& side = facts.cartridge.side;
    if (label.media_id != side.media_id && !facts.medium_id_elsewhere)
        return database_is_old(request, facts,
                               "it bears a label of this installation that the state database does not know");
    if (label.media_id == side.media_id && raw(label.generation) > raw(side.generation))
        return database_is_old(request, facts,
                               fmt::format("its label has write generation {}, the state database knows {}",
                                           raw(label.generation), raw(side.generation)));
    if (label.media_id == side.media_id && label.generation == side.generation &&
        (label.family != side.family || label.sequence != side.sequence))
        return database_is_old(
            request, facts,
            fmt::format("its label says media family {} sequence {}, the state database {} sequence {}",
                        raw(label.family), label.sequence, raw(side.family), side.sequence));
    const auto never_given = [&](const std::optional<SetOnMedium>& set) { return set && raw(set->number) >= raw(facts.next_set); };
    for (const auto& set : {medium.last_closed, medium.unfinished})
        if (medium.end == EndSearch::found && never_given(set))
            return database_is_old(
                request, facts,
                fmt::format("it holds set {}, a number that the state database has not given yet", raw(set->number)));
    if (const auto* memory = memory_of(medium))
        for (const auto& set : {memory->last_closed, memory->unfinished})
            if (never_given(set))
                return database_is_old(request, facts,
                                       fmt::format("its memory names set {}, a number that the state database has not given yet",
                                                   raw(set->number)));
    return std::nullopt;
}

Refusal check_identity(const PermitRequest& request, const PermitFacts& facts) {
    const auto& medium = request.medium;
    auto no = [&](Recovery recovery, std::string_view fact, std::string advice) {
        return refuse(request, facts, recovery, fact, std::move(advice));
    };
    switch (medium.kind) {
        case MediumKind::blank:
            return no(Recovery::ask_operator, "the medium is blank, but the state database has a label for it",
                      "Look for the real cartridge with a full inventory; erase this record only if it is lost.");
        case MediumKind::foreign:
            return no(Recovery::ask_operator, fmt::format("it holds foreign data ({})", medium.description),
                      "If the data are not needed, say so for this one cartridge with 'capstan media erase VOLUME --overwrite'.");
        case MediumKind::unreadable:
            return no(Recovery::ask_operator, fmt::format("its label cannot be read ({})", medium.description),
                      "Clean the drive and try another one; then decide about this one cartridge.");
        case MediumKind::capstan: break;
    }
    if (!medium.label)
        return no(Recovery::stop_device, "no label was handed over", "This is a fault of the program; report it.");
    const auto& label = *medium.label;
    const auto& side = facts.cartridge.side;
    if (label.domain_id != facts.our_domain)
        return no(Recovery::ask_operator,
                  fmt::format("it belongs to another Capstan (domain {})", label.domain_id.text),
                  "Give it back, or say for this one cartridge that its data are not needed.");
    if (auto old = check_old_database(request, facts)) return old;
    if (label.media_id != side.media_id)
        return no(Recovery::refresh_inventory, "it is another cartridge of this installation: they were swapped",
                  "Run a full inventory of the library.");
    if (label.generation != side.generation)
        return no(Recovery::ask_operator,
                  fmt::format("its label has write generation {}, but {} was written", raw(label.generation),
                              raw(side.generation)),
                  "It is a copy, or a write was lost; do not use it before that is clear.");
    return std::nullopt;
}

Refusal check_last_set(const PermitRequest& request, const PermitFacts& facts) {
    const auto& on_medium = request.medium.last_closed;
    const auto& recorded = facts.last_recorded;
    auto no = [&](Recovery recovery, const std::string& fact, std::string advice) {
        return refuse(request, facts, recovery, fact, std::move(advice));
    };
    if (on_medium && !recorded)
        return no(Recovery::change_request,
                  fmt::format("set {} is on it, and the state database records none", raw(on_medium->number)),
                  "Take its sets into the catalog first.");
    if (!on_medium && recorded)
        return no(Recovery::replace_medium,
                  fmt::format("it holds less than is recorded: the end of set {} is missing", raw(recorded->number)),
                  "It is closed for writing; verify the sets on it.");
    if (on_medium && (on_medium->number != recorded->number || on_medium->uuid != recorded->uuid))
        return no(Recovery::change_request,
                  fmt::format("the last set on it is {} ({}), recorded is {} ({})", raw(on_medium->number),
                              on_medium->uuid.text, raw(recorded->number), recorded->uuid.text),
                  "Take what it holds into the catalog first, or verify it.");
    return std::nullopt;
}

}  // namespace capstan::pools
