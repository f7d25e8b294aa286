// What the daemon's end cut off goes on at its next start, wherever that end came.
#include "daemon/api/codec.hpp"
#include "pools/store/work_rows.hpp"
#include "tests/daemon/plane.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

bool is_over(Plane& plane, WorkItemId item) {
    return pools::is_finished(plane.plane->queue().items().get(item)->state);
}

using Begin = std::function<Result<WorkItemId>(Plane&)>;
struct Work {
    const char* name;
    Begin begin;
    std::function<std::string(Plane&)> fault;  // of what it leaves behind; empty: as it shall be
};
void PrintTo(const Work& work, std::ostream* out) { *out << work.name; }

std::string place_fault(Plane& plane, pools::PlaceKind wanted) {
    auto place = plane.cartridge("CAP001L8").place;
    return place.kind == wanted ? "" : "CAP001L8 is in " + to_text(place);
}

class OperatorsWork : public testing::TestWithParam<Work> {};

// The power fails after one step of time, after two, and so on in longer strides, until the work was done before.
TEST_P(OperatorsWork, GoesOnWhereverThePowerFails) {
    constexpr unsigned kStepsMax = 2000;
    unsigned interrupted = 0;
    bool done_before = false;
    for (unsigned cut = 0; cut < kStepsMax; cut += 1 + cut / 4) {
        Plane plane;
        plane.start();
        ASSERT_TRUE(plane.inventory(false));
        auto item = GetParam().begin(plane);
        ASSERT_TRUE(item) << to_text(item.error());
        plane.step(cut, [&] { return is_over(plane, *item); });
        const bool was_over = is_over(plane, *item);
        plane.cut_power();
        plane.start();
        auto done = plane.finish_work(*item);
        ASSERT_TRUE(done) << "after " << cut << " steps: " << to_text(done.error());
        ASSERT_EQ(GetParam().fault(plane), "") << "after " << cut << " steps";
        done_before = was_over;
        if (was_over) break;
        EXPECT_EQ(plane.plane->queue().items().get(*item)->interruptions, 1U);
        ++interrupted;
    }
    EXPECT_GE(interrupted, 2U);
    EXPECT_TRUE(done_before);
}

