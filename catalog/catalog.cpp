#include "catalog/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

namespace capstan::catalog {
namespace {

constexpr std::size_t kSetsAtOnce = 64;

// May a set whose job was asked for `roots` hold `path`? The directories above a root are recorded, too.
bool may_hold(const SetSummary& set, std::string_view path) {
    return set.roots.empty() || std::ranges::any_of(set.roots, [&](const std::string& root) {
               return is_within(path, root) || is_within(root, path);
           });
}

}  // namespace

Result<std::shared_ptr<SegmentReader>> Catalog::reader(const std::string& file) {
    if (auto known = open_.find(file); known != open_.end()) {
        recent_.splice(recent_.begin(), recent_, known->second);
        return *known->second;
    }
    CAPSTAN_TRY(auto opened, SegmentReader::open(file));
    recent_.push_front(std::move(opened));
    open_[file] = recent_.begin();
    while (recent_.size() > std::max<std::size_t>(readers_max_, 1)) {
        open_.erase(recent_.back()->file());
        recent_.pop_back();
    }
    return recent_.front();
}

void Catalog::forget(const std::string& file) {
    auto known = open_.find(file);
    if (known == open_.end()) return;
    recent_.erase(known->second);
    open_.erase(known);
}

Result<Catalog::Readers> Catalog::readers_of(SetNumber set) {
    CAPSTAN_TRY(auto refs, index_.segments_of(set));
    std::ranges::sort(refs, {}, &SegmentRef::ordinal);
    Readers readers;
    for (const auto& ref : refs) {
        CAPSTAN_TRY(auto segment, reader(ref.file));
        if (segment->header().set != set || segment->header().ordinal != ref.ordinal)
            return fail(Recovery::give_up,
                        fmt::format("catalog segment {} is part {} of set {}, not part {} of set {}", ref.file,
                                    segment->header().ordinal, raw(segment->header().set), ref.ordinal, raw(set)),
                        "Rebuild the catalog of this set from its media.");
        readers.push_back(std::move(segment));
    }
    return readers;
}

Result<std::vector<SegmentHeader>> Catalog::headers(SetNumber set) {
    CAPSTAN_TRY(auto readers, readers_of(set));
    std::vector<SegmentHeader> headers;
    for (const auto& segment : readers) headers.push_back(segment->header());
    return headers;
}

// The newest record; one that only continues a directory serves if there is no other.
Result<std::optional<Object>> Catalog::lookup_in(const Readers& readers, std::string_view path) const {
    std::optional<Object> continued;
    for (auto i = readers.size(); i-- > 0;) {
        CAPSTAN_TRY(auto found, readers[i]->lookup(path));
        if (found && !found->facts.continued) return found;
        if (found) continued = std::move(found);
    }
    return continued;
}

Result<std::optional<Object>> Catalog::lookup(SetNumber set, std::string_view path) {
    CAPSTAN_TRY(auto readers, readers_of(set));
    return lookup_in(readers, path);
}

Result<SegmentReader::Listing> Catalog::ls(SetNumber set, std::string_view path, std::string_view after, std::size_t limit) {
    CAPSTAN_TRY(auto readers, readers_of(set));
    std::map<std::string, ObjectFacts> names;
    bool exists = false, more = false;
    for (const auto& segment : readers) {
        CAPSTAN_TRY(auto part, segment->list(path, after, limit));
        if (!part) continue;
        exists = true;
        more = more || part->more;
        for (auto& object : part->objects) {
            auto [at, is_new] = names.try_emplace(std::move(object.path), object.facts);
            bool keep = object.facts.continued && at->second.kind == ObjectKind::directory;
            if (!is_new && !keep) at->second = object.facts;
        }
    }
    if (!exists) {
        CAPSTAN_TRY(auto found, lookup_in(readers, path));
        if (!found || found->facts.kind != ObjectKind::directory)
            return fail(Recovery::change_request,
                        fmt::format("set {}: {} in it", raw(set), found ? "this path is no directory" : "there is no such path"),
                        found ? "Name the directory above it." : "List the directory above it to see what the set has.");
    }
    SegmentReader::Listing listing;
    listing.more = more || names.size() > limit;
    for (auto& [name, facts] : names) {
        if (listing.objects.size() >= limit) break;
        listing.objects.push_back({name, facts});
    }
    return listing;
}

Result<Catalog::FindCursor> Catalog::parse_cursor(std::string_view text) {
    FindCursor cursor;
    const auto* at = text.data();
    const auto* end = text.data() + text.size();
    for (auto* number : {&cursor.set, &cursor.ordinal, &cursor.page, &cursor.index}) {
        auto [next, error] = std::from_chars(at, end, *number);
        bool last = number == &cursor.index;
        if (error != std::errc{} || (last ? next != end : next == end || *next != '.'))
            return fail(Recovery::change_request, "the cursor is not one that find gave", "Begin the search again.");
        at = last ? next : next + 1;
    }
    return cursor;
}

// False: the answer is full, and its cursor set.
Result<bool> Catalog::find_in(SetNumber set, std::string_view pattern, FindCursor from, std::size_t limit, FindPage& result) {
    CAPSTAN_TRY(auto readers, readers_of(set));
    for (const auto& segment : readers) {
        auto ordinal = segment->header().ordinal;
        if (ordinal < from.ordinal) continue;
        ScanPosition at;
        if (ordinal == from.ordinal) at = {from.page, static_cast<std::uint32_t>(from.index)};
        CAPSTAN_TRY(auto part, segment->find(pattern, at, limit - result.objects.size()));
        for (auto& object : part.objects) result.objects.push_back({set, std::move(object)});
        if (!part.next) continue;
        result.cursor = fmt::format("{}.{}.{}.{}", raw(set), ordinal, part.next->page, part.next->index);
        return false;
    }
    return true;
}

Result<Catalog::FindPage> Catalog::find(std::string_view pattern, std::optional<SetNumber> set, std::string_view cursor,
                                        std::size_t limit) {
    FindCursor from;
    if (!cursor.empty()) {
        CAPSTAN_TRY(from, parse_cursor(cursor));
    }
    FindPage result;
    if (set) {
        if (from.set != raw(*set)) from = {};
        CAPSTAN_CHECK(find_in(*set, pattern, from, limit, result));
        return result;
    }
    bool reached = cursor.empty();
    for (std::size_t skip = 0;; skip += kSetsAtOnce) {
        CAPSTAN_TRY(auto sets, index_.sets_newest_first(std::nullopt, skip, kSetsAtOnce));
        for (const auto& summary : sets) {
            if (!reached && raw(summary.set) > from.set) continue;
            reached = true;  // if the cursor's set was deleted since: go on with the next older
            auto go_on = find_in(summary.set, pattern, raw(summary.set) == from.set ? from : FindCursor{}, limit, result);
            if (!go_on) result.unreadable.push_back(std::move(go_on.error()));
            else if (!*go_on) return result;
        }
        if (sets.size() < kSetsAtOnce) return result;
    }
}

Result<std::vector<Version>> Catalog::versions_where(std::string_view path, std::optional<FileTime> at, std::size_t limit,
                                                     PathOnly path_only) {
    std::vector<Version> versions;
    for (std::size_t skip = 0; versions.size() < limit; skip += kSetsAtOnce) {
        CAPSTAN_TRY(auto sets, index_.sets_newest_first(at, skip, kSetsAtOnce));
        for (const auto& summary : sets) {
            if (versions.size() >= limit) break;
            if (!may_hold(summary, path)) continue;
            CAPSTAN_TRY(auto readers, readers_of(summary.set));
            CAPSTAN_TRY(auto found, lookup_in(readers, path));
            if (!found || found->facts.state == ObjectState::not_saved) continue;
            if (found->facts.path_only && path_only == PathOnly::is_skipped) continue;
            versions.push_back({summary.set, summary.time, std::move(*found)});
        }
        if (sets.size() < kSetsAtOnce) break;
    }
    return versions;
}

Result<std::vector<Version>> Catalog::versions(std::string_view path, std::size_t limit) {
    return versions_where(path, std::nullopt, limit, PathOnly::counts);
}

Result<std::optional<Version>> Catalog::newest(std::string_view path, std::optional<FileTime> at) {
    for (auto path_only : {PathOnly::is_skipped, PathOnly::counts}) {
        CAPSTAN_TRY(auto versions, versions_where(path, at, 1, path_only));
        if (!versions.empty()) return std::move(versions.front());
    }
    return std::nullopt;
}

}  // namespace capstan::catalog
