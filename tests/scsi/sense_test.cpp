#include "drives/scsi/sense.hpp"
#include "drives/scsi/sense_table.hpp"
#include "scsi/scripted_transport.hpp"

namespace capstan::scsi {
namespace {

using Buffer = std::vector<std::uint8_t>;

Buffer encoded(const Sense& sense, SenseFormat format) {
    const auto out = encode_sense(sense, format);
    return {out.bytes().begin(), out.bytes().end()};
}

const Sense kFilemark{.code = {0x0, 0x00, 0x01}, .filemark = true, .information = 262144};
const Sense kShortBlock{.code = {0x0, 0x00, 0x00}, .incorrect_length = true, .information = 1000};
const Sense kLongBlock{.code = {0x0, 0x00, 0x00}, .incorrect_length = true, .information = -65536};
const Sense kDeferred{.code = {0x3, 0x0C, 0x00}, .deferred = true, .end_of_medium = true};
const Sense kBig{.code = {0xD, 0x00, 0x02}, .end_of_medium = true, .information = 0x123456789A};

const Sense kHalfDone{.code = {0x2, 0x04, 0x01}, .progress = 0x8001};

TEST(Sense, ProgressGoldenBytes) {
    const Buffer fixed{0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x04, 0x01, 0, 0x80, 0x80, 0x01};
    const Buffer descriptor{0x72, 2, 0x04, 0x01, 0, 0, 0, 8, 0x02, 0x06, 0, 0, 0x80, 0x80, 0x01, 0};
    EXPECT_EQ(encoded(kHalfDone, SenseFormat::fixed), fixed);
    EXPECT_EQ(encoded(kHalfDone, SenseFormat::descriptor), descriptor);
    for (const auto& golden : {fixed, descriptor})
        cut_at_every_length(golden, [&](const Buffer& cut) {
            const auto sense = decode_sense(cut);
            if (sense) {
                EXPECT_EQ(sense->progress.has_value(), cut.size() == golden.size()) << cut.size();
            }
        });
    auto field_pointer = fixed;
    field_pointer[2] = 5;
    EXPECT_FALSE(decode_sense(field_pointer)->progress) << "these bytes mean something else with ILLEGAL REQUEST";
    const Sense all{.code = {0x0, 0x00, 0x02}, .end_of_medium = true, .information = 7, .progress = 9};
    EXPECT_EQ(decode_sense(encoded(all, SenseFormat::descriptor)), all);
    EXPECT_EQ(decode_sense(encoded(all, SenseFormat::fixed)), all);
}

TEST(Sense, FixedGoldenBytes) {
    EXPECT_EQ(encoded(kFilemark, SenseFormat::fixed),
              (Buffer{0xF0, 0, 0x80, 0x00, 0x04, 0x00, 0x00, 10, 0, 0, 0, 0, 0x00, 0x01, 0, 0, 0, 0}));
    EXPECT_EQ(encoded(kLongBlock, SenseFormat::fixed),
              (Buffer{0xF0, 0, 0x20, 0xFF, 0xFF, 0x00, 0x00, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(encoded(kDeferred, SenseFormat::fixed),
              (Buffer{0x71, 0, 0x43, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x0C, 0x00, 0, 0, 0, 0}));
    EXPECT_EQ(encoded(kBig, SenseFormat::fixed)[0], 0x70) << "a number that does not fit is not VALID";
}

TEST(Sense, DescriptorGoldenBytes) {
    EXPECT_EQ(encoded(kBig, SenseFormat::descriptor),
              (Buffer{0x72, 0x0D, 0x00, 0x02, 0,    0,    0,    16,   0x00, 0x0A, 0x80, 0,
                      0,    0,    0,    0x12, 0x34, 0x56, 0x78, 0x9A, 0x04, 0x02, 0,    0x40}));
    EXPECT_EQ(encoded(kDeferred, SenseFormat::descriptor),
              (Buffer{0x73, 0x03, 0x0C, 0x00, 0, 0, 0, 4, 0x04, 0x02, 0, 0x40}));
}

TEST(Sense, RoundTripsInBothFormats) {
    for (const auto& sense : {kFilemark, kShortBlock, kLongBlock, kDeferred, Sense{}, Sense{.code = {6, 0x29, 1}}}) {
        EXPECT_EQ(decode_sense(encoded(sense, SenseFormat::fixed)), sense);
        EXPECT_EQ(decode_sense(encoded(sense, SenseFormat::descriptor)), sense);
        EXPECT_EQ(decode_sense(with_trailing_bytes(encoded(sense, SenseFormat::fixed))), sense);
        EXPECT_EQ(decode_sense(with_trailing_bytes(encoded(sense, SenseFormat::descriptor))), sense);
    }
    EXPECT_EQ(decode_sense(encoded(kBig, SenseFormat::descriptor)), kBig);
}

TEST(Sense, CutAtEveryLengthGivesWhatIsWhole) {
    cut_at_every_length(encoded(kLongBlock, SenseFormat::fixed), [](const Buffer& cut) {
        const auto sense = decode_sense(cut);
        ASSERT_EQ(sense.has_value(), cut.size() >= 3);
        if (sense) {
            EXPECT_TRUE(sense->incorrect_length);
            EXPECT_EQ(sense->information.has_value(), cut.size() >= 7);
        }
    });
    cut_at_every_length(encoded(kBig, SenseFormat::descriptor), [](const Buffer& cut) {
        const auto sense = decode_sense(cut);
        ASSERT_EQ(sense.has_value(), cut.size() >= 2);
        if (sense) {
            EXPECT_EQ(sense->code.key, 0xD);
            EXPECT_EQ(sense->information.has_value(), cut.size() >= 20);
            EXPECT_EQ(sense->end_of_medium, cut.size() >= 24);
        }
    });
}

TEST(Sense, ForeignDescriptorsAreSkipped) {
    const Buffer with_field_replaceable_unit{0x72, 0x04, 0x15, 0x01, 0, 0, 0, 12, 0x03, 0x02,
                                             0,    0x30, 0x02, 0x06, 0, 0, 0, 0,  0,    0};
    EXPECT_EQ(decode_sense(with_field_replaceable_unit), (Sense{.code = {0x4, 0x15, 0x01}}));
    EXPECT_FALSE(decode_sense(Buffer{0x7F, 0, 0, 0, 0, 0, 0, 0})) << "vendor specific";
    EXPECT_FALSE(decode_sense(Buffer(18, 0)));
}

TEST(Sense, FixedLengthByteEndsTheSenseData) {
    Buffer bytes = encoded(Sense{.code = {0x5, 0x24, 0x01}}, SenseFormat::fixed);
    bytes[7] = 5;  // ends with byte 12
    EXPECT_EQ(decode_sense(bytes)->code, (SenseCode{0x5, 0x24, 0x00}));
    bytes[7] = 0;
    EXPECT_EQ(decode_sense(bytes)->code, (SenseCode{0x5, 0x00, 0x00}));
}

struct SenseCase {
    const char* name;
    SenseCode code;
    Recovery expected;
};
class SenseRules : public testing::TestWithParam<SenseCase> {};

TEST_P(SenseRules, ChooseTheRecovery) {
    ASSERT_NE(find_rule(GetParam().code), nullptr);
    EXPECT_EQ(find_rule(GetParam().code)->recovery, GetParam().expected);
    EXPECT_EQ(rule_for(GetParam().code).recovery, GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    T10, SenseRules,
    testing::Values(SenseCase{"BecomingReady", {0x2, 0x04, 0x01}, Recovery::retry_later},
                    SenseCase{"NotReadyForAnUnknownReason", {0x2, 0x04, 0x00}, Recovery::ask_operator},
                    SenseCase{"InitializingCommandRequired", {0x2, 0x04, 0x02}, Recovery::retry_later},
                    SenseCase{"ManualIntervention", {0x2, 0x04, 0x03}, Recovery::ask_operator},
                    SenseCase{"OperationInProgress", {0x2, 0x04, 0x07}, Recovery::retry_later},
                    SenseCase{"Offline", {0x2, 0x04, 0x12}, Recovery::ask_operator},
                    SenseCase{"MediumNotPresent", {0x2, 0x3A, 0x00}, Recovery::refresh_inventory},
                    SenseCase{"CleaningCartridge", {0x2, 0x30, 0x03}, Recovery::retry_later},
                    SenseCase{"WriteError", {0x3, 0x0C, 0x00}, Recovery::replace_medium},
                    SenseCase{"UnrecoveredReadError", {0x3, 0x11, 0x00}, Recovery::replace_medium},
                    SenseCase{"EndOfDataNotFound", {0x3, 0x14, 0x03}, Recovery::replace_medium},
                    SenseCase{"IncompatibleMedium", {0x3, 0x30, 0x00}, Recovery::replace_medium},
                    SenseCase{"SequentialPositioningError", {0x3, 0x3B, 0x00}, Recovery::replace_medium},
                    SenseCase{"RobotJam", {0x4, 0x15, 0x01}, Recovery::stop_device},
                    SenseCase{"InternalTargetFailure", {0x4, 0x44, 0x00}, Recovery::stop_device},
                    SenseCase{"LoadOrEjectFailed", {0x4, 0x53, 0x00}, Recovery::stop_device},
                    SenseCase{"InvalidOperationCode", {0x5, 0x20, 0x00}, Recovery::change_request},
                    SenseCase{"InvalidElementAddress", {0x5, 0x21, 0x01}, Recovery::refresh_inventory},
                    SenseCase{"InvalidFieldInCdb", {0x5, 0x24, 0x00}, Recovery::change_request},
                    SenseCase{"InvalidFieldInParameterList", {0x5, 0x26, 0x00}, Recovery::change_request},
                    SenseCase{"CannotWriteThisGeneration", {0x5, 0x30, 0x05}, Recovery::replace_medium},
                    SenseCase{"DestinationFull", {0x5, 0x3B, 0x0D}, Recovery::refresh_inventory},
                    SenseCase{"SourceEmpty", {0x5, 0x3B, 0x0E}, Recovery::refresh_inventory},
                    SenseCase{"RemovalPrevented", {0x5, 0x53, 0x02}, Recovery::ask_operator},
                    SenseCase{"MediumChanged", {0x6, 0x28, 0x00}, Recovery::refresh_inventory},
                    SenseCase{"ImportExportAccessed", {0x6, 0x28, 0x01}, Recovery::refresh_inventory},
                    SenseCase{"PowerOn", {0x6, 0x29, 0x00}, Recovery::retry_later},
                    SenseCase{"ModeParametersChanged", {0x6, 0x2A, 0x01}, Recovery::retry_later},
                    SenseCase{"ReservationsPreempted", {0x6, 0x2A, 0x03}, Recovery::ask_operator},
                    SenseCase{"WriteProtected", {0x7, 0x27, 0x00}, Recovery::ask_operator},
                    SenseCase{"PermanentlyProtected", {0x7, 0x27, 0x05}, Recovery::replace_medium},
                    SenseCase{"WormOverwrite", {0x7, 0x30, 0x0C}, Recovery::replace_medium},
                    SenseCase{"EndOfData", {0x8, 0x00, 0x05}, Recovery::replace_medium},
                    SenseCase{"TargetFailureAborted", {0xB, 0x44, 0x00}, Recovery::stop_device},
                    SenseCase{"VolumeOverflow", {0xD, 0x00, 0x02}, Recovery::replace_medium}),
    [](const auto& one) { return one.param.name; });

TEST(SenseTable, EveryRuleIsFoundAndHasAdvice) {
    for (const auto& rule : sense_rules()) {
        EXPECT_EQ(find_rule(rule.code), &rule) << to_text(rule.code);
        ASSERT_FALSE(rule.advice.empty());
        EXPECT_EQ(rule.advice.back(), '.');
    }
}

TEST(SenseTable, EveryCodeHasARule) {
    for (unsigned key = 0; key < 16; ++key) {
        for (unsigned asc = 0; asc < 256; asc += 5) {
            const SenseCode code{static_cast<std::uint8_t>(key), static_cast<std::uint8_t>(asc), 0x7B};
            EXPECT_FALSE(rule_for(code).advice.empty()) << to_text(code);
        }
        EXPECT_FALSE(name_of(static_cast<SenseKey>(key)).empty());
    }
    EXPECT_EQ(rule_for({0x2, 0x04, 0x7B}).recovery, Recovery::ask_operator) << "the rule of 04/00";
    EXPECT_EQ(rule_for({0x4, 0x99, 0x01}).recovery, Recovery::stop_device) << "the rule of the key";
    EXPECT_EQ(rule_for({0x5, 0x3B, 0x7B}).recovery, Recovery::change_request) << "not that of 'destination full'";
}

TEST(SenseTable, AnErrorNamesTheThingTheFactAndTheAct) {
    const Error error = error_from_sense("drive D1: cannot write a block", Sense{.code = {0x7, 0x27, 0x00}});
    EXPECT_EQ(to_text(error),
              "drive D1: cannot write a block: data protect. The cartridge is write protected; slide its tab or "
              "pick another volume. (07/27/00)");
    EXPECT_EQ(error.recovery, Recovery::ask_operator);
}

TEST(SenseTable, DeferredErrorsAreNotRetriedWhenDataIsLost) {
    Sense sense{.code = {0xB, 0x47, 0x00}, .deferred = true};
    EXPECT_EQ(error_from_sense("x", sense).recovery, Recovery::stop_device);
    EXPECT_NE(error_from_sense("x", sense).happened.find("earlier command"), std::string::npos);
    sense.code = {0x3, 0x0C, 0x00};
    EXPECT_EQ(error_from_sense("x", sense).recovery, Recovery::replace_medium);
    sense.code = {0x1, 0x5D, 0x00};
    EXPECT_EQ(error_from_sense("x", sense).recovery, Recovery::retry_later) << "nothing was lost";
}

}  // namespace
}  // namespace capstan::scsi
