// How fast the writer is apart from reading and hashing: large data, and small objects with their private streams.
#include "backup/mtf/writer.hpp"

#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

namespace capstan::mtf {
namespace {

class Ring : public BlockOutput {  // sixteen blocks, used again and again
    std::vector<std::uint8_t> memory_ = std::vector<std::uint8_t>(16 * 262144);
    std::size_t next_ = 0;

  public:
    MutableBytes reserve() override { return MutableBytes(memory_).subspan(next_ * 262144, 262144); }
    void push(BlockKind, std::size_t, const ResumePoint&) override { next_ = (next_ + 1) % 16; }
};

struct Fixture {
    Ring ring;
    SetWriter writer{ring, {}};
    Fixture() {
        writer.begin_set({});
        writer.ready();
        writer.volume({});
        writer.ready();
        writer.directory({.path = "usr/share/doc"});
        writer.end_object();
    }
};

void large_data(benchmark::State& state) {
    Fixture f;
    f.writer.ready();
    f.writer.file({.name = "large"});
    f.writer.begin_stream(StreamId::data, std::uint64_t{1} << 60);
    for (auto _ : state) f.writer.advance(f.writer.data_space().size());
    state.SetBytesProcessed(state.iterations() * 262144);
}
BENCHMARK(large_data);

void small_objects(benchmark::State& state) {
    Fixture f;
    const FileBlock file{.windows_attributes = 0x20, .name = "changelog.Debian.gz"};
    const std::vector<std::uint8_t> metadata(90, 1), hash(32, 2);
    for (auto _ : state) {
        f.writer.ready();
        f.writer.file(file);
        f.writer.small_stream({StreamId::posix, metadata});
        f.writer.begin_stream(StreamId::data, 300);
        for (std::size_t left = 300; left > 0;) {
            const auto space = f.writer.data_space();
            f.writer.advance(space.size());
            left -= space.size();
        }
        f.writer.end_stream();
        f.writer.small_stream({StreamId::object_hash, hash});
        f.writer.end_object();
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(small_objects);

}  // namespace
}  // namespace capstan::mtf

BENCHMARK_MAIN();
