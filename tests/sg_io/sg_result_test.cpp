// The order in which the kernel's answer is read: host, driver, device, sense.
#include "drives/scsi/sg_io/sg_result.hpp"

#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>

namespace capstan::scsi {
namespace {

constexpr std::array<std::uint8_t, 18> kFilemark{0xF0, 0, 0x80, 0, 0, 0, 7, 10};
constexpr std::array<std::uint8_t, 2> kNonsense{0x12, 0};

struct Case {
    const char* name;
    std::uint8_t status;
    std::uint16_t host, driver;
    Bytes sense;
    std::string expected;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

std::string words(const Result<ScsiReply>& reply) {
    if (!reply) return std::string(name_of(reply.error().recovery)) + ": " + reply.error().happened;
    return (reply->sense ? to_text(reply->sense->code) + (reply->sense->filemark ? " filemark" : "") : "GOOD") + " " +
           std::to_string(reply->transferred);
}

class SgResults : public testing::TestWithParam<Case> {};

TEST_P(SgResults, AreReadInOrder) {
    const auto& one = GetParam();
    const SgResult result{.status = one.status,
                          .host_status = one.host,
                          .driver_status = one.driver,
                          .sense = one.sense,
                          .asked = 4096,
                          .residual = 96,
                          .took = {}};
    EXPECT_EQ(words(reply_from_sg(result, "/dev/sg3", 0x0A)), one.expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, SgResults,
    testing::Values(Case{"Good", 0x00, 0, 0, {}, "GOOD 4000"}, Case{"VendorBit", 0x01, 0, 0, {}, "GOOD 4000"},
                    Case{"Check", 0x02, 0, 8, kFilemark, "00/00/00 filemark 4000"},
                    Case{"CheckWithoutSense", 0x02, 0, 0, {}, "stop-device: /dev/sg3: CHECK CONDITION without sense data"},
                    Case{"CheckWithNonsense", 0x02, 0, 8, kNonsense, "stop-device: /dev/sg3: CHECK CONDITION without sense data"},
                    Case{"Busy", 0x08, 0, 0, {}, "retry-later: /dev/sg3: BUSY"},
                    Case{"Full", 0x28, 0, 0, {}, "retry-later: /dev/sg3: TASK SET FULL"},
                    Case{"Reserved", 0x18, 0, 0, {}, "ask-operator: /dev/sg3: another initiator has reserved it"},
                    Case{"Aborted", 0x40, 0, 0, {}, "stop-device: /dev/sg3: another initiator aborted the command; its outcome is unknown"},
                    Case{"Odd", 0x22, 0, 0, {}, "stop-device: /dev/sg3: the command ended with status 22h; its outcome is unknown"},
                    Case{"Gone",
                         0x00,
                         1,
                         0,
                         {},
                         "stop-device: /dev/sg3: command 0Ah: no connection to the device (host status 01h); its outcome is unknown"},
                    Case{"TimeOver",
                         0x00,
                         3,
                         6,
                         {},
                         "stop-device: /dev/sg3: command 0Ah: no answer within the time limit (host status 03h); its outcome is unknown"},
                    Case{"Disrupted",
                         0x00,
                         0x0E,
                         0,
                         {},
                         "stop-device: /dev/sg3: command 0Ah: the transport was disrupted (host status 0Eh); its outcome is unknown"},
                    Case{"HostAndSense", 0x02, 7, 8, kFilemark, "00/00/00 filemark 4000"},
                    Case{"DriverTimeOver",
                         0x00,
                         0,
                         6,
                         {},
                         "stop-device: /dev/sg3: command 0Ah: no answer within the time limit (driver status 06h); its outcome is unknown"},
                    Case{"DriverHard",
                         0x00,
                         0,
                         0x47,
                         {},
                         "stop-device: /dev/sg3: command 0Ah: the kernel's driver failed (driver status 07h); its outcome is unknown"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(SgResidual, CannotExceedWhatWasAsked) {
    const auto moved = [](int residual) {
        return reply_from_sg({.sense = {}, .asked = 100, .residual = residual, .took = {}}, "/dev/sg3", 0x08)->transferred;
    };
    EXPECT_EQ(moved(0), 100U);
    EXPECT_EQ(moved(40), 60U);
    EXPECT_EQ(moved(200), 0U);
    EXPECT_EQ(moved(-4), 100U);
}

// Whether it may be opened again without an operator.
TEST(SgResult, TellsALostWayFromSilence) {
    for (const std::uint16_t host : {0x01, 0x02, 0x04, 0x08, 0x0C, 0x0D, 0x0E, 0x0F}) EXPECT_TRUE(connection_ended({.host_status = host})) << host;
    for (const std::uint16_t host : {0x00, 0x03, 0x05, 0x06, 0x07, 0x14}) EXPECT_FALSE(connection_ended({.host_status = host})) << host;
    EXPECT_FALSE(connection_ended({.status = 0x02, .driver_status = 0x08})) << "the device answered";
    EXPECT_FALSE(connection_ended({.driver_status = 0x06})) << "it was silent";
}

}  // namespace
}  // namespace capstan::scsi
