// The typed commands against a scripted device: which CDB goes out, and what each answer becomes.
#include "drives/scsi/commands.hpp"
#include "scsi/scripted_transport.hpp"

namespace capstan::scsi {
namespace {

using namespace std::chrono_literals;
using Buffer = std::vector<std::uint8_t>;
using Answer = ScriptedTransport::Answer;

const Sense kUnknownCommand{.code = {0x5, 0x20, 0x00}};
const Sense kEarlyWarning{.code = {0x0, 0x00, 0x02}, .end_of_medium = true, .information = 0};

class Commands : public testing::Test {
  protected:
    ScriptedTransport device;
    Target drive{device, "drive D1"};
    Buffer buffer = Buffer(64 * 1024);
    Buffer cdb(std::size_t index = 0) { return bytes_of_cdb(device.asked.at(index).cdb); }
    Result<ReadOutcome> read_with(Sense sense, Buffer data = {}) {
        device.answer(Answer{.sense = sense, .in = std::move(data)});
        return read_block(drive, buffer);
    }
    Result<WriteOutcome> write_with(Sense sense) {
        device.answer_sense(sense);
        return write_block(drive, Bytes(buffer).first(1000));
    }
};

TEST_F(Commands, ErrorsNameTheDeviceTheActAndTheSense) {
    device.answer_sense({.code = {0x4, 0x15, 0x01}});
    const auto result = rewind(drive);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().recovery, Recovery::stop_device);
    EXPECT_EQ(result.error().happened, "drive D1: cannot rewind: hardware error");
    EXPECT_EQ(result.error().sense->code, (SenseCode{0x4, 0x15, 0x01}));
    device.answer(Answer{.error = Error{Recovery::retry_later, "the device is busy", "Wait.", std::nullopt}});
    const auto busy = rewind(drive);
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().happened, "drive D1: cannot rewind: the device is busy");
    EXPECT_EQ(busy.error().recovery, Recovery::retry_later);
}

TEST_F(Commands, NothingIsRepeatedAfterAUnitAttention) {
    device.answer_sense({.code = {0x6, 0x29, 0x00}});
    const auto result = load(drive);
    ASSERT_FALSE(result);
    EXPECT_TRUE(is_unit_attention(*result.error().sense));
    EXPECT_EQ(device.asked.size(), 1U);
}

TEST_F(Commands, RecoveredErrorsCountAsDone) {
    device.answer_sense({.code = {0x1, 0x5D, 0x00}});
    EXPECT_TRUE(rewind(drive));
    device.answer_sense({.code = {0x1, 0x0C, 0x00}, .deferred = true});
    EXPECT_TRUE(rewind(drive));
    EXPECT_EQ(device.asked.size(), 3U) << "the command that brings a deferred error was not run: it is sent again";
}

TEST_F(Commands, ADeferredRecoveredErrorIsCountedAndTheBlockWrittenAllTheSame) {
    const std::vector<std::uint8_t> block(512, 7);
    device.answer_sense({.code = {0x1, 0x0C, 0x00}, .deferred = true});
    device.answer_sense({.code = {0x1, 0x17, 0x01}, .deferred = true});
    auto written = write_block(drive, Bytes(block));
    ASSERT_TRUE(written) << to_text(written.error());
    EXPECT_TRUE(written->written);
    ASSERT_EQ(device.asked.size(), 3U);
    EXPECT_EQ(device.asked[2].out, block);
    device.answer_sense({.code = {0x3, 0x0C, 0x00}, .deferred = true});
    EXPECT_FALSE(write_block(drive, Bytes(block))) << "an error that was not recovered ends it";
}

TEST_F(Commands, TestUnitReadyGivesWhatTheDeviceSays) {
    EXPECT_EQ(*test_unit_ready(drive), std::nullopt);
    const Sense becoming_ready{.code = {0x2, 0x04, 0x01}};
    device.answer_sense(becoming_ready);
    EXPECT_EQ(*test_unit_ready(drive), becoming_ready);
    device.answer_sense({.code = {0x0, 0x00, 0x17}});
    EXPECT_EQ(*test_unit_ready(drive), std::nullopt) << "wants cleaning, but is ready";
    device.answer(Answer{.error = Error{}});
    EXPECT_FALSE(test_unit_ready(drive));
}

