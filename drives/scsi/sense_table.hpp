// What a sense code means for the program and for the operator. Pure, any thread.
#pragma once

#include "drives/scsi/sense.hpp"

#include <span>

namespace capstan::scsi {

struct SenseRule {
    SenseCode code;
    Recovery recovery;
    std::string_view advice;
};
// The standard's codes that Capstan knows; searched in order, so the table is sorted by key, asc, ascq (tested).
std::span<const SenseRule> sense_rules();
const SenseRule* find_rule(SenseCode code);  // nullptr: not in the table
// The rule of the table, or that of (key, asc, 00), or that of the sense key alone: there is always one.
SenseRule rule_for(SenseCode code);
std::string_view name_of(SenseKey key);  // "NOT READY"

// An Error for a CHECK CONDITION. `attempted`: "drive D1: cannot rewind"; "of an earlier command" is added for deferred
// errors, whose recovery is never weaker than stop_device, replace_medium or ask_operator: buffered data are lost.
Error error_from_sense(std::string attempted, const Sense& sense);

}  // namespace capstan::scsi