INSTANTIATE_TEST_SUITE_P(
    , OperatorsWork,
    testing::Values(Work{"Label",
                         [](Plane& plane) {
                             auto free = pools::Pools(plane.state()).get(pools::kFreePool).value();
                             return start_label(*plane.plane, plane.cartridge("CAP001L8"), free, std::nullopt);
                         },
                         [](Plane& plane) {
                             auto side = plane.cartridge("CAP001L8").side;
                             if (side.state != pools::SideState::available)
                                 return "it is " + std::string(pools::name_of(side.state));
                             return raw(side.generation) == 1
                                        ? std::string()
                                        : fmt::format("it was labelled {} times", raw(side.generation));
                         }},
                    Work{"FullInventory",
                         [](Plane& plane) {
                             return start_inventory(*plane.plane, *plane.plane->libraries().front(), true);
                         },
                         [](Plane& plane) {
                             auto here = pools::Cartridges(plane.state()).in_library(LibraryName{"LIB1"}).value();
                             auto unknown = std::count_if(here.begin(), here.end(),
                                                          [](const auto& one) { return one.must_identify; });
                             return unknown == 0 ? std::string() : fmt::format("{} labels were not read", unknown);
                         }},
                    Work{"Move",
                         [](Plane& plane) {
                             return start_move(*plane.plane, plane.cartridge("CAP001L8"),
                                               pools::Place{pools::PlaceKind::slot, "9"});
                         },
                         [](Plane& plane) {
                             auto place = plane.cartridge("CAP001L8").place;
                             return place == pools::Place{pools::PlaceKind::slot, "9"} ? std::string() : to_text(place);
                         }},
                    Work{"Export", [](Plane& plane) { return start_export(*plane.plane, plane.cartridge("CAP001L8")); },
                         [](Plane& plane) { return place_fault(plane, pools::PlaceKind::ie_port); }}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Restart, AnImportGoesOn) {
    for (unsigned cut = 0; cut < 20; ++cut) {
        Plane plane;
        plane.start();
        ASSERT_TRUE(plane.inventory(false));
        auto out = start_export(*plane.plane, plane.cartridge("CAP001L8"));
        ASSERT_TRUE(out && plane.finish_work(*out));
        auto item = start_import(*plane.plane, *plane.plane->libraries().front());
        plane.step(cut, [&] { return is_over(plane, *item); });
        plane.cut_power();
        plane.start();
        ASSERT_TRUE(plane.finish_work(*item)) << "after " << cut << " steps";
        EXPECT_EQ(place_fault(plane, pools::PlaceKind::slot), "");
        EXPECT_FALSE(plane.cartridge("CAP001L8").must_identify);
    }
}

bool a_label_is_begun(Plane& plane) {
    auto acts = pools::Journal(plane.state()).open().value();
    return !acts.empty() && acts.back().act == pools::JournalAct::label;
}

// From the first block of the new label on, the old one is gone: the medium is blank then, and the word was said for what it was.
TEST(Restart, AnOperatorsWordForOneCartridgeIsKept) {
    bool done_before = false;
    for (unsigned cut = 0; !done_before; ++cut) {
        Plane plane;
        plane.start();
        plane.label_all(1);
        ASSERT_EQ(plane.backup(plane.make_tree("tree", 3, 1000)).state, pools::JobState::complete);
        auto cartridge = plane.cartridge("CAP001L8");
        auto free = pools::Pools(plane.state()).get(pools::kFreePool).value();
        pools::OperatorWord word{cartridge.id, "anna", "media label --overwrite", pools::MediumKind::capstan, true};
        auto item = start_label(*plane.plane, cartridge, free, word);
        if (cut > 0) plane.until([&] { return a_label_is_begun(plane); });
        plane.step(cut, [&] { return is_over(plane, *item); });
        done_before = is_over(plane, *item);
        plane.cut_power();
        plane.start();
        auto done = plane.finish_work(*item);
        ASSERT_TRUE(done) << "after " << cut << " steps: " << to_text(done.error());
        EXPECT_EQ(plane.set(1).state, pools::SetState::overwritten);
        EXPECT_EQ(plane.cartridge("CAP001L8").side.state, pools::SideState::available);
        EXPECT_FALSE(plane.cartridge("CAP001L8").suspect);
        ASSERT_LT(cut, 500U);
    }
}

bool has_set_after(Plane& plane, std::uint64_t number) {
    auto sets = plane.sets();
    return std::any_of(sets.begin(), sets.end(), [number](const pools::Set& set) {
        return raw(set.number) > number && set.state == pools::SetState::complete;
    });
}

// Nobody has to be asked: what was on it had expired, and the journal says by whom it was made blank.
TEST(Restart, AnExpiredCartridgeIsUsedThoughItsNewLabelWasCutOff) {
    PlaneOptions options;
    options.cartridges = 1;
    unsigned blank = 0;
    bool written = false;
    for (unsigned cut = 0; !written; ++cut) {
        Plane plane(options);
        plane.start();
        plane.label_all(1);
        auto tree = plane.make_tree("tree", 3, 1000);
        ASSERT_EQ(plane.backup(tree).state, pools::JobState::complete);
        const auto last = raw(plane.sets().front().number);
        plane.clock.pass(std::chrono::days{400});
        plane.start_backup(tree);
        ASSERT_TRUE(plane.until([&] { return a_label_is_begun(plane); }));
        auto labelled = [&] { return plane.set(1).state == pools::SetState::overwritten; };
        plane.step(1 + cut, labelled);
        written = labelled();
        plane.cut_power();
        if (read_tape(plane.scratch / "library/media/CAP001L8").objects.empty()) ++blank;
        plane.start();
        ASSERT_TRUE(plane.until([&] { return has_set_after(plane, last); })) << "after " << cut << " steps";
        EXPECT_EQ(plane.set(1).state, pools::SetState::overwritten);
        EXPECT_FALSE(plane.cartridge("CAP001L8").suspect);
        ASSERT_LT(cut, 100U);
    }
    EXPECT_GE(blank, 1U);
}

// What brings the daemon down must not do so for ever.
TEST(Restart, WorkIsEndedWhenTheDaemonEndedThreeTimesUnderIt) {
    Plane plane;
    plane.start();
    auto item = start_inventory(*plane.plane, *plane.plane->libraries().front(), true);
    auto row = [&] { return plane.plane->queue().items().get(*item).value(); };
    for (int times = 0; times < 3; ++times) {
        ASSERT_TRUE(plane.until([&] { return row().state == pools::WorkState::in_process; }));
        plane.cut_power();
        plane.start();
    }
    EXPECT_EQ(row().state, pools::WorkState::failed);
    EXPECT_NE(row().reason.find("3 times"), std::string::npos) << row().reason;
}

TEST(Restart, WhatWaitsForAPersonWaitsOnHoweverOftenTheDaemonIsStarted) {
    Plane plane;
    plane.start();
    ASSERT_TRUE(plane.inventory(false));
    auto out = start_export(*plane.plane, plane.cartridge("CAP001L8"));
    ASSERT_TRUE(out && plane.finish_work(*out));
    ElementAddress port{};
    for (const auto& element : plane.plane->libraries().front()->changer().last_inventory().elements)
        if (element.kind == changer::ElementKind::ie_port) port = element.address;
    auto taken = plane.library->take_from_port(port);
    ASSERT_TRUE(taken && plane.inventory(false));
    auto free = pools::Pools(plane.state()).get(pools::kFreePool).value();
    auto item = start_label(*plane.plane, plane.cartridge("CAP001L8"), free, std::nullopt);
    auto deadline = plane.plane->queue().items().get(*item)->deadline;
    for (int times = 0; times < 5; ++times) {
        ASSERT_TRUE(plane.until([&] { return plane.plane->queue().requests().submitted()->size() == 1; })) << times;
        EXPECT_EQ(plane.plane->queue().items().get(*item)->state, pools::WorkState::waiting);
        plane.cut_power();
        plane.start();
    }
    auto second = start_label(*plane.plane, plane.cartridge("CAP001L8"), free, std::nullopt);
    plane.until([&] { return is_over(plane, *item); }, std::chrono::hours{48});
    auto row = plane.plane->queue().items().get(*item).value();
    EXPECT_EQ(row.state, pools::WorkState::failed) << "nothing waits for ever";
    EXPECT_LE(*row.finished - *deadline, std::chrono::minutes{1}) << "the limit is the one it had at first";
    // A limit that passes while the daemon is not there counts, too: nothing is labelled long after it was asked for.
    plane.cut_power();
    plane.clock.pass(std::chrono::hours{30});
    plane.start();
    row = plane.plane->queue().items().get(*second).value();
    EXPECT_EQ(row.state, pools::WorkState::failed);
    EXPECT_NE(row.reason.find("time limit passed"), std::string::npos) << row.reason;
}

TEST(Restart, AVerifyAndARestoreAreRunAgainOnce) {
    Plane plane;
    plane.start();
    plane.label_all(1);
    ASSERT_EQ(plane.backup(plane.make_tree("tree", 12, 30000)).state, pools::JobState::complete);
    api::VerifyRequest verify;
    verify.set = 1;
    auto one = plane.run(plane.plane->jobs().start_verify(verify, "anna")).value();
    auto two = plane.start_restore(1, plane.scratch / "restored");
    plane.cut_power();
    plane.start();
    auto jobs = pools::Jobs(plane.state()).newest(10).value();
    std::size_t repeats = 0;
    for (const auto& job : jobs) {
        auto of = repeats_of(job);
        if (of == 0) continue;
        ++repeats;
        EXPECT_TRUE(JobId{of} == one || JobId{of} == two);
        EXPECT_EQ(job.owner, of == raw(one) ? "anna" : "test");
        EXPECT_EQ(plane.finish(job.id).state, pools::JobState::complete) << plane.job(job.id).message;
        auto old = plane.job(JobId{of});
        EXPECT_EQ(old.state, pools::JobState::interrupted);
        EXPECT_NE(old.message.find(fmt::format("run again as job {}", raw(job.id))), std::string::npos) << old.message;
    }
    EXPECT_EQ(repeats, 2U);
    EXPECT_TRUE(std::filesystem::exists(plane.scratch / ("restored" + plane.scratch / "tree/d2/file-11")));
}

}  // namespace
}  // namespace capstan::daemon