TEST_F(Commands, TimeoutsComeFromTheTable) {
    Timeouts timeouts;
    timeouts.set(Opcode::rewind, 77s);
    ASSERT_TRUE(rewind({device, "drive D1", timeouts}, Wait::immediate));
    EXPECT_EQ(device.asked[0].timeout, 77s);
    EXPECT_EQ(cdb(), (Buffer{0x01, 0x01, 0, 0, 0, 0}));
}

TEST_F(Commands, InquiryAndVpdPages) {
    const InquiryData who{
        .device_type = DeviceType::changer, .removable = true, .vendor = "HP", .product = "MSL", .revision = "1"};
    device.answer_data(encode_inquiry(who));
    EXPECT_EQ(*inquiry(drive), who);
    device.answer_data({1, 2});
    EXPECT_FALSE(inquiry(drive));
    device.answer_data(encode_vpd_serial_number(DeviceType::tape, "HU1"));
    EXPECT_EQ(*vpd_serial_number(drive), "HU1");
    EXPECT_EQ(cdb(2), (Buffer{0x12, 0x01, 0x80, 0x00, 252, 0}));
    device.answer_data(encode_inquiry(who));
    EXPECT_FALSE(vpd_serial_number(drive)) << "some old devices ignore EVPD";
    device.answer_data(encode_vpd_supported_pages(DeviceType::tape, Buffer{0x00, 0x80}));
    EXPECT_EQ(*vpd_supported_pages(drive), (Buffer{0x00, 0x80}));
    const std::vector<Designator> naa{{.type = Designator::Type::naa, .bytes = {0x50, 1, 2, 3, 4, 5, 6, 7}}};
    device.answer_data(encode_vpd_identification(DeviceType::tape, naa));
    EXPECT_EQ(*vpd_identification(drive), naa);
    device.answer_data({});
    EXPECT_FALSE(vpd_identification(drive));
    device.answer_data({});
    EXPECT_FALSE(vpd_supported_pages(drive));
}

TEST_F(Commands, RequestSenseAndMediumRemoval) {
    const Sense pending{.code = {0x2, 0x3A, 0x00}};
    const auto wire = encode_sense(pending, SenseFormat::fixed);
    device.answer_data({wire.bytes().begin(), wire.bytes().end()});
    EXPECT_EQ(*request_sense(drive), pending);
    device.answer_data({0});
    EXPECT_FALSE(request_sense(drive));
    EXPECT_TRUE(set_medium_removal(drive, Removal::prevent));
    EXPECT_EQ(cdb(2), (Buffer{0x1E, 0, 0, 0, 1, 0}));
}

TEST_F(Commands, SupportedCommandsAreAskedForAgainWhereTheReplyWasCutOrTimeoutsAreUnknown) {
    device.answer_sense({.code = {0x5, 0x24, 0x00}});
    std::vector<SupportedCommand> many(
        3000, {.opcode = 0x12, .service_action = std::nullopt, .cdb_size = 6, .timeouts = std::nullopt});
    device.answer_data(encode_supported_commands(many));
    device.answer_data(encode_supported_commands(many));
    EXPECT_EQ(supported_commands(drive)->size(), 3000U);
    ASSERT_EQ(device.asked.size(), 3U);
    EXPECT_EQ(cdb(0)[2], 0x80);
    EXPECT_EQ(cdb(1)[2], 0x00);
    EXPECT_EQ(device.asked[2].in_size, 24004U);
    device.answer_data({0});
    EXPECT_FALSE(supported_commands(drive));
    device.answer_sense(kUnknownCommand);
    EXPECT_FALSE(supported_commands(drive));
}

TEST_F(Commands, OneCommandIsAskedFor) {
    device.answer_data({0, 0x03, 0, 6, 0x34, 0x1F, 0, 0, 0, 0});
    EXPECT_EQ(command_support(drive, Opcode::read_position, 6)->support, OneCommandSupport::Support::standard);
    EXPECT_EQ(cdb(), (Buffer{0xA3, 0x0C, 0x82, 0x34, 0, 6, 0, 0, 0, 252, 0, 0}));
    device.answer_data({0});
    EXPECT_FALSE(command_support(drive, Opcode::erase_6));
    EXPECT_EQ(cdb(1)[2], 0x81);
}

