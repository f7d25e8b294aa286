#include "catalog/segment_reader.hpp"

#include "catalog/glob.hpp"
#include "catalog/segment_file.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace capstan::catalog {
namespace {

std::unexpected<Error> inconsistent(const std::string& file) {
    return fail(Recovery::give_up, "catalog segment " + file + ": its tree names a page that has other contents",
                "Rebuild the catalog of this set from its media.");
}

// The directory that a place means, or nullptr if the page does not have it there.
const Page::Directory* directory_at(const Page& page, const TreeRow& row, std::string_view path) {
    if (index_of(row.place) >= page.directories.size()) return nullptr;
    const auto& directory = page.directories[index_of(row.place)];
    return directory.path == path && directory.own == row.facts.has_value() ? &directory : nullptr;
}

struct Candidate {
    Place place = 0;
    ObjectFacts facts;
};
using Names = std::map<std::string, Candidate>;

// Of one name's records the later counts, but a continued directory never hides its own record.
void keep_newer(Names& names, std::string name, Place place, const ObjectFacts& facts) {
    auto [at, is_new] = names.try_emplace(std::move(name), place, facts);
    if (is_new || at->second.place > place) return;
    if (facts.continued && at->second.facts.kind == ObjectKind::directory) return;
    at->second = {place, facts};
}

void trim(Names& names, std::size_t size) {
    while (names.size() > size) names.erase(std::prev(names.end()));
}

std::uint32_t lower_bound(const Page& page, const Page::Directory& directory, std::string_view name) {
    auto first = directory.first + (directory.own ? 1U : 0U), last = directory.first + directory.count;
    while (first < last) {
        auto middle = first + (last - first) / 2;
        if (page.name(middle) < name) first = middle + 1;
        else last = middle;
    }
    return first;
}

}  // namespace

SegmentReader::SegmentReader(std::string path, std::unique_ptr<SegmentFile> file, SegmentHeader header)
    : path_(std::move(path)), segment_(std::move(file)), header_(std::move(header)) {}
SegmentReader::~SegmentReader() = default;

Result<std::unique_ptr<SegmentReader>> SegmentReader::open(const std::string& file) {
    CAPSTAN_TRY(auto segment, SegmentFile::open(file));
    CAPSTAN_TRY(auto bytes, segment->header());
    auto header = decode_header(bytes);
    if (!header) {
        header.error().happened = file + ": " + header.error().happened;
        return std::unexpected(std::move(header.error()));
    }
    return std::unique_ptr<SegmentReader>(new SegmentReader(file, std::move(segment), std::move(*header)));
}

Result<std::optional<SegmentReader::Listing>> SegmentReader::list(std::string_view directory, std::string_view after,
                                                                  std::size_t limit) const {
    if (!valid_path(directory)) return std::nullopt;
    limit = std::min<std::size_t>(limit, 1'000'000);
    std::vector<TreeRow> parts;
    CAPSTAN_CHECK(segment_->places(directory, [&](TreeRow& row) -> Result<bool> {
        if (row.high.empty() || row.high > after) parts.push_back(std::move(row));
        else if (parts.empty()) parts.emplace_back();  // it exists, though all its names lie before
        return true;
    }));
    Names names;
    std::string last_child;
    CAPSTAN_CHECK(segment_->children(directory, after, [&](TreeRow& row) -> Result<bool> {
        if (names.size() > limit && row.name != last_child) return false;
        last_child = row.name;
        if (row.facts) keep_newer(names, row.name, row.place, *row.facts);
        return true;
    }));
    if (parts.empty() && names.empty() && after.empty()) return std::nullopt;
    std::ranges::sort(parts, {}, [](const TreeRow& row) { return std::pair(std::string_view(row.low), row.place); });
    for (const auto& part : parts) {
        if (part.place == 0) continue;
        if (names.size() > limit && part.low > names.rbegin()->first) break;
        CAPSTAN_TRY(auto page, segment_->page(page_of(part.place)));
        const auto* entries = directory_at(page, part, directory);
        if (entries == nullptr) return inconsistent(path_);
        auto end = entries->first + entries->count;
        for (auto i = lower_bound(page, *entries, after); i < end; ++i) {
            if (page.name(i) == after) continue;
            if (names.size() > limit && page.name(i) > names.rbegin()->first) break;
            keep_newer(names, std::string(page.name(i)), part.place, page.facts[i]);
        }
        trim(names, limit + 1);
    }
    Listing listing;
    listing.more = names.size() > limit;
    trim(names, limit);
    for (auto& [name, candidate] : names) listing.objects.push_back({name, candidate.facts});
    return listing;
}

Result<std::optional<Object>> SegmentReader::lookup(std::string_view path) const {
    if (!valid_path(path)) return std::nullopt;
    Names found;
    CAPSTAN_CHECK(segment_->places(path, [&](TreeRow& row) -> Result<bool> {
        if (row.facts) keep_newer(found, std::string(path), row.place, *row.facts);
        return true;
    }));
    auto name = name_of(path);
    std::vector<TreeRow> parts;
    if (!path.empty()) {
        CAPSTAN_CHECK(segment_->places(parent_of(path), [&](TreeRow& row) -> Result<bool> {
            if (row.high.empty() || (row.low <= name && name <= row.high)) parts.push_back(std::move(row));
            return true;
        }));
    }
    for (const auto& part : parts) {
        CAPSTAN_TRY(auto page, segment_->page(page_of(part.place)));
        const auto* entries = directory_at(page, part, parent_of(path));
        if (entries == nullptr) return inconsistent(path_);
        auto at = lower_bound(page, *entries, name);
        if (at < entries->first + entries->count && page.name(at) == name)
            keep_newer(found, std::string(path), part.place, page.facts[at]);
    }
    if (found.empty()) return std::nullopt;
    return Object{found.begin()->first, found.begin()->second.facts};
}

Result<SegmentReader::Found> SegmentReader::find(std::string_view pattern, ScanPosition from, std::size_t limit) const {
    Found found;
    bool by_path = pattern.find('/') != std::string_view::npos;
    std::string path;
    for (auto number = from.page;;) {
        CAPSTAN_TRY(auto page, segment_->page_from(number, false));
        if (!page) return found;
        auto start = page->number == from.page ? from.index : 0U;
        for (const auto& directory : page->directories) {
            for (auto i = std::max(directory.first, start); i < directory.first + directory.count; ++i) {
                bool own = directory.own && i == directory.first;
                auto name = own ? name_of(std::string_view(directory.path)) : page->name(i);
                if (!by_path && !glob_match(pattern, name)) continue;
                path = directory.path;
                if (!own) path.append(path.empty() ? "" : "/").append(name);
                if (by_path && !glob_match(pattern, path)) continue;
                if (page->facts.empty()) CAPSTAN_CHECK(segment_->complete(*page));
                if (page->facts[i].continued) continue;
                if (found.objects.size() >= limit) {
                    found.next = ScanPosition{page->number, i};
                    return found;
                }
                found.objects.push_back({path, page->facts[i]});
            }
        }
        number = page->number + 1;
    }
}

}  // namespace capstan::catalog
