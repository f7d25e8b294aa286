// Pieces of judge(), shared by its files. Internal to pools.
#pragma once

#include "pools/permits.hpp"

#include <functional>

namespace capstan::pools {

using Refusal = std::optional<PermitRefusal>;  // none: nothing speaks against it

// "cannot write on A00001L8 in drive D1: FACT. ADVICE"
PermitRefusal refuse(const PermitRequest& request, const PermitFacts& facts, Recovery recovery, std::string_view fact,
                     std::string advice);
// The same, and the medium proves that the database is older than it.
PermitRefusal database_is_old(const PermitRequest& request, const PermitFacts& facts, std::string_view fact);

const MediumMemory* memory_of(const OnMedium& medium);  // the cartridge's memory where it is about the label that is on it
Refusal check_identity(const PermitRequest& request, const PermitFacts& facts);      // it is the medium of the row
Refusal check_old_database(const PermitRequest& request, const PermitFacts& facts);  // ours, but newer than the row
Refusal check_last_set(const PermitRequest& request, const PermitFacts& facts);  // the last ESET is the recorded one

}  // namespace capstan::pools
