// Questions over many sets, as the API asks them.
#include "daemon/handlers.hpp"
#include "pools/store/set_rows.hpp"
#include "tests/catalog/segment_samples.hpp"
#include "tests/daemon/plane.hpp"

#include <fmt/format.h>

namespace capstan::daemon {
namespace {

constexpr std::uint64_t kSets = 700;

// Sets 1 to 700; every hundredth and the first have a catalog with /etc/hosts in it, the others have none (any more).
bool has_catalog(std::uint64_t number) { return number == 1 || number % 100 == 0; }

void write_segment(const std::string& file, std::uint64_t number) {
    catalog::Sampler sampler(number);
    catalog::SegmentBuilder builder(file);
    builder.begin_directory("", sampler.directory());
    builder.begin_directory("etc", sampler.directory());
    builder.add("hosts", sampler.file());
    auto written = builder.finish(catalog::sample_header(number));
    ASSERT_TRUE(written) << to_text(written.error());
}

struct ManySets : testing::Test {
    void SetUp() override {
        plane.start();
        add_catalog_handlers(router, *plane.plane);
        auto transaction = pools::WriteTransaction::begin(plane.state());
        ASSERT_TRUE(transaction);
        for (std::uint64_t number = 1; number <= kSets; ++number) add(*transaction, number);
        ASSERT_TRUE(transaction->commit());
    }
    void add(pools::WriteTransaction& transaction, std::uint64_t number) {
        pools::Set set;
        set.number = SetNumber{number};
        set.uuid = Uuid{fmt::format("01234567-89ab-4def-8123-{:012x}", number)};
        set.name = "many";
        set.type = "normal";
        set.state = pools::SetState::complete;
        set.started = Wall{std::chrono::seconds{1'700'000'000 + number}};
        std::vector<pools::CatalogSegment> segments;
        if (has_catalog(number)) {
            segments.push_back({set.number, 0, fmt::format("{}.0", number), 3});
            write_segment(plane.scratch / "state/catalog/" + segments[0].file_name, number);
        }
        auto taken = pools::Sets(plane.state()).take_in(transaction, set, {}, segments);
        ASSERT_TRUE(taken) << to_text(taken.error());
    }
    api::ObjectList ask(const std::string& path, const std::string& query) {
        HttpRequest request;
        request.path = path;
        request.query = query;
        auto handler = router.handler();
        auto reply = plane.run(handler(request));
        EXPECT_EQ(reply.status, 200) << reply.body;
        auto list = api::decode<api::ObjectList>(reply.body, api::UnknownKeys::refuse);
        return list ? *list : api::ObjectList{};
    }
    // Page after page; the numbers of the sets.
    std::vector<std::uint64_t> all(const std::string& path, const std::string& query) {
        std::vector<std::uint64_t> sets;
        std::string cursor;
        do {
            auto list = ask(path, query + (cursor.empty() ? "" : "&cursor=" + cursor));
            for (const auto& object : list.objects) sets.push_back(object.set);
            for (auto& warning : list.warnings) warnings.push_back(std::move(warning));
            cursor = list.next;
        } while (!cursor.empty() && sets.size() < 100);
        return sets;
    }
    Plane plane;
    Router router;
    std::vector<std::string> warnings;
    const std::vector<std::uint64_t> with_catalog{700, 600, 500, 400, 300, 200, 100, 1};
};

TEST_F(ManySets, EachIsFoundOnceTheNewestFirst) {
    for (int limit : {1, 2, 3, 8, 1000}) {
        EXPECT_EQ(all("/v1/objects", fmt::format("pattern=hosts&limit={}", limit)), with_catalog) << limit;
        EXPECT_EQ(all("/v1/versions", fmt::format("path=/etc/hosts&limit={}", limit)), with_catalog) << limit;
    }
    EXPECT_TRUE(warnings.empty());
    EXPECT_TRUE(all("/v1/objects", "pattern=nothing").empty());
}

TEST_F(ManySets, ASetWhoseCatalogIsDamagedIsNamed) {
    std::filesystem::resize_file(plane.scratch / "state/catalog/300.0", 100);
    EXPECT_EQ(all("/v1/objects", "pattern=hosts&limit=1000").size(), with_catalog.size() - 1);
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_NE(warnings[0].find("300.0"), std::string::npos) << warnings[0];
}

}  // namespace
}  // namespace capstan::daemon
