// Segments written and read back, against a map of what was written.
#include "catalog/segment_samples.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <fstream>
#include <set>

namespace capstan::catalog {
namespace {

// Every question to a segment must get the model's answer.
void expect_same(const SegmentReader& reader, const Model& model) {
    std::set<std::string> directories;
    for (const auto& [path, facts] : model) {
        auto found = reader.lookup(path);
        ASSERT_TRUE(ok(found));
        ASSERT_TRUE(*found) << path.substr(0, 100);
        EXPECT_EQ((*found)->facts, facts) << path.substr(0, 100);
        if (facts.kind == ObjectKind::directory) directories.insert(path);
    }
    for (const auto& directory : directories) {
        auto expected = names_in(model, directory);
        std::map<std::string, ObjectFacts> got;
        std::string after;
        for (bool more = true; more;) {
            auto listing = reader.list(directory, after, 7);
            ASSERT_TRUE(ok(listing));
            ASSERT_TRUE(*listing);
            more = (*listing)->more;
            ASSERT_EQ(more && (*listing)->objects.empty(), false);
            for (auto& object : (*listing)->objects) {
                EXPECT_GT(object.path, after);
                after = object.path;
                got.emplace(object.path, object.facts);
            }
        }
        EXPECT_EQ(got, expected) << directory.substr(0, 100);
    }
    EXPECT_EQ(reader.header().objects, model.size());
}

void expect_scan(const SegmentReader& reader, const Model& model, const std::vector<std::string>& roots) {
    auto cursor = reader.scan(roots);
    ASSERT_TRUE(ok(cursor));
    Model got;
    std::uint64_t last = 0;
    for (;;) {
        auto object = cursor->next();
        ASSERT_TRUE(ok(object));
        if (*object == nullptr) break;
        EXPECT_GE((*object)->facts.fla, last) << "not in the order of the medium";
        last = (*object)->facts.fla;
        EXPECT_TRUE(got.emplace((*object)->path, (*object)->facts).second) << "twice: " << (*object)->path;
    }
    Model expected;
    for (const auto& [path, facts] : model) {
        bool chosen = roots.empty() || std::ranges::any_of(roots, [&](const auto& root) { return is_within(path, root); });
        if (chosen) expected.emplace(path, facts);
    }
    EXPECT_EQ(got, expected);
}

std::unique_ptr<SegmentReader> finish(ModelBuilder& builder, const std::string& file) {
    auto written = builder.builder.finish(sample_header());
    EXPECT_TRUE(ok(written));
    auto reader = SegmentReader::open(file);
    EXPECT_TRUE(ok(reader));
    if (!reader) return nullptr;
    EXPECT_EQ((*reader)->header(), *written);
    return std::move(*reader);
}

TEST(Segment, KeepsOddNames) {
    Scratch scratch;
    Sampler sampler(1);
    ModelBuilder builder(scratch.file("s"));
    builder.directory("", sampler.directory());
    for (const char* name : {"plain", "new\nline", "\xff\xfe\x80", " ", "~", "*", "%41", ".", "..", "-rf", "\xc3\xa4"})
        builder.add(name, sampler.file());
    builder.add(std::string(255, 'n'), sampler.file());
    builder.add(std::string(kNameMax, 'm'), sampler.file());
    builder.directory("empty", sampler.directory());
    std::string deep;
    for (int i = 0; i < 120; ++i) {
        deep += (deep.empty() ? "" : "/") + std::string(200, static_cast<char>('a' + i % 26));
        builder.directory(deep, sampler.directory());
    }
    builder.add("bottom", sampler.file());
    auto reader = finish(builder, scratch.file("s"));
    ASSERT_TRUE(reader);
    expect_same(*reader, builder.model);
    expect_scan(*reader, builder.model, {});
    expect_scan(*reader, builder.model, {"plain", deep + "/bottom"});
    EXPECT_FALSE(*reader->lookup("nowhere"));
    EXPECT_FALSE(*reader->list("nowhere", "", 10));
    EXPECT_FALSE(*reader->list("plain", "", 10)) << "a file is no directory";
    EXPECT_TRUE((*reader->list("empty", "", 10))->objects.empty());
    EXPECT_FALSE(*reader->lookup("//"));
}

TEST(Segment, SplitsLargeDirectories) {
    Scratch scratch;
    Sampler sampler(2);
    ModelBuilder builder(scratch.file("s"));
    builder.directory("", sampler.directory());
    builder.directory("big", sampler.directory());
    for (int i = 0; i < 5000; ++i) builder.add("f" + std::to_string(sampler.below(1'000'000'000)), sampler.file());
    builder.directory("big/sub", sampler.directory());
    builder.add("x", sampler.file());
    builder.directory("other", sampler.directory());
    builder.add("y", sampler.file());
    auto reader = finish(builder, scratch.file("s"));
    ASSERT_TRUE(reader);
    expect_same(*reader, builder.model);
    expect_scan(*reader, builder.model, {});
    expect_scan(*reader, builder.model, {"big"});
    expect_scan(*reader, builder.model, {"big/sub", "other/y", "other"});
}

TEST(Segment, TakesADirectoryInSeveralRuns) {
    Scratch scratch;
    Sampler sampler(3);
    ModelBuilder builder(scratch.file("s"));
    auto facts = sampler.directory();
    constexpr int kMany = (1 << 18) + 1000;  // one run and a bit
    builder.directory("huge", facts);
    for (int i = 0; i < kMany; ++i) builder.add("f" + std::to_string((i * 7919) % kMany), sampler.file());
    facts.continued = true;
    builder.directory("elsewhere", sampler.directory());
    builder.add("a", sampler.file());
    builder.directory("huge", facts);
    builder.add("late", sampler.file());
    auto reader = finish(builder, scratch.file("s"));
    ASSERT_TRUE(reader);
    auto listing = reader->list("huge", "f26", 3);
    ASSERT_TRUE(ok(listing));
    auto expected = names_in(builder.model, "huge");
    auto at = expected.upper_bound("f26");
    for (const auto& object : (*listing)->objects) EXPECT_EQ(object.path, (at++)->first);
    EXPECT_EQ((*listing)->objects.size(), 3U);
    EXPECT_EQ((*reader->lookup("huge"))->facts.continued, false) << "its own record counts";
    EXPECT_TRUE(*reader->lookup("huge/late"));
    expect_scan(*reader, builder.model, {"huge/late", "elsewhere"});
    EXPECT_EQ(reader->header().objects, builder.model.size());
}

TEST(Segment, OfOneNameTheLaterRecordCounts) {
    Scratch scratch;
    Sampler sampler(4);
    ModelBuilder builder(scratch.file("s"));
    builder.directory("d", sampler.directory());
    builder.add("a", sampler.file());
    auto second = sampler.file();
    builder.add("a", second);
    ASSERT_TRUE(ok(builder.builder.finish(sample_header())));
    auto reader = SegmentReader::open(scratch.file("s"));
    ASSERT_TRUE(ok(reader));
    EXPECT_EQ((*(*reader)->lookup("d/a"))->facts, second);
}

TEST(Segment, MayBeEmpty) {
    Scratch scratch;
    ModelBuilder builder(scratch.file("s"));
    auto reader = finish(builder, scratch.file("s"));
    ASSERT_TRUE(reader);
    expect_scan(*reader, {}, {});
    EXPECT_FALSE(*reader->list("", "", 10));
}

TEST(Segment, FindsByNameAndByPath) {
    Scratch scratch;
    Sampler sampler(5);
    ModelBuilder builder(scratch.file("s"));
    builder.directory("etc", sampler.directory());
    for (int i = 0; i < 1000; ++i) builder.add("f" + std::to_string(i) + (i % 10 == 0 ? ".conf" : ""), sampler.file());
    builder.directory("etc/x.conf", sampler.directory());
    builder.add("inner", sampler.file());
    auto reader = finish(builder, scratch.file("s"));
    ASSERT_TRUE(reader);
    std::set<std::string> got;
    ScanPosition from;
    for (bool more = true; more;) {
        auto found = reader->find("*.conf", from, 9);
        ASSERT_TRUE(ok(found));
        for (auto& object : found->objects) EXPECT_TRUE(got.insert(object.path).second);
        more = found->next.has_value();
        if (more) from = *found->next;
    }
    EXPECT_EQ(got.size(), 101U);
    EXPECT_TRUE(got.contains("etc/x.conf"));
    EXPECT_EQ(reader->find("etc/x.conf/*", {}, 9)->objects.size(), 1U);
}

TEST(Segment, RefusesWhatTheFormatCannotSay) {
    Scratch scratch;
    Sampler sampler(6);
    for (int wrong = 0; wrong < 5; ++wrong) {
        SegmentBuilder builder(scratch.file("s"));
        if (wrong != 0) builder.begin_directory(wrong == 1 ? "a/" : "a", sampler.directory());
        auto facts = sampler.file();
        if (wrong == 4) facts.fla = kFlaEnd;
        builder.add(wrong == 2 ? "a/b" : wrong == 3 ? "" : "good", facts);
        EXPECT_FALSE(builder.finish(sample_header())) << wrong;
        EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
    }
    SegmentBuilder nowhere(scratch.file("no/such/folder"));
    auto result = nowhere.finish(sample_header());
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().happened.find("no/such/folder"), std::string::npos);
    EXPECT_FALSE(nowhere.finish(sample_header())) << "a second time";
}

TEST(Segment, AnUnfinishedBuilderLeavesNothing) {
    Scratch scratch;
    Sampler sampler(7);
    {
        SegmentBuilder builder(scratch.file("s"));
        builder.begin_directory("", sampler.directory());
        for (int i = 0; i < 200'000; ++i) builder.add("file" + std::to_string(i), sampler.file());
        builder.begin_directory("b", sampler.directory());
        EXPECT_FALSE(std::filesystem::is_empty(scratch.path())) << "it was meant to be larger than memory allows";
    }
    EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

TEST(Segment, TimesBeyondTheFormatAreClamped) {
    Scratch scratch;
    SegmentBuilder builder(scratch.file("s"));
    ObjectFacts facts;
    builder.begin_directory("", facts);
    facts.mtime = FileTime::max();
    builder.add("late", facts);
    facts.mtime = FileTime::min();
    builder.add("early", facts);
    ASSERT_TRUE(ok(builder.finish(sample_header())));
    auto reader = SegmentReader::open(scratch.file("s"));
    ASSERT_TRUE(ok(reader));
    auto early = (*reader)->lookup("early");
    ASSERT_TRUE(ok(early));
    EXPECT_EQ((*early)->facts.mtime, FileTime(-std::chrono::seconds(kFileSecondsMax)));
}

TEST(Segment, AnswersLikeTheModel) {
    rc::check("any tree", [](std::uint64_t seed) {
        Scratch scratch;
        Sampler sampler(seed);
        ModelBuilder builder(scratch.file("s"));
        std::vector<std::string> directories{""};
        builder.directory("", sampler.directory());
        auto some_name = [&] {
            std::string name;
            auto size = 1 + sampler.below(sampler.below(20) == 0 ? 300 : 12);
            while (name.size() < size) {
                auto byte = static_cast<char>(sampler.below(2) == 0 ? 'a' + sampler.below(3) : 1 + sampler.below(255));
                if (byte != '/') name += byte;
            }
            return name;
        };
        auto count = 1 + sampler.below(20);
        for (std::uint64_t i = 0; i < count; ++i) {
            auto files = sampler.below(sampler.below(10) == 0 ? 900 : 15);
            for (std::uint64_t j = 0; j < files; ++j) {
                auto name = some_name();
                auto path = builder.current.empty() ? name : builder.current + "/" + name;
                if (!builder.model.contains(path)) builder.add(name, sampler.facts(static_cast<ObjectKind>(sampler.below(2) * 2)));
            }
            auto path = directories[sampler.below(directories.size())];
            path += (path.empty() ? "" : "/") + some_name();
            if (builder.model.contains(path)) continue;
            builder.directory(path, sampler.directory());
            directories.push_back(path);
        }
        auto reader = finish(builder, scratch.file("s"));
        RC_ASSERT(reader != nullptr);
        expect_same(*reader, builder.model);
        expect_scan(*reader, builder.model, {});
        auto some = directories[sampler.below(directories.size())];
        if (!some.empty()) expect_scan(*reader, builder.model, {some, directories.back()});
        RC_ASSERT(!testing::Test::HasFailure());
    });
}

}  // namespace
}  // namespace capstan::catalog
