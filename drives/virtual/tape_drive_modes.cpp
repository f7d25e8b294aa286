// MODE SENSE and MODE SELECT of a virtual drive.
#include "drives/virtual/tape_drive.hpp"

namespace capstan::virtual_library {
namespace {

using scsi::ControlDataProtectionPage;
using scsi::DataCompressionPage;
using scsi::DeviceConfigurationExtensionPage;
using scsi::DeviceConfigurationPage;
using scsi::MediumConfigurationPage;

constexpr std::uint8_t kCrcSize = 4;

bool valid(const ControlDataProtectionPage& page) {
    using Page = ControlDataProtectionPage;
    const std::uint8_t flags = page.flags & (Page::kOnWrite | Page::kOnRead | Page::kOnRecover);
    if (page.method == Page::kOff) return flags == 0;
    return page.method == Page::kCrc32c && page.information_length == kCrcSize && (flags & Page::kOnRecover) == 0;
}

}  // namespace

// Compression is off: nothing is compressed in here, and a full tape is told truly.
TapeDrive::ModePages TapeDrive::default_pages() {
    ModePages pages;
    pages.compression.compression = DataCompressionPage::kCapable;
    pages.compression.decompression = DataCompressionPage::kDecompress;
    pages.configuration.end_of_data_flags = DeviceConfigurationPage::kSyncAtEarlyWarning;
    return pages;
}

TapeDrive::ModePages TapeDrive::changeable_pages() {
    using Protection = ControlDataProtectionPage;
    constexpr std::uint8_t kAll = 0xFF, kLengthBits = 0x3F;
    ModePages pages;
    pages.compression.compression = DataCompressionPage::kEnable;
    pages.configuration.position_flags = 0;
    pages.configuration.write_delay = BigEndian<2>{0xFFFF};
    pages.configuration.end_of_data_flags = DeviceConfigurationPage::kSoftwareProtect;
    pages.extension = {.write_and_erase_mode = DeviceConfigurationExtensionPage::kWriteModeMask,
                       .programmable_early_warning = BigEndian<2>{0xFFFF}};
    pages.protection = {.method = kAll, .information_length = kLengthBits, .flags = Protection::kOnWrite | Protection::kOnRead};
    return pages;
}

// Of a page that may be set; 0, which no page has, of any other.
std::size_t TapeDrive::size_of_known(const scsi::ModePage& page) const {
    const auto is = [&](std::uint8_t page_code, std::uint8_t subpage) { return page.code == page_code && page.subpage == subpage; };
    if (is(DataCompressionPage::kPage, 0)) return sizeof(DataCompressionPage);
    if (is(DeviceConfigurationPage::kPage, 0)) return sizeof(DeviceConfigurationPage);
    if (is(DeviceConfigurationExtensionPage::kPage, DeviceConfigurationExtensionPage::kSubpage))
        return model_ == nullptr || model_->programmable_early_warning ? sizeof(DeviceConfigurationExtensionPage) : 0;
    if (is(ControlDataProtectionPage::kPage, ControlDataProtectionPage::kSubpage))
        return model_ == nullptr || model_->block_protection ? sizeof(ControlDataProtectionPage) : 0;
    return 0;
}

void TapeDrive::default_modes() {
    block_length_ = 0;
    buffered_ = true;
    pages_ = default_pages();
    encryption_ = {};
    forbid_overwrite();
}

Answer TapeDrive::mode_sense(const Command& command) {
    auto six = scsi::from_cdb<scsi::ModeSense6Cdb>(command.cdb);
    auto ten = scsi::from_cdb<scsi::ModeSense10Cdb>(command.cdb);
    auto page = six ? six->page : ten->page;
    auto subpage = six ? six->subpage : ten->subpage;
    bool no_descriptors = scsi::has(six ? six->flags : ten->flags, scsi::ModeSense6Cdb::kNoBlockDescriptors);
    auto room = six ? six->allocation_length : ten->allocation_length.value();
    auto control = static_cast<scsi::PageControl>(page & 0xC0);
    auto wanted = page & scsi::ModeSense6Cdb::kPageMask;
    constexpr std::uint8_t kAllSubpages = 0xFF;
    if (control == scsi::PageControl::saved) return check_condition(code::kSavingNotSupported);

    scsi::ModeData data;
    bool protect = load_ == Load::ready && write_protected().has_value();
    data.device_specific =
        scsi::flag_if(protect, scsi::kModeWriteProtected) | scsi::flag_if(buffered_, scsi::kModeBuffered);
    if (!no_descriptors) {
        scsi::BlockDescriptor descriptor;
        descriptor.density_code = cartridge_ ? cartridge_->info().density : density_;
        descriptor.block_length = BigEndian<3>{block_length_};
        data.block_descriptor = descriptor;
    }
    const auto pages = control == scsi::PageControl::default_values ? default_pages()
                       : control == scsi::PageControl::changeable   ? changeable_pages()
                                                                    : pages_;
    const auto add = [&](const auto& current) {
        auto candidate = scsi::to_page(current);
        const bool offered = candidate.code == MediumConfigurationPage::kPage || size_of_known(candidate) != 0;
        const bool asked = wanted == candidate.code || wanted == scsi::kAllPages;
        if (offered && asked && (subpage == candidate.subpage || subpage == kAllSubpages)) data.pages.push_back(std::move(candidate));
    };
    add(pages.protection);
    add(pages.compression);
    add(pages.configuration);
    add(pages.extension);
    add(MediumConfigurationPage{});
    if (data.pages.empty() && (wanted != 0 || subpage != 0)) return check_condition(code::kInvalidField);
    return give(scsi::encode_mode_data(six ? scsi::ModeForm::six : scsi::ModeForm::ten, scsi::ModeUse::sense, data),
                room, command);
}

std::optional<SenseCode> TapeDrive::take_pages(const scsi::ModeData& data, ModePages& pages) const {
    for (const auto& page : data.pages) {
        if (page.bytes.size() != size_of_known(page)) return code::kInvalidParameter;
    }
    if (auto page = scsi::find_page<DataCompressionPage>(data)) {
        pages.compression.compression = DataCompressionPage::kCapable | (page->compression & DataCompressionPage::kEnable);
    }
    if (auto page = scsi::find_page<DeviceConfigurationPage>(data)) {
        pages.configuration.write_delay = page->write_delay;
        pages.configuration.end_of_data_flags = DeviceConfigurationPage::kSyncAtEarlyWarning |
                                                (page->end_of_data_flags & DeviceConfigurationPage::kSoftwareProtect);
    }
    if (auto page = scsi::find_page<DeviceConfigurationExtensionPage>(data)) {
        using Page = DeviceConfigurationExtensionPage;
        const auto wanted = static_cast<std::uint8_t>(page->write_and_erase_mode & Page::kWriteModeMask);
        if (wanted != Page::kOverwriteAllowed && wanted != Page::kAppendOnly) return code::kInvalidParameter;
        // What protects a tape lasts as long as the tape is in.
        if (wanted != Page::kAppendOnly && append_only() && load_ == Load::ready) return code::kInvalidParameter;
        if (wanted == Page::kAppendOnly && !append_only() && load_ == Load::ready && raw(position_) > 0) return code::kPastBeginning;
        pages.extension.write_and_erase_mode = wanted;
        pages.extension.programmable_early_warning = page->programmable_early_warning;
    }
    if (auto page = scsi::find_page<ControlDataProtectionPage>(data)) {
        if (!valid(*page)) return code::kInvalidParameter;
        pages.protection = {.method = page->method, .information_length = page->information_length, .flags = page->flags};
        if (pages.protection.is_off()) pages.protection = {};
    }
    return std::nullopt;
}

// All or nothing: every field is looked at before any is set.
Answer TapeDrive::mode_select(const Command& command) {
    auto six = scsi::from_cdb<scsi::ModeSelect6Cdb>(command.cdb);
    auto ten = scsi::from_cdb<scsi::ModeSelect10Cdb>(command.cdb);
    auto flags = six ? six->flags : ten->flags;
    auto length = six ? six->parameter_length : ten->parameter_length.value();
    if (scsi::has(flags, scsi::ModeSelect6Cdb::kSavePages)) return check_condition(code::kInvalidField);
    if (length == 0) return {};
    auto list = gather(command.data_out, length);
    auto data = scsi::decode_mode_data(six ? scsi::ModeForm::six : scsi::ModeForm::ten, scsi::ModeUse::select, list);
    if (!data || list.size() < length) return check_condition(code::kParameterListLength);
    auto block_length = block_length_;
    if (data->block_descriptor) {
        auto density = data->block_descriptor->density_code;
        auto own = cartridge_ ? cartridge_->info().density : density_;
        if (density != 0 && density != 0x7F && density != own) return check_condition(code::kInvalidParameter);
        block_length = static_cast<std::uint32_t>(data->block_descriptor->block_length.value());
    }
    auto mode = data->device_specific & scsi::kModeBufferedMask;
    if (mode != 0 && mode != scsi::kModeBuffered) return check_condition(code::kInvalidParameter);
    auto pages = pages_;
    if (const auto reason = take_pages(*data, pages)) return check_condition(*reason);
    bool buffered = mode == scsi::kModeBuffered;
    if (auto problem = !buffered && buffered_ && load_ == Load::ready ? flush() : std::nullopt)
        return check_condition(*problem);
    const bool changed = block_length != block_length_ || buffered != buffered_ || pages != pages_;
    block_length_ = block_length;
    buffered_ = buffered;
    pages_ = pages;
    if (changed) attention(code::kModeChanged, Whom::others, command.nexus);
    return {};
}

}  // namespace capstan::virtual_library
