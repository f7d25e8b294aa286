// Questions to the catalog: what is in the sets. Those over many sets go through them in portions, newest first, so
// that neither the state database nor the control thread is asked about all of them at once.
#include "daemon/catalog_view.hpp"
#include "daemon/handlers.hpp"
#include "daemon/object_info.hpp"
#include "daemon/request_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

std::uint32_t limit_of(std::uint32_t wanted) { return std::clamp<std::uint32_t>(wanted, 1, 10000); }

// The set that a cursor begins with; 0: none.
std::uint64_t leading_number(const std::string& cursor) {
    std::uint64_t value = 0;
    std::from_chars(cursor.data(), cursor.data() + cursor.size(), value);
    return value;
}

Task<Result<api::ObjectList>> browse(ControlPlane& plane, std::string text, api::BrowseQuery query) {
    CAPSTAN_CO_TRY(auto id, number<SetNumber>(text));
    std::move_only_function<Result<api::ObjectList>(catalog::Catalog&)> ask =
        [id, query](catalog::Catalog& catalog) -> Result<api::ObjectList> {
        api::ObjectList list;
        ObjectDescriber describer(catalog);
        auto path = recorded_path(query.path);
        CAPSTAN_TRY(auto self, catalog.lookup(id, path));
        if (self && self->facts.kind != catalog::ObjectKind::directory) {
            list.objects.push_back(describer.describe(*self, std::string(catalog::name_of(path)), id));
            return list;
        }
        auto limit = limit_of(query.limit);
        CAPSTAN_TRY(auto listing, catalog.ls(id, path, query.cursor, limit));
        for (const auto& object : listing.objects) list.objects.push_back(describer.describe(object, object.path, id));
        if (listing.objects.size() == limit) list.next = listing.objects.back().path;
        return list;
    };
    co_return co_await ask_catalog<api::ObjectList>(plane.context(), id, std::move(ask));
}

// From the query's cursor on, as much as the list has room for; where that ends stands in the list.
Result<void> find_some(catalog::Catalog& catalog, const api::FindQuery& query, api::ObjectList& list) {
    auto pattern = query.pattern;
    if (pattern.starts_with('/')) pattern.erase(0, 1);
    std::optional<SetNumber> only;
    if (query.set) only = SetNumber{*query.set};
    auto room = limit_of(query.limit) - list.objects.size();
    CAPSTAN_TRY(auto page, catalog.find(pattern, only, query.cursor, room));
    ObjectDescriber describer(catalog);
    for (const auto& found : page.objects)
        list.objects.push_back(describer.describe(found.object, "/" + found.object.path, found.set));
    for (const auto& error : page.unreadable) list.warnings.push_back(to_text(error));
    list.next = page.cursor;
    return {};
}

Task<Result<api::ObjectList>> find_in_set(ControlPlane& plane, api::FindQuery query) {
    std::move_only_function<Result<api::ObjectList>(catalog::Catalog&)> ask =
        [query](catalog::Catalog& catalog) -> Result<api::ObjectList> {
        api::ObjectList list;
        CAPSTAN_CHECK(find_some(catalog, query, list));
        return list;
    };
    SetNumber set{*query.set};
    co_return co_await ask_catalog<api::ObjectList>(plane.context(), set, std::move(ask));
}

Task<Result<api::ObjectList>> find(ControlPlane& plane, api::FindQuery query) {
    if (query.set) co_return co_await find_in_set(plane, std::move(query));
    auto list = std::make_shared<api::ObjectList>();
    auto left = std::make_shared<api::FindQuery>(query);
    SetNumber before{};  // the set that the page before ended in is asked again, from the cursor on
    if (auto set = leading_number(query.cursor); set != 0) before = SetNumber{set + 1};
    CatalogPortion ask = [list, left](catalog::Catalog& catalog) -> Result<bool> {
        CAPSTAN_CHECK(find_some(catalog, *left, *list));
        left->cursor.clear();
        return list->next.empty() && list->objects.size() < limit_of(left->limit);
    };
    CAPSTAN_CO_TRY(auto older, co_await ask_in_portions(plane.context(), before, std::move(ask)));
    if (list->next.empty() && older) list->next = fmt::format("{}.0.0.0", raw(*older) - 1);
    co_return std::move(*list);
}

