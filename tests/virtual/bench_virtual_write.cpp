// Sequential writes through a virtual drive against a plain pwrite loop to the same disk (what `dd bs=1M` does), with
// the same fsync policy: nothing, or one synchronisation at the end. Directory: CAPSTAN_BENCH_DIR, default the current
// one.
#include "drives/scsi/commands.hpp"
#include "drives/virtual/library.hpp"
#include "drives/virtual/virtual_transport.hpp"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace {

using namespace capstan;
using namespace capstan::virtual_library;
constexpr std::size_t kTotal = 768u << 20;

std::string directory() {
    const char* wanted = std::getenv("CAPSTAN_BENCH_DIR");
    return std::string(wanted ? wanted : ".") + "/capstan-bench-" + std::to_string(::getpid());
}

// Page aligned, as the engine's ring is.
struct Block {
    explicit Block(std::size_t n) : size(n), data(static_cast<std::uint8_t*>(std::aligned_alloc(4096, n))) {
        std::memset(data, 0x5A, size);
    }
    ~Block() { std::free(data); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    Bytes bytes() const { return {data, size}; }
    std::size_t size;
    std::uint8_t* data;
};

// What `dd bs=1M` does, with conv=fdatasync where `sync` says so. False: it failed.
bool copy_once(const std::string& path, const Block& block, bool sync) {
    ::unlink(path.c_str());
    int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    bool good = fd >= 0;
    for (std::size_t done = 0; good && done < kTotal; done += block.size)
        good = ::write(fd, block.data, block.size) == static_cast<ssize_t>(block.size);
    if (good && sync) good = ::fdatasync(fd) == 0;
    ::close(fd);
    return good;
}

// A library with a cartridge in its first drive.
class Drive {
    Result<std::shared_ptr<VirtualLibrary>> library_ = VirtualLibrary::open(directory(), {});
    std::optional<VirtualTransport> robot_, drive_;

  public:
    Drive() {
        if (!library_) return;
        robot_.emplace(*library_, NexusId{1}, 0);
        drive_.emplace(*library_, NexusId{1}, 1);
        (void)scsi::test_unit_ready(*robot_);
        (void)scsi::move_medium(*robot_, ElementAddress{1}, ElementAddress{0x3E8}, ElementAddress{0x100});
        (void)scsi::test_unit_ready(*drive_);
    }
    ~Drive() {
        if (library_) library_->reset();
        std::filesystem::remove_all(directory());
    }
    bool begin() {
        return library_ && scsi::rewind(*drive_) && scsi::erase(*drive_, scsi::EraseKind::short_erase);
    }
    bool write(const Block& block, bool sync) {
        for (std::size_t done = 0; done < kTotal; done += block.size) {
            auto outcome = scsi::write_block(*drive_, block.bytes());
            if (!outcome || !outcome->written) return false;
        }
        return !sync || scsi::synchronize(*drive_);
    }
    void forget() {  // what was not synchronised needs no longer be
        (void)(*library_)->power_cycle(1);
        (void)scsi::test_unit_ready(*drive_);
    }
};

void copy_loop(benchmark::State& state) {
    const Block block(1 << 20);
    auto path = directory() + ".dd";
    for (auto _ : state)
        if (!copy_once(path, block, state.range(0) != 0)) state.SkipWithError("write failed");
    ::unlink(path.c_str());
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kTotal));
}

void virtual_drive(benchmark::State& state) {
    const Block block(static_cast<std::size_t>(state.range(1)) << 10);
    Drive drive;
    for (auto _ : state) {
        if (!drive.begin() || !drive.write(block, state.range(0) != 0)) state.SkipWithError("not written");
        state.PauseTiming();
        drive.forget();
        state.ResumeTiming();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kTotal));
}

// The two in turn, nine times, now one first and now the other, each with a synchronise at the end. percent_of_dd: the drive's
// rate as a share of the loop's just before or after it, the median of the rounds (aim: 95): a disk that is shared changes its
// rate from minute to minute.
void drive_against_dd(benchmark::State& state) {
    const Block copied(1 << 20), block(static_cast<std::size_t>(state.range(0)) << 10);
    auto path = directory() + ".dd";
    Drive drive;
    auto seconds = [](auto work) {
        auto begun = std::chrono::steady_clock::now();
        bool good = work();
        return good ? std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count() : -1;
    };
    std::vector<double> ours, theirs, shares;
    // What each has written before is gone, and the disk has heard of that, before its time begins.
    auto copy = [&] {
        ::unlink(path.c_str());
        ::sync();
        theirs.push_back(seconds([&] { return copy_once(path, copied, true); }));
    };
    auto write = [&] {
        if (!drive.begin()) state.SkipWithError("not ready");
        ::sync();
        ours.push_back(seconds([&] { return drive.write(block, true); }));
    };
    constexpr int kRounds = 9;
    for (auto _ : state) {
        for (int round = 0; round < kRounds; ++round) {
            if (round % 2 == 0) copy(), write();
            else write(), copy();
            if (ours.back() < 0 || theirs.back() < 0) state.SkipWithError("not written");
            shares.push_back(100 * theirs.back() / ours.back());
        }
    }
    ::unlink(path.c_str());
    auto median = [](std::vector<double> values) {
        std::ranges::sort(values);
        return values[values.size() / 2];
    };
    state.counters["dd_MB_per_s"] = kTotal / 1e6 / median(theirs);
    state.counters["drive_MB_per_s"] = kTotal / 1e6 / median(ours);
    state.counters["percent_of_dd"] = median(shares);
}

BENCHMARK(copy_loop)->ArgName("sync")->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(virtual_drive)
    ->ArgNames({"sync", "KiB"})
    ->Args({0, 1024})
    ->Args({1, 1024})
    ->Args({0, 256})
    ->Args({1, 256})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(drive_against_dd)->ArgName("KiB")->Arg(256)->Arg(1024)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
