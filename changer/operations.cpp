#include "changer/operations.hpp"

#include "drives/scsi/models.hpp"
#include "drives/scsi/sense_table.hpp"
#include "drives/scsi/supervised.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace capstan::changer::operations {

namespace {

bool is_refused(const Error& error) {  // ILLEGAL REQUEST: the robot does not know the command or the field
    return error.sense && scsi::key_of(*error.sense) == scsi::SenseKey::illegal_request;
}

ElementKind kind_of(scsi::ElementType type) {
    switch (type) {
        case scsi::ElementType::medium_transport: return ElementKind::picker;
        case scsi::ElementType::import_export: return ElementKind::ie_port;
        case scsi::ElementType::data_transfer: return ElementKind::drive;
        case scsi::ElementType::all:
        case scsi::ElementType::storage: break;
    }
    return ElementKind::slot;
}

ElementFact fact_of(const scsi::ElementStatus& status) {
    ElementFact fact;
    fact.kind = kind_of(status.type);
    fact.address = status.address;
    fact.full = status.full;
    fact.accessible = fact.kind == ElementKind::picker || status.accessible;
    fact.import_enabled = status.import_enabled;
    fact.export_enabled = status.export_enabled;
    fact.put_by_operator = status.placed_by_operator;
    if (status.full) {  // a slot that was emptied may still show the tag of what was in it
        fact.volume_tag = status.volume_tag;
        fact.source = status.source;
    }
    if (status.exception) fact.exception = SenseCode{0, status.asc, status.ascq};
    if (status.device) fact.drive_serial = scsi::serial_number_of(*status.device);
    return fact;
}

// One kind of element after the other, as mtx asks. A kind that the robot refuses is one that it does not have.
Result<scsi::ElementStatusReport> read_kinds(const scsi::Target& robot, scsi::ElementQuery query) {
    using scsi::ElementType;
    Result<scsi::ElementStatusReport> all;
    std::optional<Error> refusal;
    for (auto type : {ElementType::medium_transport, ElementType::storage, ElementType::import_export, ElementType::data_transfer}) {
        query.type = type;
        auto report = scsi::read_element_status(robot, query);
        if (!report && !is_refused(report.error())) return report;
        if (!report) {
            refusal = std::move(report.error());
            continue;
        }
        all->elements.insert(all->elements.end(), report->elements.begin(), report->elements.end());
        all->count = static_cast<std::uint16_t>(all->count + report->count);
    }
    if (all->elements.empty() && refusal) return std::unexpected(std::move(*refusal));
    return all;
}

// Asks with fewer extras until the robot does not refuse the question itself.
Result<scsi::ElementStatusReport> read_all(const scsi::Target& robot, Abilities& abilities) {
    for (;;) {
        scsi::ElementQuery query{.volume_tags = abilities.volume_tags, .current_data = abilities.current_data};
        auto report = abilities.all_kinds ? scsi::read_element_status(robot, query) : read_kinds(robot, query);
        // An answer that contradicts itself: some robots get only the question for one kind right.
        if (!report && !report.error().sense && abilities.all_kinds) {
            auto kinds = read_kinds(robot, query);
            if (!kinds) return report;
            abilities.all_kinds = false;
            return kinds;
        }
        if (report || !is_refused(report.error())) return report;
        if (abilities.current_data) {
            abilities.current_data = false;
        } else if (abilities.volume_tags) {
            abilities.volume_tags = false;
        } else {
            return report;
        }
    }
}

}  // namespace

Result<scsi::Readiness> probe(const scsi::Target& robot) { return scsi::take_attentions(robot); }

Result<Identified> identify(const scsi::Target& robot, const Key& key) {
    CAPSTAN_CHECK(scsi::take_attentions(robot));
    CAPSTAN_TRY(auto inquiry, scsi::inquiry(robot));
    if (inquiry.peripheral_qualifier != 0 || inquiry.device_type != scsi::DeviceType::changer) {
        return fail(Recovery::ask_operator,
                    fmt::format("{}: what answers is {} {}, not a medium changer (device type {:02X}h)", robot.name, inquiry.vendor,
                                inquiry.product, raw(inquiry.device_type)),
                    "Correct the library's device in the configuration");
    }
    Identified found;
    found.identity = {.vendor = inquiry.vendor, .product = inquiry.product, .revision = inquiry.revision, .serial = {}};
    CAPSTAN_TRY(auto claimed, scsi::claim(robot, key));
    found.identity.claim = claimed.claim;
    found.by_another = std::move(claimed.by_another);
    found.narrow_element_status = scsi::find_model(inquiry.vendor, inquiry.product).narrow_element_status;
    auto serial = scsi::vpd_serial_number(robot);
    if (serial) {
        found.identity.serial = *serial;
    } else if (!is_refused(serial.error())) {
        return std::unexpected(std::move(serial.error()));
    }
    if (found.by_another) return found;
    auto commands = scsi::supported_commands(robot);
    if (commands) {
        found.commands = *std::move(commands);
    } else if (!is_refused(commands.error())) {
        return std::unexpected(std::move(commands.error()));
    }
    return found;
}

