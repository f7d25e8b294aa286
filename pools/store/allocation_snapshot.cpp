// What an allocation looks at, by index and bounded: a decision among 100,000 cartridges reads some dozens of rows.
#include "pools/allocation.hpp"
#include "pools/store/cartridge_codec.hpp"
#include "pools/store/pool_rows.hpp"

namespace capstan::pools {
namespace {

// More than this many of one kind are not looked at; what is busy or was turned down comes on top.
constexpr std::size_t kCandidatesMax = 8;
constexpr std::size_t kUnfitMax = 32;

class Reading {
  public:
    Reading(StateStore& store, const AllocationRequest& request) : database_(store.database()), request_(request) {}

    // Fit as far as the database knows, in the order of the index: fewest allocations first. What is unfit must not
    // fill the page and hide the rest.
    Result<std::vector<Candidate>> available(PoolId pool, std::uint32_t allocations_max) {
        const auto limit = kCandidatesMax + request_.busy.size() + request_.turned_down.size();
        return read(pool, fit(allocations_max), limit);
    }
    // What was left out there: read only to say why.
    Result<void> add_unfit(std::vector<Candidate>& to, PoolId pool, std::uint32_t allocations_max) {
        CAPSTAN_TRY(auto unfit, read(pool, fmt::format("NOT ({})", fit(allocations_max)), kUnfitMax));
        std::move(unfit.begin(), unfit.end(), std::back_inserter(to));
        return {};
    }

    Result<std::vector<Candidate>> open(PoolId pool, const std::vector<MediaFamily>& families) {
        std::vector<Candidate> all;
        for (const auto& family : families) {
            CAPSTAN_TRY(auto found, query_cartridges(database_,
                                                     "WHERE s.family = $1 AND s.state = 'allocated' AND s.pool = $2"
                                                     " ORDER BY s.sequence DESC LIMIT 4",
                                                     sql::values(raw(family.id), raw(pool))));
            auto some = candidates(std::move(found));
            std::move(some.begin(), some.end(), std::back_inserter(all));
        }
        return all;
    }

  private:
    static std::string fit(std::uint32_t allocations_max) {
        std::string condition = "c.write_protected = 0 AND c.must_identify = 0 AND c.hold = ''";
        if (allocations_max != 0) condition += fmt::format(" AND s.allocations < {}", allocations_max);
        return condition;
    }

    Result<std::vector<Candidate>> read(PoolId pool, const std::string& condition, std::size_t limit) {
        CAPSTAN_TRY(auto found,
                    query_cartridges(database_,
                                     fmt::format("WHERE s.pool = $1 AND s.state = 'available' AND s.online = 1 AND {}"
                                                 " ORDER BY s.allocations, s.cartridge LIMIT {}",
                                                 condition, limit),
                                     sql::values(raw(pool))));
        return candidates(std::move(found));
    }

    std::vector<Candidate> candidates(std::vector<Cartridge> found) {
        std::vector<Candidate> all;
        all.reserve(found.size());
        for (auto& cartridge : found) {
            std::string busy;
            for (const auto& one : request_.busy)
                if (one.cartridge == cartridge.id) busy = one.why;
            all.push_back({std::move(cartridge), std::move(busy)});
        }
        return all;
    }

    sql::Database& database_;
    const AllocationRequest& request_;
};

}  // namespace

Result<AllocationSnapshot> allocation_snapshot(StateStore& store, const AllocationRequest& request, Wall now) {
    AllocationSnapshot snapshot;
    snapshot.now = now;
    CAPSTAN_TRY(snapshot.pool, Pools(store).get(request.pool));
    Reading reading(store, request);
    // In the order of choose_medium, and no further than it looks.
    if (!request.continuation) {
        CAPSTAN_TRY(snapshot.open_families, Families(store).open_of(request.pool));
        CAPSTAN_TRY(snapshot.open, reading.open(request.pool, snapshot.open_families));
        const auto decision = choose_medium(snapshot, request);
        const bool waits = decision.wait_for && request.when_busy == AllocationRequest::WhenBusy::wait;
        if (decision.cartridge || waits) return snapshot;
    }
    const auto allocations_max = snapshot.pool.policy.allocations_max;
    CAPSTAN_TRY(snapshot.available, reading.available(request.pool, allocations_max));
    if (choose_medium(snapshot, request).cartridge) return snapshot;
    if (snapshot.pool.policy.draw_from_free) {
        CAPSTAN_TRY(snapshot.free, reading.available(kFreePool, 0));
        if (choose_medium(snapshot, request).cartridge) return snapshot;
        CAPSTAN_CHECK(reading.add_unfit(snapshot.free, kFreePool, 0));
    }
    CAPSTAN_CHECK(reading.add_unfit(snapshot.available, request.pool, allocations_max));
    // Only the answer to "why is my job waiting" needs this; bounded, since "a thousand" says enough.
    CAPSTAN_TRY(auto row,
                store.database().query_one(
                    "SELECT count(*) FROM (SELECT 1 FROM sides WHERE pool = $1 AND state = 'available' AND online = 0"
                    " LIMIT 1000) some",
                    sql::values(raw(request.pool)), "i"));
    snapshot.offline = row->number<std::uint64_t>();
    return snapshot;
}

}  // namespace capstan::pools
