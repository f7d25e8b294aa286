// What a drive says of its encryption: SECURITY PROTOCOL IN (SPC-4) with the protocol of tape data encryption (SSC-4, 8.5). Only looked
// at: no key is set from here. Decoders are pure and take any bytes.
#pragma once

#include "drives/scsi/cdb.hpp"

#include <optional>
#include <span>
#include <vector>

namespace capstan::scsi {

struct SecurityProtocolInCdb {
    static constexpr Opcode kOpcode = Opcode::security_protocol_in;
    static constexpr std::uint8_t kInformation = 0x00;     // protocol: the list of protocols
    static constexpr std::uint8_t kTapeEncryption = 0x20;  // protocol: tape data encryption
    static constexpr std::uint8_t kIn512 = 0x80;           // byte 4: the length counts 512 bytes
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t protocol = 0;  // byte 1
    BigEndian<2> page{};        // bytes 2-3
    std::uint8_t flags = 0;     // byte 4
    std::uint8_t reserved_5 = 0;
    BigEndian<4> allocation_length{};  // bytes 6-9
    std::uint8_t reserved_10 = 0;
    std::uint8_t control = 0;
    friend constexpr bool operator==(const SecurityProtocolInCdb&, const SecurityProtocolInCdb&) = default;
};
static_assert(sizeof(SecurityProtocolInCdb) == 12);
static_assert(encode(SecurityProtocolInCdb{.protocol = 0x20, .page = BigEndian<2>{0x0020}, .allocation_length = BigEndian<4>{0x1000}}) ==
              Wire<SecurityProtocolInCdb>{0xA2, 0x20, 0x00, 0x20, 0, 0, 0, 0, 0x10, 0x00, 0, 0});

// Pages of the protocol, as they are asked for.
enum class EncryptionPage : std::uint16_t { in_support = 0x0000, status = 0x0020 };

enum class EncryptionMode : std::uint8_t { disable = 0, external = 1, encrypt = 2 };
enum class DecryptionMode : std::uint8_t { disable = 0, raw = 1, decrypt = 2, mixed = 3 };
// Who alone may set the key, where the drive says it.
enum class EncryptionControl : std::uint8_t { not_reported = 0, not_exclusive = 1, application = 2, library = 3, management = 4 };

struct EncryptionStatusData {  // SSC-4, data encryption status page
    static constexpr unsigned kControlShift = 4;
    static constexpr std::uint8_t kControlMask = 0x07;
    BigEndian<2> page_code{raw(EncryptionPage::status)};
    BigEndian<2> page_length{20};         // of what follows this field; more with key-associated data
    std::uint8_t scope = 0;               // byte 4: of the nexus in bits 7-5, of the key in bits 2-0
    std::uint8_t encryption_mode = 0;     // byte 5
    std::uint8_t decryption_mode = 0;     // byte 6
    std::uint8_t algorithm = 0;           // byte 7: an index
    BigEndian<4> key_instance{};          // bytes 8-11: counts the keys that were set
    std::uint8_t flags = 0;               // byte 12: who controls it in bits 6-4
    std::uint8_t key_data_format = 0;     // byte 13
    BigEndian<2> supplemental_keys{};     // bytes 14-15
    std::array<std::uint8_t, 8> reserved_16{};
    friend constexpr bool operator==(const EncryptionStatusData&, const EncryptionStatusData&) = default;
};
static_assert(sizeof(EncryptionStatusData) == 24);

struct EncryptionStatus {
    EncryptionMode encryption = EncryptionMode::disable;  // of what is written from now on; a value of no name is one that encrypts
    DecryptionMode decryption = DecryptionMode::disable;
    EncryptionControl control = EncryptionControl::not_reported;
    std::uint32_t key_instance = 0;
    friend bool operator==(const EncryptionStatus&, const EncryptionStatus&) = default;
};
// std::nullopt: another page, or too short to say. What follows the fixed fields, data about the key, is passed over.
std::optional<EncryptionStatus> decode_encryption_status(Bytes bytes);
std::vector<std::uint8_t> encode_encryption_status(const EncryptionStatus& status);

// What is written would be encrypted, with a key that a program put there. A key that the library or a key manager behind it gives to
// the drive is its owner's doing, and is there again when the tape is to be read.
bool has_key_of_a_program(const EncryptionStatus& status);
bool has_key_of_the_library(const EncryptionStatus& status);

// The page codes of the list of pages (page 0000h).
std::vector<std::uint8_t> encode_encryption_pages(std::span<const EncryptionPage> pages);

}  // namespace capstan::scsi