Result<void> init_element_status(const scsi::Target& robot) {
    CAPSTAN_CHECK(scsi::take_attentions(robot));
    auto done = scsi::initialize_element_status(robot);
    if (!done && is_refused(done.error())) return {};
    return done;
}

Result<void> lock_doors(const scsi::Target& robot, bool locked) {
    CAPSTAN_CHECK(scsi::take_attentions(robot));
    return scsi::set_medium_removal(robot, locked ? scsi::Removal::prevent : scsi::Removal::allow);
}

Result<void> let_go(const scsi::Target& robot, const scsi::ReservationKey& key) {
    CAPSTAN_CHECK(scsi::take_attentions(robot));
    return scsi::unclaim(robot, key);
}

std::vector<ElementFact> facts_of(const std::vector<scsi::ElementStatus>& elements) {
    constexpr ElementKind order[] = {ElementKind::picker, ElementKind::slot, ElementKind::ie_port, ElementKind::drive};
    std::vector<ElementFact> facts;
    for (auto kind : order) {
        auto first = facts.size();
        for (const auto& status : elements) {
            if (kind_of(status.type) == kind) facts.push_back(fact_of(status));
        }
        auto begin = facts.begin() + static_cast<std::ptrdiff_t>(first);
        std::sort(begin, facts.end(), [](const auto& a, const auto& b) { return a.address < b.address; });
        std::uint32_t number = 0;
        for (auto fact = begin; fact != facts.end(); ++fact) fact->number = ++number;
    }
    return facts;
}

Result<Elements> read_elements(const scsi::Target& robot, Abilities abilities, const Key& key) {
    CAPSTAN_TRY(auto claimed, scsi::claim(robot, key));
    if (claimed.by_another) return Elements{{}, abilities, std::move(claimed)};
    CAPSTAN_TRY(auto report, read_all(robot, abilities));
    if (abilities.drive_serials) {
        // Some robots give drive identifiers only when drives alone are asked for.
        scsi::ElementQuery query{.type = scsi::ElementType::data_transfer, .volume_tags = abilities.volume_tags,
                                 .device_identifier = true, .current_data = abilities.current_data};
        auto drives = scsi::read_element_status(robot, query);
        if (!drives && !is_refused(drives.error())) return std::unexpected(std::move(drives.error()));
        abilities.drive_serials = drives.has_value();
        std::map<ElementAddress, std::optional<scsi::Designator>> devices;
        if (drives) {
            for (auto& drive : drives->elements) devices[drive.address] = std::move(drive.device);
        }
        for (auto& element : report.elements) {
            auto found = devices.find(element.address);
            if (element.type == scsi::ElementType::data_transfer && found != devices.end()) element.device = found->second;
        }
    }
    return Elements{facts_of(report.elements), abilities, std::move(claimed)};
}

MoveAnswer move(const scsi::Target& robot, ElementAddress picker, ElementAddress source, ElementAddress destination) {
    MoveAnswer answer;
    auto readiness = scsi::take_attentions(robot);
    if (!readiness) {
        answer.error = std::move(readiness.error());
        return answer;
    }
    if (readiness->not_ready) {
        answer.error = scsi::error_from_sense(fmt::format("{}: the robot cannot move", robot.name), *readiness->not_ready);
        return answer;
    }
    if (readiness->attentions > 0) {
        answer.error = Error{Recovery::refresh_inventory,
                             fmt::format("{}: the robot reports that something happened since the last inventory", robot.name),
                             "Run an inventory of the library", {}};
        return answer;
    }
    answer.sent = true;
    auto moved = scsi::move_medium(robot, picker, source, destination);
    if (moved) return answer;
    answer.lost = !moved.error().sense && scsi::outcome_is_unknown(moved.error());
    answer.error = std::move(moved.error());
    return answer;
}

MoveOutcome judge_move(const ElementFact& source_before, ElementAddress destination, const Inventory& after, Error why) {
    MoveOutcome outcome;
    const auto* from = after.find(source_before.address);
    const auto* to = after.find(destination);
    const auto& tag = source_before.volume_tag;
    auto is_it = [&](const ElementFact* fact) {  // a tag that could not be read now speaks neither for nor against it
        return fact != nullptr && fact->full && (tag.empty() || fact->volume_tag.empty() || fact->volume_tag == tag);
    };
    bool at_source = is_it(from), at_destination = is_it(to);
    bool source_empty = from != nullptr && !from->full, destination_empty = to != nullptr && !to->full;
    outcome.error = std::move(why);
    if (at_destination && source_empty) {
        outcome.kind = MoveOutcome::Kind::moved;
        outcome.error.reset();
    } else if (at_source && destination_empty) {
        outcome.kind = MoveOutcome::Kind::refused;
    } else if (const auto* elsewhere = after.find(tag)) {
        outcome.found_at = elsewhere->address;
    } else {
        for (const auto& fact : after.elements) {
            if (fact.kind == ElementKind::picker && fact.full) outcome.found_at = fact.address;
        }
    }
    return outcome;
}

}  // namespace capstan::changer::operations
