// Which cartridge a job's next set goes to. A pure function over a snapshot, with the reason for each candidate that
// was turned down: "why is my job waiting" always has an answer. Order: the open medium of the pool's current family;
// Available in the pool; Free, if the pool draws from it; else the caller asks the operator for new media (RSM,
// reference section 1.7). Offline media are never chosen silently.
#pragma once

#include "config/base/error.hpp"
#include "pools/media.hpp"

#include <vector>

namespace capstan::pools {

class StateStore;

struct Candidate {
    Cartridge cartridge;
    std::string busy;  // why it cannot be had now: "in use by job 17 in drive D1"; empty: it can
};

struct AllocationRequest {
    PoolId pool{};
    // A set spans: the family goes on on a fresh cartridge with this sequence number.
    struct Continuation {
        MediaFamilyId family{};
        std::uint16_t sequence = 2;
    };
    std::optional<Continuation> continuation;
    // When the open medium is in use by another job: wait for it (a second drive would not help), or begin another
    // family so that both jobs run at once.
    enum class WhenBusy : std::uint8_t { wait, take_another } when_busy = WhenBusy::take_another;
    struct Busy {
        CartridgeId cartridge{};
        std::string why;
    };
    std::vector<Busy> busy;                // what leases and work items hold; the database does not know it
    std::vector<Busy> stuck;               // in a drive that cannot be used: not to be had until a person looked
    std::vector<CartridgeId> turned_down;  // already tried for this request and found unfit
};

struct AllocationSnapshot {
    Pool pool;
    Wall now{};
    std::vector<MediaFamily> open_families;  // of the pool, not closed
    std::vector<Candidate> open;             // allocated, in an open family of the pool
    std::vector<Candidate> available;        // Available in the pool, in a library
    std::vector<Candidate> free;             // Available in Free, in a library; empty unless the pool draws from Free
    std::uint64_t offline = 0;               // Available in the pool, but in no library
};

struct CandidateVerdict {
    CartridgeId cartridge{};
    std::string name;  // to_text(cartridge)
    bool chosen = false;
    std::string reason;
};

struct AllocationDecision {
    enum class Source : std::uint8_t { none, open_medium, pool, free } source = Source::none;
    std::optional<CartridgeId> cartridge;  // none: see wait_for and reason
    std::optional<CartridgeId> wait_for;   // the open medium is worth waiting for
    std::optional<CartridgeId> identify;   // there is none, but this would do if its label, once it is read, is the one recorded
    bool draw_from_free = false;           // the cartridge moves from Free into the pool
    bool append = false;                   // writing goes on at its recorded end; otherwise a label comes first
    std::optional<MediaFamilyId> family;   // the family that goes on; none: a new one begins
    std::uint16_t sequence = 1;
    std::string reason;                      // the decision in one sentence
    std::vector<CandidateVerdict> verdicts;  // in the order they were looked at
};

AllocationDecision choose_medium(const AllocationSnapshot& snapshot, const AllocationRequest& request);

// Reads what choose_medium needs and no more: bounded by the candidates looked at, not by the cartridges that exist.
Result<AllocationSnapshot> allocation_snapshot(StateStore& store, const AllocationRequest& request, Wall now);

std::string_view name_of(AllocationDecision::Source source);

}  // namespace capstan::pools
