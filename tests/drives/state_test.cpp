#include "drives/drive_state.hpp"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace capstan::drives {
namespace {

constexpr auto kStates = static_cast<std::size_t>(DriveState::count);
constexpr auto kEvents = std::variant_size_v<DriveEvent>;

TEST(DriveStates, EveryPairHasOneAnswer) {
    std::set<std::pair<DriveState, std::size_t>> seen;
    for (const auto& row : kTransitions) EXPECT_TRUE(seen.emplace(row.from, row.event).second) << name_of(row.from) << row.event;
    for (std::size_t s = 0; s < kStates; ++s) {
        for (std::size_t event = 0; event < kEvents; ++event) {
            auto from = static_cast<DriveState>(s);
            auto to = next(from, event);
            bool in_table = seen.contains({from, event});
            bool fact = event >= on<Inserted>;
            EXPECT_EQ(to.has_value(), fact || in_table) << name_of(from) << " event " << event;
            if (fact && !in_table) {
                EXPECT_EQ(to, DriveState::faulted);
            }
        }
    }
}

TEST(DriveStates, AFaultedDriveIsNotUsedUntilItIsReplaced) {
    for (std::size_t event = 0; event < kEvents; ++event) {
        auto to = next(DriveState::faulted, event);
        if (event == on<Replaced>) {
            EXPECT_EQ(to, DriveState::loading);
        } else if (event < on<Inserted>) {
            EXPECT_FALSE(to);
        } else {
            EXPECT_EQ(to, DriveState::faulted);
        }
    }
}

TEST(DriveStates, OnlyAReadyDriveIsWrittenOrRead) {
    for (std::size_t s = 0; s < kStates; ++s) {
        auto state = static_cast<DriveState>(s);
        EXPECT_EQ(next(state, on<WriteAsked>).has_value(), state == DriveState::ready);
        EXPECT_EQ(next(state, on<ReadAsked>).has_value(), state == DriveState::ready);
        EXPECT_EQ(next(state, on<PositionAsked>).has_value(), state == DriveState::ready);
        EXPECT_EQ(next(state, on<Failed>), DriveState::faulted);
        EXPECT_FALSE(name_of(state).empty());
    }
}

}  // namespace
}  // namespace capstan::drives
