#include "daemon/devices.hpp"

#include "config/base/secret.hpp"
#include "drives/scsi/iscsi/iscsi_transport.hpp"
#include "drives/scsi/sg_io/sg_transport.hpp"
#include "drives/scsi/thread_device.hpp"
#include "drives/virtual/geometry_format.hpp"
#include "drives/virtual/virtual_transport.hpp"

#include <fmt/format.h>

#include <thread>

namespace capstan::daemon {

using namespace std::chrono_literals;

namespace {
constexpr virtual_library::NexusId kOurs{1};
}

virtual_library::LibraryGeometry geometry_of(const config::VirtualChanger& settings) {
    virtual_library::LibraryGeometry geometry;
    geometry.drives.count = static_cast<std::uint16_t>(settings.drives);
    geometry.slots.count = static_cast<std::uint16_t>(settings.slots);
    geometry.ports.count = static_cast<std::uint16_t>(settings.ie_ports);
    geometry.cartridges = settings.cartridges;
    geometry.barcode_prefix = settings.volume_tag_prefix;
    geometry.models = settings.model;
    geometry.media = settings.media;
    geometry.medium.capacity = settings.cartridge_capacity;
    geometry.medium.early_warning = settings.early_warning;
    return geometry;
}

void check_virtual_libraries(config::LoadOutcome& loaded) {
    for (const auto& library : loaded.settings.libraries) {
        if (!library.changer.virtual_library) continue;
        const auto checked = virtual_library::check(geometry_of(*library.changer.virtual_library));
        if (!checked) loaded.errors.push_back({0, 0, "library " + library.name, checked.error().happened, checked.error().advice});
    }
}

namespace {

using Transports = std::function<std::unique_ptr<scsi::Transport>(const config::DriveSettings*)>;  // null: the robot's

Result<Transports> virtual_doors(const config::VirtualChanger& wanted, std::shared_ptr<virtual_library::VirtualLibrary>& library) {
    virtual_library::LibraryOptions options;
    if (wanted.timing == config::VirtualTiming::real) {
        options.timing.mode = virtual_library::TimeMode::real;
        options.timing.now = [] { return std::chrono::steady_clock::now(); };
        options.timing.sleep = [](std::chrono::microseconds time) { std::this_thread::sleep_for(time); };
    }
    CAPSTAN_TRY(library, virtual_library::VirtualLibrary::open(wanted.directory, geometry_of(wanted), options));
    return [library](const config::DriveSettings* drive) {
        const auto lun = drive == nullptr ? std::uint8_t{0} : static_cast<std::uint8_t>(drive->element);
        return std::make_unique<virtual_library::VirtualTransport>(library, kOurs, lun);
    };
}

Result<Transports> iscsi_doors(const config::IscsiChanger& wanted, const std::string& host) {
    scsi::IscsiOptions options;
    options.initiator = wanted.initiator.empty() ? "iqn.2026-11.org.capstan:" + host : wanted.initiator;
    options.header_digest = wanted.header_digest;
    options.user = wanted.user;
    if (!wanted.secret_file.empty()) {
        CAPSTAN_TRY(options.secret, read_secret(wanted.secret_file));
    }
    return [wanted, options](const config::DriveSettings* drive) {
        scsi::IscsiAddress address{wanted.portal, wanted.target, static_cast<std::uint16_t>(wanted.lun)};
        if (drive != nullptr) {
            address.lun = static_cast<std::uint16_t>(drive->lun);
            if (!drive->target.empty()) address.target = drive->target;
        }
        return std::make_unique<scsi::IscsiTransport>(std::move(address), options);
    };
}

Transports sg_doors(const std::string& changer) {
    return [changer](const config::DriveSettings* drive) { return std::make_unique<scsi::SgTransport>(drive == nullptr ? changer : drive->sg); };
}

}  // namespace

Result<OpenedLibrary> open_devices(Loop& loop, const config::LibrarySettings& settings, const std::string& host) {
    OpenedLibrary opened;
    Transports transports;
    if (settings.changer.virtual_library) {
        CAPSTAN_TRY(transports, virtual_doors(*settings.changer.virtual_library, opened.virtual_library));
    } else if (settings.changer.iscsi) {
        CAPSTAN_TRY(transports, iscsi_doors(*settings.changer.iscsi, host));
    } else {
        transports = sg_doors(settings.changer.sg);
    }
    // A door that was given up goes with its last command; until then its own thread keeps it.
    auto threads = std::make_shared<std::vector<std::weak_ptr<scsi::ThreadDevice>>>();
    opened.devices.open_again = [&loop, transports, threads, library = settings.name](const config::DriveSettings* drive) {
        auto name = drive == nullptr ? fmt::format("library {}", library) : fmt::format("drive {}", drive->name);
        std::erase_if(*threads, [](const auto& thread) { return thread.expired(); });
        auto device = scsi::ThreadDevice::create(loop, transports(drive), std::move(name));
        threads->push_back(device);
        return device;
    };
    opened.devices.changer = opened.devices.open_again(nullptr);
    for (const auto& drive : settings.drives) opened.devices.drives.push_back(opened.devices.open_again(&drive));
    opened.close = [threads] {
        for (const auto& thread : *threads)
            if (auto device = thread.lock()) device->close(5s);
    };
    return opened;
}

}  // namespace capstan::daemon
