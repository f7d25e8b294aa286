#include "daemon/catalog_view.hpp"

#include "pools/store/set_rows.hpp"

#include <fmt/format.h>

namespace capstan::daemon {

std::string catalog_directory(const Context& context) { return context.settings.state_directory + "/catalog"; }

Result<std::shared_ptr<SegmentSnapshot>> SegmentSnapshot::take(Context& context, std::optional<SetNumber> only) {
    auto snapshot = std::make_shared<SegmentSnapshot>();
    pools::Sets sets(context.store);
    auto directory = catalog_directory(context);
    auto add = [&](const pools::Set& set) -> Result<void> {
        CAPSTAN_TRY(auto segments, sets.segments(set.number));
        if (segments.empty()) return {};
        catalog::SetSummary summary;
        summary.set = set.number;
        summary.time = set.started;
        snapshot->sets_.push_back(std::move(summary));
        auto& refs = snapshot->segments_[raw(set.number)];
        for (const auto& segment : segments)
            refs.push_back({set.number, segment.ordinal, directory + "/" + segment.file_name});
        return {};
    };
    if (only) {
        CAPSTAN_TRY(auto set, sets.get(*only));
        CAPSTAN_CHECK(add(set));
        return snapshot;
    }
    pools::SetFilter filter;
    for (;;) {
        CAPSTAN_TRY(auto page, sets.list(filter));
        for (const auto& set : page) {
            if (set.state == pools::SetState::overwritten) continue;
            CAPSTAN_CHECK(add(set));
        }
        if (page.size() < filter.limit) return snapshot;
        filter.before = page.back().number;
    }
}

Result<std::vector<catalog::SegmentRef>> SegmentSnapshot::segments_of(SetNumber set) const {
    auto found = segments_.find(raw(set));
    if (found == segments_.end())
        return fail(Recovery::change_request, fmt::format("set {} has no catalog here", raw(set)),
                    "'capstan set list' shows the sets; 'capstan catalog rebuild' brings a lost catalog back.");
    return found->second;
}

Result<std::vector<catalog::SetSummary>> SegmentSnapshot::sets_newest_first(std::optional<catalog::FileTime> at,
                                                                            std::size_t skip, std::size_t limit) const {
    std::vector<catalog::SetSummary> page;
    for (const auto& set : sets_) {
        if (at && set.time > *at) continue;
        if (skip > 0) {
            --skip;
            continue;
        }
        if (page.size() == limit) break;
        page.push_back(set);
    }
    return page;
}

}  // namespace capstan::daemon
