// Pools and media families.
#pragma once

#include "pools/media.hpp"
#include "pools/store/store.hpp"

#include <vector>

namespace capstan::pools {

class Pools {
  public:
    explicit Pools(StateStore& store) : store_(store) {}
    Result<PoolId> create(WriteTransaction& transaction, const Pool& pool);  // names are unique
    Result<Pool> get(PoolId id);
    Result<Pool> by_name(const PoolName& name);  // change_request that lists the names there are
    Result<std::vector<Pool>> list();
    Result<void> set_policy(WriteTransaction& transaction, PoolId id, const PoolPolicy& policy);
    Result<void> remove(WriteTransaction& transaction, PoolId id);  // an empty application pool
    // The configuration's pools are made or brought up to date; pools it no longer names stay as they are.
    Result<PoolId> ensure(WriteTransaction& transaction, const PoolName& name, const PoolPolicy& policy);

  private:
    StateStore& store_;
};

class Families {
  public:
    explicit Families(StateStore& store) : store_(store) {}
    // Takes the next family number; families of the pool whose allocation period has ended are closed.
    Result<MediaFamily> begin(WriteTransaction& transaction, const Pool& pool, Wall now);
    Result<MediaFamily> get(MediaFamilyId id);
    Result<std::vector<MediaFamily>> open_of(PoolId pool);
    Result<void> medium_added(WriteTransaction& transaction, MediaFamilyId id, std::uint16_t sequence);
    // The MTF data set number of the family's next set, from 1.
    Result<std::uint16_t> take_set_number(WriteTransaction& transaction, MediaFamilyId id);
    Result<void> close(WriteTransaction& transaction, MediaFamilyId id);

  private:
    StateStore& store_;
};

}  // namespace capstan::pools
