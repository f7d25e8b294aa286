// The end of the medium at every block of a small set and of the catalog set behind it; what came out is read by the
// decoder behind `capstan mtf`, without daemon and database.
#include "tests/daemon/plane.hpp"
#include "tests/simulation/oracle.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

constexpr std::uint64_t kBlock = 65536;

std::string wrong_with(const simulation::Tapes& tapes, const std::map<std::string, simulation::FileOnTape>& source) {
    std::string text;
    for (const auto& fault : tapes.faults) text += fault + "; ";
    std::size_t sets = 0;
    for (const auto& set : tapes.sets) {
        for (const auto& fault : set.faults) text += set.name + ": " + fault + "; ";
        if (!set.closed || set.aborted) text += set.name + (set.closed ? " is aborted; " : " has no end; ");
        if (set.name != "job" && set.name != "next") continue;
        ++sets;
        if (set.files != source)
            text += fmt::format("{} has {} files, the source {}, or their contents differ; ", set.name,
                                set.files.size(), source.size());
    }
    if (sets != 2) text += fmt::format("{} sets are on the tapes; ", sets);
    return text;
}

void end_at_every_block(std::uint64_t early_warning) {
    unsigned media_max = 0;
    for (std::uint64_t blocks = 8; blocks <= 20; ++blocks) {
        SCOPED_TRACE(fmt::format("cartridges of {} blocks, early warning {} before the end", blocks, early_warning));
        Plane plane({.capacity = blocks * kBlock, .early_warning = early_warning * kBlock, .cartridges = 12});
        plane.start();
        plane.label_all(12);
        auto tree = plane.make_tree("tree", 5, 50000);
        auto job = plane.backup(tree, "job");
        ASSERT_EQ(job.state, pools::JobState::complete) << job.message;
        auto next = plane.backup(tree, "next");
        ASSERT_EQ(next.state, pools::JobState::complete) << next.message;
        auto issues = pools::Jobs(plane.state()).issues(job.id).value();
        ASSERT_EQ(issues.size(), 1U) << issues.front().reason << "; " << issues.back().reason;
        EXPECT_NE(issues.front().reason.find("catalog-set"), std::string::npos) << issues.front().reason;
        for (const auto& set : plane.sets()) {
            EXPECT_EQ(set.state, pools::SetState::complete) << set.name;
            auto extents = pools::Sets(plane.state()).extents(set.number).value();
            media_max = std::max(media_max, static_cast<unsigned>(extents.size()));
            if (set.type == "catalog") continue;
            auto restored = plane.restore(raw(set.number), plane.scratch / ("restored-" + set.name));
            EXPECT_EQ(restored.state, pools::JobState::complete) << restored.message;
        }
        EXPECT_EQ(wrong_with(simulation::read_tapes(plane.scratch / "library"), simulation::files_of(tree)), "");
        if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(media_max, 1U);
}

TEST(EndOfMedium, EveryBlockWithRoomBehindTheWarning) { end_at_every_block(2); }
TEST(EndOfMedium, EveryBlockWithRoomForOneBlock) { end_at_every_block(1); }
TEST(EndOfMedium, EveryBlockWithoutAnyWarning) { end_at_every_block(0); }

}  // namespace
}  // namespace capstan::daemon
