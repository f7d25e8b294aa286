#include "drives/virtual/medium_changer.hpp"

#include "config/base/log.hpp"
#include "drives/scsi/mode.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::virtual_library {
namespace {

using scsi::ElementType;
using scsi::Opcode;
constexpr DeviceServer::Supported kSupported[] = {
    {Opcode::test_unit_ready, {}, 1, 60},
    {Opcode::request_sense, {}, 1, 60},
    {Opcode::initialize_element_status, {}, 60, 1800},
    {Opcode::inquiry, {}, 1, 60},
    {Opcode::mode_sense_6, {}, 1, 60},
    {Opcode::position_to_element, {}, 10, 600},
    {Opcode::prevent_allow_medium_removal, {}, 1, 60},
    {Opcode::initialize_element_status_with_range, {}, 60, 1800},
    {Opcode::mode_sense_10, {}, 1, 60},
    {Opcode::persistent_reserve_in, {}, 1, 60},
    {Opcode::persistent_reserve_out, {}, 1, 60},
    {Opcode::report_luns, {}, 1, 60},
    {Opcode::maintenance_in, scsi::ReportOperationCodesCdb::kServiceAction, 1, 60},
    {Opcode::move_medium, {}, 20, 600},
    {Opcode::exchange_medium, {}, 40, 1200},
    {Opcode::read_element_status, {}, 1, 600},
};
constexpr SenseCode kBarcodeUnreadable{0x0, 0x83, 0x00};  // vendor specific, as IBM's and Overland's robots say it

}  // namespace

MediumChanger::MediumChanger(Identity identity, const LibraryGeometry& geometry, const Timing& timing, Shelf& shelf,
                             std::vector<std::unique_ptr<TapeDrive>>& drives)
    : DeviceServer(std::move(identity), {std::begin(kSupported), std::end(kSupported)}),
      geometry_(geometry),
      timing_(timing),
      shelf_(shelf),
      drives_(drives) {
    auto add = [&](const ElementRange& range, ElementType type) {
        for (std::uint16_t i = 0; i < range.count; ++i) {
            auto address = static_cast<std::uint16_t>(range.first + i * range.stride);
            elements_.push_back({.address = ElementAddress{address}, .type = type, .drive = i});
        }
    };
    add(geometry.pickers, ElementType::medium_transport);
    add(geometry.slots, ElementType::storage);
    add(geometry.ports, ElementType::import_export);
    add(geometry.drives, ElementType::data_transfer);
    std::ranges::sort(elements_, {}, &Element::address);
    look_everywhere();
}

std::optional<std::size_t> MediumChanger::index_of(ElementAddress element) const {
    auto found = std::ranges::lower_bound(elements_, element, {}, &Element::address);
    if (found == elements_.end() || found->address != element) return std::nullopt;
    return static_cast<std::size_t>(found - elements_.begin());
}

bool MediumChanger::is(ElementAddress element, ElementType type) const {
    auto index = index_of(element);
    return index && elements_[*index].type == type;
}

void MediumChanger::look(Element& element) {
    auto cartridge = shelf_.at(element.address);
    element.full = !cartridge.empty();
    auto label = shelf_.label(cartridge);
    element.barcode = label ? label->barcode : MediumInfo::Barcode::readable;
    element.volume_tag = label && label->barcode == MediumInfo::Barcode::readable ? label->volume_tag : VolumeTag{};
}

void MediumChanger::look_everywhere() {
    for (auto& each : elements_) look(each);
}

// An open door, like a jam, needs a person: 02/04/03. (Vendors add codes of their own; this one is the standard's.)
std::optional<SenseCode> MediumChanger::not_ready() const {
    if (door_open_ || jammed_) return code::kManual;
    return std::nullopt;
}

void MediumChanger::port_used(ElementAddress port) {
    if (auto index = index_of(port)) look(elements_[*index]);
    attention(code::kPortUsed);
}

void MediumChanger::close_door() {
    if (!door_open_) return;
    door_open_ = false;
    look_everywhere();
    attention(code::kMediumChanged);
}

void MediumChanger::set_jams(std::vector<RobotJam> jams) {
    jams_ = std::move(jams);
    moves_ = 0;
}

void MediumChanger::power_cycle() {
    power_on();
    look_everywhere();
}

void MediumChanger::insert_into_drives() {
    for (auto& each : elements_) {
        if (each.type == ElementType::data_transfer && !shelf_.at(each.address).empty()) put_in(each, {});
    }
}

Answer MediumChanger::run(const Command& command) {
    switch (scsi::opcode_of(command.cdb)) {
        case Opcode::prevent_allow_medium_removal: return prevent_allow(command);  // locks the IE ports
        case Opcode::mode_sense_6:
        case Opcode::mode_sense_10: return mode_sense(command);
        default: break;
    }
    if (auto reason = not_ready()) return check_condition(*reason);
    Answer answer;
    switch (scsi::opcode_of(command.cdb)) {
        case Opcode::test_unit_ready: return {};
        case Opcode::initialize_element_status:
            look_everywhere();
            answer.motion.activity = Activity::inventory;
            return answer;
        case Opcode::initialize_element_status_with_range: return initialize_range(command);
        case Opcode::move_medium: return move_medium(command);
        case Opcode::exchange_medium: return exchange_medium(command);
        case Opcode::position_to_element: return position_to_element(command);
        case Opcode::read_element_status: return read_element_status(command);
        default: return check_condition(code::kInvalidOpcode);
    }
}

