// Cartridges that nobody can have while a library or a drive is out of use.
#include "daemon/mount_service.hpp"

#include <fmt/format.h>

namespace capstan::daemon {

std::string MountService::why_out_of_reach(const pools::Cartridge& cartridge) {
    if (cartridge.library.empty() || cartridge.place.kind == pools::PlaceKind::offline) return "";
    for (const auto& settings : context_.settings.libraries)
        if (settings.name == cartridge.library.text && !settings.enabled)
            return fmt::format("in library {}, which is disabled in the configuration", settings.name);
    auto* where = library(cartridge.library);
    if (where == nullptr) return "";
    if (where->disabled()) return fmt::format("in library {}, which is {}", where->name().text, pools::to_text(*where->disabled()));
    const auto* in = cartridge.place.kind == pools::PlaceKind::drive ? where->find_drive(DriveName{cartridge.place.id}) : nullptr;
    if (in == nullptr || !in->disabled) return "";
    return fmt::format("in drive {}, which is {} ('capstan drive disable {} --unload' puts it away)", in->settings.name,
                       pools::to_text(*in->disabled), in->settings.name);
}

Result<MountService::OutOfReach> MountService::out_of_reach() {
    OutOfReach all;
    auto add = [&](const std::string& why) { all.why += (all.why.empty() ? "" : "; ") + why; };
    pools::Cartridges cartridges(context_.store);
    auto add_library = [&](const LibraryName& name, const std::string& why) -> Result<void> {
        add(fmt::format("library {} is {}", name.text, why));
        CAPSTAN_TRY(auto here, cartridges.in_library(name));
        for (const auto& cartridge : here) all.cartridges.push_back(cartridge.id);
        return {};
    };
    for (const auto& settings : context_.settings.libraries)
        if (!settings.enabled) CAPSTAN_CHECK(add_library(LibraryName{settings.name}, "disabled in the configuration"));
    for (const auto& library : libraries_) {
        if (library->disabled()) {
            CAPSTAN_CHECK(add_library(library->name(), pools::to_text(*library->disabled())));
            continue;
        }
        for (const auto& drive : library->drives()) {
            if (!drive.disabled) continue;
            add(fmt::format("drive {} is {}", drive.settings.name, pools::to_text(*drive.disabled)));
            if (drive.cartridge && drive.leased_by.empty()) all.cartridges.push_back(*drive.cartridge);
        }
    }
    return all;
}

}  // namespace capstan::daemon
