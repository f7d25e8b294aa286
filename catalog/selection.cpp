#include "catalog/catalog.hpp"

#include <algorithm>

namespace capstan::catalog {

Result<const SelectedObject*> Selection::next() {
    if (!ancestors_.empty()) {
        current_.object = std::move(ancestors_.front());
        ancestors_.pop_front();
        current_.ancestor = true;
    } else {
        const Object* object = nullptr;
        while (object == nullptr) {
            if (!cursor_) {
                if (segment_ >= segments_.size()) return nullptr;
                CAPSTAN_TRY(cursor_, segments_[segment_]->scan(roots_));
            }
            CAPSTAN_TRY(object, cursor_->next());
            if (object != nullptr) break;
            cursor_.reset();
            ++segment_;
        }
        current_.object = *object;
        current_.ancestor = false;
    }
    current_.location.reset();
    if (current_.object.facts.state != ObjectState::not_saved)
        current_.location = locate(extents_, current_.object.facts.fla);
    return &current_;
}

Result<Selection> Catalog::select(SetNumber set, const std::vector<std::string>& paths) {
    CAPSTAN_TRY(auto readers, readers_of(set));
    Selection selection;
    std::vector<const SegmentHeader*> headers;
    for (const auto& reader : readers) headers.push_back(&reader->header());
    selection.extents_ = merge_extents(headers);
    for (const auto& path : paths) {
        CAPSTAN_TRY(auto found, lookup_in(readers, path));
        bool present = found.has_value();
        for (std::size_t i = 0; i < readers.size() && !present; ++i) {  // a damaged set may have lost the directory's record
            CAPSTAN_TRY(auto listing, readers[i]->list(path, {}, 1));
            present = listing.has_value();
        }
        (present ? selection.roots_ : selection.missing_).push_back(path);
    }
    std::vector<std::string> above;
    for (const auto& root : selection.roots_) {
        for (std::string_view path = root; !path.empty();) {
            path = parent_of(path);
            above.emplace_back(path);
        }
    }
    std::ranges::sort(above);
    above.erase(std::ranges::unique(above).begin(), above.end());
    for (const auto& path : above) {
        if (std::ranges::any_of(selection.roots_, [&](const auto& root) { return is_within(path, root); })) continue;
        CAPSTAN_TRY(auto found, lookup_in(readers, path));
        if (found) selection.ancestors_.push_back(std::move(*found));
    }
    std::ranges::sort(selection.ancestors_, {}, [](const Object& object) {
        return std::pair(object.facts.fla, std::string_view(object.path));
    });
    // No roots would mean everything: of a set that has none of the paths nothing is chosen.
    if (!paths.empty() && selection.roots_.empty()) return selection;
    selection.segments_ = std::move(readers);
    return selection;
}

}  // namespace capstan::catalog
