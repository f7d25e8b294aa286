#include "pools/label_check.hpp"

#include <fmt/format.h>

namespace capstan::pools {
namespace {

using Kind = LabelVerdictKind;

LabelVerdict compare_ours(const Cartridge& expected, const LabelOnMedium& label, const std::optional<Cartridge>& same,
                          const std::string& name) {
    const auto& side = expected.side;
    if (same && same->id != expected.id)
        return {Kind::swapped, same->id,
                fmt::format("{} was expected, but the label says that this is {}", name, to_text(*same)),
                "Cartridges were exchanged by hand; the records are put right, run a full inventory."};
    if (label.media_id != side.media_id)
        return {Kind::unknown_ours,
                {},
                fmt::format("{}: the label was written by this installation, but the state database does not know it",
                            name),
                "The state database is older than this medium: import it; nothing is overwritten before."};
    if (raw(label.generation) > raw(side.generation))
        return {Kind::newer_than_database,
                {},
                fmt::format("{}: the label has write generation {}, the state database knows {}", name,
                            raw(label.generation), raw(side.generation)),
                "The state database is older than this medium: restore a newer copy, or import the medium."};
    if (raw(label.generation) < raw(side.generation))
        return {Kind::older_than_database,
                {},
                fmt::format("{}: the label has write generation {}, but {} was written", name, raw(label.generation),
                            raw(side.generation)),
                "It is a copy of the medium, or a write was lost; do not use it before that is clear."};
    if (label.family != side.family || label.sequence != side.sequence)
        return {
            Kind::newer_than_database,
            {},
            fmt::format("{}: the label says media family {} sequence {}, the state database {} sequence {}", name,
                        raw(label.family), label.sequence, raw(side.family), side.sequence),
            "The state database and the medium have different histories: restore a newer copy, or import the medium."};
    return {Kind::matches, {}, fmt::format("{} bears its label", name), {}};
}

}  // namespace

LabelVerdict compare_label(const Cartridge& expected, const OnMedium& medium,
                           const std::optional<Cartridge>& same_media_id, const Uuid& our_domain) {
    const auto name = to_text(expected);
    switch (medium.kind) {
        case MediumKind::blank:
            if (raw(expected.side.generation) == 0) return {Kind::blank, {}, fmt::format("{} is blank", name), {}};
            return {Kind::blank_but_labelled,
                    {},
                    fmt::format("{} is blank, but the state database has a label for it", name),
                    "It was erased or exchanged elsewhere; look for the real cartridge."};
        case MediumKind::foreign:
            return {Kind::foreign,
                    {},
                    fmt::format("{} holds foreign data ({})", name, medium.description),
                    "If the data are not needed, erase it by an operator's word."};
        case MediumKind::unreadable:
            return {Kind::unreadable,
                    {},
                    fmt::format("the label of {} cannot be read ({})", name, medium.description),
                    "Clean the drive and try another one."};
        case MediumKind::capstan: break;
    }
    if (!medium.label)
        return {Kind::unreadable,
                {},
                fmt::format("the label of {} was not handed over", name),
                "This is a fault of the program; report it."};
    if (medium.label->domain_id != our_domain && medium.label->domain_id != expected.side.domain_id)
        return {Kind::other_domain,
                {},
                fmt::format("{} belongs to another Capstan (domain {})", name, medium.label->domain_id.text),
                "Import it, or give it back."};
    return compare_ours(expected, *medium.label, same_media_id, name);
}

}  // namespace capstan::pools
