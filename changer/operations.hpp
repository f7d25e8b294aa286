// The operations of a robot: ordinary functions that run on its device's thread. Private to changer/.
#pragma once

#include "changer/changer_owner.hpp"
#include "drives/scsi/attentions.hpp"

namespace capstan::changer::operations {

struct Identified {
    ChangerIdentity identity;
    std::vector<scsi::SupportedCommand> commands;  // with the robot's own time limits; empty: it does not say
    std::optional<Error> by_another;               // another host has reserved it: no more than this was asked
    bool narrow_element_status = false;  // scsi::Model
};
using Key = std::optional<scsi::ReservationKey>;
Result<Identified> identify(const scsi::Target& robot, const Key& key);  // takes unit attentions
Result<scsi::Readiness> probe(const scsi::Target& robot);     // takes unit attentions
Result<void> init_element_status(const scsi::Target& robot);  // takes unit attentions; refused: it needs none
Result<void> lock_doors(const scsi::Target& robot, bool locked);

Result<void> let_go(const scsi::Target& robot, const scsi::ReservationKey& key);  // takes unit attentions

// What was refused by this robot once, or answered wrong, is not asked again.
struct Abilities {
    bool all_kinds = true;  // READ ELEMENT STATUS of all element types at once
    bool volume_tags = true;
    bool current_data = true;
    bool drive_serials = true;
};
struct Elements {
    std::vector<ElementFact> facts;  // numbered and in the order of Inventory
    Abilities abilities;
    scsi::Claimed claim;  // of_another: the rest was not asked
};
Result<Elements> read_elements(const scsi::Target& robot, Abilities abilities, const Key& key);

struct MoveAnswer {
    bool sent = false;           // false: a unit attention came first, nothing was asked of the robot
    bool lost = false;           // no answer: the robot may have done it, may do it yet, or not
    std::optional<Error> error;  // empty: GOOD
};
MoveAnswer move(const scsi::Target& robot, ElementAddress picker, ElementAddress source, ElementAddress destination);

// Pure: sorts by kind and address and numbers from 1; an empty element has no volume tag.
std::vector<ElementFact> facts_of(const std::vector<scsi::ElementStatus>& elements);

// Pure: where the cartridge is that was to go from source to destination, judging by element status before and after.
MoveOutcome judge_move(const ElementFact& source_before, ElementAddress destination, const Inventory& after, Error why);

}  // namespace capstan::changer::operations
