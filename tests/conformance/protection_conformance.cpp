// Logical block protection, and what a drive says of its encryption.
#include "conformance.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace capstan::conformance {

using namespace virtual_library;
using scsi::Opcode;
using Protection = scsi::ControlDataProtectionPage;

namespace {

using virtual_library::told;

std::string select(scsi::Transport& drive, const Protection& page) {
    scsi::ModeData data;
    data.device_specific = scsi::kModeBuffered;
    data.pages.push_back(scsi::to_page(page));
    const auto done = scsi::mode_select(drive, data);
    return done ? "GOOD" : done.error().sense ? to_text(done.error().sense->code) : to_text(done.error());
}

std::optional<Protection> protection(scsi::Transport& drive, scsi::PageControl control = scsi::PageControl::current) {
    const auto data = scsi::mode_sense(drive, Protection::kPage, control, Protection::kSubpage);
    return data ? scsi::find_page<Protection>(*data) : std::nullopt;
}

// CRC-32C, bit by bit, so that it is not the drive's own that is compared with itself.
std::vector<std::uint8_t> guarded(std::vector<std::uint8_t> data) {
    constexpr std::uint32_t kPolynomial = 0x82F63B78;
    std::uint32_t crc = ~0U;
    for (const auto byte : data) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    }
    crc = ~crc;
    for (int i = 0; i < 4; ++i) data.push_back(static_cast<std::uint8_t>(crc >> (8 * i)));
    return data;
}

constexpr Protection page(std::uint8_t flags) { return {.method = Protection::kCrc32c, .information_length = 4, .flags = flags}; }

}  // namespace

#define CAPSTAN_NEEDS_PROTECTION() \
    settle(drive());               \
    if (!protection(drive())) GTEST_SKIP() << "the drive has no control data protection page"

TEST_P(TapeConformance, ProtectedBlocksAreCheckedWhenTheyAreWritten) {
    CAPSTAN_NEEDS_PROTECTION();
    load();
    ASSERT_EQ(select(drive(), page(Protection::kOnWrite)), "GOOD");
    ASSERT_TRUE(protection(drive()));
    EXPECT_EQ(protection(drive())->method, Protection::kCrc32c);
    EXPECT_EQ(told(write(drive(), guarded(block(1, 1000)))), "GOOD");
    auto damaged = guarded(block(2, 1000));
    damaged[17] ^= 1;
    EXPECT_EQ(told(write(drive(), damaged)), "04/10/01");
    EXPECT_EQ(told(write(drive(), std::vector<std::uint8_t>(4))), "04/10/01") << "no data before it";
    EXPECT_EQ(told(write(drive(), guarded(block(3, 77)))), "GOOD");
    ASSERT_EQ(select(drive(), Protection{}), "GOOD");
    EXPECT_TRUE(protection(drive())->is_off());
    ASSERT_TRUE(scsi::rewind(drive()));
    std::vector<std::uint8_t> space(1000);
    ASSERT_EQ(told(read(drive(), space)), "GOOD");
    EXPECT_EQ(space, block(1, 1000)) << "the CRC is not on the tape";
    space.resize(77);
    ASSERT_EQ(told(read(drive(), space)), "GOOD") << "what was refused is not there";
    EXPECT_EQ(space, block(3, 77));
    EXPECT_EQ(told(read(drive(), space)), "08/00/05");
}

TEST_P(TapeConformance, ProtectedBlocksAreReadWithTheirCrc) {
    CAPSTAN_NEEDS_PROTECTION();
    load();
    ASSERT_EQ(told(write(drive(), block(1, 1000))), "GOOD");
    ASSERT_EQ(told(run(drive(), scsi::WriteFilemarks6Cdb{.count = BigEndian<3>{1}})), "GOOD");
    ASSERT_EQ(select(drive(), page(Protection::kOnRead)), "GOOD");
    ASSERT_TRUE(scsi::rewind(drive()));
    std::vector<std::uint8_t> space(1004);
    ASSERT_EQ(told(read(drive(), space)), "GOOD");
    EXPECT_EQ(space, guarded(block(1, 1000)));
    EXPECT_EQ(told(read(drive(), space)), "00/00/01") << "a filemark has none";
    ASSERT_TRUE(scsi::rewind(drive()));
    space.resize(1000);
    EXPECT_EQ(told(read(drive(), space)), "00/00/00") << "the block is longer than asked for";
    ASSERT_EQ(select(drive(), Protection{}), "GOOD");
}

TEST_P(TapeConformance, ProtectionTakesWhatItKnows) {
    CAPSTAN_NEEDS_PROTECTION();
    EXPECT_TRUE(protection(drive())->is_off()) << "after power on";
    EXPECT_EQ(select(drive(), {.method = 0x77, .information_length = 4, .flags = Protection::kOnWrite}), "05/26/00");
    EXPECT_EQ(select(drive(), {.method = Protection::kOff, .flags = Protection::kOnWrite}), "05/26/00") << "by no method";
    EXPECT_EQ(select(drive(), {.method = Protection::kCrc32c, .information_length = 9, .flags = Protection::kOnWrite}), "05/26/00");
    EXPECT_TRUE(protection(drive())->is_off());
    const auto changeable = protection(drive(), scsi::PageControl::changeable);
    ASSERT_TRUE(changeable);
    EXPECT_EQ(changeable->flags & (Protection::kOnWrite | Protection::kOnRead), Protection::kOnWrite | Protection::kOnRead);
}

TEST_P(TapeConformance, SaysWhetherItEncrypts) {
    settle(drive());
    if (!offers(Opcode::security_protocol_in)) GTEST_SKIP() << "the drive's list of commands has no SECURITY PROTOCOL IN";
    const auto status = scsi::encryption_status(drive());
    ASSERT_TRUE(status) << to_text(status.error());
    EXPECT_EQ(status->encryption, scsi::EncryptionMode::disable);
    using Cdb = scsi::SecurityProtocolInCdb;
    std::array<std::uint8_t, 64> reply{};
    const auto ask = [&](const Cdb& cdb) { return told(run(drive(), cdb, reply)); };
    EXPECT_EQ(ask({.allocation_length = BigEndian<4>{64}}), "GOOD") << "the list of protocols";
    EXPECT_EQ(reply[9], Cdb::kTapeEncryption);
    EXPECT_EQ(ask({.protocol = Cdb::kTapeEncryption, .allocation_length = BigEndian<4>{64}}), "GOOD") << "the list of pages";
    EXPECT_EQ(ask({.protocol = 0xEE, .allocation_length = BigEndian<4>{64}}), "05/24/00");
    EXPECT_EQ(ask({.protocol = Cdb::kTapeEncryption, .page = BigEndian<2>{0x7777}, .allocation_length = BigEndian<4>{64}}), "05/24/00");
}

}  // namespace capstan::conformance
