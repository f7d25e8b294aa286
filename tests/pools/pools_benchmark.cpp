// A mount decision among 100,000 cartridges (aim: at most 1 ms at the 99th percentile), and a restart with 10,000
// slots. The store is made once, in a directory that goes away.
#include "pools/allocation.hpp"
#include "pools/reconcile.hpp"
#include "pools/store/cartridges.hpp"
#include "pools/store/pool_rows.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace capstan::pools {
namespace {

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(to_text(result.error()));
    return std::move(*result);
}

struct LargeSite {
    std::string directory;
    SeededEntropy entropy{1};
    std::unique_ptr<StateStore> store;
    PoolId pool{};
    InventoryFacts facts{{"LIB1"}, {}};

    LargeSite() {
        std::string pattern = std::filesystem::temp_directory_path() / "capstan-benchmark-XXXXXX";
        directory = ::mkdtemp(pattern.data());
        store = must(StateStore::open(directory, entropy));
        const AuditNote note{"benchmark", "made", Wall{}};
        auto transaction = must(WriteTransaction::begin(*store));
        pool = must(Pools(*store).create(transaction, {PoolId{}, {"Daily"}, PoolKind::application, {}}));
        for (int n = 0; n < 100'000; ++n) {
            Cartridge one;
            one.volume_tag.text = "A" + std::to_string(100'000 + n) + "L8";
            one.pool = n % 10 == 0 ? kFreePool : pool;
            one.side.state = n % 10 == 0  ? SideState::available
                             : n % 3 == 0 ? SideState::available
                                          : SideState::complete;
            if (n < 10'000) {
                one.library.text = "LIB1";
                one.place = {PlaceKind::slot, std::to_string(n + 1)};
                facts.elements.push_back({one.place, ElementFact::Content::full, one.volume_tag, {}});
            }
            must(Cartridges(*store).add(transaction, one, note));
        }
        if (auto done = transaction.commit(); !done) throw std::runtime_error(to_text(done.error()));
    }
    ~LargeSite() { std::filesystem::remove_all(directory); }
};
LargeSite& site() {
    static LargeSite one;
    return one;
}

void mount_decision(benchmark::State& state) {
    AllocationRequest request;
    request.pool = site().pool;
    std::vector<double> times;
    for (auto _ : state) {
        const auto start = std::chrono::steady_clock::now();
        auto snapshot = must(allocation_snapshot(*site().store, request, Wall{}));
        benchmark::DoNotOptimize(choose_medium(snapshot, request));
        times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    }
    std::ranges::sort(times);
    state.counters["p99_us"] = times[times.size() * 99 / 100];
}
BENCHMARK(mount_decision)->Unit(benchmark::kMicrosecond);

void restart_with_10000_slots(benchmark::State& state) {
    for (auto _ : state) {
        auto corrections = reconcile(must(reconcile_snapshot(*site().store, site().facts)), site().facts);
        if (!corrections.empty()) state.SkipWithError("something was corrected");
    }
}
BENCHMARK(restart_with_10000_slots)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace capstan::pools

BENCHMARK_MAIN();