TEST_F(Commands, ModePagesFallBackToTheShortForm) {
    ModeData data{.device_specific = kModeBuffered, .block_descriptor = BlockDescriptor{.density_code = 0x5E}};
    data.pages.push_back(to_page(DataCompressionPage{}));
    device.answer_data(encode_mode_data(ModeForm::ten, ModeUse::sense, data));
    EXPECT_EQ(*mode_sense(drive, DataCompressionPage::kPage), data);
    EXPECT_EQ(cdb(0), (Buffer{0x5A, 0, 0x0F, 0, 0, 0, 0, 0x04, 0x00, 0}));
    device.answer_sense(kUnknownCommand);
    device.answer_data(encode_mode_data(ModeForm::six, ModeUse::sense, data));
    EXPECT_EQ(*mode_sense(drive, kAllPages, PageControl::changeable), data);
    EXPECT_EQ(cdb(2), (Buffer{0x1A, 0, 0x7F, 0, 252, 0}));
    device.answer_sense(kUnknownCommand);
    EXPECT_TRUE(mode_select(drive, data));
    EXPECT_EQ(cdb(3)[8], 32);
    EXPECT_EQ(cdb(4), (Buffer{0x15, 0x10, 0, 0, 28, 0}));
    EXPECT_EQ(device.asked[4].out, encode_mode_data(ModeForm::six, ModeUse::select, data));
    device.answer_sense({.code = {0x5, 0x26, 0x00}});
    EXPECT_FALSE(mode_select(drive, data));
    EXPECT_EQ(device.asked.size(), 6U) << "only an unknown command is tried in another form";
    device.answer_data({0});
    EXPECT_FALSE(mode_sense(drive, kAllPages));
    device.answer_sense(kUnknownCommand);
    data.pages.assign(20, to_page(DataCompressionPage{}));
    EXPECT_FALSE(mode_select(drive, data)) << "too long for the short form";
}

TEST_F(Commands, ElementStatusIsAskedForUntilItIsWhole) {
    std::vector<ElementStatus> slots(2000);
    for (std::size_t i = 0; i < slots.size(); ++i)
        slots[i].address = ElementAddress{static_cast<std::uint16_t>(4096 + i)};
    const auto bytes = encode_element_status(slots, {.volume_tags = true});
    ASSERT_GT(bytes.size(), 64U * 1024);
    device.answer_data(bytes);
    device.answer_data(bytes);
    const auto report =
        read_element_status(drive, {.type = ElementType::storage, .device_identifier = true, .current_data = true});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->elements.size(), 2000U);
    EXPECT_EQ(cdb(0), (Buffer{0xB8, 0x12, 0, 0, 0xFF, 0xFF, 0x03, 0x01, 0x00, 0x00, 0, 0}));
    EXPECT_GE(device.asked[1].in_size, bytes.size());
    auto short_of_one = encode_element_status({slots[0]}, {});
    short_of_one[3] = 2;
    device.answer_data(short_of_one);
    EXPECT_FALSE(read_element_status(drive, {}));
    device.answer_data({1, 2, 3});
    EXPECT_FALSE(read_element_status(drive, {}));
}

TEST_F(Commands, Moves) {
    EXPECT_TRUE(move_medium(drive, ElementAddress{1}, ElementAddress{0x410}, ElementAddress{0x100}));
    EXPECT_EQ(cdb(), (Buffer{0xA5, 0, 0x00, 0x01, 0x04, 0x10, 0x01, 0x00, 0, 0, 0, 0}));
    device.answer_sense({.code = {0x5, 0x3B, 0x0D}});
    const auto full = move_medium({device, "library LIB1"}, ElementAddress{0}, ElementAddress{16}, ElementAddress{32});
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().recovery, Recovery::refresh_inventory);
    EXPECT_EQ(full.error().happened,
              "library LIB1: cannot move a cartridge from element 16 to element 32: illegal request");
    device.answer(Answer{.error = Error{.recovery = Recovery::stop_device}});
    EXPECT_FALSE(move_medium(drive, {}, {}, {}));
    EXPECT_TRUE(initialize_element_status(drive));
    EXPECT_TRUE(initialize_element_range(drive, ElementAddress{0x1000}, 8, RangeScan::presence_only));
    EXPECT_EQ(cdb(4), (Buffer{0x37, 0x03, 0x10, 0, 0, 0, 0, 8, 0, 0}));
}

TEST_F(Commands, ReadOfABlockThatFillsTheBuffer) {
    device.answer_data(Buffer(64 * 1024, 7));
    const auto outcome = read_block(drive, buffer);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->bytes, 65536U);
    EXPECT_EQ(outcome->block_size, 65536U);
    EXPECT_FALSE(outcome->incorrect_length);
    EXPECT_EQ(cdb(), (Buffer{0x08, 0, 0x01, 0x00, 0x00, 0}));
}

