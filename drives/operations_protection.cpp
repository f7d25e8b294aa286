// What another program may have left in a drive that changes what a block is: protection (a CRC behind each block) is switched off; a key
// is looked for and left as it is.
#include "drives/operations.hpp"

#include <fmt/format.h>

namespace capstan::drives::operations {

Result<void> end_block_protection(const scsi::Target& drive) {
    using Page = scsi::ControlDataProtectionPage;
    CAPSTAN_TRY(const auto found, read_page<Page>(drive));
    if (!found || found->is_off()) return {};
    scsi::ModeData data;
    data.device_specific = scsi::kModeBuffered;
    data.pages.push_back(scsi::to_page(Page{}));
    CAPSTAN_CHECK(scsi::mode_select(drive, data));
    CAPSTAN_TRY(const auto now, read_page<Page>(drive));
    if (now && now->is_off()) return {};
    return fail(Recovery::ask_operator,
                fmt::format("{}: it adds a CRC to each block (logical block protection, method {:02X}h) and does not stop it", drive.name,
                            now ? now->method : found->method),
                "Another program may be using this drive; find it and stop it, or switch the drive off and on");
}

Result<std::optional<scsi::EncryptionStatus>> ask_encryption(const scsi::Target& drive) {
    auto status = scsi::encryption_status(drive);
    if (status) return std::optional(*status);
    if (scsi::is_refused(status.error())) return std::optional<scsi::EncryptionStatus>();
    return std::unexpected(std::move(status.error()));
}

}  // namespace capstan::drives::operations
