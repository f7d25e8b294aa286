#include "daemon/turned_down.hpp"

#include "pools/clock_guard.hpp"
#include "pools/store/cartridges.hpp"
#include "pools/store/meta.hpp"

namespace capstan::daemon {

Result<pools::Cartridge> TurnedDown::look_at(CartridgeId cartridge) {
    CAPSTAN_TRY(auto row, pools::Cartridges(context_.store).get(cartridge));
    row.place = {};
    row.mounts = 0;
    row.last_mounted.reset();
    return row;
}

Result<std::string> TurnedDown::stops() {
    CAPSTAN_TRY(auto overwriting, pools::Meta(context_.store).overwrite_stop());
    CAPSTAN_TRY(auto expiry, context_.guard.why_stopped());
    return overwriting + "\n" + expiry;
}

Result<void> TurnedDown::add(CartridgeId cartridge, std::string why) {
    Entry entry;
    CAPSTAN_TRY(entry.as_it_was, look_at(cartridge));
    CAPSTAN_TRY(entry.stops, stops());
    entry.why = std::move(why);
    entry.at = context_.clock.now();
    entries_.insert_or_assign(cartridge, std::move(entry));
    return {};
}

Result<std::vector<CartridgeId>> TurnedDown::now() {
    std::vector<CartridgeId> cartridges;
    last_.clear();
    if (entries_.empty()) return cartridges;
    CAPSTAN_TRY(auto stopped, stops());
    Steady newest{};
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        CAPSTAN_TRY(auto row, look_at(entry->first));
        const auto& [as_it_was, stops_then, why, at] = entry->second;
        if (row != as_it_was || stopped != stops_then || context_.clock.now() - at >= kTryAgainAfter) {
            entry = entries_.erase(entry);
            continue;
        }
        if (cartridges.empty() || at >= newest) last_ = why, newest = at;
        cartridges.push_back(entry->first);
        ++entry;
    }
    return cartridges;
}

}  // namespace capstan::daemon