TEST_F(Commands, ReadOfShorterAndLongerBlocks) {
    auto outcome = read_with({.incorrect_length = true, .information = 65036}, Buffer(500, 7));
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->bytes, 500U);
    EXPECT_EQ(outcome->block_size, 500U);
    EXPECT_TRUE(outcome->incorrect_length);
    outcome = read_with({.end_of_medium = true, .incorrect_length = true, .information = -65536}, Buffer(65536, 7));
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->bytes, 65536U);
    EXPECT_EQ(outcome->block_size, 131072U);
    EXPECT_TRUE(outcome->end_of_medium);
}

TEST_F(Commands, ReadNeverGuessesALength) {
    EXPECT_FALSE(read_with({.incorrect_length = true}, Buffer(500)));
    EXPECT_FALSE(read_with({.incorrect_length = true, .information = 65537}, Buffer(500)));
    EXPECT_FALSE(read_with({.incorrect_length = true, .information = INT32_MIN}, Buffer(500)));
    EXPECT_FALSE(read_with({.incorrect_length = true, .information = 65036}, Buffer(499))) << "a byte got lost";
}

TEST_F(Commands, ReadTellsFilemarkAndEndOfDataFromErrors) {
    auto outcome = read_with({.code = {0x0, 0x00, 0x01}, .filemark = true, .information = 65536});
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->filemark);
    EXPECT_EQ(outcome->bytes, 0U);
    outcome = read_with({.code = {0x8, 0x00, 0x05}, .information = 65536});
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->end_of_data);
    for (SenseCode code : {SenseCode{0x3, 0x11, 0x00}, SenseCode{0x8, 0x14, 0x03}, SenseCode{0x3, 0x14, 0x03},
                           SenseCode{0x6, 0x28, 0x00}, SenseCode{0x7, 0x74, 0x01}, SenseCode{0x2, 0x3A, 0x00}}) {
        EXPECT_FALSE(read_with({.code = code})) << to_text(code);
    }
    EXPECT_FALSE(read_with({.code = {0x3, 0x11, 0x00}, .filemark = true})) << "a read error is never a filemark";
    EXPECT_FALSE(read_with({.code = {0x8, 0x00, 0x05}, .deferred = true}));
    outcome = read_with({.code = {0x1, 0x11, 0x01}}, Buffer(65536));
    ASSERT_TRUE(outcome) << "recovered";
    EXPECT_EQ(outcome->bytes, 65536U);
    device.answer(Answer{.error = Error{}});
    EXPECT_FALSE(read_block(drive, buffer));
}

TEST_F(Commands, WriteGathersItsPieces) {
    const Buffer first{1, 2, 3}, second{4, 5};
    const Bytes pieces[] = {first, second};
    const auto outcome = write_block(drive, DataOut(pieces));
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->written);
    EXPECT_FALSE(outcome->early_warning);
    EXPECT_EQ(cdb(), (Buffer{0x0A, 0, 0, 0, 5, 0}));
    EXPECT_EQ(device.asked[0].out, (Buffer{1, 2, 3, 4, 5}));
    EXPECT_FALSE(write_block(drive, Bytes{}));
    EXPECT_EQ(device.asked.size(), 1U) << "refused before it reaches the drive";
}

TEST_F(Commands, WriteTellsEarlyWarningFromOverflow) {
    auto outcome = write_with(kEarlyWarning);
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->written && outcome->early_warning && !outcome->volume_overflow);
    outcome = write_with({.end_of_medium = true});
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->written && outcome->early_warning);
    outcome = write_with({.code = {0x0, 0x00, 0x02}, .end_of_medium = true, .information = 1000});
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(!outcome->written && outcome->early_warning && !outcome->volume_overflow);
    outcome = write_with({.code = {0xD, 0x00, 0x02}, .end_of_medium = true, .information = 1000});
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(!outcome->written && outcome->volume_overflow);
    outcome = write_with({.code = {0x1, 0x0C, 0x00}});
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->written && !outcome->early_warning);
}

TEST_F(Commands, ProgrammableEarlyWarningIsAHint) {
    for (const auto information : {std::optional<std::int64_t>{}, std::optional<std::int64_t>{0}}) {
        const auto outcome = write_with({.code = {0x0, 0x00, 0x07}, .end_of_medium = true, .information = information});
        ASSERT_TRUE(outcome) << to_text(outcome.error());
        EXPECT_TRUE(outcome->written && outcome->programmable_early_warning && !outcome->early_warning && !outcome->volume_overflow);
    }
    const auto refused = write_with({.code = {0x0, 0x00, 0x07}, .end_of_medium = true, .information = 1000});
    ASSERT_TRUE(refused);
    EXPECT_FALSE(refused->written) << "a drive that says that it wrote nothing is believed";
}

