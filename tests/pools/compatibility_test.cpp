// Which drive takes which cartridge: the rule as a table, and what a mount plan makes of it.
#include "pools/mount_plan.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace capstan::pools {
namespace {

DriveAbilities lto(unsigned generation) {
    const auto able = lto_abilities(generation);
    return {fmt::format("LTO-{}", generation), {able.begin(), able.end()}};
}

TEST(Compatibility, IsAsTheTableSays) {
    struct Row {
        unsigned drive;
        const char* tag;
        bool writing;
        const char* said;
    };
    const Row rows[] = {
        {8, "A00001L8", true, ""},
        {8, "A00001L7", true, ""},
        {8, "A00001M8", true, ""},
        {8, "A00001L6", true, "does not read LTO-6 cartridges"},
        {8, "A00001L6", false, "does not read LTO-6 cartridges"},
        {8, "A00001L9", false, "does not read LTO-9 cartridges"},
        {6, "A00001L4", false, ""},
        {6, "A00001L4", true, "reads LTO-4 cartridges but does not write them"},
        {7, "A00001M8", false, "does not read LTO-7 type M cartridges"},
        {9, "A00001LY", true, ""},
        {8, "A00001", true, ""},
        {8, "", true, ""},
        {0, "A00001L6", true, ""},
        {0, "CLN001L6", false, "is not given cleaning cartridges for data"},
        {6, "CLN001L6", true, "is not given cleaning cartridges for data"},
    };
    for (const auto& row : rows)
        EXPECT_EQ(why_unfit(row.drive == 0 ? DriveAbilities{} : lto(row.drive), generation_of(VolumeTag{row.tag}, 0), row.writing),
                  row.said)
            << row.drive << " " << row.tag;
    EXPECT_EQ(generation_of(VolumeTag{"A00001L8"}, 0x5C).name, "LTO-7") << "what a drive saw counts more than the label";
    EXPECT_EQ(generation_of(VolumeTag{"A00001L8"}, 0x55).name, "density 55h");
    EXPECT_TRUE(generation_of(VolumeTag{"CLN001L8"}, 0x5E).cleaning);
}

TEST(Compatibility, BlocksFitTheDriveAndItsHostAdapter) {
    DriveAbilities drive;
    EXPECT_EQ(why_too_large(drive, 1U << 20), "") << "it does not say";
    drive.block_size_max = 256U << 10;
    EXPECT_EQ(why_too_large(drive, 0), "") << "nobody knows";
    EXPECT_EQ(why_too_large(drive, 256U << 10), "");
    EXPECT_EQ(why_too_large(drive, 1U << 20), "takes blocks of at most 256KiB, not of 1MiB");
    drive.block_size_max = 1000000;
    EXPECT_EQ(why_too_large(drive, 1U << 20), "takes blocks of at most 1000000, not of 1MiB");
}

TEST(PlanMount, LooksForADriveThatTakesBlocksOfThatSize) {
    std::vector<DriveView> drives(2);
    for (unsigned i = 0; i < 2; ++i) {
        drives[i].name.text = i == 0 ? "D1" : "D2";
        drives[i].library.text = "L";
        drives[i].abilities = lto(8);
        drives[i].abilities.block_size_max = (i == 0 ? 256U : 512U) << 10;
    }
    MountRequest request{CartridgeId{2}, "A1", {"L"}, {PlaceKind::slot, "1"}, "", true, std::nullopt, {}};
    request.medium = generation_of(VolumeTag{"A00001L8"}, 0);
    request.block_size = 512U << 10;
    auto plan = plan_mount(drives, request);
    EXPECT_EQ(plan.drive.text, "D2");
    EXPECT_FALSE(plan.too_large);
    request.block_size = 1U << 20;
    plan = plan_mount(drives, request);
    EXPECT_EQ(plan.kind, MountPlan::Kind::impossible);
    EXPECT_TRUE(plan.unfit && plan.too_large);
    EXPECT_EQ(plan.reason, "A1 cannot be mounted: drive D1 (LTO-8) takes blocks of at most 256KiB, not of 1MiB; "
                           "drive D2 (LTO-8) takes blocks of at most 512KiB, not of 1MiB");
    request.medium = generation_of(VolumeTag{"A00001L6"}, 0);
    plan = plan_mount(drives, request);
    EXPECT_TRUE(plan.unfit && !plan.too_large) << "smaller blocks do not help";
}

TEST(PlanMount, TakesADriveThatFitsAndSaysWhyOthersDoNot) {
    std::vector<DriveView> drives(2);
    for (unsigned i = 0; i < 2; ++i) {
        drives[i].name.text = i == 0 ? "D1" : "D2";
        drives[i].library.text = "L";
        drives[i].abilities = lto(i == 0 ? 8 : 6);
    }
    MountRequest request{CartridgeId{2}, "A1", {"L"}, {PlaceKind::slot, "1"}, "", true, std::nullopt, {}};
    request.medium = generation_of(VolumeTag{"A00001L6"}, 0);
    auto plan = plan_mount(drives, request);
    EXPECT_EQ(plan.kind, MountPlan::Kind::load);
    EXPECT_EQ(plan.drive.text, "D2");
    EXPECT_EQ(plan.verdicts[0].reason, "(LTO-8) does not read LTO-6 cartridges");
    EXPECT_FALSE(plan.unfit);
    drives[1].leased = true;
    EXPECT_EQ(plan_mount(drives, request).kind, MountPlan::Kind::wait) << "the other one does not help";
    drives[1].leased = false;
    drives[1].usable = false;
    plan = plan_mount(drives, request);
    EXPECT_EQ(plan.kind, MountPlan::Kind::impossible);
    EXPECT_FALSE(plan.unfit) << "once it is repaired it will do";
    drives.pop_back();
    plan = plan_mount(drives, request);
    EXPECT_EQ(plan.kind, MountPlan::Kind::impossible);
    EXPECT_TRUE(plan.unfit);
    EXPECT_EQ(plan.reason, "A1 cannot be mounted: drive D1 (LTO-8) does not read LTO-6 cartridges");
    request.medium = generation_of(VolumeTag{"CLN001L8"}, 0);
    plan = plan_mount(drives, request);
    EXPECT_TRUE(plan.unfit);
    EXPECT_EQ(plan.reason, "A1 is a cleaning cartridge; no data go to it");
}

}  // namespace
}  // namespace capstan::pools
