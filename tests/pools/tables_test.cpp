// Every state × every event, and every word.
#include "pools/mount_plan.hpp"
#include "pools/transitions.hpp"

#include <gtest/gtest.h>

namespace capstan::pools {
namespace {

template <class State, class Event, std::size_t N>
void every_pair(const auto (&table)[N], Event first_fact) {
    std::size_t listed = 0;
    for (int s = 0; s < static_cast<int>(State::count); ++s) {
        for (int e = 0; e < static_cast<int>(Event::count); ++e) {
            const auto state = static_cast<State>(s);
            const auto event = static_cast<Event>(e);
            std::size_t entries = 0;
            for (const auto& row : table) entries += row.from == state && row.event == event;
            ASSERT_LE(entries, 1U) << name_of(state) << " twice";
            listed += entries;
            const auto to = next(state, event);
            if (event >= first_fact) {
                ASSERT_TRUE(to) << "a fact is always believed: " << name_of(state);
            }
            if (entries == 0) {
                EXPECT_EQ(to, event < first_fact ? std::nullopt : std::optional(state));
            }
            if (to) {
                EXPECT_LT(*to, State::count);
            }
        }
    }
    EXPECT_EQ(listed, N);
}

TEST(Tables, EveryPairHasOneAnswer) {
    every_pair<SideState, SideEvent>(kSideTransitions, kFirstSideFact);
    every_pair<WorkState, WorkEvent>(kWorkTransitions, WorkEvent::passed);
    every_pair<RequestState, RequestEvent>(kRequestTransitions, RequestEvent::satisfied);
    every_pair<JobState, JobEvent>(kJobTransitions, JobEvent::finished);
}

TEST(Tables, DataAreNeverForgottenByWhatWasSeen) {
    for (auto state : {SideState::available, SideState::allocated, SideState::complete, SideState::decommissioned})
        for (auto event : {SideEvent::seen_unrecognized, SideEvent::seen_import, SideEvent::seen_incompatible})
            EXPECT_EQ(next(state, event), state) << name_of(state) << " " << name_of(event);
}

TEST(Tables, OnlyReleaseLeadsFromDataToAvailable) {
    for (auto state : {SideState::allocated, SideState::complete})
        for (int e = 0; e < static_cast<int>(SideEvent::count); ++e) {
            const auto event = static_cast<SideEvent>(e);
            const auto to = next(state, event);
            const bool frees = to == SideState::available || to == SideState::unprepared;
            EXPECT_EQ(frees, event == SideEvent::release || event == SideEvent::labelled) << name_of(event);
        }
}

TEST(Tables, AnEndIsAnEnd) {
    for (int e = 0; e < static_cast<int>(WorkEvent::count); ++e)
        for (auto state : {WorkState::passed, WorkState::failed, WorkState::cancelled})
            EXPECT_EQ(next(state, static_cast<WorkEvent>(e)).value_or(state), state);
    for (int e = 0; e < static_cast<int>(JobEvent::count); ++e)
        for (int s = static_cast<int>(JobState::complete); s < static_cast<int>(JobState::count); ++s)
            EXPECT_EQ(next(static_cast<JobState>(s), static_cast<JobEvent>(e)).value_or(static_cast<JobState>(s)),
                      static_cast<JobState>(s));
}

template <class Enum>
void words_round_trip(int count) {
    for (int value = 0; value < count; ++value) {
        const auto word = name_of(static_cast<Enum>(value));
        EXPECT_EQ(from_name<Enum>(word), static_cast<Enum>(value)) << word;
    }
    EXPECT_FALSE(from_name<Enum>("no such word"));
}

TEST(Names, GoBothWays) {
    words_round_trip<SideState>(static_cast<int>(SideState::count));
    words_round_trip<WorkState>(static_cast<int>(WorkState::count));
    words_round_trip<JobState>(static_cast<int>(JobState::count));
    words_round_trip<RequestState>(static_cast<int>(RequestState::count));
    words_round_trip<SideEvent>(static_cast<int>(SideEvent::count));
    words_round_trip<WorkEvent>(static_cast<int>(WorkEvent::count));
    words_round_trip<PlaceKind>(5);
    words_round_trip<WorkKind>(8);
    words_round_trip<JobKind>(8);
    words_round_trip<JournalAct>(4);
    words_round_trip<JournalState>(4);
    words_round_trip<RequestKind>(3);
}

TEST(PlanMount, WaitsForADriveThatComesBack) {
    DriveView drive;
    drive.name = DriveName{"D1"};
    drive.library = LibraryName{"LIB1"};
    drive.usable = false;
    drive.comes_back = true;
    drive.why_unusable = "disabled by root: new head";
    MountRequest request;
    request.cartridge = CartridgeId{2};
    request.cartridge_name = "A2";
    request.library = drive.library;
    request.place = {PlaceKind::slot, "2"};
    const auto plan = plan_mount({drive}, request);
    EXPECT_EQ(plan.kind, MountPlan::Kind::wait);
    EXPECT_EQ(plan.reason, "A2 waits: no drive can be used: drive D1: disabled by root: new head");
}

}  // namespace
}  // namespace capstan::pools
