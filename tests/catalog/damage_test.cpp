// Segments that were cut, changed, exchanged or are something else: errors, and never a wrong fact from a page.
#include "catalog/segment_samples.hpp"

#include <algorithm>
#include <fstream>

namespace capstan::catalog {
namespace {

using Content = std::vector<char>;

Content read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}
void write(const std::string& path, const Content& content) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
}

struct Sample {
    Scratch scratch;
    Model model;
    Content content;
    std::string file = scratch.file("s");

    explicit Sample(int files) {
        Sampler sampler(11);
        ModelBuilder builder(file);
        builder.directory("", sampler.directory());
        for (int d = 0; d < 8; ++d) {
            builder.directory("dir" + std::to_string(d), sampler.directory());
            for (int i = 0; i < files / 8; ++i) builder.add("file" + std::to_string(i), sampler.file());
        }
        EXPECT_TRUE(ok(builder.builder.finish(sample_header())));
        model = builder.model;
        content = read(file);
    }

    // Asks everything. Whatever still answers must not lie about an object's facts.
    void ask() const {
        auto reader = SegmentReader::open(file);
        if (!reader) return;
        auto check = [&](const std::string& path, const ObjectFacts& facts) {
            auto known = model.find(path);
            if (known == model.end() || facts.kind == ObjectKind::directory) return;
            EXPECT_EQ(facts, known->second) << path;
        };
        for (const auto& [path, facts] : model) {
            auto found = (*reader)->lookup(path);
            if (found && *found) check(path, (*found)->facts);
            if (facts.kind != ObjectKind::directory) continue;
            auto listing = (*reader)->list(path, "", 100'000);
            if (!listing || !*listing) continue;
            for (auto& object : (*listing)->objects) check(path.empty() ? object.path : path + "/" + object.path, object.facts);
        }
        for (const auto& roots : {std::vector<std::string>{}, std::vector<std::string>{"dir3", "dir1/file1"}}) {
            auto cursor = (*reader)->scan(roots);
            while (cursor) {
                auto object = cursor->next();
                if (!object || *object == nullptr) break;
                check((*object)->path, (*object)->facts);
            }
        }
        auto found = (*reader)->find("*1*", {}, 100'000);
        if (found) {
            for (auto& object : found->objects) check(object.path, object.facts);
        }
    }
};

TEST(Damage, ACutFileIsAnError) {
    Sample sample(400);
    for (std::size_t size = 0; size < sample.content.size(); size += size < 1200 ? 37 : 1009) {
        auto cut = sample.content;
        cut.resize(size);
        write(sample.file, cut);
        sample.ask();
        auto reader = SegmentReader::open(sample.file);
        if (!reader) continue;
        bool failed = false;
        auto cursor = (*reader)->scan({});
        std::size_t objects = 0;
        while (cursor) {
            auto object = cursor->next();
            failed = failed || !object;
            if (!object || *object == nullptr) break;
            ++objects;
        }
        EXPECT_TRUE(failed || !cursor || objects == sample.model.size()) << "cut to " << size;
    }
}

TEST(Damage, ChangedBytesNeverBecomeFacts) {
    Sample sample(400);
    std::mt19937_64 random(5);
    for (int round = 0; round < 150; ++round) {
        auto changed = sample.content;
        auto count = 1 + random() % 4;
        for (std::uint64_t i = 0; i < count; ++i) changed[random() % changed.size()] ^= static_cast<char>(1 + random() % 255);
        write(sample.file, changed);
        sample.ask();
        if (testing::Test::HasFailure()) FAIL() << "round " << round;
    }
}

TEST(Damage, ExchangedPartsNeverBecomeFacts) {
    Sample sample(800);
    std::mt19937_64 random(6);
    constexpr std::size_t kPart = 1024;
    for (int round = 0; round < 60; ++round) {
        auto changed = sample.content;
        auto parts = changed.size() / kPart;
        auto from = static_cast<std::ptrdiff_t>(random() % parts * kPart), to = static_cast<std::ptrdiff_t>(random() % parts * kPart);
        std::copy_n(sample.content.begin() + from, kPart, changed.begin() + to);
        write(sample.file, changed);
        sample.ask();
        if (testing::Test::HasFailure()) FAIL() << "round " << round;
    }
}

TEST(Damage, OtherFilesAreRefused) {
    Scratch scratch;
    EXPECT_FALSE(SegmentReader::open(scratch.file("missing")));
    EXPECT_FALSE(SegmentReader::open(scratch.path().string()));
    write(scratch.file("text"), Content(5000, 'x'));
    auto refused = SegmentReader::open(scratch.file("text"));
    ASSERT_FALSE(refused);
    EXPECT_NE(to_text(refused.error()).find("text"), std::string::npos);
    write(scratch.file("empty"), {});
    EXPECT_FALSE(SegmentReader::open(scratch.file("empty")));
}

TEST(Damage, ASchemaThatIsNotOursToTheLetterIsRefused) {
    Sample sample(8);
    constexpr std::string_view kOurs = "names BLOB NOT NULL", kOther = "names BLOB NOT FULL";
    auto at = std::ranges::search(sample.content, kOurs);
    ASSERT_FALSE(at.empty());
    std::ranges::copy(kOther, at.begin());
    write(sample.file, sample.content);
    EXPECT_FALSE(SegmentReader::open(sample.file));
}

TEST(Damage, NamesOfFilesMayBeOdd) {
    Scratch scratch;
    auto odd = scratch.file("a?b#c%41 \xff\n&mode=rwc");
    SegmentBuilder builder(odd);
    builder.begin_directory("", {});
    ASSERT_TRUE(ok(builder.finish(sample_header())));
    EXPECT_TRUE(ok(SegmentReader::open(odd)));
}

}  // namespace
}  // namespace capstan::catalog
