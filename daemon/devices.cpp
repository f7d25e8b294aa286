#include "daemon/devices.hpp"

#include "drives/scsi/thread_device.hpp"
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
    geometry.medium.capacity = settings.cartridge_capacity;
    geometry.medium.early_warning = settings.early_warning;
    return geometry;
}

Result<OpenedLibrary> open_devices(Loop& loop, const config::LibrarySettings& settings) {
    if (!settings.changer.virtual_library)
        return fail(Recovery::change_request, fmt::format("library {}: only a virtual changer is supported", settings.name),
                    "Use `changer: {virtual: …}`.");
    const auto& wanted = *settings.changer.virtual_library;
    virtual_library::LibraryOptions options;
    if (wanted.timing == config::VirtualTiming::real) {
        options.timing.mode = virtual_library::TimeMode::real;
        options.timing.now = [] { return std::chrono::steady_clock::now(); };
        options.timing.sleep = [](std::chrono::microseconds time) { std::this_thread::sleep_for(time); };
    }
    CAPSTAN_TRY(auto library, virtual_library::VirtualLibrary::open(wanted.directory, geometry_of(wanted), options));
    OpenedLibrary opened;
    opened.virtual_library = library;
    // A door that was given up goes with its last command; until then its own thread keeps it.
    auto threads = std::make_shared<std::vector<std::weak_ptr<scsi::ThreadDevice>>>();
    auto open = [&loop, library, threads](std::uint8_t lun, std::string name) {
        auto transport = std::make_unique<virtual_library::VirtualTransport>(library, kOurs, lun);
        std::erase_if(*threads, [](const auto& thread) { return thread.expired(); });
        auto device = scsi::ThreadDevice::create(loop, std::move(transport), std::move(name));
        threads->push_back(device);
        return device;
    };
    opened.devices.open_again = [open, name = settings.name](const config::DriveSettings* drive) {
        return drive == nullptr ? open(0, fmt::format("library {}", name))
                                : open(static_cast<std::uint8_t>(drive->element), fmt::format("drive {}", drive->name));
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
