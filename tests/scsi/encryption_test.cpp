// The state of a drive's encryption: golden bytes, round trips, cut at every length, and what a device may say instead.
#include "drives/scsi/commands.hpp"
#include "scsi/scripted_transport.hpp"

namespace capstan::scsi {
namespace {

using Buffer = std::vector<std::uint8_t>;

// A key that a program set for every nexus, with 4 bytes of data about the key behind the fixed fields.
Buffer golden() {
    return {0x00, 0x20, 0x00, 0x18, 0x42, 0x02, 0x03, 0x01, 0x00, 0x00, 0x00, 0x07, 0x18, 0x00, 0x00, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x00, 0x00, 0x00};
}
constexpr EncryptionStatus kKeyed{EncryptionMode::encrypt, DecryptionMode::mixed, EncryptionControl::not_exclusive, 7};

TEST(Encryption, GoldenBytesAndRoundTrip) {
    EXPECT_EQ(decode_encryption_status(golden()), kKeyed);
    EXPECT_EQ(decode_encryption_status(with_trailing_bytes(golden())), kKeyed);
    EXPECT_EQ(decode_encryption_status(encode_encryption_status(kKeyed)), kKeyed);
    EXPECT_EQ(decode_encryption_status(encode_encryption_status({})), EncryptionStatus{});
    constexpr EncryptionPage kPages[] = {EncryptionPage::in_support, EncryptionPage::status};
    EXPECT_EQ(encode_encryption_pages(kPages), (Buffer{0, 0, 0, 4, 0, 0, 0, 0x20}));
}

TEST(Encryption, CutAtEveryLengthSaysNothing) {
    cut_at_every_length(encode_encryption_status(kKeyed), [](const Buffer& cut) {
        EXPECT_EQ(decode_encryption_status(cut).has_value(), cut.size() == sizeof(EncryptionStatusData)) << cut.size();
    });
    auto other = golden();
    other[1] = 0x21;
    EXPECT_FALSE(decode_encryption_status(other)) << "another page";
    auto shorter = golden();
    shorter[3] = 19;
    EXPECT_FALSE(decode_encryption_status(shorter)) << "a page that ends before its fields do";
}

TEST(Encryption, WhoseKeyItIs) {
    struct Case {
        std::uint8_t mode, control;
        bool program, library;
    };
    constexpr Case kCases[] = {
        {0, 0, false, false}, {0, 1, false, false}, {0, 3, false, false}, {0, 4, false, false},
        {1, 0, true, false},  {2, 0, true, false},  {2, 1, true, false},  {2, 2, true, false},
        {2, 3, false, true},  {2, 4, false, true},  {1, 3, false, true},  {9, 1, true, false},
        {2, 7, true, false},  // control of no name: nobody said that it is the library's
    };
    for (const auto& each : kCases) {
        const EncryptionStatus status{static_cast<EncryptionMode>(each.mode), DecryptionMode::disable, static_cast<EncryptionControl>(each.control)};
        EXPECT_EQ(has_key_of_a_program(status), each.program) << int(each.mode) << " " << int(each.control);
        EXPECT_EQ(has_key_of_the_library(status), each.library) << int(each.mode) << " " << int(each.control);
    }
}

TEST(Encryption, CommandAsksAndIsRefused) {
    ScriptedTransport device;
    device.answer_data(golden());
    const auto status = encryption_status(device);
    ASSERT_TRUE(status) << to_text(status.error());
    EXPECT_EQ(*status, kKeyed);
    device.answer_data(Buffer{0, 0x20, 0, 2, 0, 0});
    EXPECT_FALSE(encryption_status(device)) << "too short to say";
}

}  // namespace
}  // namespace capstan::scsi
