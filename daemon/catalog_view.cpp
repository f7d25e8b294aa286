#include "daemon/catalog_view.hpp"

#include "pools/store/set_rows.hpp"

#include <fmt/format.h>

namespace capstan::daemon {

std::string catalog_directory(const Context& context) { return context.settings.state_directory + "/catalog"; }

namespace {

constexpr std::uint32_t kPortion = 256;  // sets

std::vector<catalog::SegmentRef> refs_of(const Context& context, const std::vector<pools::CatalogSegment>& segments) {
    auto directory = catalog_directory(context);
    std::vector<catalog::SegmentRef> refs;
    for (const auto& segment : segments)
        refs.push_back({segment.set, segment.ordinal, directory + "/" + segment.file_name});
    return refs;
}

}  // namespace

void SegmentSnapshot::add(const pools::Set& set, std::vector<catalog::SegmentRef> segments) {
    if (segments.empty()) return;
    catalog::SetSummary summary;
    summary.set = set.number;
    summary.time = set.started;
    sets_.push_back(std::move(summary));
    segments_[raw(set.number)] = std::move(segments);
}

Result<std::shared_ptr<SegmentSnapshot>> SegmentSnapshot::take(Context& context, SetNumber number) {
    auto snapshot = std::make_shared<SegmentSnapshot>();
    pools::Sets sets(context.store);
    CAPSTAN_TRY(auto set, sets.get(number));
    CAPSTAN_TRY(auto segments, sets.segments(number));
    snapshot->add(set, refs_of(context, segments));
    return snapshot;
}

Result<std::shared_ptr<SegmentSnapshot>> SegmentSnapshot::take_portion(Context& context, SetNumber before) {
    auto snapshot = std::make_shared<SegmentSnapshot>();
    pools::Sets sets(context.store);
    pools::SetFilter filter;
    filter.before = before;
    filter.limit = kPortion;
    CAPSTAN_TRY(auto page, sets.list(filter));
    if (page.empty()) return snapshot;
    if (page.size() == kPortion && raw(page.back().number) > 1) snapshot->oldest_ = page.back().number;
    CAPSTAN_TRY(auto segments, sets.segments_between(page.back().number, page.front().number));
    std::unordered_map<std::uint64_t, std::vector<catalog::SegmentRef>> by_set;
    for (auto& ref : refs_of(context, segments)) by_set[raw(ref.set)].push_back(std::move(ref));
    for (const auto& set : page)
        if (set.state != pools::SetState::overwritten) snapshot->add(set, std::move(by_set[raw(set.number)]));
    return snapshot;
}

Task<Result<std::optional<SetNumber>>> ask_in_portions(Context& context, SetNumber before, CatalogPortion ask) {
    for (;;) {
        CAPSTAN_CO_TRY(auto snapshot, SegmentSnapshot::take_portion(context, before));
        std::move_only_function<Result<bool>()> call = [snapshot, ask] {
            catalog::Catalog catalog(*snapshot);
            return ask(catalog);
        };
        auto answer = co_await context.worker.run<Result<bool>>(std::move(call));
        if (!answer) co_return fail(Recovery::cancelled, "the daemon is stopping");
        CAPSTAN_CO_TRY(bool more, std::move(*answer));
        auto oldest = snapshot->oldest();
        if (!more || !oldest) co_return oldest;
        before = *oldest;
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
