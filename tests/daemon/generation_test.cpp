// Drives and cartridges of several generations, cleaning cartridges, and a first load that takes an hour.
#include "daemon/describe.hpp"
#include "daemon/devices.hpp"
#include "pools/store/work_rows.hpp"
#include "tests/daemon/plane.hpp"

#include <algorithm>

namespace capstan::daemon {
namespace {

using namespace std::chrono_literals;

struct Mixed {
    Mixed(std::vector<std::string> models, std::string media) {
        plane.options.models = std::move(models);
        plane.options.media = std::move(media);
        plane.start();
    }
    void take_inventory() {
        auto taken = plane.inventory(false);
        EXPECT_TRUE(taken) << to_text(taken.error());
    }
    Result<void> label(const std::string& tag) {
        auto free = pools::Pools(plane.state()).get(pools::kFreePool).value();
        CAPSTAN_TRY(auto item, start_label(*plane.plane, plane.cartridge(tag), free, std::nullopt));
        return plane.finish_work(item);
    }
    std::size_t moves_of(const std::string& tag) { return pools::Journal(plane.state()).of(plane.cartridge(tag).id).value().size(); }
    api::DriveInfo drive(std::size_t number) {
        auto& library = *plane.plane->libraries().front();
        return describe(*plane.plane, library, library.drives()[number]);
    }
    api::MediaInfo medium(const std::string& tag) { return describe(*plane.plane, plane.cartridge(tag)); }
    Plane plane;
};

TEST(Generations, TheDriveThatFitsIsTaken) {
    Mixed site({"lto-8", "lto-6"}, "L6:1,L8:1");
    site.take_inventory();
    EXPECT_EQ(site.drive(0).kind, "LTO-8");
    EXPECT_EQ(site.drive(1).writes, (std::vector<std::string>{"LTO-5", "LTO-6"}));
    EXPECT_EQ(site.drive(1).reads, (std::vector<std::string>{"LTO-4", "LTO-5", "LTO-6"}));
    auto labelled = site.label("CAP001L6");
    ASSERT_TRUE(labelled) << to_text(labelled.error());
    EXPECT_EQ(site.plane.cartridge("CAP001L6").density, 0x5A) << "noted at the load";
    auto entries = pools::Journal(site.plane.state()).of(site.plane.cartridge("CAP001L6").id).value();
    for (const auto& entry : entries) EXPECT_NE(entry.destination.id, "D1") << "the LTO-8 drive was never tried";
    labelled = site.label("CAP002L8");
    ASSERT_TRUE(labelled) << to_text(labelled.error());
    EXPECT_EQ(site.plane.backup(site.plane.make_tree("tree", 3, 1000)).state, pools::JobState::complete);
}

TEST(Generations, WrongModelsAndMediaAreFoundWithTheConfiguration) {
    const auto errors = [](const std::string& shape) {
        auto loaded = config::load_text("libraries: [{name: L, changer: {virtual: {directory: /x, slots: 4, cartridges: 2, " + shape +
                                            "}}, drives: [{name: D, element: 1}]}]",
                                        "test.yaml");
        EXPECT_TRUE(loaded.ok()) << config::check_text(loaded);
        check_virtual_libraries(loaded);
        return loaded.ok() ? std::string() : config::check_text(loaded);
    };
    EXPECT_EQ(errors("model: lto-8, media: \"L8:3,CU:1\""), "");
    EXPECT_NE(errors("model: vhs").find("library L: virtual library: there is no drive model 'vhs'. There are lto-6"), std::string::npos);
    EXPECT_NE(errors("media: \"Q8:2\"").find("'Q8:2' says no cartridges"), std::string::npos);
    EXPECT_NE(errors("media: \"L8:5\"").find("5 cartridges do not go into 4 slots"), std::string::npos);
}

TEST(Generations, ACartridgeThatNoDriveTakesIsNotMoved) {
    Mixed site({"lto-8"}, "L6:1,L8:1");
    auto taken = site.plane.inventory(false);
    ASSERT_FALSE(taken) << "its label cannot be read";
    EXPECT_NE(to_text(taken.error()).find("CAP001L6"), std::string::npos) << to_text(taken.error());
    EXPECT_EQ(to_text(taken.error()).find("CAP002L8"), std::string::npos) << to_text(taken.error());
    auto refused = site.label("CAP001L6");
    ASSERT_FALSE(refused);
    EXPECT_NE(to_text(refused.error()).find("drive D1 (LTO-8) does not read LTO-6 cartridges"), std::string::npos)
        << to_text(refused.error());
    EXPECT_EQ(site.moves_of("CAP001L6"), 0U);
}

// A wrong bar code is found out at the load; from then on what the drive saw counts.
TEST(Generations, ACartridgeThatIsOnlyReadIsLeftOutOfAJob) {
    Mixed site({"lto-6"}, "L6:2");
    site.take_inventory();
    for (const auto* tag : {"CAP001L6", "CAP002L6"}) ASSERT_TRUE(site.label(tag));
    auto first = site.plane.cartridge("CAP001L6");
    auto transaction = pools::WriteTransaction::begin(site.plane.state()).value();
    ASSERT_TRUE(pools::Cartridges(site.plane.state()).set_density(transaction, first.id, 0x46, {"test", "an LTO-4 cartridge", {}}));
    ASSERT_TRUE(transaction.commit());
    const auto moves = site.moves_of("CAP001L6");
    EXPECT_EQ(site.plane.backup(site.plane.make_tree("tree", 3, 1000)).state, pools::JobState::complete);
    EXPECT_EQ(site.moves_of("CAP001L6"), moves) << "the other one was taken, and this one never moved";
    EXPECT_EQ(site.plane.cartridge("CAP002L6").side.state, pools::SideState::allocated);
}

TEST(Generations, AJobThatFindsNoFittingCartridgeWaitsAndSaysWhy) {
    Mixed site({"lto-6"}, "L6:1");
    site.take_inventory();
    ASSERT_TRUE(site.label("CAP001L6"));
    auto transaction = pools::WriteTransaction::begin(site.plane.state()).value();
    auto only = site.plane.cartridge("CAP001L6");
    ASSERT_TRUE(pools::Cartridges(site.plane.state()).set_density(transaction, only.id, 0x46, {"test", "an LTO-4 cartridge", {}}));
    ASSERT_TRUE(transaction.commit());
    auto job = site.plane.start_backup(site.plane.make_tree("tree", 3, 1000));
    auto& queue = site.plane.plane->queue();
    ASSERT_TRUE(site.plane.until([&] { return !queue.requests().submitted().value().empty(); }));
    bool told = false;
    for (const auto& [item, why] : queue.explained)
        told = told || why.summary.find("drive D1 (LTO-6) reads LTO-4 cartridges but does not write them") != std::string::npos;
    EXPECT_TRUE(told);
    EXPECT_FALSE(pools::is_finished(site.plane.job(job).state));
}

TEST(Generations, CleaningCartridgesAreNeverTakenForData) {
    Mixed site({"lto-8"}, "L8:1,CU:1");
    site.take_inventory();
    EXPECT_EQ(site.medium("CLN002CU").state, "cleaning");
    auto full = site.plane.inventory(true);
    ASSERT_TRUE(full) << to_text(full.error());
    EXPECT_EQ(site.moves_of("CLN002CU"), 0U);
    auto refused = site.label("CLN002CU");
    ASSERT_FALSE(refused);
    EXPECT_NE(to_text(refused.error()).find("is a cleaning cartridge"), std::string::npos) << to_text(refused.error());
    EXPECT_EQ(site.moves_of("CLN002CU"), 0U);
    ASSERT_TRUE(site.label("CAP001L8"));
}

TEST(LongLoads, ANewCartridgeIsMeasuredAndTheDriveSaysHowFarItIs) {
    Mixed site({"lto-9"}, "L9:1");
    auto item = start_inventory(*site.plane.plane, *site.plane.plane->libraries().front(), false);  // reads the new label
    ASSERT_TRUE(item);
    const auto begun = site.plane.clock.now();
    const auto loading = [&]() -> api::DriveInfo { return site.drive(site.drive(0).loading.empty() ? 1 : 0); };
    ASSERT_TRUE(site.plane.until([&] { return loading().loading_percent.value_or(0) >= 50; }));
    EXPECT_NEAR(static_cast<double>(loading().loading_left_seconds), 1800, 120);
    EXPECT_NEAR(static_cast<double>(loading().loading_seconds), 1800, 120);
    EXPECT_EQ(loading().trouble, "");
    EXPECT_EQ(loading().activity, "loading");
    auto done = site.plane.finish_work(*item);
    ASSERT_TRUE(done) << to_text(done.error());
    EXPECT_GE(site.plane.clock.now() - begun, 1h);
    EXPECT_TRUE(loading().loading.empty());
    EXPECT_TRUE(site.label("CAP001L9"));
}

TEST(Generations, BlocksThatNoDriveTakesAreToldBeforeAnythingMoves) {
    Mixed site({"old"}, "");
    site.take_inventory();
    const auto set_block_size = [&](std::uint32_t size) {
        pools::Pools pools(site.plane.state());
        auto pool = pools.by_name(PoolName{"Nightly"}).value();
        pool.policy.block_size = size;
        auto transaction = pools::WriteTransaction::begin(site.plane.state());
        ASSERT_TRUE(transaction && pools.set_policy(*transaction, pool.id, pool.policy) && transaction->commit());
    };
    const auto label_for_pool = [&](const std::string& tag) -> Result<void> {
        CAPSTAN_TRY(auto pool, pools::Pools(site.plane.state()).by_name(PoolName{"Nightly"}));
        CAPSTAN_TRY(auto item, start_label(*site.plane.plane, site.plane.cartridge(tag), pool, std::nullopt));
        return site.plane.finish_work(item);
    };
    set_block_size(1U << 20);
    const auto moves = site.moves_of("CAP001");
    auto refused = label_for_pool("CAP001");
    ASSERT_FALSE(refused);
    EXPECT_NE(to_text(refused.error()).find("takes blocks of at most 256KiB, not of 1MiB"), std::string::npos) << to_text(refused.error());
    EXPECT_NE(to_text(refused.error()).find("pool set"), std::string::npos) << to_text(refused.error());
    EXPECT_EQ(site.moves_of("CAP001"), moves);
    set_block_size(256U << 10);
    ASSERT_TRUE(site.label("CAP001"));

    set_block_size(512U << 10);
    const auto tree = site.plane.make_tree("tree", 3, 30000);
    auto job = site.plane.backup(tree);
    EXPECT_EQ(job.state, pools::JobState::failed);
    EXPECT_NE(job.message.find("takes blocks of at most 256KiB, not of 512KiB"), std::string::npos) << job.message;
    EXPECT_TRUE(site.plane.state_requests().empty()) << "nobody is asked for cartridges";
    set_block_size(256U << 10);
    job = site.plane.backup(tree);
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
}

TEST(OldDrives, AreUsedByCounting) {
    Mixed site({"old"}, "");
    site.take_inventory();
    EXPECT_TRUE(site.drive(0).counts_position);
    EXPECT_TRUE(std::ranges::count(site.drive(0).not_offered, "LOCATE"));
    ASSERT_TRUE(site.label("CAP001"));
    auto tree = site.plane.make_tree("tree", 20, 30000);
    EXPECT_EQ(site.plane.backup(tree).state, pools::JobState::complete);
    EXPECT_EQ(site.plane.backup(tree, "again").state, pools::JobState::complete);
    const auto sets = site.plane.sets();
    ASSERT_FALSE(sets.empty());
    EXPECT_EQ(site.plane.restore(raw(sets.back().number), site.plane.scratch / "out").state, pools::JobState::complete);
}

}  // namespace
}  // namespace capstan::daemon
