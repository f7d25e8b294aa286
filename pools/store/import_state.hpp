// A copy of the state database that was found on a medium, as a source of facts for a state that was lost.
#pragma once

#include "pools/sets.hpp"
#include "pools/store/store.hpp"

#include <functional>
#include <string>
#include <vector>

namespace capstan::pools {

struct ImportedState {
    std::uint64_t media = 0, sets = 0;
    std::vector<std::string> not_here;  // media that the copy names and that were not seen here
};
// Pools, families, labelled media and sets of the copy come into the store: media by their media id, sets with their own numbers, in
// one transaction. A medium whose label was written again since the copy was made is left out. Numbers that the copy gave are not
// given again; the store goes on under the copy's domain. `have`: whether the file of a catalog segment is there.
// Refused: this store has labelled media of its own, or gave a set number that the copy has given to another set.
Result<ImportedState> import_state(StateStore& store, StateStore& copy, const std::function<bool(const CatalogSegment&)>& have,
                                   const AuditNote& note);

// A medium of ours that no copy names is taken over as closed, for the sets that will be found on it behind its label.
Result<void> adopt_medium(StateStore& store, CartridgeId cartridge, PoolId pool, std::uint32_t block_size, const AuditNote& note);
// The segments of a set were lost and written anew: these are all it has.
Result<void> replace_segments(StateStore& store, const Set& set, const std::vector<CatalogSegment>& segments, const AuditNote& note);

}  // namespace capstan::pools
