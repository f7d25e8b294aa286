#include "tools/probe/devices.hpp"

#include "drives/scsi/attentions.hpp"
#include "drives/scsi/iscsi/discovery.hpp"
#include "drives/scsi/sg_io/sg_transport.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace capstan::tools {
namespace {

bool is_of_interest(scsi::DeviceType type) { return type == scsi::DeviceType::tape || type == scsi::DeviceType::changer; }

Result<void> identify(ProbedDevice& device) {
    auto& door = *device.door;
    CAPSTAN_CHECK(scsi::take_attentions(door));
    CAPSTAN_TRY(const auto inquiry, scsi::inquiry(door));
    device.type = inquiry.device_type;
    device.vendor = inquiry.vendor;
    device.product = inquiry.product;
    device.revision = inquiry.revision;
    if (auto serial = scsi::vpd_serial_number(door)) device.serial = std::move(*serial);
    if (auto designators = scsi::vpd_identification(door)) {
        for (auto& each : *designators)
            if (each.association == scsi::Designator::Association::logical_unit) device.designators.push_back(std::move(each));
    }
    return {};
}

// First level addressing alone: a target with more than 256 units is no tape library.
Result<std::vector<std::uint16_t>> units_of(scsi::Transport& any) {
    constexpr std::size_t kSize = 8 + 256 * 8;
    std::vector<std::uint8_t> bytes(kSize);
    const auto cdb = scsi::to_cdb(scsi::ReportLunsCdb{.allocation_length = BigEndian<4>{bytes.size()}});
    CAPSTAN_TRY(const auto reply, any.execute(cdb, {}, bytes, std::chrono::seconds{60}));
    Reader reader(Bytes(bytes).first(std::min(reply.transferred, bytes.size())));
    const auto length = reader.big<4>(), reserved = reader.big<4>();
    std::vector<std::uint16_t> units;
    if (!length || !reserved) return units;
    for (std::uint64_t i = 0; i < *length / 8; ++i) {
        const auto unit = reader.big<8>();
        if (!unit) break;
        const auto number = static_cast<std::uint16_t>(*unit >> 48);
        constexpr std::uint16_t kMost = 0xFF;
        if (number <= kMost) units.push_back(number);
    }
    std::ranges::sort(units);
    return units;
}

}  // namespace

Result<std::vector<ProbedDevice>> devices_of_this_machine() {
    CAPSTAN_TRY(const auto nodes, scsi::list_sg_nodes());
    std::vector<ProbedDevice> devices;
    for (const auto& node : nodes) {
        ProbedDevice device;
        device.where = device.path = node.sg;
        device.type = node.type;
        device.vendor = node.vendor;
        device.product = node.product;
        device.serial = node.serial;
        device.door = std::make_unique<scsi::SgTransport>(node.sg, scsi::SgTransport::Hold::shared);
        if (auto identified = identify(device); !identified) device.trouble = to_text(identified.error());
        devices.push_back(std::move(device));
    }
    return devices;
}

Result<std::vector<ProbedDevice>> devices_of_portal(const std::string& portal, const scsi::IscsiOptions& options) {
    CAPSTAN_TRY(const auto targets, scsi::discover_targets(portal, options));
    std::vector<ProbedDevice> devices;
    for (const auto& target : targets) {
        scsi::IscsiTransport first({portal, target, 0}, options);
        auto units = units_of(first);
        if (!units) {
            ProbedDevice silent;
            silent.where = fmt::format("{}/{}", portal, target);
            silent.target = target;
            silent.trouble = to_text(units.error());
            devices.push_back(std::move(silent));
            continue;
        }
        for (auto lun : *units) {
            ProbedDevice device;
            device.where = to_text(scsi::IscsiAddress{portal, target, lun});
            device.target = target;
            device.lun = lun;
            device.door = std::make_unique<scsi::IscsiTransport>(scsi::IscsiAddress{portal, target, lun}, options);
            if (auto identified = identify(device); !identified) device.trouble = to_text(identified.error());
            if (is_of_interest(device.type) || (device.type == scsi::DeviceType::unknown && !device.trouble.empty()))
                devices.push_back(std::move(device));
        }
    }
    return devices;
}

}  // namespace capstan::tools
