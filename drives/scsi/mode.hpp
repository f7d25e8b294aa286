// MODE SENSE and MODE SELECT (SPC-4 6.11-6.14, 7.5) and the mode pages that Capstan reads or sets. The two lengths of
// the command differ only in their headers; ModeData is what both carry.
#pragma once

#include "drives/scsi/cdb.hpp"

#include <vector>

namespace capstan::scsi {

enum class PageControl : std::uint8_t { current = 0x00, changeable = 0x40, default_values = 0x80, saved = 0xC0 };
inline constexpr std::uint8_t kAllPages = 0x3F;

struct ModeSense6Cdb {
    static constexpr Opcode kOpcode = Opcode::mode_sense_6;
    static constexpr std::uint8_t kNoBlockDescriptors = 0x08;  // DBD
    static constexpr std::uint8_t kPageMask = 0x3F;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1
    std::uint8_t page = 0;   // byte 2: page control in bits 7-6, page code in bits 5-0
    std::uint8_t subpage = 0;
    std::uint8_t allocation_length = 0;  // byte 4
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ModeSense6Cdb&, const ModeSense6Cdb&) = default;
};
static_assert(sizeof(ModeSense6Cdb) == 6);

struct ModeSense10Cdb {
    static constexpr Opcode kOpcode = Opcode::mode_sense_10;
    static constexpr std::uint8_t kNoBlockDescriptors = 0x08;
    static constexpr std::uint8_t kPageMask = 0x3F;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1
    std::uint8_t page = 0;   // byte 2
    std::uint8_t subpage = 0;
    std::array<std::uint8_t, 3> reserved_4{};
    BigEndian<2> allocation_length{};  // bytes 7-8
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ModeSense10Cdb&, const ModeSense10Cdb&) = default;
};
static_assert(sizeof(ModeSense10Cdb) == 10);

struct ModeSelect6Cdb {
    static constexpr Opcode kOpcode = Opcode::mode_select_6;
    static constexpr std::uint8_t kPageFormat = 0x10;  // PF: the standard's pages
    static constexpr std::uint8_t kSavePages = 0x01;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1
    std::array<std::uint8_t, 2> reserved_2{};
    std::uint8_t parameter_length = 0;  // byte 4
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ModeSelect6Cdb&, const ModeSelect6Cdb&) = default;
};
static_assert(sizeof(ModeSelect6Cdb) == 6);

struct ModeSelect10Cdb {
    static constexpr Opcode kOpcode = Opcode::mode_select_10;
    static constexpr std::uint8_t kPageFormat = 0x10;
    static constexpr std::uint8_t kSavePages = 0x01;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1
    std::array<std::uint8_t, 5> reserved_2{};
    BigEndian<2> parameter_length{};  // bytes 7-8
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ModeSelect10Cdb&, const ModeSelect10Cdb&) = default;
};
static_assert(sizeof(ModeSelect10Cdb) == 10);

struct ModeHeader6 {
    std::uint8_t data_length = 0;  // bytes that follow this one; 0 in MODE SELECT
    std::uint8_t medium_type = 0;
    std::uint8_t device_specific = 0;
    std::uint8_t block_descriptor_length = 0;
    friend constexpr bool operator==(const ModeHeader6&, const ModeHeader6&) = default;
};
static_assert(sizeof(ModeHeader6) == 4);
struct ModeHeader10 {
    BigEndian<2> data_length{};
    std::uint8_t medium_type = 0;
    std::uint8_t device_specific = 0;
    std::array<std::uint8_t, 2> reserved_4{};
    BigEndian<2> block_descriptor_length{};
    friend constexpr bool operator==(const ModeHeader10&, const ModeHeader10&) = default;
};
static_assert(sizeof(ModeHeader10) == 8);

struct BlockDescriptor {  // SSC-4 8.3 (general mode parameter block descriptor)
    std::uint8_t density_code = 0;
    BigEndian<3> block_count{};
    std::uint8_t reserved_4 = 0;
    BigEndian<3> block_length{};  // 0: variable-block mode
    friend constexpr bool operator==(const BlockDescriptor&, const BlockDescriptor&) = default;
};
static_assert(sizeof(BlockDescriptor) == 8);

// device_specific of a tape drive (SSC-4 8.3)
inline constexpr std::uint8_t kModeWriteProtected = 0x80;
inline constexpr std::uint8_t kModeBufferedMask = 0x70;
inline constexpr std::uint8_t kModeBuffered = 0x10;  // GOOD once the data are in the drive's buffer

