// What a robot leaves behind.
#include "pools/store/cartridges.hpp"
#include "tests/daemon/plane.hpp"

#include <algorithm>

namespace capstan::daemon {
namespace {

// With a cartridge in its hand a robot moves no other: it is put into a slot at the next start.
TEST(Robot, ACartridgeLeftInThePickerIsPutIntoASlotAtStart) {
    Plane plane;
    plane.start();
    plane.label_all(1);
    const std::string tag = "CAP001L8";
    ASSERT_TRUE(plane.until([&] { return plane.cartridge(tag).place.kind == pools::PlaceKind::slot; }));
    vl::FaultPlan faults;
    vl::RobotJam jam;
    jam.where = vl::RobotJam::Where::in_picker;
    faults.jams = {jam};
    plane.library->set_faults(faults);
    auto tree = plane.make_tree("tree", 3, 1000);
    plane.start_backup(tree);
    plane.until([&] { return plane.cartridge(tag).place.kind == pools::PlaceKind::picker; }, std::chrono::minutes{10});
    plane.cut_power();
    plane.start();
    plane.until([] { return false; }, std::chrono::minutes{2});
    auto rows = pools::Audit(plane.state()).of(plane.cartridge(tag).id).value();
    bool emptied = std::any_of(rows.begin(), rows.end(), [](const auto& row) {
        return row.what == "place" && row.before.find("picker") != std::string::npos &&
               row.after.find("slot") != std::string::npos;
    });
    EXPECT_TRUE(emptied);
    EXPECT_EQ(plane.backup(tree, "again").state, pools::JobState::complete);
}

}  // namespace
}  // namespace capstan::daemon