TEST_F(Commands, WriteErrorsStayErrors) {
    EXPECT_FALSE(write_with({.code = {0x3, 0x0C, 0x00}, .end_of_medium = true}));
    EXPECT_FALSE(write_with({.code = {0x3, 0x0C, 0x00}, .deferred = true}));
    EXPECT_FALSE(write_with({.code = {0xD, 0x00, 0x02}, .deferred = true, .end_of_medium = true}));
    EXPECT_FALSE(write_with({.code = {0x0, 0x00, 0x02}, .end_of_medium = true, .information = 400})) << "half a block";
    EXPECT_FALSE(write_with({.code = {0x0, 0x00, 0x00}, .information = 1000}));
    device.answer(Answer{.transferred = 999});
    EXPECT_FALSE(write_block(drive, Bytes(buffer).first(1000)));
    device.answer(Answer{.error = Error{}});
    EXPECT_FALSE(write_block(drive, Bytes(buffer).first(1000)));
}

TEST_F(Commands, FilemarksAndSynchronize) {
    EXPECT_TRUE(write_filemarks(drive, 1, Wait::immediate)->written);
    EXPECT_EQ(cdb(0), (Buffer{0x10, 0x01, 0, 0, 1, 0}));
    EXPECT_TRUE(synchronize(drive)->written);
    EXPECT_EQ(cdb(1), (Buffer{0x10, 0, 0, 0, 0, 0}));
    device.answer_sense(kEarlyWarning);
    EXPECT_TRUE(synchronize(drive)->early_warning);
    device.answer_sense({.code = {0xD, 0x00, 0x02}, .end_of_medium = true});
    EXPECT_FALSE(write_filemarks(drive, 1)->written);
    device.answer_sense({.code = {0x3, 0x0C, 0x00}, .deferred = true});
    EXPECT_FALSE(synchronize(drive));
    device.answer(Answer{.error = Error{}});
    EXPECT_FALSE(synchronize(drive));
}

TEST_F(Commands, SpaceSaysHowFarItCame) {
    EXPECT_EQ(space(drive, SpaceCode::filemarks, -2)->moved, -2);
    EXPECT_EQ(cdb(0), (Buffer{0x11, 1, 0xFF, 0xFF, 0xFE, 0}));
    EXPECT_EQ(space(drive, SpaceCode::blocks, 0x1000000)->moved, 0x1000000);
    EXPECT_EQ(cdb(1), (Buffer{0x91, 0, 0, 0, 0, 0, 0, 0, 0x01, 0, 0, 0, 0, 0, 0, 0}));
    device.answer_sense({.code = {0x0, 0x00, 0x01}, .filemark = true, .information = 7});
    auto outcome = space(drive, SpaceCode::blocks, 10);
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->filemark);
    EXPECT_EQ(outcome->moved, 3);
    device.answer_sense({.code = {0x8, 0x00, 0x05}, .information = 4});
    outcome = space(drive, SpaceCode::filemarks, 5);
    EXPECT_TRUE(outcome->end_of_data);
    EXPECT_EQ(outcome->moved, 1);
    for (std::int64_t left : {3, -3}) {
        device.answer_sense({.code = {0x0, 0x00, 0x04}, .end_of_medium = true, .information = left});
        outcome = space(drive, SpaceCode::blocks, -5);
        EXPECT_TRUE(outcome->beginning);
        EXPECT_EQ(outcome->moved, -2);
    }
    device.answer_sense({.code = {0x3, 0x00, 0x02}, .end_of_medium = true, .information = 1});
    EXPECT_TRUE(space(drive, SpaceCode::filemarks, 5)->end_of_medium);
}

