// Sequential writes through a virtual drive against a plain pwrite loop to the same disk (what `dd bs=1M` does), with
// the same fsync policy: nothing, or one synchronisation at the end. Directory: CAPSTAN_BENCH_DIR, default the current
// one.
#include "drives/scsi/commands.hpp"
#include "drives/virtual/library.hpp"
#include "drives/virtual/virtual_transport.hpp"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace {

using namespace capstan;
using namespace capstan::virtual_library;
constexpr std::size_t kTotal = 768u << 20;

std::string directory() {
    const char* wanted = std::getenv("CAPSTAN_BENCH_DIR");
    return std::string(wanted ? wanted : ".") + "/capstan-bench-" + std::to_string(::getpid());
}

void copy_loop(benchmark::State& state) {
    std::vector<std::uint8_t> data(1 << 20, 0x5A);
    auto path = directory() + ".dd";
    for (auto _ : state) {
        ::unlink(path.c_str());
        int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        for (std::size_t done = 0; done < kTotal; done += data.size())
            if (::write(fd, data.data(), data.size()) != static_cast<ssize_t>(data.size()))
                state.SkipWithError("write failed");
        if (state.range(0) != 0) ::fdatasync(fd);
        ::close(fd);
    }
    ::unlink(path.c_str());
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kTotal));
}

void virtual_drive(benchmark::State& state) {
    std::vector<std::uint8_t> data(static_cast<std::size_t>(state.range(1)) << 10, 0x5A);
    auto opened = VirtualLibrary::open(directory(), {});
    if (!opened) return state.SkipWithError(to_text(opened.error()).c_str());
    VirtualTransport robot(*opened, NexusId{1}, 0), drive(*opened, NexusId{1}, 1);
    (void)scsi::test_unit_ready(robot);
    (void)scsi::move_medium(robot, ElementAddress{1}, ElementAddress{0x3E8}, ElementAddress{0x100});
    (void)scsi::test_unit_ready(drive);
    for (auto _ : state) {
        if (!scsi::rewind(drive) || !scsi::erase(drive, scsi::EraseKind::short_erase)) state.SkipWithError("not ready");
        for (std::size_t done = 0; done < kTotal; done += data.size()) {
            auto outcome = scsi::write_block(drive, Bytes(data));
            if (!outcome || !outcome->written) state.SkipWithError("not written");
        }
        if (state.range(0) != 0 && !scsi::synchronize(drive)) state.SkipWithError("not synchronised");
        state.PauseTiming();
        (void)(*opened)->power_cycle(1);  // what was not synchronised needs no longer be
        (void)scsi::test_unit_ready(drive);
        state.ResumeTiming();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kTotal));
    opened->reset();
    std::filesystem::remove_all(directory());
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

}  // namespace

BENCHMARK_MAIN();
