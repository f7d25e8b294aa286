// MODE SENSE and MODE SELECT of a virtual drive.
#include "drives/virtual/tape_drive.hpp"

namespace capstan::virtual_library {
namespace {

using scsi::DataCompressionPage;
using scsi::DeviceConfigurationExtensionPage;
using scsi::DeviceConfigurationPage;
using scsi::MediumConfigurationPage;

DataCompressionPage default_compression() {
    DataCompressionPage page;
    page.compression =
        DataCompressionPage::kCapable;  // off: nothing is compressed in here, and a full tape is told truly
    page.decompression = DataCompressionPage::kDecompress;
    return page;
}
DeviceConfigurationPage default_configuration() {
    DeviceConfigurationPage page;
    page.end_of_data_flags = DeviceConfigurationPage::kSyncAtEarlyWarning;
    return page;
}
// Of a page that may be set; 0, which no page has, of any other.
std::size_t size_of_known(const scsi::ModePage& page, const DriveModel* model) {
    if (page.code == DataCompressionPage::kPage && page.subpage == 0) return sizeof(DataCompressionPage);
    if (page.code != DeviceConfigurationPage::kPage) return 0;
    if (page.subpage == 0) return sizeof(DeviceConfigurationPage);
    const bool offered = model == nullptr || model->programmable_early_warning;
    return page.subpage == DeviceConfigurationExtensionPage::kSubpage && offered ? sizeof(DeviceConfigurationExtensionPage) : 0;
}

}  // namespace

void TapeDrive::default_modes() {
    block_length_ = 0;
    buffered_ = true;
    compression_ = default_compression();
    configuration_ = default_configuration();
    extension_ = {};
    overwrite_at_.reset();
    may_format_ = false;
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
    if (subpage > DeviceConfigurationExtensionPage::kSubpage && subpage != kAllSubpages) return check_condition(code::kInvalidField);
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
    auto compression = compression_;
    auto configuration = configuration_;
    auto extension = extension_;
    if (control == scsi::PageControl::default_values) {
        compression = default_compression();
        configuration = default_configuration();
        extension = {};
    } else if (control == scsi::PageControl::changeable) {
        compression = {};
        compression.compression = DataCompressionPage::kEnable;
        configuration = {};
        configuration.position_flags = 0;
        configuration.write_delay = BigEndian<2>{0xFFFF};
        configuration.end_of_data_flags = DeviceConfigurationPage::kSoftwareProtect;
        extension = {.write_and_erase_mode = DeviceConfigurationExtensionPage::kWriteModeMask,
                     .programmable_early_warning = BigEndian<2>{0xFFFF}};
    }
    auto want = [&](std::uint8_t code, std::uint8_t its_subpage = 0) {
        return (wanted == code || wanted == scsi::kAllPages) && (subpage == its_subpage || subpage == kAllSubpages);
    };
    if (want(DataCompressionPage::kPage)) data.pages.push_back(scsi::to_page(compression));
    if (want(DeviceConfigurationPage::kPage)) data.pages.push_back(scsi::to_page(configuration));
    if ((model_ == nullptr || model_->programmable_early_warning) &&
        want(DeviceConfigurationExtensionPage::kPage, DeviceConfigurationExtensionPage::kSubpage))
        data.pages.push_back(scsi::to_page(extension));
    if (want(MediumConfigurationPage::kPage)) data.pages.push_back(scsi::to_page(MediumConfigurationPage{}));
    if (data.pages.empty() && (wanted != 0 || subpage != 0)) return check_condition(code::kInvalidField);
    return give(scsi::encode_mode_data(six ? scsi::ModeForm::six : scsi::ModeForm::ten, scsi::ModeUse::sense, data),
                room, command);
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
    auto compression = compression_;
    auto configuration = configuration_;
    auto extension = extension_;
    for (const auto& page : data->pages) {
        if (page.bytes.size() != size_of_known(page, model_)) return check_condition(code::kInvalidParameter);
    }
    if (auto page = scsi::find_page<DataCompressionPage>(*data)) {
        compression.compression = DataCompressionPage::kCapable | (page->compression & DataCompressionPage::kEnable);
    }
    if (auto page = scsi::find_page<DeviceConfigurationPage>(*data)) {
        configuration.write_delay = page->write_delay;
        configuration.end_of_data_flags = DeviceConfigurationPage::kSyncAtEarlyWarning |
                                          (page->end_of_data_flags & DeviceConfigurationPage::kSoftwareProtect);
    }
    if (auto page = scsi::find_page<DeviceConfigurationExtensionPage>(*data)) {
        using Page = DeviceConfigurationExtensionPage;
        const auto wanted = static_cast<std::uint8_t>(page->write_and_erase_mode & Page::kWriteModeMask);
        if (wanted != Page::kOverwriteAllowed && wanted != Page::kAppendOnly) return check_condition(code::kInvalidParameter);
        // What protects a tape lasts as long as the tape is in.
        if (wanted != Page::kAppendOnly && append_only() && load_ == Load::ready) return check_condition(code::kInvalidParameter);
        if (wanted == Page::kAppendOnly && !append_only() && load_ == Load::ready && raw(position_) > 0)
            return check_condition(code::kPastBeginning);
        extension.write_and_erase_mode = wanted;
        extension.programmable_early_warning = page->programmable_early_warning;
    }
    bool buffered = mode == scsi::kModeBuffered;
    if (auto problem = !buffered && buffered_ && load_ == Load::ready ? flush() : std::nullopt)
        return check_condition(*problem);
    bool changed = block_length != block_length_ || buffered != buffered_ || compression != compression_ ||
                   configuration != configuration_ || extension != extension_;
    block_length_ = block_length;
    buffered_ = buffered;
    compression_ = compression;
    configuration_ = configuration;
    extension_ = extension;
    if (changed) attention(code::kModeChanged, Whom::others, command.nexus);
    return {};
}

}  // namespace capstan::virtual_library
