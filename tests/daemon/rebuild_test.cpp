// `catalog rebuild`: the state directory lost as a whole, and single catalog segments lost or damaged (design rule 11).
#include "tests/daemon/plane.hpp"

#include <fmt/format.h>

#include <map>

namespace capstan::daemon {
namespace {

namespace fs = std::filesystem;

struct Ground {
    explicit Ground(PlaneOptions options = {}) : plane(options) {
        plane.start();
        plane.label_all(3);
        small = plane.make_tree("small", 6, 20000);
        large = plane.make_tree("large", 30, 60000);
    }
    struct Known {
        pools::Set set;
        std::vector<std::string> listing;
    };
    std::map<std::uint64_t, Known> known() {
        std::map<std::uint64_t, Known> all;
        for (const auto& set : plane.sets()) all[raw(set.number)] = {set, plane.listing(raw(set.number))};
        return all;
    }
    pools::Job rebuild(std::vector<std::string> volumes = {}) {
        auto job = plane.finish(plane.plane->jobs().start_rebuild({.media = std::move(volumes)}, "test"));
        auto issues = pools::Jobs(plane.state()).issues(job.id).value();
        for (const auto& issue : issues) notes += issue.reason + "\n";
        return job;
    }
    void lose_state() {
        plane.cut_power();
        plane.forget_state();
        plane.start();
        auto read = plane.inventory();
        ASSERT_TRUE(read) << to_text(read.error());
    }
    void expect_same(const std::map<std::uint64_t, Known>& before) {
        auto after = known();
        ASSERT_EQ(after.size(), before.size()) << notes;
        for (const auto& [number, was] : before) {
            SCOPED_TRACE(fmt::format("set {}", number));
            const auto& now = after[number];
            EXPECT_EQ(now.set.uuid, was.set.uuid);
            EXPECT_EQ(now.set.name, was.set.name);
            EXPECT_EQ(now.set.type, was.set.type);
            EXPECT_EQ(now.set.state, was.set.state);
            EXPECT_EQ(now.set.objects, was.set.objects);
            EXPECT_EQ(now.set.bytes, was.set.bytes);
            EXPECT_EQ(std::chrono::floor<std::chrono::seconds>(now.set.keep_until), std::chrono::floor<std::chrono::seconds>(was.set.keep_until));
            EXPECT_EQ(now.listing, was.listing);
        }
    }
    void expect_restored(std::uint64_t set, const std::string& tree) {
        auto to = plane.scratch / fmt::format("restored-{}", set);
        auto job = plane.restore(set, to);
        EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
        for (const auto& entry : fs::recursive_directory_iterator(tree)) {
            if (!entry.is_regular_file()) continue;
            std::ifstream one(entry.path(), std::ios::binary), other(to + entry.path().string(), std::ios::binary);
            std::string saved((std::istreambuf_iterator<char>(one)), {}), back((std::istreambuf_iterator<char>(other)), {});
            EXPECT_TRUE(saved == back) << entry.path();
        }
        fs::remove_all(to);
    }
    Plane plane;
    std::string small, large, notes;
};

TEST(Rebuild, ALostStateDirectoryComesBackFromTheMedia) {
    Ground ground({.capacity = 2'600'000, .early_warning = 400'000});
    auto& plane = ground.plane;
    ASSERT_EQ(plane.backup(ground.small, "small").state, pools::JobState::complete);
    ASSERT_EQ(plane.backup(ground.large, "large").state, pools::JobState::complete);  // on two cartridges
    ASSERT_EQ(pools::Sets(plane.state()).extents(SetNumber{3})->size(), 2U);
    auto before = ground.known();
    std::map<std::string, pools::Side> sides;
    for (auto tag : {"CAP001L8", "CAP002L8", "CAP003L8"}) sides[tag] = plane.cartridge(tag).side;
    auto pool = pools::Pools(plane.state()).get(plane.cartridge("CAP002L8").pool)->name;
    ground.lose_state();
    EXPECT_EQ(plane.cartridge("CAP001L8").side.state, pools::SideState::import);
    auto job = ground.rebuild();
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message << ground.notes;
    ground.expect_same(before);
    for (const auto& [tag, was] : sides) {
        SCOPED_TRACE(tag);
        auto now = plane.cartridge(tag).side;
        EXPECT_EQ(now.state, was.state);
        EXPECT_EQ(raw(now.recorded_end), raw(was.recorded_end));
        EXPECT_EQ(now.media_id, was.media_id);
        EXPECT_EQ(now.generation, was.generation);
        EXPECT_EQ(now.last_set, was.last_set);
    }
    EXPECT_EQ(pools::Pools(plane.state()).get(plane.cartridge("CAP002L8").pool)->name, pool);
    EXPECT_EQ(plane.cartridge("CAP003L8").pool, pools::kFreePool);
    EXPECT_EQ(*pools::Meta(plane.state()).overwrite_stop(), "");
    ground.expect_restored(1, ground.small);
    ground.expect_restored(3, ground.large);
    // Writing goes on behind what is there.
    auto again = plane.backup(ground.small, "again");
    ASSERT_EQ(again.state, pools::JobState::complete) << again.message;
    EXPECT_EQ(plane.set(5).name, "again");
    EXPECT_EQ(plane.cartridge("CAP003L8").side.state, pools::SideState::available);
    EXPECT_FALSE(plane.cartridge("CAP002L8").suspect);
}

TEST(Rebuild, WithoutAnyCatalogSetTheSetsAreReadFromTheirData) {
    Ground ground({.capacity = 2'000'000, .early_warning = 400'000});
    auto& plane = ground.plane;
    ASSERT_EQ(plane.backup(ground.large, "large").state, pools::JobState::complete);
    auto before = ground.known();
    auto first = raw(pools::Sets(plane.state()).extents(SetNumber{2})->front().first_block);
    plane.cut_power();
    plane.start();
    // The catalog set cannot be read.
    vl::FaultPlan faults;
    for (auto tag : {"CAP001L8", "CAP002L8"})
        if (plane.cartridge(tag).id == pools::Sets(plane.state()).extents(SetNumber{2})->front().cartridge)
            for (auto block : {first + 1, first + 2}) faults.medium.push_back({tag, BlockNumber{block}, vl::MediumFault::When::read});
    ground.lose_state();
    plane.library->set_faults(faults);
    auto job = ground.rebuild();
    EXPECT_EQ(job.state, pools::JobState::complete_with_issues) << job.message << ground.notes;
    plane.library->set_faults({});
    ASSERT_GE(plane.sets().size(), 1U) << ground.notes;
    auto now = plane.set(1);
    EXPECT_EQ(now.uuid, before[1].set.uuid);
    EXPECT_EQ(now.state, pools::SetState::complete) << ground.notes;
    EXPECT_EQ(plane.listing(1), before[1].listing);
    EXPECT_NE(*pools::Meta(plane.state()).overwrite_stop(), "");
    EXPECT_EQ(plane.cartridge("CAP001L8").side.state, pools::SideState::complete);
    ground.expect_restored(1, ground.large);
}

TEST(Rebuild, SegmentsThatAreMissingOrDamagedComeBack) {
    Ground ground;
    auto& plane = ground.plane;
    ASSERT_EQ(plane.backup(ground.small, "small").state, pools::JobState::complete);
    ASSERT_EQ(plane.backup(ground.large, "large").state, pools::JobState::complete);
    auto before = ground.known();
    fs::remove(plane.scratch / "state/catalog/1.0");
    {
        std::ofstream damaged(plane.scratch / "state/catalog/3.0", std::ios::binary | std::ios::trunc);
        damaged << "not a segment";
    }
    auto job = ground.rebuild();
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message << ground.notes;
    ground.expect_same(before);
    EXPECT_EQ(ground.notes.find("was read from its media"), std::string::npos) << "the catalog sets have all of it";
    ground.expect_restored(1, ground.small);
}

TEST(Rebuild, RunsAlone) {
    Ground ground;
    auto& plane = ground.plane;
    auto id = plane.start_backup(ground.small);
    auto refused = plane.plane->jobs().start_rebuild({}, "test");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().happened.find(fmt::format("job {} is running", raw(id))), std::string::npos);
}

}  // namespace
}  // namespace capstan::daemon
