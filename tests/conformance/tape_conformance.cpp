#include "conformance.hpp"

#include <cstdint>
#include <vector>

namespace capstan::conformance {

using namespace virtual_library;
using scsi::Position;
using scsi::PositionForm;

constexpr std::uint8_t kFixed = 1, kSuppress = 2;

scsi::ScsiReply space(scsi::Transport& drive, scsi::SpaceCode code, std::int64_t count) {
    return run(drive, scsi::Space6Cdb{.code = raw(code), .count = scsi::signed_on_wire<3>(count)});
}
std::uint64_t here(scsi::Transport& drive) {
    auto position = scsi::read_position(drive, PositionForm::long_form);
    return position && position->block ? raw(*position->block) : ~0ull;
}
std::uint64_t locate(scsi::Transport& drive, std::uint64_t block) {
    run(drive, scsi::Locate16Cdb{.identifier = BigEndian<8>{block}});
    return here(drive);
}
void set_block_length(scsi::Transport& drive, unsigned length) {
    scsi::ModeData data;
    data.device_specific = scsi::kModeBuffered;
    data.block_descriptor = scsi::BlockDescriptor{.block_length = BigEndian<3>{length}};
    auto done = scsi::mode_select(drive, data);
    ASSERT_TRUE(done) << to_text(done.error());
}

TEST_P(TapeConformance, SaysWhoItIs) {
    auto who = scsi::inquiry(drive());
    ASSERT_TRUE(who) << to_text(who.error());
    EXPECT_EQ(who->device_type, scsi::DeviceType::tape);
    EXPECT_TRUE(who->removable);
    auto serial = scsi::vpd_serial_number(drive());
    ASSERT_TRUE(serial);
    auto designators = scsi::vpd_identification(drive());
    ASSERT_TRUE(designators && !designators->empty());
    EXPECT_EQ(scsi::serial_number_of(designators->front()), *serial);
    EXPECT_NE(scsi::vpd_serial_number(rig->drive(1)).value_or(""), *serial);
}

TEST_P(TapeConformance, AnEmptyDriveHasNoMedium) {
    EXPECT_EQ(settle(drive()), "02/3A/00");
    std::vector<std::uint8_t> space(512);
    EXPECT_EQ(told(read(drive(), space)), "02/3A/00");
    EXPECT_EQ(told(write(drive(), space)), "02/3A/00");
    EXPECT_EQ(told(run(drive(), scsi::RewindCdb{})), "02/3A/00");
}

TEST_P(TapeConformance, ALoadIsToldOnce) {
    ASSERT_EQ(settle(drive()), "02/3A/00");
    ASSERT_EQ(move(at.slot, at.drive), "GOOD");
    EXPECT_EQ(ready(drive()), "06/28/00");
    EXPECT_EQ(ready(drive()), "GOOD");
}

TEST_P(TapeConformance, InquiryAndRequestSenseAreAnsweredBeforeUnitAttentions) {
    ASSERT_TRUE(scsi::inquiry(drive()));
    auto sense = scsi::request_sense(drive());
    ASSERT_TRUE(sense);
    EXPECT_EQ(sense->code.key, 6);
    EXPECT_EQ(ready(drive()), "02/3A/00");  // REQUEST SENSE took it
}

TEST_P(TapeConformance, BlocksOfEverySizeComeBack) {
    load();
    const std::size_t sizes[] = {1, 2, 511, 512, 4096, 65536, 262144, 1048576};
    for (auto size : sizes) ASSERT_EQ(told(write(drive(), block(size, size))), "GOOD") << size;
    ASSERT_EQ(told(marks(drive(), 1)), "GOOD");
    ASSERT_EQ(told(run(drive(), scsi::RewindCdb{})), "GOOD");
    for (auto size : sizes) {
        std::vector<std::uint8_t> space(size);
        auto reply = read(drive(), space);
        ASSERT_EQ(told(reply), "GOOD") << size;
        EXPECT_EQ(reply.transferred, size);
        EXPECT_EQ(space, block(size, size));
    }
}

TEST_P(TapeConformance, WrongLengthsAreToldWithTheResidual) {
    load();
    write(drive(), block(1, 1000));
    write(drive(), block(2, 1000));
    marks(drive(), 1);
    run(drive(), scsi::RewindCdb{});
    std::vector<std::uint8_t> large(4000), small(400);
    auto reply = read(drive(), large);
    ASSERT_TRUE(reply.sense);
    EXPECT_TRUE(reply.sense->incorrect_length);
    EXPECT_EQ(reply.sense->code, SenseCode{});
    EXPECT_EQ(reply.sense->information, 3000);
    EXPECT_EQ(reply.transferred, 1000u);
    reply = read(drive(), small);
    ASSERT_TRUE(reply.sense);
    EXPECT_TRUE(reply.sense->incorrect_length);
    EXPECT_EQ(reply.sense->information, -600);
    EXPECT_EQ(reply.transferred, 400u);
    run(drive(), scsi::RewindCdb{});
    EXPECT_EQ(told(read(drive(), large, kSuppress)), "GOOD");
    EXPECT_EQ(told(read(drive(), small, kSuppress)), "GOOD");
}

TEST_P(TapeConformance, AFilemarkEndsARead) {
    load();
    write(drive(), block(1, 512));
    marks(drive(), 1);
    write(drive(), block(2, 512));
    marks(drive(), 0);
    run(drive(), scsi::RewindCdb{});
    std::vector<std::uint8_t> space(512);
    EXPECT_EQ(told(read(drive(), space)), "GOOD");
    auto reply = read(drive(), space);
    ASSERT_TRUE(reply.sense);
    EXPECT_TRUE(reply.sense->filemark);
    EXPECT_EQ(told(reply), "00/00/01");
    EXPECT_EQ(reply.sense->information, 512);
    EXPECT_EQ(told(read(drive(), space)), "GOOD");
    EXPECT_EQ(space, block(2, 512));
}

TEST_P(TapeConformance, TheEndOfDataIsBlank) {
    load();
    std::vector<std::uint8_t> space(512);
    auto reply = read(drive(), space);  // at BOT of a blank medium
    EXPECT_EQ(told(reply), "08/00/05");
    write(drive(), block(1, 512));
    marks(drive(), 0);
    reply = read(drive(), space);
    EXPECT_EQ(told(reply), "08/00/05");
    EXPECT_EQ(told(read(drive(), space)), "08/00/05");  // and again
}

TEST_P(TapeConformance, FixedBlocks) {
    load();
    set_block_length(drive(), 512);
    auto data = block(7, 512 * 5);
    auto written = run(drive(), scsi::Write6Cdb{.flags = kFixed, .transfer_length = BigEndian<3>{5}}, {}, data);
    EXPECT_EQ(told(written), "GOOD");
    marks(drive(), 1);
    write(drive(), block(8, 700));
    marks(drive(), 0);
    run(drive(), scsi::RewindCdb{});
    std::vector<std::uint8_t> space(512 * 8);
    auto reply = run(drive(), scsi::Read6Cdb{.flags = kFixed, .transfer_length = BigEndian<3>{8}}, space);
    ASSERT_TRUE(reply.sense);
    EXPECT_TRUE(reply.sense->filemark);
    EXPECT_EQ(reply.sense->information, 3);
    EXPECT_EQ(reply.transferred, 512u * 5);
    EXPECT_TRUE(std::equal(data.begin(), data.end(), space.begin()));
    reply = run(drive(), scsi::Read6Cdb{.flags = kFixed, .transfer_length = BigEndian<3>{1}}, space);
    ASSERT_TRUE(reply.sense);
    EXPECT_TRUE(reply.sense->incorrect_length);
    EXPECT_EQ(reply.sense->information, 1);
    // SILI makes no sense with FIXED, and FIXED none in variable mode.
    EXPECT_EQ(told(run(drive(), scsi::Read6Cdb{.flags = kFixed | kSuppress, .transfer_length = BigEndian<3>{1}}, space)), "05/24/00");
    set_block_length(drive(), 0);
    EXPECT_EQ(told(run(drive(), scsi::Read6Cdb{.flags = kFixed, .transfer_length = BigEndian<3>{1}}, space)), "05/24/00");
}

// The tape of the three tests below: two blocks, filemark, three blocks, filemark, filemark, one block. 9 objects.
void write_example(scsi::Transport& drive) {
    for (int i = 0; i < 2; ++i) write(drive, block(10 + i, 600));
    marks(drive, 1);
    for (int i = 0; i < 3; ++i) write(drive, block(20 + i, 600));
    marks(drive, 2);
    write(drive, block(30, 600));
    marks(drive, 0);
}

struct SpaceCase {
    std::uint64_t from;
    scsi::SpaceCode code;
    std::int64_t count;
    const char* told;
    std::int64_t residual;
    std::uint64_t to;
};
TEST_P(TapeConformance, Spacing) {
    if (!GetParam().locates) GTEST_SKIP() << "this transport's drive does not know LOCATE and READ POSITION";
    load();
    write_example(drive());
    using scsi::SpaceCode;
    const SpaceCase cases[] = {
        {0, SpaceCode::blocks, 2, "GOOD", 0, 2},        {0, SpaceCode::blocks, 5, "00/00/01", 3, 3},
        {3, SpaceCode::blocks, 3, "GOOD", 0, 6},        {3, SpaceCode::blocks, 0, "GOOD", 0, 3},
        {8, SpaceCode::blocks, 4, "08/00/05", 3, 9},    {9, SpaceCode::blocks, 1, "08/00/05", 1, 9},
        {6, SpaceCode::blocks, -3, "GOOD", 0, 3},       {6, SpaceCode::blocks, -4, "00/00/01", 1, 2},
        {2, SpaceCode::blocks, -2, "GOOD", 0, 0},       {1, SpaceCode::blocks, -4, "00/00/04", 3, 0},
        {0, SpaceCode::filemarks, 1, "GOOD", 0, 3},     {0, SpaceCode::filemarks, 3, "GOOD", 0, 8},
        {0, SpaceCode::filemarks, 5, "08/00/05", 2, 9}, {9, SpaceCode::filemarks, -1, "GOOD", 0, 7},
        {9, SpaceCode::filemarks, -3, "GOOD", 0, 2},    {7, SpaceCode::filemarks, -4, "00/00/04", 2, 0},
        {3, SpaceCode::end_of_data, 0, "GOOD", 0, 9},   {3, SpaceCode::filemarks, 0, "GOOD", 0, 3},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(testing::Message() << "from " << each.from << " code " << int(raw(each.code)) << " count " << each.count);
        ASSERT_EQ(locate(drive(), each.from), each.from);
        auto reply = space(drive(), each.code, each.count);
        EXPECT_EQ(told(reply), each.told);
        if (reply.sense) {
            EXPECT_EQ(reply.sense->information, each.residual);
        }
        if (reply.sense && reply.sense->code.ascq == 1) {
            EXPECT_TRUE(reply.sense->filemark);
        }
        if (reply.sense && reply.sense->code.ascq == 4) {
            EXPECT_TRUE(reply.sense->end_of_medium);
        }
        EXPECT_EQ(here(drive()), each.to);
        locate(drive(), each.from);
        auto again = run(drive(), scsi::Space16Cdb{.code = raw(each.code), .count = scsi::signed_on_wire<8>(each.count)});
        EXPECT_EQ(told(again), each.told);
        EXPECT_EQ(here(drive()), each.to);
    }
}

TEST_P(TapeConformance, Locating) {
    if (!GetParam().locates) GTEST_SKIP() << "this transport's drive does not know LOCATE and READ POSITION";
    load();
    write_example(drive());
    for (std::uint64_t n : {0, 9, 4, 8, 1}) {
        EXPECT_EQ(told(run(drive(), scsi::Locate16Cdb{.identifier = BigEndian<8>{n}})), "GOOD");
        EXPECT_EQ(here(drive()), n);
        EXPECT_EQ(told(run(drive(), scsi::RewindCdb{})), "GOOD");
        scsi::Cdb ten{{0x2B, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(n)}, 10};
        auto reply = drive().execute(ten, {}, {}, kLimit);
        ASSERT_TRUE(reply);
        EXPECT_EQ(told(*reply), "GOOD");
        EXPECT_EQ(here(drive()), n);
    }
    EXPECT_EQ(told(run(drive(), scsi::Locate16Cdb{.identifier = BigEndian<8>{10}})), "08/00/05");
    EXPECT_EQ(here(drive()), 9u);
    const std::uint64_t files[] = {0, 3, 7, 8};  // object after 0, 1, 2, 3 filemarks
    for (std::uint64_t file = 0; file < 4; ++file) {
        EXPECT_TRUE(scsi::locate_file(drive(), FilemarkCount{file}));
        EXPECT_EQ(here(drive()), files[file]);
        EXPECT_EQ(scsi::read_position(drive(), PositionForm::long_form)->file, FilemarkCount{file});
    }
    EXPECT_FALSE(scsi::locate_file(drive(), FilemarkCount{4}));
}

TEST_P(TapeConformance, PositionsTellWhatIsInTheBuffer) {
    if (!GetParam().locates) GTEST_SKIP() << "this transport's drive does not know LOCATE and READ POSITION";
    load();
    write(drive(), block(1, 1000));
    marks(drive(), 1);
    write(drive(), block(2, 1000));
    for (auto form : {PositionForm::short_block, PositionForm::extended}) {
        auto position = scsi::read_position(drive(), form);
        ASSERT_TRUE(position);
        EXPECT_EQ(position->block, BlockNumber{3});
        ASSERT_TRUE(position->on_medium);
        EXPECT_EQ(position->objects_in_buffer, 3 - raw(*position->on_medium));
        EXPECT_GE(raw(*position->on_medium), 2u);
    }
    marks(drive(), 0);
    auto position = scsi::read_position(drive(), PositionForm::extended);
    EXPECT_EQ(position->on_medium, BlockNumber{3});
    EXPECT_EQ(position->objects_in_buffer, 0u);
    run(drive(), scsi::RewindCdb{});
    EXPECT_TRUE(scsi::read_position(drive(), PositionForm::short_block)->at_beginning);
}

TEST_P(TapeConformance, WritingInTheMiddleEndsTheDataThere) {
    load();
    for (int i = 0; i < 5; ++i) write(drive(), block(i, 512));
    marks(drive(), 1);
    run(drive(), scsi::RewindCdb{});
    space(drive(), scsi::SpaceCode::blocks, 2);
    EXPECT_EQ(told(write(drive(), block(77, 300))), "GOOD");
    marks(drive(), 0);
    run(drive(), scsi::RewindCdb{});
    std::vector<std::uint8_t> data(512);
    read(drive(), data);
    EXPECT_EQ(data, block(0, 512));
    read(drive(), data);
    EXPECT_EQ(data, block(1, 512));
    auto reply = read(drive(), data, kSuppress);
    EXPECT_EQ(reply.transferred, 300u);
    EXPECT_EQ(told(read(drive(), data)), "08/00/05");
}

TEST_P(TapeConformance, EraseMakesTheMediumBlank) {
    load();
    write_example(drive());
    run(drive(), scsi::RewindCdb{});
    EXPECT_EQ(told(run(drive(), scsi::Erase6Cdb{})), "GOOD");
    std::vector<std::uint8_t> data(512);
    EXPECT_EQ(told(read(drive(), data)), "08/00/05");
}

TEST_P(TapeConformance, UnloadAndPrevent) {
    load();
    ASSERT_TRUE(scsi::set_medium_removal(drive(), scsi::Removal::prevent));
    EXPECT_EQ(told(run(drive(), scsi::LoadUnloadCdb{})), "05/53/02");
    EXPECT_EQ(move(at.drive, at.slot), "05/53/02");
    ASSERT_TRUE(scsi::set_medium_removal(drive(), scsi::Removal::allow));
    EXPECT_EQ(told(run(drive(), scsi::LoadUnloadCdb{})), "GOOD");
    EXPECT_EQ(ready(drive()), "02/3A/00");
    EXPECT_EQ(told(run(drive(), scsi::LoadUnloadCdb{.flags = scsi::LoadUnloadCdb::kLoad})), "GOOD");
    EXPECT_EQ(settle(drive()), "GOOD");
    EXPECT_TRUE(scsi::unload(drive()));
    EXPECT_EQ(move(at.drive, at.slot), "GOOD");
}

TEST_P(TapeConformance, ModesAreKept) {
    load();
    set_block_length(drive(), 32768);
    auto data = scsi::mode_sense(drive(), scsi::kAllPages);
    ASSERT_TRUE(data) << to_text(data.error());
    ASSERT_TRUE(data->block_descriptor);
    EXPECT_EQ(data->block_descriptor->block_length.value(), 32768u);
    EXPECT_FALSE(data->write_protected());
    EXPECT_TRUE(scsi::find_page<scsi::DeviceConfigurationPage>(*data));
    EXPECT_TRUE(scsi::find_page<scsi::DataCompressionPage>(*data));
    auto limits = scsi::read_block_limits(drive());
    ASSERT_TRUE(limits);
    EXPECT_GE(limits->size_max, 1048576u);
    EXPECT_EQ(limits->size_min, 1u);
}

TEST_P(TapeConformance, WrongCommandsAreRefused) {
    load();
    auto raw_command = [&](scsi::Cdb cdb) {
        auto reply = drive().execute(cdb, {}, {}, kLimit);
        return reply ? told(*reply) : to_text(reply.error());
    };
    EXPECT_EQ(raw_command({{0x28}, 10}), "05/20/00");                      // READ(10) is a disk's
    EXPECT_EQ(raw_command({{0xA5}, 12}), "05/20/00");                      // MOVE MEDIUM is a changer's
    EXPECT_EQ(raw_command({{0x11, 0x07}, 6}), "05/24/00");                 // no such SPACE code
    EXPECT_EQ(raw_command({{0x12, 0x01, 0xC7, 0, 0xFF}, 6}), "05/24/00");  // no such VPD page
}

TEST_P(TapeConformance, SupportedCommandsAreTold) {
    settle(drive());
    auto all = scsi::supported_commands(drive());
    ASSERT_TRUE(all) << to_text(all.error());
    EXPECT_GT(all->size(), 15u);
    for (const auto& each : *all) EXPECT_EQ(each.cdb_size, scsi::cdb_size_of_group(each.opcode)) << int(each.opcode);
    auto one = scsi::command_support(drive(), scsi::Opcode::erase_6);
    ASSERT_TRUE(one);
    EXPECT_EQ(one->support, scsi::OneCommandSupport::Support::standard);
    EXPECT_EQ(scsi::command_support(drive(), scsi::Opcode::move_medium)->support, scsi::OneCommandSupport::Support::not_supported);
}

TEST_P(TapeConformance, EarlyWarningThenOverflow) {
    if (rig->capacity() == 0) GTEST_SKIP() << "this transport's cartridges are too large to be filled";
    load();
    auto data = block(5, 65536);
    std::uint64_t written = 0, warned_at = 0;
    for (;;) {
        ASSERT_LE(written, rig->capacity());
        auto outcome = scsi::write_block(drive(), data);
        ASSERT_TRUE(outcome) << to_text(outcome.error());
        if (outcome->volume_overflow) {
            EXPECT_FALSE(outcome->written);
            break;
        }
        EXPECT_TRUE(outcome->written);
        written += data.size();
        if (outcome->early_warning && warned_at == 0) warned_at = written;
        EXPECT_EQ(outcome->early_warning, warned_at != 0) << "told with every write from then on";
    }
    EXPECT_GT(warned_at, 0u);
    EXPECT_GT(written, warned_at);
    EXPECT_TRUE(scsi::read_position(drive(), PositionForm::long_form)->at_end);
    run(drive(), scsi::RewindCdb{});
    std::vector<std::uint8_t> back(data.size());
    for (std::uint64_t i = 0; i < written; i += back.size()) {
        ASSERT_EQ(told(read(drive(), back)), "GOOD");
        ASSERT_EQ(back, data);
    }
    EXPECT_EQ(told(read(drive(), back)), "08/00/05");
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TapeConformance);

}  // namespace capstan::conformance
