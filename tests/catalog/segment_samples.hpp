// Segments for the tests: a folder that is removed at the end, and objects made from a seed.
#pragma once

#include "catalog/segment_builder.hpp"
#include "catalog/segment_reader.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <random>
#include <string>

namespace capstan::catalog {

class Scratch {
    std::filesystem::path path_;

  public:
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "catalog-test-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    Scratch(const Scratch&) = delete;
    ~Scratch() { std::filesystem::remove_all(path_); }
    std::string file(const std::string& name) const { return (path_ / name).string(); }
    const std::filesystem::path& path() const { return path_; }
};

using Model = std::map<std::string, ObjectFacts>;  // by path

class Sampler {
    std::mt19937_64 random_;
    std::uint64_t fla_ = 1;

  public:
    explicit Sampler(std::uint64_t seed) : random_(seed) {}
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    ObjectFacts facts(ObjectKind kind) {
        ObjectFacts facts;
        facts.kind = kind;
        facts.mode = below(4) == 0 ? static_cast<std::uint32_t>(below(07777)) : 0644;
        facts.uid = static_cast<std::uint32_t>(below(10) == 0 ? random_() : 1000);
        facts.size = kind == ObjectKind::regular ? below(1ULL << below(44)) : 0;
        facts.mtime = FileTime(std::chrono::nanoseconds(static_cast<std::int64_t>(random_()) / 4));
        if (below(3) == 0) facts.mtime = std::chrono::floor<std::chrono::seconds>(facts.mtime);
        facts.fla = fla_;
        fla_ += 1 + below(5) + facts.size / 1024 % 100;
        if (kind == ObjectKind::regular && below(8) != 0) {
            auto& hash = facts.hash.emplace();
            for (auto& byte : hash) byte = static_cast<std::uint8_t>(random_());
        }
        return facts;
    }
    ObjectFacts file() { return facts(ObjectKind::regular); }
    ObjectFacts directory() { return facts(ObjectKind::directory); }
};

inline SegmentHeader sample_header(std::uint64_t set = 17, std::uint32_t ordinal = 0) {
    SegmentHeader header;
    header.set = SetNumber{set};
    header.set_uuid.text = "00112233-4455-6677-8899-aabbccddeeff";
    header.ordinal = ordinal;
    header.job = "nightly";
    header.pool = "Daily";
    header.set_name = "Set of \xff names";
    header.type = SetType::incremental;
    header.started = FileTime(std::chrono::seconds(1'790'000'000));
    header.committed = header.started + std::chrono::minutes(7);
    header.keep_until = header.started + std::chrono::hours(24 * 30);
    header.roots = {"etc", "srv/data"};
    header.extents = {{Uuid{"aa"}, VolumeTag{"A00001L8"}, MediaFamilyId{77}, 1, 0, 1000, BlockNumber{5}, 262144, 1024},
                      {Uuid{"bb"}, VolumeTag{"A00002L8"}, MediaFamilyId{77}, 2, 1000, 2000, BlockNumber{3}, 65536, 1024}};
    return header;
}

template <class T>
testing::AssertionResult ok(const Result<T>& result) {
    if (result) return testing::AssertionSuccess();
    return testing::AssertionFailure() << to_text(result.error());
}

// A builder that keeps what it was told.
class ModelBuilder {
  public:
    explicit ModelBuilder(const std::string& file) : builder(file) {}
    void directory(const std::string& path, ObjectFacts facts) {
        builder.begin_directory(path, facts);
        current = path;
        facts.kind = ObjectKind::directory;
        if (!facts.continued) model[path] = facts;
    }
    void add(const std::string& name, const ObjectFacts& facts) {
        builder.add(name, facts);
        model[current.empty() ? name : current + "/" + name] = facts;
    }
    SegmentBuilder builder;
    std::string current;
    Model model;
};

// What `list` of a directory must give.
inline std::map<std::string, ObjectFacts> names_in(const Model& model, const std::string& directory) {
    std::map<std::string, ObjectFacts> names;
    for (const auto& [path, facts] : model) {
        if (!path.empty() && parent_of(path) == directory) names[std::string(name_of(path))] = facts;
    }
    return names;
}

}  // namespace capstan::catalog
