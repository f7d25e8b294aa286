// Sets whose catalog is missing, damaged or not whole: from the small set behind their job, or from their own data.
#include "daemon/rebuild.hpp"
#include "pools/store/import_state.hpp"
#include "pools/store/pool_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {

Task<Result<std::vector<pools::Set>>> Rebuild::without_catalog() {
    struct Asked {
        pools::Set set;
        std::vector<pools::CatalogSegment> segments;
    };
    std::vector<Asked> all;
    pools::Sets sets(context_.store);
    pools::SetFilter filter;
    for (bool more = true; more;) {
        CAPSTAN_CO_TRY(auto page, sets.list(filter));
        more = page.size() == filter.limit;
        for (auto& set : page) {
            filter.before = set.number;
            const bool none = set.state == pools::SetState::running || set.state == pools::SetState::overwritten;
            if (set.type == "catalog" || none || !set.file.empty()) continue;
            CAPSTAN_CO_TRY(auto segments, sets.segments(set.number));
            CAPSTAN_CO_TRY(auto extents, sets.extents(set.number));
            if (extents.empty() || (set.objects == 0 && segments.empty() && !rescan_.contains(raw(set.number)))) continue;
            all.push_back({std::move(set), std::move(segments)});
        }
    }
    std::move_only_function<Result<std::vector<pools::Set>>()> look = [all = std::move(all), catalog = files_.catalog(),
                                                                       rescan = rescan_]() -> Result<std::vector<pools::Set>> {
        std::vector<pools::Set> wanting;
        for (const auto& asked : all) {
            bool good = !asked.segments.empty() && !rescan.contains(raw(asked.set.number));
            for (const auto& segment : asked.segments) good = good && CatalogFiles::is_good(catalog, segment.file_name);
            if (!good) wanting.push_back(asked.set);
        }
        std::reverse(wanting.begin(), wanting.end());
        return wanting;
    };
    auto looked = co_await context_.worker.run<Result<std::vector<pools::Set>>>(std::move(look));
    if (!looked) co_return fail(Recovery::cancelled, "the daemon is stopping");
    co_return std::move(*looked);
}

Task<Result<void>> Rebuild::repair() {
    CAPSTAN_CO_TRY(auto wanting, co_await without_catalog());
    if (!lost_) {
        for (const auto& set : wanting)
            if (!rescan_.contains(raw(set.number))) CAPSTAN_CO_CHECK(co_await from_catalog_set(set));
        std::move_only_function<Result<std::vector<std::string>>()> install = [this] { return files_.install(); };
        auto installed = co_await context_.worker.run<Result<std::vector<std::string>>>(std::move(install));
        if (!installed) co_return fail(Recovery::cancelled, "the daemon is stopping");
        if (!*installed) co_return std::unexpected((*installed).error());
        if (!(*installed)->empty()) note(fmt::format("{} catalog segments came back from catalog sets", (*installed)->size()), false);
        CAPSTAN_CO_TRY(wanting, co_await without_catalog());
    }
    for (const auto& set : wanting) {
        auto scanned = co_await scan(set);
        if (scanned) continue;
        if (scanned.error().recovery == Recovery::cancelled || scanned.error().recovery == Recovery::give_up) co_return scanned;
        note(fmt::format("the catalog of set {} cannot be brought back: {}", raw(set.number), to_text(scanned.error())), true);
    }
    co_return Result<void>{};
}

