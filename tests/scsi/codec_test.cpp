// INQUIRY, VPD, mode data, operation codes and positions: golden bytes, round trips, cut at every length.
#include "drives/scsi/mode.hpp"
#include "drives/scsi/smc.hpp"
#include "drives/scsi/ssc.hpp"
#include "drives/scsi/text.hpp"
#include "drives/scsi/timeouts.hpp"
#include "scsi/scripted_transport.hpp"

namespace capstan::scsi {
namespace {

using namespace std::chrono_literals;
using Buffer = std::vector<std::uint8_t>;

TEST(Cdb, IsTakenApartAsItWasPutTogether) {
    const Locate16Cdb locate{.identifier = BigEndian<8>{0x1122334455}};
    const Cdb cdb = to_cdb(locate);
    EXPECT_EQ(cdb.size, 16);
    EXPECT_EQ(from_cdb<Locate16Cdb>(cdb), locate);
    EXPECT_FALSE(from_cdb<Space16Cdb>(cdb)) << "another operation code";
    Cdb cut = cdb;
    cut.size = 12;
    EXPECT_FALSE(from_cdb<Locate16Cdb>(cut));
    EXPECT_EQ(opcode_of(cdb), Opcode::locate_16);
}

TEST(Cdb, SizeFollowsFromTheGroupOfTheOperationCode) {
    for (const Cdb& cdb : {to_cdb(TestUnitReadyCdb{}), to_cdb(ModeSense10Cdb{}), to_cdb(ReadPositionCdb{}),
                           to_cdb(Space16Cdb{}), to_cdb(MoveMediumCdb{}), to_cdb(ReadElementStatusCdb{}),
                           to_cdb(ReportOperationCodesCdb{}), to_cdb(Erase6Cdb{}), to_cdb(Locate10Cdb{})}) {
        EXPECT_EQ(cdb_size_of_group(cdb.bytes[0]), cdb.size) << int(cdb.bytes[0]);
    }
}

const InquiryData kDrive{
    .device_type = DeviceType::tape, .removable = true, .vendor = "IBM", .product = "ULTRIUM-HH8", .revision = "M2D1"};

TEST(Inquiry, GoldenBytesAndRoundTrip) {
    Buffer expected{0x01, 0x80, 0x06, 0x02, 91, 0, 0, 0x02};
    append_padded(expected, "IBM", 8);
    append_padded(expected, "ULTRIUM-HH8", 16);
    append_padded(expected, "M2D1", 4);
    expected.resize(96);
    EXPECT_EQ(encode_inquiry(kDrive), expected);
    EXPECT_EQ(decode_inquiry(expected), kDrive);
    EXPECT_EQ(decode_inquiry(with_trailing_bytes(expected)), kDrive);
}

TEST(Inquiry, CutAtEveryLength) {
    cut_at_every_length(encode_inquiry(kDrive), [](const Buffer& cut) {
        const auto data = decode_inquiry(cut);
        ASSERT_EQ(data.has_value(), cut.size() >= 5);
        if (data) {
            EXPECT_EQ(*data == kDrive, cut.size() >= 36);
        }
    });
    Buffer lying = encode_inquiry(kDrive);
    lying[4] = 11;  // ends after the vendor
    EXPECT_EQ(decode_inquiry(lying)->vendor, "IBM");
    EXPECT_EQ(decode_inquiry(lying)->product, "");
}

TEST(Inquiry, ControlCharactersNeverReachATerminal) {
    Buffer bytes = encode_inquiry(kDrive);
    bytes[9] = 0x1B;
    EXPECT_EQ(decode_inquiry(bytes)->vendor, "I?M");
}

TEST(Vpd, SerialNumber) {
    const auto page = encode_vpd_serial_number(DeviceType::tape, "  1097001234");
    EXPECT_EQ(Buffer(page.begin(), page.begin() + 6), (Buffer{0x01, 0x80, 0x00, 12, ' ', ' '}));
    EXPECT_EQ(decode_vpd_serial_number(page), "1097001234");
    EXPECT_EQ(decode_vpd_serial_number(with_trailing_bytes(page)), "1097001234");
    EXPECT_FALSE(decode_vpd_identification(page)) << "another page";
    cut_at_every_length(
        page, [](const Buffer& cut) { EXPECT_EQ(decode_vpd_serial_number(cut).has_value(), cut.size() >= 4); });
}

TEST(Vpd, SupportedPages) {
    const Buffer codes{0x00, 0x80, 0x83, 0xB0};
    const auto page = encode_vpd_supported_pages(DeviceType::changer, codes);
    EXPECT_EQ(page, (Buffer{0x08, 0x00, 0x00, 0x04, 0x00, 0x80, 0x83, 0xB0}));
    EXPECT_EQ(decode_vpd_supported_pages(page), codes);
    EXPECT_EQ(decode_vpd_supported_pages(Bytes(page).first(6))->size(), 2U);
}

std::vector<Designator> drive_designators() {
    const Bytes t10 = bytes_of("IBM     ULT3580-TD8     1097001234");
    return {{.code_set = Designator::CodeSet::ascii,
             .type = Designator::Type::t10_vendor_id,
             .bytes = {t10.begin(), t10.end()}},
            {.type = Designator::Type::naa, .bytes = {0x50, 0x05, 0x07, 0x63, 0x12, 0x34, 0x56, 0x78}},
            {.type = Designator::Type::relative_port,
             .association = Designator::Association::target_port,
             .bytes = {0, 0, 0, 1}}};
}

TEST(Vpd, Identification) {
    const auto designators = drive_designators();
    const auto page = encode_vpd_identification(DeviceType::tape, designators);
    EXPECT_EQ(Buffer(page.begin(), page.begin() + 8), (Buffer{0x01, 0x83, 0x00, 58, 0x02, 0x01, 0x00, 34}));
    EXPECT_EQ(decode_vpd_identification(page), designators);
    EXPECT_EQ(decode_vpd_identification(with_trailing_bytes(page)), designators);
    cut_at_every_length(page, [&](const Buffer& cut) {
        const auto found = decode_vpd_identification(cut);
        ASSERT_EQ(found.has_value(), cut.size() >= 4);
        if (found) {
            EXPECT_EQ(found->size(), (cut.size() >= 42) + (cut.size() >= 54) + (cut.size() >= 62));
        }
    });
}

TEST(Vpd, SerialNumberOfADesignator) {
    const auto designators = drive_designators();
    EXPECT_EQ(serial_number_of(designators[0]), "1097001234");
    EXPECT_EQ(serial_number_of(designators[1]), "5005076312345678");
    EXPECT_EQ(serial_number_of(designators[2]), "");
    Designator plain{.code_set = Designator::CodeSet::ascii, .bytes = {'H', 'U', '1', ' '}};
    EXPECT_EQ(serial_number_of(plain), "HU1");
    plain.code_set = Designator::CodeSet::binary;
    EXPECT_EQ(serial_number_of(plain), "");
    plain.type = Designator::Type::t10_vendor_id;
    EXPECT_EQ(serial_number_of(plain), "") << "shorter than the vendor's name";
}

ModeData drive_modes() {
    ModeData data{.device_specific = kModeWriteProtected | kModeBuffered,
                  .block_descriptor = BlockDescriptor{.density_code = 0x5E}};
    data.pages.push_back(to_page(DataCompressionPage{.compression = 0xC0, .decompression = 0x80}));
    data.pages.push_back(to_page(DeviceConfigurationPage{.write_delay = BigEndian<2>{20}}));
    return data;
}

TEST(ModePages, GoldenBytesOfTheShortForm) {
    ModeData data{.device_specific = kModeBuffered, .block_descriptor = BlockDescriptor{.density_code = 0x5E}};
    EXPECT_EQ(encode_mode_data(ModeForm::six, ModeUse::sense, data),
              (Buffer{11, 0, 0x10, 8, 0x5E, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(encode_mode_data(ModeForm::ten, ModeUse::select, data),
              (Buffer{0, 0, 0, 0x10, 0, 0, 0, 8, 0x5E, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(ModePages, RoundTripInBothForms) {
    const ModeData data = drive_modes();
    EXPECT_TRUE(data.write_protected());
    for (auto form : {ModeForm::six, ModeForm::ten}) {
        const auto bytes = encode_mode_data(form, ModeUse::sense, data);
        EXPECT_EQ(decode_mode_data(form, ModeUse::sense, bytes), data);
        EXPECT_EQ(decode_mode_data(form, ModeUse::sense, with_trailing_bytes(bytes)), data);
        EXPECT_EQ(decode_mode_data(form, ModeUse::select, encode_mode_data(form, ModeUse::select, data)), data);
        const std::size_t header = form == ModeForm::six ? 4 : 8;
        cut_at_every_length(bytes, [&](const Buffer& cut) {
            const auto found = decode_mode_data(form, ModeUse::sense, cut);
            ASSERT_EQ(found.has_value(), cut.size() >= header);
            if (!found) return;
            EXPECT_EQ(found->block_descriptor.has_value(), cut.size() >= header + 8);
            EXPECT_EQ(found->pages.size(), (cut.size() >= header + 24) + (cut.size() >= header + 40));
        });
    }
}

TEST(ModePages, AreFoundByTheirCode) {
    const ModeData data = drive_modes();
    EXPECT_EQ(find_page<DataCompressionPage>(data)->compression, 0xC0);
    EXPECT_EQ(find_page<DeviceConfigurationPage>(data)->write_delay.value(), 20U);
    EXPECT_FALSE(find_page<ElementAddressPage>(data));
    ModeData old;  // a page that is shorter than the standard's
    old.pages.push_back({.code = 0x0F, .subpage = 0, .bytes = {0x0F, 2, 0x80, 0x80}});
    EXPECT_EQ(find_page<DataCompressionPage>(old)->compression, 0x80);
}

TEST(ModePages, SelectClearsTheSaveableBit) {
    ModeData data = drive_modes();
    data.pages[0].bytes[0] |= 0x80;
    const auto bytes = encode_mode_data(ModeForm::ten, ModeUse::select, data);
    EXPECT_EQ(bytes[16], 0x0F);
    EXPECT_EQ(encode_mode_data(ModeForm::ten, ModeUse::sense, data)[16], 0x8F);
}

TEST(ModePages, SubpagesHaveALongerHeader) {
    ModeData data;
    data.pages.push_back({.code = 0x10, .subpage = 0x01, .bytes = {0x50, 0x01, 0x00, 0x02, 0xAA, 0xBB}});
    const auto bytes = encode_mode_data(ModeForm::ten, ModeUse::sense, data);
    EXPECT_EQ(decode_mode_data(ModeForm::ten, ModeUse::sense, bytes), data);
    EXPECT_FALSE(find_page<DeviceConfigurationPage>(data)) << "a subpage is another page";
    cut_at_every_length(bytes, [](const Buffer& cut) {
        const auto found = decode_mode_data(ModeForm::ten, ModeUse::sense, cut);
        if (found) {
            EXPECT_EQ(found->pages.size(), std::size_t{cut.size() == 14});
        }
    });
}

TEST(ModePages, GoldenBytesOfTheElementAddresses) {
    const ElementAddressPage page{.first_picker = BigEndian<2>{1},
                                  .picker_count = BigEndian<2>{1},
                                  .first_storage = BigEndian<2>{0x1000},
                                  .storage_count = BigEndian<2>{16},
                                  .first_import_export = BigEndian<2>{0x10},
                                  .import_export_count = BigEndian<2>{1},
                                  .first_drive = BigEndian<2>{0x100},
                                  .drive_count = BigEndian<2>{2}};
    EXPECT_EQ(to_page(page).bytes,
              (Buffer{0x1D, 0x12, 0, 1, 0, 1, 0x10, 0, 0, 16, 0, 0x10, 0, 1, 0x01, 0x00, 0, 2, 0, 0}));
}

std::vector<SupportedCommand> drive_commands() {
    return {{.opcode = 0x01, .service_action = std::nullopt, .cdb_size = 6, .timeouts = CommandTimeouts{60s, 480s}},
            {.opcode = 0x34, .service_action = 6, .cdb_size = 10, .timeouts = CommandTimeouts{0s, 90s}},
            {.opcode = 0x12, .service_action = std::nullopt, .cdb_size = 6, .timeouts = std::nullopt}};
}

TEST(OperationCodes, GoldenBytesRoundTripAndCuts) {
    const auto commands = drive_commands();
    const auto bytes = encode_supported_commands(commands);
    EXPECT_EQ(Buffer(bytes.begin(), bytes.begin() + 24),
              (Buffer{0, 0, 0, 48, 0x01, 0, 0, 0, 0, 0x02, 0, 6, 0, 0x0A, 0, 0, 0, 0, 0, 60, 0, 0, 0x01, 0xE0}));
    EXPECT_EQ(decode_supported_commands(bytes), commands);
    EXPECT_EQ(decode_supported_commands(with_trailing_bytes(bytes)), commands);
    cut_at_every_length(bytes, [](const Buffer& cut) {
        const auto found = decode_supported_commands(cut);
        ASSERT_EQ(found.has_value(), cut.size() >= 4);
        if (found) {
            EXPECT_EQ(found->size(), (cut.size() >= 24) + (cut.size() >= 44) + (cut.size() >= 52));
        }
    });
}

TEST(OperationCodes, OneCommand) {
    const OneCommandSupport support{.support = OneCommandSupport::Support::standard,
                                    .usage = {0x34, 0x1F, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0x07},
                                    .timeouts = CommandTimeouts{1s, 90s}};
    const auto bytes = encode_one_command(support);
    EXPECT_EQ(Buffer(bytes.begin(), bytes.begin() + 6), (Buffer{0, 0x83, 0, 10, 0x34, 0x1F}));
    EXPECT_EQ(decode_one_command(bytes), support);
    cut_at_every_length(bytes, [](const Buffer& cut) {
        const auto found = decode_one_command(cut);
        ASSERT_EQ(found.has_value(), cut.size() >= 4);
        if (!found) return;
        EXPECT_EQ(found->usage.size(), cut.size() >= 14 ? 10U : 0U);
        EXPECT_EQ(found->timeouts.has_value(), cut.size() >= 26);
    });
    using Support = OneCommandSupport::Support;
    EXPECT_EQ(decode_one_command(Buffer{0, 0x01, 0, 0})->support, Support::not_supported);
    EXPECT_EQ(decode_one_command(Buffer{0, 0x05, 0, 0})->support, Support::vendor_specific);
    EXPECT_EQ(decode_one_command(Buffer{0, 0x00, 0, 0})->support, Support::unknown);
    EXPECT_EQ(decode_one_command(Buffer{0, 0x07, 0, 0})->support, Support::unknown);
}

TEST(TimeoutTable, TakesTheDevicesOwnLimits) {
    Timeouts timeouts;
    const auto inquiry_before = timeouts.of(Opcode::inquiry);
    EXPECT_GE(timeouts.of(Opcode::load_unload), 2h) << "media optimisation";
    auto commands = drive_commands();
    commands.push_back({.opcode = 0x34, .service_action = 8, .cdb_size = 10, .timeouts = CommandTimeouts{0s, 30s}});
    commands.push_back({.opcode = 0x2B, .service_action = std::nullopt, .cdb_size = 10, .timeouts = CommandTimeouts{}});
    timeouts.take(commands);
    EXPECT_EQ(timeouts.of(Opcode::rewind), 480s);
    EXPECT_EQ(timeouts.of(Opcode::read_position), 90s) << "the longest of its service actions";
    EXPECT_EQ(timeouts.of(Opcode::inquiry), inquiry_before);
    EXPECT_EQ(timeouts.of(Opcode::locate_10), Timeouts().of(Opcode::locate_10)) << "0 says nothing";
    EXPECT_EQ(timeouts.of(to_cdb(RewindCdb{})), 480s);
}

template <class Data>
Buffer wire(const Data& data) {
    const auto bytes = encode(data);
    return {bytes.begin(), bytes.end()};
}

TEST(ReadPosition, ShortForm) {
    const Buffer bytes = wire(ShortPositionData{.flags = ShortPositionData::kBeginning,
                                                .first = BigEndian<4>{100},
                                                .last = BigEndian<4>{97},
                                                .objects_in_buffer = BigEndian<3>{3},
                                                .bytes_in_buffer = BigEndian<4>{0x30000}});
    EXPECT_EQ(bytes, (Buffer{0x80, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 97, 0, 0, 0, 3, 0, 3, 0, 0}));
    const auto position = decode_position(PositionForm::short_block, bytes);
    EXPECT_EQ(position, (Position{.at_beginning = true,
                                  .block = BlockNumber{100},
                                  .on_medium = BlockNumber{97},
                                  .file = std::nullopt,
                                  .objects_in_buffer = 3,
                                  .bytes_in_buffer = 0x30000}));
    Buffer unknown = bytes;
    unknown[0] = 0x34;
    EXPECT_EQ(decode_position(PositionForm::short_block, unknown), Position{});
    unknown[0] = 0x02;  // PERR
    EXPECT_EQ(decode_position(PositionForm::short_block, unknown), Position{});
}

TEST(ReadPosition, LongAndExtendedForm) {
    Buffer bytes = wire(LongPositionData{.flags = 0x40, .object = BigEndian<8>{0x1234567890}, .file = BigEndian<8>{7}});
    EXPECT_EQ(
        decode_position(PositionForm::long_form, bytes),
        (Position{
            .at_end = true, .block = BlockNumber{0x1234567890}, .on_medium = std::nullopt, .file = FilemarkCount{7}}));
    bytes[0] = 0x0C;
    EXPECT_EQ(decode_position(PositionForm::long_form, bytes), Position{});
    const Buffer extended = wire(ExtendedPositionData{.flags = 0x01,
                                                      .objects_in_buffer = BigEndian<3>{2},
                                                      .first = BigEndian<8>{12},
                                                      .last = BigEndian<8>{10},
                                                      .bytes_in_buffer = BigEndian<8>{524288}});
    EXPECT_EQ(extended[3], 0x1C);
    EXPECT_EQ(decode_position(PositionForm::extended, extended), (Position{.beyond_early_warning = true,
                                                                           .block = BlockNumber{12},
                                                                           .on_medium = BlockNumber{10},
                                                                           .file = std::nullopt,
                                                                           .objects_in_buffer = 2,
                                                                           .bytes_in_buffer = 524288}));
    for (auto form :
         {PositionForm::short_block, PositionForm::short_vendor, PositionForm::long_form, PositionForm::extended}) {
        const bool is_short = form == PositionForm::short_block || form == PositionForm::short_vendor;
        cut_at_every_length(extended, [&](const Buffer& cut) {
            EXPECT_EQ(decode_position(form, cut).has_value(), cut.size() >= (is_short ? 20U : 32U));
        });
    }
    EXPECT_FALSE(decode_position(PositionForm{0x1F}, extended));
}

TEST(BlockLimitsReply, IsDecoded) {
    const Buffer bytes{0xE2, 0x80, 0x00, 0x00, 0x00, 0x04};
    EXPECT_EQ(decode_block_limits(bytes), (BlockLimits{.size_min = 4, .size_max = 0x800000, .granularity = 2}));
    EXPECT_FALSE(decode_block_limits(Bytes(bytes).first(5)));
}

}  // namespace
}  // namespace capstan::scsi
