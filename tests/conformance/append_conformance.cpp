// Append-only mode: what is written stays, but for what ALLOW OVERWRITE gives up just before.
#include "conformance.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace capstan::conformance {

using namespace virtual_library;
using scsi::Opcode;
using Extension = scsi::DeviceConfigurationExtensionPage;
using Allow = scsi::AllowOverwriteCdb;

namespace {

using virtual_library::told;

std::string told(const Result<void>& done) {
    if (done) return "GOOD";
    return done.error().sense ? to_text(done.error().sense->code) : to_text(done.error());
}

std::string set_mode(scsi::Transport& drive, std::uint8_t mode) {
    scsi::ModeData data;
    data.device_specific = scsi::kModeBuffered;
    data.pages.push_back(scsi::to_page(Extension{.write_and_erase_mode = mode}));
    return told(scsi::mode_select(drive, data));
}

std::string allow(scsi::Transport& drive, Allow::Mode mode, std::uint64_t object = 0) {
    return told(run(drive, Allow{.mode = raw(mode), .object = BigEndian<8>{object}}));
}

std::string place(scsi::Transport& drive) {
    const auto position = scsi::read_position(drive, scsi::PositionForm::long_form);
    return position && position->block ? std::to_string(raw(*position->block)) : "unknown";
}

constexpr std::string_view kRefused = "07/50/01";

}  // namespace

#define CAPSTAN_NEEDS_APPEND_ONLY() \
    settle(drive());                \
    if (!offers(Opcode::allow_overwrite)) GTEST_SKIP() << "the drive's list of commands has no ALLOW OVERWRITE"

TEST_P(TapeConformance, AppendOnlyWritesOverNothing) {
    CAPSTAN_NEEDS_APPEND_ONLY();
    load();
    ASSERT_EQ(set_mode(drive(), Extension::kAppendOnly), "GOOD");
    for (unsigned i = 0; i < 4; ++i) ASSERT_EQ(told(write(drive(), block(i, 1000))), "GOOD");
    const auto page = scsi::mode_sense(drive(), Extension::kPage, scsi::PageControl::current, Extension::kSubpage);
    ASSERT_TRUE(page && scsi::find_page<Extension>(*page));
    EXPECT_EQ(scsi::find_page<Extension>(*page)->write_and_erase_mode, Extension::kAppendOnly);
    EXPECT_EQ(told(write(drive(), block(4, 1000))), "GOOD") << "it stands at the end of data";
    for (std::uint64_t here : {0, 2}) {
        ASSERT_TRUE(scsi::locate(drive(), BlockNumber{here}));
        EXPECT_EQ(told(write(drive(), block(9, 1000))), kRefused);
        EXPECT_EQ(told(run(drive(), scsi::WriteFilemarks6Cdb{.count = BigEndian<3>{1}})), kRefused);
        EXPECT_EQ(told(run(drive(), scsi::Erase6Cdb{})), kRefused);
        EXPECT_EQ(told(run(drive(), scsi::WriteFilemarks6Cdb{})), "GOOD") << "it only synchronises";
        EXPECT_EQ(place(drive()), std::to_string(here));
    }
    ASSERT_TRUE(scsi::rewind(drive()));
    EXPECT_EQ(told(scsi::format_medium(drive())), kRefused);
    std::vector<std::uint8_t> space(1000);
    for (unsigned i = 0; i < 5; ++i) {
        ASSERT_EQ(told(read(drive(), space)), "GOOD");
        EXPECT_EQ(space, block(i, 1000));
    }
    EXPECT_EQ(told(run(drive(), scsi::WriteFilemarks6Cdb{.count = BigEndian<3>{1}})), "GOOD");
    ASSERT_TRUE(scsi::unload(drive()));
    EXPECT_EQ(set_mode(drive(), Extension::kOverwriteAllowed), "GOOD");
}