// A page, whole, with its own header: byte 0 PS, SPF, page code; byte 1 (or bytes 2-3 with SPF) its length.
struct ModePage {
    std::uint8_t code = 0;
    std::uint8_t subpage = 0;
    std::vector<std::uint8_t> bytes;
    friend bool operator==(const ModePage&, const ModePage&) = default;
};
struct ModeData {
    std::uint8_t medium_type = 0;
    std::uint8_t device_specific = 0;
    std::optional<BlockDescriptor> block_descriptor;  // the first, if there are several
    std::vector<ModePage> pages;
    bool write_protected() const { return has(device_specific, kModeWriteProtected); }
    friend bool operator==(const ModeData&, const ModeData&) = default;
};
enum class ModeForm : std::uint8_t { six, ten };
enum class ModeUse : std::uint8_t { sense, select };  // select: the data length and the PS bits are reserved, hence 0
// std::nullopt: the header is not whole. A page that is cut is left out, also what follows it.
std::optional<ModeData> decode_mode_data(ModeForm form, ModeUse use, Bytes bytes);
std::vector<std::uint8_t> encode_mode_data(ModeForm form, ModeUse use, const ModeData& data);

// --- pages: wire structs; `page_length` is right by default ---
struct DataCompressionPage {  // SSC-4 8.3.2
    static constexpr std::uint8_t kPage = 0x0F;
    static constexpr std::uint8_t kEnable = 0x80;      // byte 2: DCE
    static constexpr std::uint8_t kCapable = 0x40;     // byte 2: DCC
    static constexpr std::uint8_t kDecompress = 0x80;  // byte 3: DDE
    std::uint8_t page_code = kPage;
    std::uint8_t page_length = 14;
    std::uint8_t compression = 0;    // byte 2
    std::uint8_t decompression = 0;  // byte 3
    BigEndian<4> compression_algorithm{};
    BigEndian<4> decompression_algorithm{};
    std::array<std::uint8_t, 4> reserved_12{};
    friend constexpr bool operator==(const DataCompressionPage&, const DataCompressionPage&) = default;
};
static_assert(sizeof(DataCompressionPage) == 16);

struct DeviceConfigurationPage {  // SSC-4 8.3.3
    static constexpr std::uint8_t kPage = 0x10;
    static constexpr std::uint8_t kReportEarlyWarning = 0x01;  // byte 8: REW (early warning on reads)
    static constexpr std::uint8_t kSyncAtEarlyWarning = 0x08;  // byte 10: SEW
    static constexpr std::uint8_t kSoftwareProtect = 0x04;     // byte 10: SWP
    static constexpr std::uint8_t kPersistentProtect = 0x02;   // byte 15: PERSWP
    static constexpr std::uint8_t kPermanentProtect = 0x01;    // byte 15: PRMWP
    static constexpr std::uint8_t kAssociatedProtect = 0x04;   // byte 15: ASOCWP
    std::uint8_t page_code = kPage;
    std::uint8_t page_length = 14;
    std::uint8_t active_format = 0;
    std::uint8_t active_partition = 0;
    std::uint8_t write_buffer_ratio = 0;
    std::uint8_t read_buffer_ratio = 0;
    BigEndian<2> write_delay{};          // bytes 6-7, 100 ms
    std::uint8_t position_flags = 0x40;  // byte 8; LOIS: the drive knows logical object numbers
    std::uint8_t gap_size = 0;
    std::uint8_t end_of_data_flags = 0;  // byte 10
    BigEndian<3> buffer_at_early_warning{};
    std::uint8_t select_compression = 0;   // byte 14
    std::uint8_t write_protect_flags = 0;  // byte 15
    friend constexpr bool operator==(const DeviceConfigurationPage&, const DeviceConfigurationPage&) = default;
};
static_assert(sizeof(DeviceConfigurationPage) == 16);

struct DeviceConfigurationExtensionPage {  // SSC-4 8.3.8, subpage 01h of the page before
    static constexpr std::uint8_t kPage = 0x10, kSubpage = 0x01;
    static constexpr std::uint8_t kSubpageFormat = 0x40;  // byte 0: SPF
    static constexpr std::uint8_t kWriteModeMask = 0xF0, kOverwriteAllowed = 0x00, kAppendOnly = 0x10;  // byte 5
    std::uint8_t page_code = kSubpageFormat | kPage;
    std::uint8_t subpage_code = kSubpage;
    BigEndian<2> page_length{28};
    std::uint8_t alert_flags = 0;                // byte 4: TARPF, TASER, TARPC, TAPLSD
    std::uint8_t write_and_erase_mode = 0;       // byte 5: write mode in bits 7-4, short erase mode in bits 3-0
    BigEndian<2> programmable_early_warning{};   // bytes 6-7: PEWS, MB before early warning; 0: off
    std::uint8_t encryption_flags = 0;
    std::array<std::uint8_t, 23> reserved_9{};
    friend constexpr bool operator==(const DeviceConfigurationExtensionPage&, const DeviceConfigurationExtensionPage&) = default;
};
static_assert(sizeof(DeviceConfigurationExtensionPage) == 32);

