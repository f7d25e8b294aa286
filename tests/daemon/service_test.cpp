// Libraries and drives that an operator takes out of use for service.
#include "daemon/describe.hpp"
#include "daemon/plane.hpp"

#include "drives/scsi/attentions.hpp"
#include "drives/virtual/virtual_transport.hpp"

namespace capstan::daemon {
namespace {

class Service : public testing::Test {
  protected:
    explicit Service(bool two = false) : plane(PlaneOptions{.second_library = two}) {
        plane.start();
        plane.label_all(2);
        tree = plane.make_tree("tree", 6, 20000);
    }
    Library& library(std::size_t which = 0) { return *plane.plane->libraries()[which]; }
    Library::Drive& drive(std::size_t which) { return library().drives()[which]; }
    pools::Disabled why(std::string reason) { return {std::move(reason), "root", plane.clock.wall()}; }
    Result<void> disable(std::size_t which, bool unload = false) {
        CAPSTAN_TRY(auto item, start_disable(*plane.plane, library(), drive(which), why("new head"), unload));
        return plane.finish_work(item);
    }
    Result<void> disable_library(std::size_t which) {
        CAPSTAN_TRY(auto item, start_disable(*plane.plane, library(which), why("moved to another rack")));
        return plane.finish_work(item);
    }
    std::string reason_of_waiting() {
        const auto items = plane.plane->queue().items().unfinished().value();
        for (const auto& item : items)
            if (item.state == pools::WorkState::waiting) return item.reason;
        return "";
    }
    bool is_reserved(std::uint8_t lun) {
        vl::VirtualTransport look(plane.library, vl::NexusId{77}, lun);
        EXPECT_TRUE(scsi::take_attentions(look));
        const auto held = scsi::read_reservation(look);
        return held && held->reservation.has_value();
    }

    Plane plane;
    std::string tree;
};

TEST_F(Service, ADisabledDriveGetsNothingNewAndStaysDisabled) {
    auto done = disable(0);
    ASSERT_TRUE(done) << to_text(done.error());
    EXPECT_FALSE(is_reserved(1)) << "others may use it meanwhile";
    auto job = plane.backup(tree);
    EXPECT_EQ(job.state, pools::JobState::complete) << "in the other drive: " << job.message;
    plane.cut_power();
    plane.start();
    ASSERT_TRUE(drive(0).disabled);
    EXPECT_EQ(pools::to_text(*drive(0).disabled), "disabled by root: new head");
    EXPECT_FALSE(is_reserved(1));
    const auto info = describe(*plane.plane, library(), drive(0));
    EXPECT_FALSE(info.enabled);
    EXPECT_EQ(info.state, "disabled");
    EXPECT_EQ(info.disabled, "disabled by root: new head");
    done = disable(1);
    ASSERT_TRUE(done) << to_text(done.error());
    auto id = plane.start_backup(tree);
    ASSERT_TRUE(plane.until([&] { return !reason_of_waiting().empty(); }));
    EXPECT_NE(reason_of_waiting().find("disabled by root: new head"), std::string::npos) << reason_of_waiting();
    auto enabled = plane.enable(0);
    ASSERT_TRUE(enabled) << to_text(enabled.error());
    job = plane.finish(id);
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
    EXPECT_TRUE(is_reserved(1));
}

TEST_F(Service, ADriveThatIsInUseFinishesFirst) {
    auto id = plane.start_backup(plane.make_tree("long", 30, 60000), "long");
    ASSERT_TRUE(plane.until([&] { return drive(0).activity == "writing"; }));
    auto item = start_disable(*plane.plane, library(), drive(0), why("new head"), true);
    ASSERT_TRUE(item);
    plane.poll();
    EXPECT_EQ(plane.plane->queue().items().get(*item)->reason, "drive D1 is in use by job 1");
    auto job = plane.finish(id);
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
    auto done = plane.finish_work(*item);
    ASSERT_TRUE(done) << to_text(done.error());
    EXPECT_FALSE(drive(0).cartridge) << "it was asked to unload";
    EXPECT_EQ(plane.cartridge("CAP001L8").place.kind, pools::PlaceKind::slot);
}

TEST_F(Service, WhatIsInADisabledDriveIsWaitedFor) {
    ASSERT_EQ(plane.backup(tree).state, pools::JobState::complete);
    ASSERT_TRUE(drive(0).cartridge);
    ASSERT_TRUE(disable(0));
    ASSERT_TRUE(drive(0).cartridge) << "nobody asked to unload";
    auto id = plane.start_restore(1, plane.scratch / "restored");
    ASSERT_TRUE(plane.until([&] { return !reason_of_waiting().empty(); }));
    EXPECT_NE(reason_of_waiting().find("in drive D1, which is disabled by root: new head"), std::string::npos) << reason_of_waiting();
    auto put_away = disable(0, true);
    ASSERT_TRUE(put_away) << to_text(put_away.error());
    auto job = plane.finish(id);
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
}

class TwoLibraries : public Service {
  protected:
    TwoLibraries() : Service(true) {
        auto item = start_inventory(*plane.plane, library(1), false);
        EXPECT_TRUE(item && plane.finish_work(*item));
        for (const auto* tag : {"SEC001L8", "SEC002L8"}) plane.label(tag);
    }
};

TEST_F(TwoLibraries, WhenTheFirstIsDisabledTheOtherWorks) {
    ASSERT_EQ(plane.backup(tree, "first").state, pools::JobState::complete);
    auto done = disable_library(0);
    ASSERT_TRUE(done) << to_text(done.error());
    for (std::uint8_t lun = 0; lun <= 2; ++lun) EXPECT_FALSE(is_reserved(lun)) << int(lun);
    EXPECT_EQ(library(0).state(), "disabled");
    auto refused = plane.inventory(false);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().happened.find("library LIB1 is disabled by root: moved to another rack"), std::string::npos);
    plane.cut_power();
    plane.start();
    for (std::uint8_t lun = 0; lun <= 2; ++lun) EXPECT_FALSE(is_reserved(lun)) << "not touched at all: " << int(lun);
    EXPECT_FALSE(library(0).inventoried());
    auto job = plane.backup(tree, "second");
    ASSERT_EQ(job.state, pools::JobState::complete) << job.message;
    EXPECT_NE(plane.cartridge("SEC001L8").side.recorded_end, plane.cartridge("SEC002L8").side.recorded_end);
    auto id = plane.start_restore(1, plane.scratch / "restored");
    ASSERT_TRUE(plane.until([&] { return !reason_of_waiting().empty(); }));
    EXPECT_NE(reason_of_waiting().find("in library LIB1, which is disabled by root: moved to another rack"), std::string::npos)
        << reason_of_waiting();
    auto item = start_enable(*plane.plane, library(0));
    ASSERT_TRUE(item);
    auto enabled = plane.finish_work(*item);
    ASSERT_TRUE(enabled) << to_text(enabled.error());
    job = plane.finish(id);
    EXPECT_EQ(job.state, pools::JobState::complete) << job.message;
    EXPECT_TRUE(is_reserved(1));
}

}  // namespace
}  // namespace capstan::daemon
