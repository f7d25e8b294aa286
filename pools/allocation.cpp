#include "pools/allocation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace capstan::pools {
namespace {

using Source = AllocationDecision::Source;

constexpr std::string_view kReadFirst = "its label has to be read first";

// What speaks against any use of a cartridge for writing, or empty.
std::string unfit(const Cartridge& cartridge, const AllocationRequest& request) {
    if (std::ranges::find(request.turned_down, cartridge.id) != request.turned_down.end())
        return "was tried for this job already and turned down";
    for (const auto& each : request.stuck)
        if (each.cartridge == cartridge.id) return each.why;
    if (cartridge.place.kind == PlaceKind::offline) return "is " + to_text(cartridge.place);
    if (cartridge.write_protected) return "is write protected";
    if (!cartridge.hold.empty()) return "is held: " + cartridge.hold;
    if (cartridge.must_identify) return std::string(kReadFirst);
    return {};
}

class Choice {
  public:
    Choice(const AllocationSnapshot& snapshot, const AllocationRequest& request)
        : snapshot_(snapshot), request_(request) {}

    AllocationDecision decide() {
        if (snapshot_.pool.kind != PoolKind::application) {
            decision_.reason = fmt::format("pool {} belongs to the system; jobs write to application pools only",
                                           snapshot_.pool.name.text);
            return std::move(decision_);
        }
        if (!request_.continuation && try_open()) return std::move(decision_);
        if (decision_.wait_for && request_.when_busy == AllocationRequest::WhenBusy::wait) return std::move(decision_);
        if (try_fresh(snapshot_.available, Source::pool)) return std::move(decision_);
        if (snapshot_.pool.policy.draw_from_free && try_fresh(snapshot_.free, Source::free))
            return std::move(decision_);
        none_left();
        return std::move(decision_);
    }

  private:
    void turn_down(const Cartridge& cartridge, std::string reason) {
        decision_.verdicts.push_back({cartridge.id, to_text(cartridge), false, std::move(reason)});
    }

    const MediaFamily* open_family(MediaFamilyId id) const {
        for (const auto& family : snapshot_.open_families)
            if (family.id == id) return &family;
        return nullptr;
    }

    std::string cannot_append(const Cartridge& cartridge) const {
        const auto& side = cartridge.side;
        const auto* family = open_family(side.family);
        if (side.state != SideState::allocated || cartridge.pool != snapshot_.pool.id)
            return "is not an open medium of this pool";
        if (!family) return fmt::format("media family {} is closed", raw(side.family));
        if (snapshot_.now > std::min(family->appendable_until, side.appendable_until))
            return fmt::format("the allocation period of media family {} has ended", raw(side.family));
        if (side.sequence != family->media_count) return "is not the last medium of its family";
        if (side.last_set == 0xFFFF || family->last_set == 0xFFFF) return "its family cannot number another set";
        return unfit(cartridge, request_);
    }

    bool try_open() {
        for (const auto& [cartridge, busy] : snapshot_.open) {
            if (auto reason = cannot_append(cartridge); !reason.empty()) {
                turn_down(cartridge, std::move(reason));
                continue;
            }
            if (!busy.empty()) {
                turn_down(cartridge, busy);
                if (!decision_.wait_for) decision_.wait_for = cartridge.id;
                decision_.reason = fmt::format("{}, the open medium of pool {}, is {}", to_text(cartridge),
                                               snapshot_.pool.name.text, busy);
                continue;
            }
            choose(cartridge, Source::open_medium, "is the open medium of the pool");
            decision_.append = true;
            decision_.family = cartridge.side.family;
            decision_.sequence = cartridge.side.sequence;
            return true;
        }
        return false;
    }

    bool try_fresh(const std::vector<Candidate>& candidates, Source source) {
        const Cartridge* best = nullptr;
        // Even wear: the fewest allocations first, then the fewest mounts, then the lowest number.
        auto wear = [](const Cartridge& c) { return std::tuple(c.side.allocations, c.mounts, raw(c.id)); };
        for (const auto& [cartridge, busy] : candidates) {
            auto reason = cartridge.side.state != SideState::available
                              ? fmt::format("is {}", name_of(cartridge.side.state))
                              : unfit(cartridge, request_);
            if ((reason.empty() || reason == kReadFirst) && source == Source::pool)
                if (auto used = used_up(cartridge); !used.empty()) reason = std::move(used);
            if (reason.empty()) reason = busy;
            if (!reason.empty()) {
                if (reason == kReadFirst && busy.empty() && !decision_.identify) decision_.identify = cartridge.id;
                turn_down(cartridge, std::move(reason));
                continue;
            }
            if (!best || wear(cartridge) < wear(*best)) {
                if (best) turn_down(*best, "another one was used less");
                best = &cartridge;
            } else {
                turn_down(cartridge, "another one was used less");
            }
        }
        if (!best) return false;
        choose(*best, source, source == Source::pool ? "is available in the pool" : "is available in the pool Free");
        decision_.draw_from_free = source == Source::free;
        if (request_.continuation) {
            decision_.family = request_.continuation->family;
            decision_.sequence = request_.continuation->sequence;
        }
        return true;
    }

    std::string used_up(const Cartridge& cartridge) const {
        const auto max = snapshot_.pool.policy.allocations_max;
        if (max == 0 || cartridge.side.allocations < max) return {};
        return fmt::format("was allocated {} times, the most that the pool allows", cartridge.side.allocations);
    }

    void choose(const Cartridge& cartridge, Source source, std::string_view reason) {
        decision_.source = source;
        decision_.cartridge = cartridge.id;
        decision_.wait_for.reset();
        decision_.identify.reset();
        decision_.reason = fmt::format("{} {}", to_text(cartridge), reason);
        decision_.verdicts.push_back({cartridge.id, to_text(cartridge), true, std::string(reason)});
    }

    void none_left() {
        const auto& pool = snapshot_.pool;
        if (decision_.wait_for) {
            decision_.reason += ", and no other medium is available";
            return;
        }
        decision_.reason = fmt::format(
            "pool {} has no medium that can be written{}{}", pool.name.text,
            pool.policy.draw_from_free ? ", nor has the pool Free" : " and does not draw from Free",
            decision_.verdicts.empty() ? "" : fmt::format(" ({} were turned down)", decision_.verdicts.size()));
        if (snapshot_.offline != 0)
            decision_.reason += fmt::format("; {} of its available cartridges are in no library", snapshot_.offline);
    }

    const AllocationSnapshot& snapshot_;
    const AllocationRequest& request_;
    AllocationDecision decision_;
};

}  // namespace

AllocationDecision choose_medium(const AllocationSnapshot& snapshot, const AllocationRequest& request) {
    return Choice(snapshot, request).decide();
}

}  // namespace capstan::pools