TEST_F(Commands, SpaceRefusesToGuess) {
    device.answer_sense({.code = {0x8, 0x00, 0x05}});
    EXPECT_FALSE(space(drive, SpaceCode::filemarks, 5));
    device.answer_sense({.code = {0x8, 0x00, 0x05}, .information = 6});
    EXPECT_FALSE(space(drive, SpaceCode::filemarks, 5));
    device.answer_sense({.code = {0x8, 0x00, 0x05}, .information = INT64_MIN});
    EXPECT_EQ(space(drive, SpaceCode::filemarks, INT64_MIN)->moved, 0) << "no overflow on the way";
    device.answer_sense({.code = {0x3, 0x11, 0x00}});
    EXPECT_FALSE(space(drive, SpaceCode::blocks, 5));
    device.answer_sense({.code = {0x8, 0x14, 0x03}});
    EXPECT_FALSE(locate_end_of_data(drive)) << "a tape without an end of data";
    device.answer(Answer{.error = Error{}});
    EXPECT_FALSE(space(drive, SpaceCode::blocks, 5));
}

TEST_F(Commands, LocateTriesTheShortForm) {
    EXPECT_TRUE(locate(drive, BlockNumber{0x112233445566}, Wait::immediate));
    EXPECT_EQ(cdb(0), (Buffer{0x92, 1, 0, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0, 0, 0, 0}));
    device.answer_sense(kUnknownCommand);
    EXPECT_TRUE(locate(drive, BlockNumber{0x01020304}));
    EXPECT_EQ(cdb(2), (Buffer{0x2B, 0, 0, 1, 2, 3, 4, 0, 0, 0}));
    device.answer_sense(kUnknownCommand);
    EXPECT_FALSE(locate(drive, BlockNumber{0x100000000}));
    device.answer_sense({.code = {0x8, 0x00, 0x05}});
    const auto beyond = locate(drive, BlockNumber{9});
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().happened, "drive D1: cannot go to block 9: blank check");
    EXPECT_TRUE(locate_file(drive, FilemarkCount{3}));
    EXPECT_EQ(device.asked.back().cdb.bytes[1], 0x08);
    EXPECT_TRUE(locate_end_of_data(drive));
    EXPECT_EQ(bytes_of_cdb(device.asked.back().cdb), (Buffer{0x11, 0x03, 0, 0, 0, 0}));
}

TEST_F(Commands, CurrentBlockPrefersTheLongForm) {
    const auto answer_wire = [&](const auto& data) {
        const auto wire = encode(data);
        device.answer_data({wire.begin(), wire.end()});
    };
    answer_wire(LongPositionData{.object = BigEndian<8>{0x100000001}});
    EXPECT_EQ(*current_block(drive), BlockNumber{0x100000001});
    EXPECT_EQ(cdb(0), (Buffer{0x34, 0x06, 0, 0, 0, 0, 0, 0, 0, 0}));
    device.answer_sense({.code = {0x5, 0x24, 0x00}});
    answer_wire(ShortPositionData{.first = BigEndian<4>{17}});
    EXPECT_EQ(*current_block(drive), BlockNumber{17});
    answer_wire(LongPositionData{.flags = LongPositionData::kLocationUnknown});
    const auto unknown = current_block(drive);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().recovery, Recovery::stop_device);
    device.answer_sense({.code = {0x6, 0x29, 0x00}});
    EXPECT_FALSE(current_block(drive)) << "a unit attention is not 'no long form'";
    device.answer_data({0, 0});
    EXPECT_FALSE(read_position(drive, PositionForm::short_block));
    answer_wire(ExtendedPositionData{.first = BigEndian<8>{5}, .last = BigEndian<8>{4}});
    EXPECT_EQ(*read_position(drive, PositionForm::extended)->on_medium, BlockNumber{4});
    EXPECT_EQ(bytes_of_cdb(device.asked.back().cdb), (Buffer{0x34, 0x08, 0, 0, 0, 0, 0, 0, 32, 0}));
}

TEST_F(Commands, TheOthers) {
    EXPECT_TRUE(load(drive));
    EXPECT_TRUE(unload(drive, Wait::immediate));
    EXPECT_EQ(cdb(0), (Buffer{0x1B, 0, 0, 0, 1, 0}));
    EXPECT_EQ(cdb(1), (Buffer{0x1B, 1, 0, 0, 0, 0}));
    EXPECT_TRUE(erase(drive, EraseKind::long_erase, Wait::immediate));
    EXPECT_EQ(cdb(2), (Buffer{0x19, 3, 0, 0, 0, 0}));
    device.answer_data({0, 0x80, 0, 0, 0, 1});
    EXPECT_EQ(read_block_limits(drive)->size_max, 0x800000U);
    device.answer_data({0});
    EXPECT_FALSE(read_block_limits(drive));
}

}  // namespace
}  // namespace capstan::scsi
