// Append-only mode (SSC-4, WRITE MODE of mode page 10h/01h): the drive itself writes over nothing, but where ALLOW OVERWRITE let it.
// Drives take the mode with the tape at its beginning, and leave it only without a cartridge.
#include "config/base/log.hpp"
#include "drives/operations.hpp"

#include <fmt/format.h>

namespace capstan::drives::operations {

namespace {

using Page = scsi::DeviceConfigurationExtensionPage;
using scsi::SenseKey;

using scsi::says;
bool is_set(const Page& page) { return (page.write_and_erase_mode & Page::kWriteModeMask) == Page::kAppendOnly; }

Result<void> set_mode(const scsi::Target& drive, Page page, std::uint8_t mode) {
    page.page_code = Page::kSubpageFormat | Page::kPage;  // without PS, which only a reply has
    page.write_and_erase_mode = static_cast<std::uint8_t>((page.write_and_erase_mode & ~Page::kWriteModeMask) | mode);
    scsi::ModeData data;
    data.device_specific = scsi::kModeBuffered;
    data.pages.push_back(scsi::to_page(page));
    return scsi::mode_select(drive, data);
}

Result<void> leave(const scsi::Target& drive) {
    CAPSTAN_TRY(const auto page, read_page<Page>(drive));
    return page && is_set(*page) ? set_mode(drive, *page, Page::kOverwriteAllowed) : Result<void>{};
}

}  // namespace

// Some drives have the command but not the mode: that is no error. What a drive says of something else in between, is.
Result<bool> set_append_only(const scsi::Target& drive) {
    CAPSTAN_TRY(const auto found, read_page<Page>(drive));
    if (!found) return false;
    if (is_set(*found)) return true;
    auto set = set_mode(drive, *found, Page::kAppendOnly);
    if (!set && says(set.error(), SenseKey::illegal_request)) return false;
    if (!set) return std::unexpected(std::move(set.error()));
    CAPSTAN_TRY(const auto now, read_page<Page>(drive));
    return now && is_set(*now);
}

void leave_append_only(const scsi::Target& drive) {
    auto left = leave(drive);
    if (!left && says(left.error(), SenseKey::unit_attention)) left = leave(drive);
    if (!left) log::warning("append-only-stays", {{"drive", std::string(drive.name)}, {"reason", to_text(left.error())}});
}

// A drive may refuse to allow what it finds nothing to be allowed for, at the end of data. Whether it lets the write pass then, the write
// shows; but it must stand where that write belongs.
Result<void> use_allowance(const scsi::Target& drive, WriteCursor& cursor) {
    if (!cursor.overwrites) return {};
    cursor.overwrites = false;
    auto allowed = scsi::allow_overwrite(drive, cursor.position);
    const bool refused =
        !allowed && (says(allowed.error(), SenseKey::illegal_request) || says(allowed.error(), SenseKey::blank_check));
    return refused ? confirm(drive, cursor.position) : allowed;
}

// DATA PROTECT has other reasons, too (a tab, a key, write-once media): with the tape where it belongs, only 50/01 is this one.
Error explain_refusal(const scsi::Target& drive, const WriteCursor& cursor, Error error) {
    constexpr SenseCode kAppendPosition{0x7, 0x50, 0x01};
    if (!cursor.append_only || !says(error, SenseKey::data_protect)) return error;
    const auto stands = scsi::current_block(drive);
    if (!stands || (*stands == cursor.position && error.sense->code != kAppendPosition)) return error;
    const auto words = *stands == cursor.position
                           ? fmt::format("{}: it refuses to write over what is recorded at block {} already", drive.name, raw(*stands))
                           : fmt::format("{}: it refuses to write over what lies at block {}, where it stands; it was sent or has written to "
                                         "block {}",
                                         drive.name, raw(*stands), raw(cursor.position));
    return {Recovery::replace_medium, words,
            "Nothing was overwritten, and nothing more is written to this cartridge now; look for another program that uses the drive",
            error.sense};
}

}  // namespace capstan::drives::operations
