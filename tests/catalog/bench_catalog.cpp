// How fast a segment is built, how large it is, and how fast it is read. The tree is made like a file server's: directories of
// 1 to 60 files (12 in the mean), names with words and numbers in order, sizes of all magnitudes, times with nanoseconds, 16-byte hashes.
#include "catalog/segment_builder.hpp"
#include "catalog/segment_reader.hpp"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace capstan::catalog {
namespace {

struct Row {
    bool directory;
    std::string text;
    ObjectFacts facts;
};

const std::vector<Row>& rows() {
    static const std::vector<Row> all = [] {
        std::mt19937_64 random(42);
        const char* words[] = {"report", "index",  "image", "Makefile", "config", "data", "test", "main",
                               "photo",  "module", "lib",   "notes",    "backup", "view", "util", "draft"};
        const char* ends[] = {".txt", ".html", ".c", ".h", ".py", ".jpg", ".pdf", ".json", ""};
        auto name = [&] {
            std::string text = words[random() % 16];
            if (random() % 3 != 0) text += (random() % 2 != 0 ? "_" : "-") + std::string(words[random() % 16]);
            if (random() % 2 != 0) text += std::to_string(random() % 10000);
            return text;
        };
        std::vector<Row> result;
        std::vector<std::string> stack{"srv"};
        std::uint64_t fla = 1;
        auto facts = [&](bool directory) {
            ObjectFacts made;
            made.mode = directory ? 0755 : 0644;
            made.uid = made.gid = static_cast<std::uint32_t>(1000 + random() % 4);
            made.size = directory ? 0 : random() % (1ULL << (4 + random() % 16));
            made.mtime = FileTime(std::chrono::seconds(1'700'000'000 + random() % 30'000'000));
            if (random() % 3 != 0) made.mtime += std::chrono::nanoseconds(random() % 1'000'000'000);
            made.fla = fla;
            fla += 1 + made.size / 1024;
            if (!directory) {
                for (auto& byte : made.hash.emplace()) byte = static_cast<std::uint8_t>(random());
            }
            return made;
        };
        while (result.size() < 1'000'000) {
            while (stack.size() > 1 + random() % 8) stack.pop_back();
            stack.push_back(stack.back() + "/" + name() + std::to_string(result.size() % 1000));
            result.push_back({true, stack.back(), facts(true)});
            auto files = random() % 3 == 0 ? random() % 60 : random() % 6;
            std::set<std::string> names;  // in order, as the walker of the backup gives them
            for (std::uint64_t i = 0; i < files; ++i) names.insert(name() + "." + std::to_string(i) + ends[random() % 9]);
            for (const auto& text : names) result.push_back({false, text, facts(false)});
        }
        return result;
    }();
    return all;
}

std::string scratch_file() {
    return (std::filesystem::temp_directory_path() / ("bench-catalog-" + std::to_string(::getpid()))).string();
}

SegmentHeader build(const std::string& file) {
    SegmentBuilder builder(file);
    for (const auto& row : rows()) {
        if (row.directory) builder.begin_directory(row.text, row.facts);
        else builder.add(row.text, row.facts);
    }
    auto written = builder.finish({});
    if (!written) std::abort();
    return *written;
}

const std::string& built() {
    static const std::string file = [] {
        build(scratch_file());
        if (std::getenv("KEEP") == nullptr) std::atexit([] { std::filesystem::remove(scratch_file()); });
        return scratch_file();
    }();
    return file;
}

void build_segment(benchmark::State& state) {
    rows();
    std::uint64_t objects = 0, size = 0;
    auto file = scratch_file() + ".build";
    for (auto _ : state) {
        objects = build(file).objects;
        size = std::filesystem::file_size(file);
    }
    std::filesystem::remove(file);
    state.counters["objects/s"] = benchmark::Counter(static_cast<double>(objects), benchmark::Counter::kIsIterationInvariantRate);
    state.counters["bytes/object"] = static_cast<double>(size) / static_cast<double>(objects);
}
BENCHMARK(build_segment)->Unit(benchmark::kMillisecond)->MinTime(2);

void scan_segment(benchmark::State& state) {
    auto reader = SegmentReader::open(built());
    std::uint64_t objects = 0;
    for (auto _ : state) {
        auto cursor = (*reader)->scan({});
        for (objects = 0;; ++objects) {
            auto object = cursor->next();
            if (!object || *object == nullptr) break;
        }
    }
    state.counters["objects/s"] = benchmark::Counter(static_cast<double>(objects), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(scan_segment)->Unit(benchmark::kMillisecond);

void find_in_segment(benchmark::State& state) {
    auto reader = SegmentReader::open(built());
    for (auto _ : state) benchmark::DoNotOptimize((*reader)->find("*no such name*", {}, 100));
    auto objects = static_cast<double>((*reader)->header().objects);
    state.counters["objects/s"] = benchmark::Counter(objects, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(find_in_segment)->Unit(benchmark::kMillisecond);

void list_directory(benchmark::State& state) {  // argument 1: a new reader, and the file not in memory
    std::vector<std::string> directories;
    for (const auto& row : rows()) {
        if (row.directory) directories.push_back(row.text);
    }
    std::mt19937_64 random(1);
    auto reader = SegmentReader::open(built());
    for (auto _ : state) {
        if (state.range(0) != 0) {
            state.PauseTiming();
            if (reader) reader->reset();
            int fd = ::open(built().c_str(), O_RDONLY | O_CLOEXEC);
            ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
            ::close(fd);
            state.ResumeTiming();
            reader = SegmentReader::open(built());
        }
        auto listing = (*reader)->list(directories[random() % directories.size()], "", 1000);
        if (!listing || !*listing) std::abort();
    }
}
BENCHMARK(list_directory)->ArgName("cold")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace capstan::catalog

BENCHMARK_MAIN();
