// Questions over several segments and sets.
#include "catalog/catalog.hpp"

#include "catalog/segment_samples.hpp"

#include <algorithm>
#include <set>

namespace capstan::catalog {
namespace {

class TestIndex final : public SegmentIndex {
  public:
    std::map<SetNumber, std::vector<SegmentRef>> segments;
    std::vector<SetSummary> sets;  // newest first

    Result<std::vector<SegmentRef>> segments_of(SetNumber set) const override {
        auto known = segments.find(set);
        if (known == segments.end()) return fail(Recovery::change_request, "there is no set " + std::to_string(raw(set)));
        return known->second;
    }
    Result<std::vector<SetSummary>> sets_newest_first(std::optional<FileTime> at, std::size_t skip,
                                                      std::size_t limit) const override {
        std::vector<SetSummary> result;
        for (const auto& set : sets) {
            if (at && set.time > *at) continue;
            if (skip > 0) --skip;
            else if (result.size() < limit) result.push_back(set);
        }
        return result;
    }
};

class Sets : public testing::Test {
  protected:
    Scratch scratch;
    TestIndex index;
    Sampler sampler{21};

    static FileTime day(int number) { return FileTime(std::chrono::hours(24 * number)); }
    std::string file(std::uint64_t set, std::uint32_t ordinal) {
        return scratch.file(std::to_string(set) + "." + std::to_string(ordinal));
    }
    void commit(SegmentBuilder& builder, SegmentHeader header) {
        auto set = header.set;
        auto& refs = index.segments[set];
        auto written = builder.finish(header);
        ASSERT_TRUE(ok(written));
        refs.push_back({set, header.ordinal, file(raw(set), header.ordinal)});
        if (header.ordinal == 0) index.sets.insert(index.sets.begin(), {set, day(static_cast<int>(raw(set))), {}});
    }
    // A set with home/NAME of the size given, in one segment.
    void small_set(std::uint64_t number, const std::string& name, std::uint64_t size, ObjectState state = ObjectState::saved) {
        SegmentBuilder builder(file(number, 0));
        builder.begin_directory("home", sampler.directory());
        auto facts = sampler.file();
        facts.size = size;
        facts.state = state;
        builder.add(name, facts);
        commit(builder, sample_header(number));
    }
};

TEST_F(Sets, SegmentsAreMerged) {
    SegmentBuilder first(file(5, 0));
    auto home = sampler.directory();
    first.begin_directory("", sampler.directory());
    first.begin_directory("home", home);
    std::set<std::string> expected;
    for (int i = 0; i < 300; ++i) first.add(*expected.insert("a" + std::to_string(i)).first, sampler.file());
    commit(first, sample_header(5));
    SegmentBuilder second(file(5, 1));
    home.continued = true;
    second.begin_directory("home", home);
    for (int i = 0; i < 300; ++i) second.add(*expected.insert("b" + std::to_string(i)).first, sampler.file());
    second.begin_directory("home/sub", sampler.directory());
    expected.insert("sub");
    second.add("x", sampler.file());
    commit(second, sample_header(5, 1));

    Catalog catalog(index);
    std::vector<std::string> got;
    std::string after;
    for (bool more = true; more;) {
        auto listing = catalog.ls(SetNumber{5}, "home", after, 50);
        ASSERT_TRUE(ok(listing));
        for (auto& object : listing->objects) got.push_back(object.path);
        after = got.back();
        more = listing->more;
    }
    EXPECT_EQ(got, std::vector<std::string>(expected.begin(), expected.end()));
    auto root = catalog.ls(SetNumber{5}, "", "", 10);
    ASSERT_TRUE(ok(root));
    ASSERT_EQ(root->objects.size(), 1U);
    EXPECT_FALSE(root->objects[0].facts.continued);
    EXPECT_FALSE((*catalog.lookup(SetNumber{5}, "home"))->facts.continued);
    EXPECT_TRUE(*catalog.lookup(SetNumber{5}, "home/sub/x"));

    auto all = catalog.select(SetNumber{5}, {});
    ASSERT_TRUE(ok(all));
    std::size_t count = 0;
    for (;; ++count) {
        auto object = all->next();
        ASSERT_TRUE(ok(object));
        if (*object == nullptr) break;
        EXPECT_FALSE((*object)->ancestor);
    }
    EXPECT_EQ(count, 600U + 2 + 2) << "home is not restored twice";
    EXPECT_EQ(catalog.headers(SetNumber{5})->size(), 2U);
}

TEST_F(Sets, ErrorsSayWhatIsWrong) {
    small_set(3, "a", 1);
    Catalog catalog(index);
    auto file_listed = catalog.ls(SetNumber{3}, "home/a", "", 10);
    ASSERT_FALSE(file_listed);
    EXPECT_NE(file_listed.error().happened.find("no directory"), std::string::npos);
    auto missing = catalog.ls(SetNumber{3}, "home/b", "", 10);
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().happened.find("no such path"), std::string::npos);
    EXPECT_FALSE(catalog.ls(SetNumber{4}, "", "", 10));
    EXPECT_FALSE(catalog.find("*", {}, "1.2", 10));
    index.segments[SetNumber{9}] = index.segments[SetNumber{3}];
    EXPECT_FALSE(catalog.lookup(SetNumber{9}, "home")) << "a segment of another set";
}

TEST_F(Sets, VersionsNewestFirst) {
    small_set(1, "a", 100);
    small_set(2, "a", 200);
    small_set(3, "b", 300);
    small_set(4, "a", 400, ObjectState::not_saved);
    SegmentBuilder way(file(5, 0));
    auto home = sampler.directory();
    home.path_only = true;
    way.begin_directory("home", home);
    commit(way, sample_header(5));

    Catalog catalog(index, 2);
    auto versions = catalog.versions("home/a", 10);
    ASSERT_TRUE(ok(versions));
    ASSERT_EQ(versions->size(), 2U);
    EXPECT_EQ((*versions)[0].set, SetNumber{2});
    EXPECT_EQ((*versions)[1].object.facts.size, 100U);
    EXPECT_EQ(catalog.versions("home/a", 1)->size(), 1U);
    EXPECT_EQ((*catalog.newest("home/a", {}))->set, SetNumber{2});
    EXPECT_EQ((*catalog.newest("home/a", day(1)))->set, SetNumber{1});
    EXPECT_FALSE(*catalog.newest("home/a", day(0)));
    EXPECT_EQ((*catalog.newest("home", {}))->set, SetNumber{4}) << "path only is the last choice";
    EXPECT_EQ((*catalog.newest("home/b", {}))->set, SetNumber{3});
    EXPECT_FALSE(*catalog.newest("home/c", {}));
    index.sets.back().roots = {"srv"};
    EXPECT_EQ(catalog.versions("home/a", 10)->size(), 1U) << "set 1 is not asked";
}

TEST_F(Sets, FindGoesOnWhereItStopped) {
    for (std::uint64_t set = 1; set <= 5; ++set) {
        for (std::uint32_t ordinal = 0; ordinal < 2; ++ordinal) {
            SegmentBuilder builder(file(set, ordinal));
            builder.begin_directory("d" + std::to_string(ordinal), sampler.directory());
            for (int i = 0; i < 30; ++i) builder.add("match" + std::to_string(i), sampler.file());
            builder.add("other", sampler.file());
            commit(builder, sample_header(set, ordinal));
        }
    }
    Catalog catalog(index, 3);
    for (std::size_t limit : {1U, 7U, 60U, 1000U}) {
        std::set<std::pair<SetNumber, std::string>> got;
        std::uint64_t last_set = 99;
        std::string cursor;
        do {
            auto part = catalog.find("match*", {}, cursor, limit);
            ASSERT_TRUE(ok(part));
            ASSERT_LE(part->objects.size(), limit);
            for (auto& found : part->objects) {
                EXPECT_LE(raw(found.set), last_set);
                last_set = raw(found.set);
                EXPECT_TRUE(got.emplace(found.set, found.object.path).second);
            }
            cursor = part->cursor;
        } while (!cursor.empty());
        EXPECT_EQ(got.size(), 5U * 2 * 30);
    }
    EXPECT_EQ(catalog.find("match*", SetNumber{2}, "", 1000)->objects.size(), 60U);
    auto file = index.segments[SetNumber{3}][1].file;
    catalog.forget(file);
    std::filesystem::resize_file(file, 100);
    auto rest = catalog.find("match*", {}, "", 1000);
    ASSERT_TRUE(ok(rest));
    EXPECT_EQ(rest->objects.size(), 4U * 60);
    EXPECT_EQ(rest->unreadable.size(), 1U);
    EXPECT_FALSE(catalog.find("match*", SetNumber{3}, "", 1000));
}

TEST_F(Sets, SelectionIsInTheOrderOfTheMedia) {
    SegmentBuilder builder(file(7, 0));
    auto at = [&](ObjectFacts facts, std::uint64_t fla) {
        facts.fla = fla;
        return facts;
    };
    builder.begin_directory("", at(sampler.directory(), 2));
    builder.begin_directory("srv", at(sampler.directory(), 3));
    builder.add("zeta", at(sampler.file(), 4));
    builder.add("alpha", at(sampler.file(), 999));
    builder.begin_directory("srv/deep", at(sampler.directory(), 1000));
    builder.add("file", at(sampler.file(), 1066));
    auto lost = sampler.file();
    lost.state = ObjectState::not_saved;
    builder.add("lost", lost);
    builder.begin_directory("var", at(sampler.directory(), 1500));
    builder.add("x", at(sampler.file(), 1600));
    commit(builder, sample_header(7));

    Catalog catalog(index);
    auto selection = catalog.select(SetNumber{7}, {"srv/deep", "srv/alpha", "nothing"});
    ASSERT_TRUE(ok(selection));
    EXPECT_EQ(selection->missing(), std::vector<std::string>{"nothing"});
    EXPECT_EQ(selection->extents(), sample_header().extents);
    std::vector<std::string> paths;
    std::vector<std::optional<Location>> places;
    std::size_t ancestors = 0;
    for (;;) {
        auto object = selection->next();
        ASSERT_TRUE(ok(object));
        if (*object == nullptr) break;
        paths.push_back((*object)->object.path);
        places.push_back((*object)->location);
        ancestors += (*object)->ancestor ? 1 : 0;
    }
    EXPECT_EQ(paths, (std::vector<std::string>{"", "srv", "srv/alpha", "srv/deep", "srv/deep/lost", "srv/deep/file"}));
    EXPECT_EQ(ancestors, 2U);
    EXPECT_EQ(places[2]->block, BlockNumber{5 + 999 / 256});
    EXPECT_EQ(places[2]->offset, 999U % 256 * 1024);
    EXPECT_EQ(places[3]->volume_tag.text, "A00002L8");
    EXPECT_FALSE(places[4]) << "nothing of it was saved";
    EXPECT_EQ(places[5]->block, BlockNumber{4});
    EXPECT_EQ(places[5]->offset, 2048U);
    auto none = catalog.select(SetNumber{7}, {"nothing"});
    ASSERT_TRUE(ok(none));
    EXPECT_EQ(*none->next(), nullptr);
}

}  // namespace
}  // namespace capstan::catalog
