#include "drives/scsi/encryption.hpp"

#include "drives/scsi/text.hpp"

namespace capstan::scsi {

std::optional<EncryptionStatus> decode_encryption_status(Bytes bytes) {
    const auto data = decode<EncryptionStatusData>(bytes);
    constexpr std::size_t kLengthCountsFrom = 4;
    if (!data || data->page_code.value() != raw(EncryptionPage::status)) return std::nullopt;
    if (data->page_length.value() + kLengthCountsFrom < sizeof(EncryptionStatusData)) return std::nullopt;
    EncryptionStatus status;
    status.encryption = static_cast<EncryptionMode>(data->encryption_mode);
    status.decryption = static_cast<DecryptionMode>(data->decryption_mode);
    status.control = static_cast<EncryptionControl>(data->flags >> EncryptionStatusData::kControlShift & EncryptionStatusData::kControlMask);
    status.key_instance = static_cast<std::uint32_t>(data->key_instance.value());
    return status;
}

std::vector<std::uint8_t> encode_encryption_status(const EncryptionStatus& status) {
    EncryptionStatusData data;
    data.encryption_mode = raw(status.encryption);
    data.decryption_mode = raw(status.decryption);
    data.flags = static_cast<std::uint8_t>((raw(status.control) & EncryptionStatusData::kControlMask) << EncryptionStatusData::kControlShift);
    data.key_instance = BigEndian<4>{status.key_instance};
    std::vector<std::uint8_t> bytes;
    append_wire(bytes, data);
    return bytes;
}

bool has_key_of_the_library(const EncryptionStatus& status) {
    return status.encryption != EncryptionMode::disable &&
           (status.control == EncryptionControl::library || status.control == EncryptionControl::management);
}

bool has_key_of_a_program(const EncryptionStatus& status) {
    return status.encryption != EncryptionMode::disable && !has_key_of_the_library(status);
}

std::vector<std::uint8_t> encode_encryption_pages(std::span<const EncryptionPage> pages) {
    std::vector<std::uint8_t> bytes;
    append_wire(bytes, BigEndian<2>{raw(EncryptionPage::in_support)});
    append_wire(bytes, BigEndian<2>{pages.size() * sizeof(BigEndian<2>)});
    for (const auto page : pages) append_wire(bytes, BigEndian<2>{raw(page)});
    return bytes;
}

}  // namespace capstan::scsi
