// What ring, stream operation and virtual drive add to a plain loop of pwrite to the same disk (aim: less than 10 %, with the
// same fsync policy: once, at the end). Each iteration writes CAPSTAN_BENCH_MIB (default 1024) in blocks of 256 KiB.
#include "drives/operations.hpp"
#include "drives/scsi/thread_device.hpp"
#include "drives/virtual/virtual_transport.hpp"

#include <benchmark/benchmark.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>

namespace capstan::drives {
namespace {

using namespace std::chrono_literals;
namespace vl = virtual_library;
constexpr std::size_t kBlock = 262144;

std::uint64_t blocks() {
    const char* text = std::getenv("CAPSTAN_BENCH_MIB");
    return (text == nullptr ? 1024 : std::strtoull(text, nullptr, 10)) * 4;
}
std::string scratch() {
    auto pattern = (std::filesystem::temp_directory_path() / "capstan-bench-XXXXXX").string();
    return ::mkdtemp(pattern.data());
}

void plain_copy(benchmark::State& state) {
    std::vector<std::uint8_t> block(kBlock, 0x5A);
    for (auto _ : state) {
        auto directory = scratch();
        int fd = ::open((directory + "/data").c_str(), O_CREAT | O_WRONLY, 0600);
        for (std::uint64_t i = 0; i < blocks(); ++i) {
            std::memset(block.data(), static_cast<int>(i), kBlock);
            if (::pwrite(fd, block.data(), kBlock, static_cast<off_t>(i * kBlock)) != static_cast<ssize_t>(kBlock)) state.SkipWithError("pwrite");
        }
        ::fdatasync(fd);
        ::close(fd);
        state.PauseTiming();
        std::filesystem::remove_all(directory);
        state.ResumeTiming();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * blocks() * kBlock));
}

void produce(BlockRing& ring) {
    for (std::uint64_t i = 0; i < blocks(); ++i) {
        MutableBytes slot;
        while (slot.empty()) slot = ring.wait_room(1s);
        std::memset(slot.data(), static_cast<int>(i), kBlock);
        ring.push(RingEntry::Kind::block, kBlock);
        if (i % 512 != 511) continue;
        while (ring.wait_room(1s).empty()) {}
        ring.push(RingEntry::Kind::filemark, 0);
    }
    while (ring.wait_room(1s).empty()) {}
    ring.push(RingEntry::Kind::end, 0);
}

// With a ring that holds everything: what is measured is the way, not the wait for proof.
void ring_to_virtual_drive(benchmark::State& state) {
    for (auto _ : state) {
        state.PauseTiming();
        auto directory = scratch();
        auto library = vl::VirtualLibrary::open(directory, {});
        vl::VirtualTransport robot(*library, vl::NexusId{2}, 0), door(*library, vl::NexusId{1}, 1);
        for (int i = 0; i < 8; ++i) (void)scsi::test_unit_ready(robot);
        (void)scsi::move_medium(robot, ElementAddress{0}, ElementAddress{0x03E8}, ElementAddress{0x0100});
        scsi::Target drive(door, "drive D1");
        if (auto ready = operations::prepare(drive, {}, {}); !ready) state.SkipWithError(to_text(ready.error()).c_str());
        BlockRing ring(kBlock, blocks() + blocks() / 256 + 16);
        std::atomic<bool> stop = false;
        state.ResumeTiming();

        std::thread producer([&] { produce(ring); });
        operations::WriteCursor cursor;
        for (;;) {
            auto streamed = operations::write_stream(drive, cursor, ring, 100ms, stop);
            cursor = streamed.cursor;
            if (streamed.report.reason == StreamReport::Reason::ended) break;
            if (streamed.report.reason != StreamReport::Reason::starved) state.SkipWithError("the stream broke");
        }
        producer.join();

        state.PauseTiming();
        library->reset();
        std::filesystem::remove_all(directory);
        state.ResumeTiming();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * blocks() * kBlock));
}

// No drive: what an entry of the ring costs from thread to thread.
void ring_alone(benchmark::State& state) {
    for (auto _ : state) {
        BlockRing ring(4096, 256);
        std::thread producer([&] {
            for (int i = 0; i < 1'000'000; ++i) {
                while (ring.wait_room(1s).empty()) {}
                ring.push(RingEntry::Kind::block, 4096);
            }
        });
        for (std::uint64_t i = 0; i < 1'000'000;) {
            if (ring.wait_front(1s) == nullptr) continue;
            ring.pop();
            if (++i % 64 == 0 || ring.front() == nullptr) ring.prove(i);
        }
        producer.join();
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 1'000'000);
}

BENCHMARK(plain_copy)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ring_to_virtual_drive)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ring_alone)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace capstan::drives

BENCHMARK_MAIN();
