// SegmentCursor: pages are read in their order; those that hold one large directory are sorted together, since such a
// directory is stored by name and not by address.
#include "catalog/segment_file.hpp"
#include "catalog/segment_reader.hpp"

#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>

namespace capstan::catalog {
namespace {

constexpr std::size_t kBatchPagesMax = 4096;
constexpr std::size_t kBatchTextMax = 256U << 20;

std::unexpected<Error> impossible(std::string_view what) {
    return fail(Recovery::give_up, "a catalog segment is damaged: " + std::string(what),
                "Rebuild the catalog of this set from its media.");
}

}  // namespace

struct SegmentCursor::State {
    SegmentFile& segment;
    bool everything = true;
    std::vector<std::string> roots;
    std::vector<std::uint64_t> pages;  // ascending, unless `everything`
    std::size_t next_page = 0;         // index in `pages`
    std::uint64_t next_number = 0;     // if `everything`

    struct Item {
        std::uint64_t fla;
        std::uint32_t page, directory, entry;
        friend auto operator<=>(const Item&, const Item&) = default;  // by address, then as stored
    };
    std::vector<Page> batch;
    std::vector<Item> items;
    std::size_t next_item = 0;
    Object current;

    Result<std::optional<Page>> read_page();
    Result<bool> read_batch();
    void take_items(std::uint32_t index);
    bool chosen(std::string_view path) const {
        return everything || std::ranges::any_of(roots, [&](const auto& root) { return is_within(path, root); });
    }
    void compose(const Page& page, const Item& item, std::string& path) const {
        const auto& directory = page.directories[item.directory];
        path = directory.path;
        if (directory.own && item.entry == directory.first) return;
        if (!path.empty()) path += '/';
        path += page.name(item.entry);
    }
};

Result<std::optional<Page>> SegmentCursor::State::read_page() {
    if (everything) {
        CAPSTAN_TRY(auto page, segment.page_from(next_number, true));
        if (page) next_number = page->number + 1;
        return page;
    }
    if (next_page >= pages.size()) return std::nullopt;
    CAPSTAN_TRY(auto page, segment.page(pages[next_page]));
    ++next_page;
    return std::optional(std::move(page));
}

void SegmentCursor::State::take_items(std::uint32_t index) {
    const auto& page = batch[index];
    std::string path;
    for (std::uint32_t d = 0; d < page.directories.size(); ++d) {
        const auto& directory = page.directories[d];
        bool all = chosen(directory.path);
        for (auto i = directory.first; i < directory.first + directory.count; ++i) {
            Item item{page.facts[i].fla, index, d, i};
            if (page.facts[i].continued) continue;
            if (!all) compose(page, item, path);
            if (all || chosen(path)) items.push_back(item);
        }
    }
}

Result<bool> SegmentCursor::State::read_batch() {
    batch.clear();
    items.clear();
    next_item = 0;
    std::size_t text = 0;
    for (;;) {
        CAPSTAN_TRY(auto page, read_page());
        if (!page) break;
        text += page->text.size();
        for (const auto& directory : page->directories) text += directory.path.size();
        if (batch.size() >= kBatchPagesMax || text > kBatchTextMax) return impossible("a directory has no end");
        batch.push_back(std::move(*page));
        take_items(static_cast<std::uint32_t>(batch.size() - 1));
        if (!batch.back().goes_on) break;
    }
    std::ranges::sort(items);
    return !batch.empty();
}

SegmentCursor::SegmentCursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
SegmentCursor::~SegmentCursor() = default;
SegmentCursor::SegmentCursor(SegmentCursor&&) noexcept = default;
SegmentCursor& SegmentCursor::operator=(SegmentCursor&&) noexcept = default;

Result<const Object*> SegmentCursor::next() {
    auto& state = *state_;
    while (state.next_item >= state.items.size()) {
        CAPSTAN_TRY(bool more, state.read_batch());
        if (!more) return nullptr;
    }
    const auto& item = state.items[state.next_item++];
    const auto& page = state.batch[item.page];
    state.compose(page, item, state.current.path);
    state.current.facts = page.facts[item.entry];
    return &state.current;
}

namespace {

// The pages that have something of `root` or below it. Each row of the tree is followed at most once, so that crafted
// hashes cannot make it go round.
Result<void> collect_pages(SegmentFile& segment, const std::string& root, std::set<std::uint64_t>& pages,
                           std::unordered_set<Place>& seen) {
    if (!root.empty()) {
        auto name = name_of(std::string_view(root));
        CAPSTAN_CHECK(segment.places(parent_of(root), [&](TreeRow& row) -> Result<bool> {
            if (row.high.empty() || (row.low <= name && name <= row.high)) pages.insert(page_of(row.place));
            return true;
        }));
    }
    CAPSTAN_CHECK(segment.places(root, [&](TreeRow& row) -> Result<bool> {
        pages.insert(page_of(row.place));
        return true;
    }));
    std::vector<std::string> open{root};
    while (!open.empty()) {
        auto path = std::move(open.back());
        open.pop_back();
        std::string last;
        CAPSTAN_CHECK(segment.children(path, {}, [&](TreeRow& row) -> Result<bool> {
            if (!seen.insert(row.place).second) return true;
            pages.insert(page_of(row.place));
            if (row.name == last) return true;
            last = row.name;
            auto child = path.empty() ? row.name : path + "/" + row.name;
            if (child.size() > kPathMax) return impossible("a path has no end");
            open.push_back(std::move(child));
            return true;
        }));
    }
    return {};
}

}  // namespace

Result<SegmentCursor> SegmentReader::scan(const std::vector<std::string>& roots) const {
    auto state = std::make_unique<SegmentCursor::State>(*segment_);
    state->everything = roots.empty() || std::ranges::any_of(roots, &std::string::empty);
    if (state->everything) return SegmentCursor(std::move(state));
    state->roots = roots;
    std::set<std::uint64_t> pages;
    std::unordered_set<Place> seen;
    for (const auto& root : roots) {
        if (valid_path(root)) CAPSTAN_CHECK(collect_pages(*segment_, root, pages, seen));
    }
    state->pages.assign(pages.begin(), pages.end());
    return SegmentCursor(std::move(state));
}

}  // namespace capstan::catalog