TEST_P(TapeConformance, OverwritingIsAllowedOnceAndAtOnePlace) {
    CAPSTAN_NEEDS_APPEND_ONLY();
    load();
    ASSERT_EQ(set_mode(drive(), Extension::kAppendOnly), "GOOD");
    for (unsigned i = 0; i < 4; ++i) ASSERT_EQ(told(write(drive(), block(i, 1000))), "GOOD");
    ASSERT_TRUE(scsi::locate(drive(), BlockNumber{2}));
    EXPECT_EQ(allow(drive(), Allow::Mode::at_position, 1), "05/24/00") << "it does not stand there";
    EXPECT_EQ(told(write(drive(), block(9, 1000))), kRefused);
    EXPECT_EQ(allow(drive(), Allow::Mode::at_position, 2), "GOOD");
    EXPECT_EQ(allow(drive(), Allow::Mode::nothing), "GOOD") << "taken back";
    EXPECT_EQ(told(write(drive(), block(9, 1000))), kRefused);
    EXPECT_EQ(allow(drive(), Allow::Mode::at_position, 2), "GOOD");
    ASSERT_TRUE(scsi::rewind(drive()));
    ASSERT_TRUE(scsi::locate(drive(), BlockNumber{2}));
    EXPECT_EQ(told(write(drive(), block(9, 1000))), kRefused) << "the tape was moved";
    EXPECT_EQ(allow(drive(), Allow::Mode::at_position, 2), "GOOD");
    EXPECT_EQ(told(write(drive(), block(12, 1000))), "GOOD");
    EXPECT_EQ(told(write(drive(), block(13, 1000))), "GOOD") << "what lay behind it is gone: this is the end";
    ASSERT_TRUE(scsi::locate(drive(), BlockNumber{2}));
    EXPECT_EQ(told(write(drive(), block(9, 1000))), kRefused) << "it was for one write";
    std::vector<std::uint8_t> space(1000);
    for (unsigned i : {12U, 13U}) {
        ASSERT_EQ(told(read(drive(), space)), "GOOD");
        EXPECT_EQ(space, block(i, 1000));
    }
    EXPECT_EQ(told(read(drive(), space)), "08/00/05");
    ASSERT_TRUE(scsi::unload(drive()));
    EXPECT_EQ(set_mode(drive(), Extension::kOverwriteAllowed), "GOOD");
}

TEST_P(TapeConformance, AppendOnlyEndsOnlyWithoutACartridge) {
    CAPSTAN_NEEDS_APPEND_ONLY();
    load();
    ASSERT_EQ(told(write(drive(), block(1, 1000))), "GOOD");
    EXPECT_EQ(set_mode(drive(), 0x20), "05/26/00") << "there is no such mode";
    EXPECT_EQ(set_mode(drive(), Extension::kAppendOnly), "05/3B/0C") << "not at the beginning";
    ASSERT_TRUE(scsi::rewind(drive()));
    ASSERT_EQ(set_mode(drive(), Extension::kAppendOnly), "GOOD");
    EXPECT_EQ(set_mode(drive(), Extension::kAppendOnly), "GOOD") << "as it is";
    EXPECT_EQ(set_mode(drive(), Extension::kOverwriteAllowed), "05/26/00");
    ASSERT_TRUE(scsi::rewind(drive()));
    EXPECT_EQ(allow(drive(), Allow::Mode::format), "GOOD");
    EXPECT_EQ(told(write(drive(), block(2, 1000))), kRefused) << "only formatting was allowed";
    ASSERT_TRUE(scsi::format_medium(drive()));
    EXPECT_EQ(told(write(drive(), block(3, 1000))), "GOOD") << "blank";
    ASSERT_TRUE(scsi::rewind(drive()));
    EXPECT_EQ(told(scsi::format_medium(drive())), kRefused) << "it was for one";
    ASSERT_TRUE(scsi::unload(drive()));
    EXPECT_EQ(set_mode(drive(), Extension::kOverwriteAllowed), "GOOD");
    ASSERT_TRUE(scsi::load(drive()));
    ASSERT_EQ(settle(drive()), "GOOD");
    EXPECT_EQ(told(write(drive(), block(4, 1000))), "GOOD");
}

}  // namespace capstan::conformance