struct ControlDataProtectionPage {  // SSC-4 8.3.9: logical block protection
    static constexpr std::uint8_t kPage = 0x0A, kSubpage = 0xF0;
    static constexpr std::uint8_t kSubpageFormat = 0x40;  // byte 0: SPF
    static constexpr std::uint8_t kOff = 0x00, kReedSolomonCrc = 0x01, kCrc32c = 0x02;           // byte 4: the method
    static constexpr std::uint8_t kOnWrite = 0x80, kOnRead = 0x40, kOnRecover = 0x20;  // byte 6: where blocks carry it
    std::uint8_t page_code = kSubpageFormat | kPage;
    std::uint8_t subpage_code = kSubpage;
    BigEndian<2> page_length{28};
    std::uint8_t method = kOff;
    std::uint8_t information_length = 0;  // byte 5: of what follows each block's data, bytes
    std::uint8_t flags = 0;
    std::array<std::uint8_t, 25> reserved_7{};
    bool is_off() const { return method == kOff && (flags & (kOnWrite | kOnRead | kOnRecover)) == 0; }
    friend constexpr bool operator==(const ControlDataProtectionPage&, const ControlDataProtectionPage&) = default;
};
static_assert(sizeof(ControlDataProtectionPage) == 32);

struct MediumConfigurationPage {  // SSC-4 8.3.8, tape drives
    static constexpr std::uint8_t kPage = 0x1D;
    static constexpr std::uint8_t kWormMode = 0x01;
    std::uint8_t page_code = kPage;
    std::uint8_t page_length = 30;
    std::uint8_t worm = 0;  // byte 2
    std::uint8_t reserved_3 = 0;
    std::uint8_t worm_label_restrictions = 0;
    std::uint8_t worm_filemark_restrictions = 0;
    std::array<std::uint8_t, 26> reserved_6{};
    friend constexpr bool operator==(const MediumConfigurationPage&, const MediumConfigurationPage&) = default;
};
static_assert(sizeof(MediumConfigurationPage) == 32);

struct ElementAddressPage {  // SMC-3 7.3.4, changers: ELEMENT ADDRESS ASSIGNMENT
    static constexpr std::uint8_t kPage = 0x1D;
    std::uint8_t page_code = kPage;
    std::uint8_t page_length = 18;
    BigEndian<2> first_picker{}, picker_count{};
    BigEndian<2> first_storage{}, storage_count{};
    BigEndian<2> first_import_export{}, import_export_count{};
    BigEndian<2> first_drive{}, drive_count{};
    std::array<std::uint8_t, 2> reserved_18{};
    friend constexpr bool operator==(const ElementAddressPage&, const ElementAddressPage&) = default;
};
static_assert(sizeof(ElementAddressPage) == 20);

struct DeviceCapabilitiesPage {  // SMC-3 7.3.3
    static constexpr std::uint8_t kPage = 0x1F;
    static constexpr std::uint8_t kPicker = 0x01, kStorage = 0x02, kImportExport = 0x04, kDrive = 0x08;
    std::uint8_t page_code = kPage;
    std::uint8_t page_length = 18;
    std::uint8_t stores = 0;  // byte 2: which element types hold a medium for good
    std::uint8_t reserved_3 = 0;
    // bytes 4-7: MOVE MEDIUM from this kind of element to those of the mask
    std::uint8_t from_picker = 0, from_storage = 0, from_import_export = 0, from_drive = 0;
    std::array<std::uint8_t, 4> reserved_8{};
    std::array<std::uint8_t, 4> exchange{};  // bytes 12-15: EXCHANGE MEDIUM, same order
    std::array<std::uint8_t, 4> reserved_16{};
    friend constexpr bool operator==(const DeviceCapabilitiesPage&, const DeviceCapabilitiesPage&) = default;
};
static_assert(sizeof(DeviceCapabilitiesPage) == 20);

template <class Page>
constexpr std::uint8_t subpage_of() {
    if constexpr (requires { Page::kSubpage; })
        return Page::kSubpage;
    else
        return 0;
}
template <class Page>
ModePage to_page(const Page& page) {
    const auto wire = encode(page);
    return {Page::kPage, subpage_of<Page>(), {wire.begin(), wire.end()}};
}
// The page from a reply. Older devices send it shorter than the standard has it: what they do not send is 0.
template <class Page>
std::optional<Page> find_page(const ModeData& data) {
    for (const auto& page : data.pages) {
        if (page.code != Page::kPage || page.subpage != subpage_of<Page>()) continue;
        Wire<Page> wire{};
        std::copy_n(page.bytes.begin(), std::min(page.bytes.size(), wire.size()), wire.begin());
        return std::bit_cast<Page>(wire);
    }
    return std::nullopt;
}

}  // namespace capstan::scsi