Task<Result<api::ObjectList>> versions(ControlPlane& plane, api::VersionsQuery query) {
    auto list = std::make_shared<api::ObjectList>();
    CatalogPortion ask = [list, query](catalog::Catalog& catalog) -> Result<bool> {
        auto limit = limit_of(query.limit);
        CAPSTAN_TRY(auto found, catalog.versions(recorded_path(query.path), limit - list->objects.size()));
        ObjectDescriber describer(catalog);
        for (const auto& version : found) {
            auto info = describer.describe(version.object, query.path, version.set);
            info.saved = api::time_of(Wall{version.time.time_since_epoch()});
            list->objects.push_back(std::move(info));
        }
        return list->objects.size() < limit;
    };
    SetNumber before{leading_number(query.cursor)};
    CAPSTAN_CO_CHECK(co_await ask_in_portions(plane.context(), before, std::move(ask)));
    if (list->objects.size() >= limit_of(query.limit)) list->next = std::to_string(list->objects.back().set);
    if (list->objects.empty() && query.cursor.empty())
        co_return fail(Recovery::change_request, fmt::format("no set has {}", query.path),
                       "'capstan find PATTERN' searches all sets.");
    co_return std::move(*list);
}

Task<Result<api::Accepted>> rebuild(ControlPlane& plane, api::RebuildRequest request, Peer peer) {
    CAPSTAN_CO_TRY(auto id, plane.jobs().start_rebuild(std::move(request), who_is(peer)));
    co_return accepted_job(id);
}

Task<Result<api::CatalogCheck>> check(ControlPlane& plane) {
    api::CatalogCheck result;
    pools::SetFilter filter;
    for (;;) {
        CAPSTAN_CO_TRY(auto rows, pools::Sets(plane.context().store).list(filter));
        for (const auto& row : rows) {
            if (row.type == "catalog" || row.objects == 0 || row.state == pools::SetState::overwritten) continue;
            ++result.sets;
            std::move_only_function<Result<std::uint64_t>(catalog::Catalog&)> ask =
                [number = row.number](catalog::Catalog& catalog) -> Result<std::uint64_t> {
                CAPSTAN_TRY(auto headers, catalog.headers(number));
                std::uint64_t objects = 0;
                for (const auto& header : headers) objects += header.objects;
                return objects;
            };
            auto objects = co_await ask_catalog<std::uint64_t>(plane.context(), row.number, std::move(ask));
            if (objects)
                result.objects += *objects;
            else
                result.problems.push_back({raw(row.number), objects.error().happened,
                                           "'capstan catalog rebuild' brings it back from the media."});
        }
        if (rows.size() < filter.limit) co_return result;
        filter.before = rows.back().number;
    }
}

}  // namespace

void add_catalog_handlers(Router& router, ControlPlane& plane) {
    router.on(api::kBrowse, [&plane](Call call, api::BrowseQuery query) {
        return browse(plane, call.parameters[0], std::move(query));
    });
    router.on(api::kFind, [&plane](Call, api::FindQuery query) { return find(plane, std::move(query)); });
    router.on(api::kVersions, [&plane](Call, api::VersionsQuery query) { return versions(plane, std::move(query)); });
    router.on(api::kCatalogRebuild, [&plane](Call call, api::RebuildRequest request) {
        return rebuild(plane, std::move(request), call.peer);
    });
    router.on(api::kCatalogCheck, [&plane](Call, api::None) { return check(plane); });
}

}  // namespace capstan::daemon
