// Cartridges that were mounted for writing and found unfit. They are not tried again, for whatever job, until something
// about them has changed or some time has passed: otherwise two jobs that wait for one pool wake each other for ever,
// each by its own attempt. Control thread.
#pragma once

#include "daemon/context.hpp"
#include "pools/media.hpp"

#include <map>
#include <string>
#include <vector>

namespace capstan::daemon {

class TurnedDown {
  public:
    static constexpr std::chrono::minutes kTryAgainAfter{10};

    explicit TurnedDown(Context& context) : context_(context) {}
    // Call when its drive has been given back.
    Result<void> add(CartridgeId cartridge, std::string why);
    Result<std::vector<CartridgeId>> now();            // forgets those that may be tried again
    const std::string& last() const { return last_; }  // why, of the newest that now() gave; empty: none

  private:
    struct Entry {
        pools::Cartridge as_it_was;  // but for what its mounts change
        std::string stops;
        std::string why;
        Steady at{};
    };
    Result<pools::Cartridge> look_at(CartridgeId cartridge);
    Result<std::string> stops();

    Context& context_;
    std::map<CartridgeId, Entry> entries_;
    std::string last_;
};

}  // namespace capstan::daemon