// The catalog set of the same job is the next one of its name.
Task<Result<void>> Rebuild::from_catalog_set(pools::Set set) {
    pools::Sets sets(context_.store);
    pools::SetFilter filter;
    filter.name = set.name + " (catalog)";
    CAPSTAN_CO_TRY(auto named, sets.list(filter));
    const pools::Set* best = nullptr;
    for (const auto& one : named)  // newest first
        if (one.type == "catalog" && one.state == pools::SetState::complete && one.number > set.number) best = &one;
    if (best == nullptr) co_return Result<void>{};
    CAPSTAN_CO_TRY(auto extents, sets.extents(best->number));
    std::vector<Part> parts;
    for (const auto& extent : extents) {
        auto& part = parts.emplace_back();
        part.cartridge = extent.cartridge;
        part.first = extent.first_fla == 0 ? extent.first_block : BlockNumber{raw(extent.first_block) - 1};
    }
    if (parts.empty()) co_return Result<void>{};
    auto block_size = block_size_of(parts.front().cartridge);
    co_return co_await extract(best->number, std::move(parts), block_size);
}

// The whole set is read; what is found becomes its only segment.
Task<Result<void>> Rebuild::scan(pools::Set set) {
    CAPSTAN_CO_TRY(auto extents, pools::Sets(context_.store).extents(set.number));
    if (extents.front().first_fla != 0)
        co_return fail(Recovery::replace_medium, "the cartridge on which it begins is not known here",
                       "Import that cartridge, then run the rebuild again.");
    backup::SegmentSink sink(fmt::format("{}/{}.0", files_.catalog(), raw(set.number)));
    backup::ScanStart from_the_begin;
    backup::SetScan scanning(environment_, sink, from_the_begin, block_size_of(extents.front().cartridge));
    auto pool = pools::Pools(context_.store).get(set.pool);
    auto header = segment_header_of(set, pool ? pool->name.text : "", context_.clock.wall());
    Result<void> outcome;
    bool closed = false;
    for (const auto& extent : extents) {
        auto drive = co_await hold(extent.cartridge);
        if (!drive) outcome = std::unexpected(drive.error());
        if (!drive) break;
        auto first = extent.first_fla == 0 ? extent.first_block : BlockNumber{raw(extent.first_block) - 1};
        auto part = co_await scanning.read(**drive, first);
        if (!part) outcome = std::unexpected(part.error());
        if (!part) break;
        const auto& medium = lease_->medium;
        const auto flbs = block_size_of(extent.cartridge) / mtf::kFlbSize;
        auto& stretch = header.extents.emplace_back();
        stretch.media_id = medium.media_id;
        stretch.volume_tag = medium.volume_tag;
        stretch.family = medium.family;
        stretch.sequence = extent.sequence;
        stretch.first_fla = extent.first_fla;
        stretch.block = extent.first_block;
        stretch.block_size = block_size_of(extent.cartridge);
        stretch.end_fla = extent.first_fla + (raw(part->data_end) - std::min(raw(part->data_end), raw(extent.first_block))) * flbs;
        closed = part->ended == backup::SetScan::Ended::closed;
        if (closed) break;
    }
    CAPSTAN_CO_CHECK(co_await scanning.finish());
    if (!outcome) co_return outcome;
    const auto& found = scanning.found();
    const bool whole = closed && found.damaged == 0 && found.end && found.end->set == set.uuid && !found.end->aborted &&
                       found.objects == found.end->objects;
    if (set.state == pools::SetState::complete && !whole)
        note(fmt::format("set {} is not as it was written: {}", raw(set.number), found.damage.empty() ? "objects are missing" : found.damage), true);
    if (whole) set.state = pools::SetState::complete;
    set.objects = found.objects;
    set.bytes = found.bytes;
    header.last = whole;
    CAPSTAN_CO_TRY(auto segment, co_await reader_.write_segment(sink.take(), std::move(header)));
    std::vector<pools::CatalogSegment> segments(1, segment);
    pools::AuditNote audit{"catalog rebuild", "read from its media", context_.clock.wall()};
    CAPSTAN_CO_CHECK(pools::replace_segments(context_.store, set, segments, audit));
    progress_.objects += found.objects;
    note(fmt::format("the catalog of set {} was read from its media: {} objects", raw(set.number), found.objects), false);
    co_return Result<void>{};
}

}  // namespace capstan::daemon
