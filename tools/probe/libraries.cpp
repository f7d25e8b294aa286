#include "tools/probe/libraries.hpp"

#include <algorithm>
#include <utility>

namespace capstan::tools {
namespace {

using scsi::DeviceType;
using scsi::ElementType;

Result<scsi::ElementStatusReport> elements_of(scsi::Transport& changer, ElementType type, bool identifiers) {
    // CURDATA is left out: some robots do not bear it together with DVCID.
    return scsi::read_element_status(changer, {.type = type, .device_identifier = identifiers});
}

bool is_it(const ProbedDevice& device, const scsi::Designator& reported) {
    const auto serial = scsi::serial_number_of(reported);
    if (!serial.empty() && serial == device.serial) return true;
    return std::ranges::any_of(device.designators,
                               [&](const auto& each) { return each.type == reported.type && each.bytes == reported.bytes; });
}

void read_elements(ProbedLibrary& library, ProbedDevice& changer, const std::vector<ProbedDevice>& devices) {
    auto drives = elements_of(*changer.door, ElementType::data_transfer, true);
    if (!drives) drives = elements_of(*changer.door, ElementType::data_transfer, false);
    if (!drives) {
        library.trouble = to_text(drives.error());
        return;
    }
    if (auto slots = elements_of(*changer.door, ElementType::storage, false))
        library.slots = static_cast<std::uint32_t>(slots->elements.size());
    if (auto ports = elements_of(*changer.door, ElementType::import_export, false))
        library.ports = static_cast<std::uint32_t>(ports->elements.size());
    std::ranges::sort(drives->elements, {}, &scsi::ElementStatus::address);
    for (const auto& element : drives->elements) {
        ProbedElement found;
        found.number = static_cast<std::uint32_t>(library.drives.size() + 1);
        found.address = element.address;
        found.full = element.full;
        if (element.device) {
            found.reported = scsi::serial_number_of(*element.device);
            for (std::size_t i = 0; i < devices.size(); ++i)
                if (devices[i].type == DeviceType::tape && is_it(devices[i], *element.device)) found.device = i;
        }
        library.drives.push_back(std::move(found));
    }
}

bool begins_like(const std::string& whole, const std::string& cut) {
    return !cut.empty() && whole.size() > cut.size() && whole.starts_with(cut);
}
bool is_like(const ProbedDevice& device, const std::string& reported) {
    return begins_like(device.serial, reported) ||
           std::ranges::any_of(device.designators, [&](const auto& each) { return begins_like(scsi::serial_number_of(each), reported); });
}

std::vector<ProbedElement*> undecided(Probed& probed) {
    std::vector<ProbedElement*> open;
    for (auto& library : probed.libraries)
        for (auto& drive : library.drives)
            if (!drive.device) open.push_back(&drive);
    return open;
}

void take(Probed& probed, ProbedElement& element, std::size_t drive, Found found) {
    element.device = drive;
    element.found = found;
    std::erase(probed.unused, drive);
}

// tgt 1.0.85 cuts the serial number of its last drive. One drive that begins like that, and that no other element could be, is it.
bool pair_by_beginning(Probed& probed) {
    const auto open = undecided(probed);
    for (auto* element : open) {
        element->like.clear();
        for (auto index : probed.unused)
            if (is_like(probed.devices[index], element->reported)) element->like.push_back(index);
    }
    for (auto* element : open) {
        if (element->like.size() != 1) continue;
        const auto drive = element->like.front();
        const auto wanted = std::ranges::count_if(open, [&](const auto* other) { return std::ranges::count(other->like, drive) != 0; });
        if (wanted != 1) continue;
        take(probed, *element, drive, Found::beginning);
        return true;
    }
    return false;
}

}  // namespace

void pair_what_is_left(Probed& probed) {
    while (pair_by_beginning(probed)) {
    }
    const auto open = undecided(probed);
    if (open.size() == 1 && open.front()->reported.empty() && probed.unused.size() == 1)
        take(probed, *open.front(), probed.unused.front(), Found::elimination);
}

Probed find_libraries(std::vector<ProbedDevice> devices) {
    Probed probed;
    probed.devices = std::move(devices);
    std::vector<bool> used(probed.devices.size(), false);
    for (std::size_t i = 0; i < probed.devices.size(); ++i) {
        auto& device = probed.devices[i];
        if (device.type != DeviceType::changer) continue;
        ProbedLibrary library{.changer = i, .slots = 0, .ports = 0, .drives = {}, .trouble = device.trouble};
        if (device.trouble.empty()) read_elements(library, device, probed.devices);
        for (const auto& drive : library.drives)
            if (drive.device) used[*drive.device] = true;
        probed.libraries.push_back(std::move(library));
    }
    for (std::size_t i = 0; i < probed.devices.size(); ++i)
        if (probed.devices[i].type == DeviceType::tape && !used[i]) probed.unused.push_back(i);
    pair_what_is_left(probed);
    return probed;
}

}  // namespace capstan::tools
