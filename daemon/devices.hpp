// Opens the hardware of the configuration: each device gets its door (Transport) and its thread. Control thread.
#pragma once

#include "config/load.hpp"
#include "daemon/library.hpp"
#include "drives/virtual/library.hpp"

#include <memory>

namespace capstan::daemon {

// What stays open as long as the library does.
struct OpenedLibrary {
    LibraryDevices devices;
    std::shared_ptr<virtual_library::VirtualLibrary> virtual_library;  // null: real hardware
    std::function<void()> close;  // ends the threads; before the loop goes away
};

virtual_library::LibraryGeometry geometry_of(const config::VirtualChanger& settings);
// What the file's reader does not know: models and media of virtual libraries. Adds its errors.
void check_virtual_libraries(config::LoadOutcome& loaded);
// `host`: the name of this machine, for initiators that have none of their own.
Result<OpenedLibrary> open_devices(Loop& loop, const config::LibrarySettings& settings, const std::string& host);

}  // namespace capstan::daemon
