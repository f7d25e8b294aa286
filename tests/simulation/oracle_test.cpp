// The judge is judged: what it must see, it sees.
#include "simulation/story.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace capstan::simulation {
namespace {

struct Judged : testing::Test {
    Judged() : story(1, small_machine()) {
        tree = story.make_tree("tree", 6, 20000);
        story.machine.boot();
        story.label_all();
        story.must_backup(tree, "tree");
        story.settle();
        story.oracle.check();
    }
    std::string found() {
        std::string text;
        for (const auto& violation : story.oracle.violations()) text += violation + "\n";
        return text;
    }
    Story story;
    std::string tree;
};

TEST_F(Judged, NothingWrongIsNothingFound) { EXPECT_EQ(found(), ""); }

TEST_F(Judged, ASetThatNobodyWrote) {
    story.oracle.reported({"another", tree, files_of(tree)});
    story.oracle.check();
    EXPECT_NE(found().find("another was reported as saved and no medium holds it"), std::string::npos) << found();
}

TEST_F(Judged, AChangedByteOnAMedium) {
    std::fstream data(story.machine.library_directory() + "/media/CAP001L8/data.000000",
                      std::ios::in | std::ios::out | std::ios::binary);
    constexpr std::streamoff kInsideTheSet = 4 * 65536 + 1000;
    data.seekg(kInsideTheSet);
    auto byte = static_cast<char>(data.get() ^ 1);
    data.seekp(kInsideTheSet);
    data.put(byte);
    data.close();
    story.oracle.check();
    EXPECT_NE(found().find("CAP001L8: what lay before block"), std::string::npos) << found();
}

TEST_F(Judged, ACartridgeElsewhereThanTheDatabaseSays) {
    const auto& slots = story.machine.library().geometry().slots;
    auto swapped = story.machine.library().swap_by_hand(ElementAddress{static_cast<std::uint16_t>(slots.first + 4)},
                                                        ElementAddress{static_cast<std::uint16_t>(slots.first + 5)},
                                                        virtual_library::VirtualLibrary::Noticed::no);
    ASSERT_TRUE(swapped);
    story.oracle.check();
    EXPECT_NE(found().find("the database says"), std::string::npos) << found();
}

TEST_F(Judged, WorkThatIsNotDone) {
    (void)story.start_backup(tree, "later");
    story.oracle.check();
    EXPECT_NE(found().find("not ended"), std::string::npos) << found();
}

}  // namespace
}  // namespace capstan::simulation
