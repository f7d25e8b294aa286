// The files `places` and `geometry`: round trips, damage, and a log torn at every length.
#include "support.hpp"

#include "drives/virtual/geometry_format.hpp"
#include "drives/virtual/places.hpp"

#include <array>
#include <filesystem>

namespace capstan::virtual_library {
namespace {

using Changes = std::vector<Places::Change>;

TEST(Places, ALogTornAnywhereGivesAStateThatWas) {
    Scratch scratch;
    std::vector<std::map<std::string, Place>> history{{}};
    {
        auto places = Places::open(scratch / "places");
        ASSERT_TRUE(places);
        auto put = [&](const Changes& changes) {
            ASSERT_TRUE(places->put(changes));
            history.push_back(places->all());
        };
        put({{"A", {ElementAddress{1}, std::nullopt, false}}});
        put({{"B", {ElementAddress{2}, ElementAddress{7}, true}}});
        for (int i = 0; i < 5; ++i) {  // hand over hand: two records that only count together
            auto a = *places->all().at("A").element, b = *places->all().at("B").element;
            put({{"A", {b, std::nullopt, false}}, {"B", {a, std::nullopt, false}}});
        }
        put({{"A", {}}});
    }
    auto log = *read_file(scratch / "places", 1 << 20);
    std::size_t reached = 0;
    for (std::size_t cut = 0; cut <= log.size(); ++cut) {
        auto decoded = decode_places(Bytes(log).first(cut));
        ASSERT_TRUE(decoded) << cut;
        if (reached + 1 < history.size() && decoded->places == history[reached + 1]) ++reached;
        ASSERT_EQ(decoded->places, history[reached]) << cut;
    }
    EXPECT_EQ(reached + 1, history.size());
    ASSERT_TRUE(replace_file(scratch / "torn", Bytes(log).first(log.size() - 10)));
    auto torn = Places::open(scratch / "torn");
    ASSERT_TRUE(torn);
    EXPECT_EQ(torn->all(), history[history.size() - 2]);
    ASSERT_TRUE(torn->put(Changes{{"C", {ElementAddress{9}, std::nullopt, false}}}));
    EXPECT_TRUE(Places::read(scratch / "torn")->contains("C"));
}

TEST(Places, DamageInTheMiddleIsRefused) {
    Scratch scratch;
    auto places = Places::open(scratch / "places");
    ASSERT_TRUE(places);
    for (std::uint16_t i = 0; i < 10; ++i)
        ASSERT_TRUE(places->put(Changes{{"A", {ElementAddress{i}, std::nullopt, false}}}));
    auto log = *read_file(scratch / "places", 1 << 20);
    log[3 * kPlaceRecordSize + 1] ^= 1;
    EXPECT_FALSE(decode_places(log));
}

TEST(Places, TwoCartridgesInOneElementAreRefused) {
    std::vector<std::uint8_t> log;
    std::uint64_t number = 0;
    for (const char* id : {"A", "B"}) {
        auto record = encode(PlaceRecord{id, {ElementAddress{5}, std::nullopt, false}, false}, number++);
        log.insert(log.end(), record.begin(), record.end());
    }
    EXPECT_FALSE(decode_places(log));
}

TEST(Places, ALongLogIsWrittenAnew) {
    Scratch scratch;
    Changes many;
    for (unsigned i = 0; i < 6000; ++i)
        many.push_back({"A", {ElementAddress{static_cast<std::uint16_t>(i)}, std::nullopt, false}});
    {
        auto places = Places::open(scratch / "places");
        ASSERT_TRUE(places->put_each(many));
    }
    auto places = Places::open(scratch / "places");
    ASSERT_TRUE(places);
    EXPECT_EQ(std::filesystem::file_size(scratch / "places"), kPlaceRecordSize);
    ASSERT_TRUE(places->put(Changes{{"B", {ElementAddress{1}, std::nullopt, false}}}));
    auto back = Places::read(scratch / "places");
    ASSERT_TRUE(back);
    EXPECT_EQ(back->size(), 2u);
    EXPECT_EQ(back->at("A").element, ElementAddress{5999});
}

TEST(Geometry, IsRefusedWhereverItIsCut) {
    LibraryGeometry geometry;
    geometry.models = {"lto-8", "lto-6"};
    geometry.media = "L8:3,L6:2";
    geometry.medium.id = "x";
    const auto text = encode(geometry);
    const auto back = decode_geometry(text);
    ASSERT_TRUE(back) << to_text(back.error());
    EXPECT_EQ(*back, geometry);
    for (std::size_t cut = 0; cut < text.size(); ++cut) EXPECT_FALSE(decode_geometry(text.substr(0, cut))) << cut;
}

TEST(Geometry, RoundTripsAndRefusesDamage) {
    LibraryGeometry geometry;
    geometry.slots.stride = 3;
    geometry.auto_unload = false;
    geometry.medium.id = "x";
    auto text = encode(geometry);
    auto back = decode_geometry(text);
    ASSERT_TRUE(back) << to_text(back.error());
    EXPECT_EQ(*back, geometry);
    for (std::size_t cut = 0; cut < text.size(); ++cut) EXPECT_FALSE(decode_geometry(text.substr(0, cut))) << cut;
    EXPECT_FALSE(decode_geometry(text + "\n"));
}

TEST(Geometry, ImpossibleOnesAreRefused) {
    auto with = [](auto change) {
        LibraryGeometry geometry;
        change(geometry);
        return check(geometry).has_value();
    };
    EXPECT_TRUE(with([](auto&) {}));
    EXPECT_FALSE(with([](auto& g) { g.drives.first = g.slots.first; }));
    EXPECT_FALSE(with([](auto& g) { g.slots.stride = 0; }));
    EXPECT_FALSE(with([](auto& g) { g.slots = {65530, 10}; }));
    EXPECT_FALSE(with([](auto& g) { g.cartridges = 17; }));
    EXPECT_FALSE(with([](auto& g) { g.drives.count = 0; }));
    EXPECT_FALSE(with([](auto& g) { g.serial = "with blank"; }));
    EXPECT_FALSE(with([](auto& g) { g.medium.early_warning = g.medium.capacity + 1; }));
}

}  // namespace
}  // namespace capstan::virtual_library
