// What a virtual drive knows of the protection of blocks: their CRC behind the data (SSC-4 4.2.29, method CRC32C), and the state of
// encryption. It does not encrypt: it only says that another program's key is there, when the hand put it there.
#include "drives/virtual/cartridge_format.hpp"
#include "drives/virtual/tape_drive.hpp"

#include <algorithm>

namespace capstan::virtual_library {

namespace {

constexpr std::size_t kCrcSize = 4;
using Crc = std::array<std::uint8_t, kCrcSize>;

Crc crc_of(Bytes data) {  // its first byte is the lowest
    constexpr unsigned kByte = 8;
    const auto value = crc32c(data);
    Crc crc{};
    for (unsigned i = 0; i < kCrcSize; ++i) crc[i] = static_cast<std::uint8_t>(value >> (kByte * i));
    return crc;
}

}  // namespace

bool TapeDrive::protects(std::uint8_t flag) const {
    return pages_.protection.method != scsi::ControlDataProtectionPage::kOff && scsi::has(pages_.protection.flags, flag);
}

std::optional<Sense> TapeDrive::write_guarded(scsi::DataOut block, std::size_t size, Warning& warning) {
    const auto whole = gather(block, size);
    const auto data = Bytes(whole).first(whole.size() - std::min(whole.size(), kCrcSize));
    const auto crc = crc_of(data);
    if (data.empty() || !std::ranges::equal(crc, Bytes(whole).last(kCrcSize))) return Sense{.code = code::kGuardCheckFailed};
    const Bytes pieces[] = {data};
    return write_data(pieces, data.size(), warning);
}

std::size_t TapeDrive::size_read(std::size_t size) const {
    return protects(scsi::ControlDataProtectionPage::kOnRead) ? size + kCrcSize : size;
}

Result<std::size_t> TapeDrive::read_object(BlockNumber block, std::size_t size, MutableBytes space) const {
    if (!protects(scsi::ControlDataProtectionPage::kOnRead)) return cartridge_->read(block, space.first(std::min(space.size(), size)));
    std::vector<std::uint8_t> whole(size + kCrcSize);
    CAPSTAN_CHECK(cartridge_->read(block, MutableBytes(whole).first(size)));
    std::ranges::copy(crc_of(Bytes(whole).first(size)), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto given = std::min(space.size(), whole.size());
    std::copy_n(whole.begin(), given, space.begin());
    return given;
}

Answer TapeDrive::security_protocol_in(const Command& command) const {
    using Cdb = scsi::SecurityProtocolInCdb;
    const auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    if (scsi::has(cdb.flags, Cdb::kIn512)) return check_condition(code::kInvalidField);
    const auto room = cdb.allocation_length.value();
    if (cdb.protocol == Cdb::kInformation && cdb.page.value() == 0) {
        constexpr std::uint8_t kProtocols[] = {0, 0, 0, 0, 0, 0, 0, 2, Cdb::kInformation, Cdb::kTapeEncryption};
        return give(kProtocols, room, command);
    }
    if (cdb.protocol != Cdb::kTapeEncryption) return check_condition(code::kInvalidField);
    switch (static_cast<scsi::EncryptionPage>(cdb.page.value())) {
        case scsi::EncryptionPage::in_support: {
            constexpr scsi::EncryptionPage kPages[] = {scsi::EncryptionPage::in_support, scsi::EncryptionPage::status};
            return give(scsi::encode_encryption_pages(kPages), room, command);
        }
        case scsi::EncryptionPage::status: return give(scsi::encode_encryption_status(encryption_), room, command);
    }
    return check_condition(code::kInvalidField);
}

void TapeDrive::set_key(bool there, scsi::EncryptionControl control) {
    const auto instance = encryption_.key_instance + 1;
    encryption_ = {.control = control, .key_instance = instance};
    if (there) encryption_.encryption = scsi::EncryptionMode::encrypt, encryption_.decryption = scsi::DecryptionMode::mixed;
    attention(code::kEncryptionChanged);
}

}  // namespace capstan::virtual_library