Answer MediumChanger::initialize_range(const Command& command) {
    using Cdb = scsi::InitializeElementStatusWithRangeCdb;
    auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    bool ranged = scsi::has(cdb.flags, Cdb::kRange);
    auto first = scsi::element(cdb.first);
    if (ranged && !is_element(first)) return check_condition(code::kInvalidElement);
    auto left = ranged && cdb.count.value() != 0 ? cdb.count.value() : elements_.size();
    for (auto& each : elements_) {
        if ((ranged && each.address < first) || left == 0) continue;
        look(each);
        --left;
    }
    Answer answer;
    answer.motion.activity = Activity::inventory;
    return answer;
}

scsi::ElementStatus MediumChanger::status(const Element& element, bool volume_tags, bool device) const {
    scsi::ElementStatus status;
    status.address = element.address;
    status.type = element.type;
    status.full = element.full;
    auto cartridge = shelf_.at(element.address);
    auto place = cartridge.empty() ? Place{} : shelf_.place(cartridge);
    if (element.type == ElementType::import_export) {
        status.import_enabled = status.export_enabled = true;
        status.placed_by_operator = element.full && place.by_operator;
    }
    if (element.type == ElementType::data_transfer) {
        status.accessible = !drives_[element.drive]->threaded();
        if (device) status.device = drives_[element.drive]->designator();
    }
    if (element.full) {
        status.source = place.source;
        status.medium_type = 1;
        if (volume_tags) status.volume_tag = element.volume_tag;
        if (element.barcode == MediumInfo::Barcode::unreadable) {
            status.exception = true;
            status.asc = kBarcodeUnreadable.asc;
            status.ascq = kBarcodeUnreadable.ascq;
        }
    }
    return status;
}

// Without CURDATA real robots look again only at what they think has changed; this one has seen everything, so both are
// answered from what it knows.
Answer MediumChanger::read_element_status(const Command& command) {
    using Cdb = scsi::ReadElementStatusCdb;
    auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    auto type = static_cast<ElementType>(cdb.type_and_flags & Cdb::kTypeMask);
    if (type > ElementType::data_transfer) return check_condition(code::kInvalidField);
    bool tags = scsi::has(cdb.type_and_flags, Cdb::kVolumeTags), device = scsi::has(cdb.flags, Cdb::kDeviceIdentifier);
    std::vector<scsi::ElementStatus> found;
    bool any = false;
    for (const auto& each : elements_) {
        if (each.address < scsi::element(cdb.first) || (type != ElementType::all && each.type != type)) continue;
        any = true;
        if (found.size() == cdb.count.value()) break;
        found.push_back(status(each, tags, device));
    }
    if (!any && cdb.first.value() != 0) return check_condition(code::kInvalidElement);
    auto reply = scsi::encode_element_status(found, {.volume_tags = tags, .device_identifier = device});
    return give(reply, cdb.allocation_length.value(), command);
}

Answer MediumChanger::mode_sense(const Command& command) {
    auto six = scsi::from_cdb<scsi::ModeSense6Cdb>(command.cdb);
    auto ten = scsi::from_cdb<scsi::ModeSense10Cdb>(command.cdb);
    auto page = six ? six->page : ten->page;
    auto room = six ? six->allocation_length : ten->allocation_length.value();
    auto wanted = page & scsi::ModeSense6Cdb::kPageMask;
    auto control = static_cast<scsi::PageControl>(page & 0xC0);
    if (control == scsi::PageControl::saved) return check_condition(code::kSavingNotSupported);
    scsi::ElementAddressPage addresses;
    scsi::DeviceCapabilitiesPage capabilities;
    if (control != scsi::PageControl::changeable) {
        auto set = [](const ElementRange& range, BigEndian<2>& first, BigEndian<2>& count) {
            first = BigEndian<2>{range.first};
            count = BigEndian<2>{range.count};
        };
        set(geometry_.pickers, addresses.first_picker, addresses.picker_count);
        set(geometry_.slots, addresses.first_storage, addresses.storage_count);
        set(geometry_.ports, addresses.first_import_export, addresses.import_export_count);
        set(geometry_.drives, addresses.first_drive, addresses.drive_count);
        using Capabilities = scsi::DeviceCapabilitiesPage;
        constexpr auto everywhere = Capabilities::kStorage | Capabilities::kImportExport | Capabilities::kDrive;
        capabilities.stores = everywhere;
        capabilities.from_picker = capabilities.from_storage = capabilities.from_import_export =
            capabilities.from_drive = everywhere;
    }
    scsi::ModeData data;
    if (wanted == addresses.kPage || wanted == scsi::kAllPages) data.pages.push_back(scsi::to_page(addresses));
    if (wanted == capabilities.kPage || wanted == scsi::kAllPages) data.pages.push_back(scsi::to_page(capabilities));
    if (data.pages.empty()) return check_condition(code::kInvalidField);
    return give(scsi::encode_mode_data(six ? scsi::ModeForm::six : scsi::ModeForm::ten, scsi::ModeUse::sense, data),
                room, command);
}

}  // namespace capstan::virtual_library
