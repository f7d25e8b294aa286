// The catalog's segment index over the state database, and the catalog itself behind it. SQL is short; questions to
// segment files are blocking and run on the worker (they take the index's answers along). Control thread.
#pragma once

#include "catalog/catalog.hpp"
#include "daemon/context.hpp"
#include "pools/sets.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace capstan::daemon {

// A copy of what the state database says of sets and segments, for one question: good on any thread.
class SegmentSnapshot final : public catalog::SegmentIndex {
  public:
    static Result<std::shared_ptr<SegmentSnapshot>> take(Context& context, SetNumber set);
    // The next sets, newest first, that have a catalog: with numbers below `before` (0: from the newest).
    static Result<std::shared_ptr<SegmentSnapshot>> take_portion(Context& context, SetNumber before);
    std::optional<SetNumber> oldest() const { return oldest_; }  // of the portion; empty: there is nothing older
    Result<std::vector<catalog::SegmentRef>> segments_of(SetNumber set) const override;
    Result<std::vector<catalog::SetSummary>> sets_newest_first(std::optional<catalog::FileTime> at, std::size_t skip,
                                                               std::size_t limit) const override;

  private:
    void add(const pools::Set& set, std::vector<catalog::SegmentRef> segments);

    std::optional<SetNumber> oldest_;
    std::vector<catalog::SetSummary> sets_;  // newest first
    std::unordered_map<std::uint64_t, std::vector<catalog::SegmentRef>> segments_;
};

std::string catalog_directory(const Context& context);

// One question about one set, on the worker: `ask(catalog)`. The snapshot lives as long as the answer needs it.
template <class T>
Task<Result<T>> ask_catalog(Context& context, SetNumber set,
                            std::move_only_function<Result<T>(catalog::Catalog&)> ask) {
    auto snapshot = SegmentSnapshot::take(context, set);
    if (!snapshot) co_return std::unexpected(snapshot.error());
    std::move_only_function<Result<T>()> call = [snapshot = *snapshot, ask = std::move(ask)]() mutable {
        catalog::Catalog catalog(*snapshot);
        return ask(catalog);
    };
    auto answer = co_await context.worker.run<Result<T>>(std::move(call));
    if (!answer) co_return fail(Recovery::cancelled, "the daemon is stopping");
    co_return std::move(*answer);
}

// A question about many sets: asked of some after the others, newest first, until it returns false (enough). The
// result: sets below this number were not looked at; empty: all were.
using CatalogPortion = std::function<Result<bool>(catalog::Catalog&)>;
Task<Result<std::optional<SetNumber>>> ask_in_portions(Context& context, SetNumber before, CatalogPortion ask);

}  // namespace capstan::daemon
