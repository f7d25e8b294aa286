// Operators' work: each begins a work item that goes on by itself, and returns its number. All that the work needs to
// know is in its item, so that the next start of the daemon goes on with what was cut off. Control thread.
#pragma once

#include "daemon/control_plane.hpp"

namespace capstan::daemon {

// Start-up, when the libraries answer: goes on with what the end of the daemon cut off.
Result<void> take_up_operations(ControlPlane& plane);

// By barcode; `full`: also mounts every cartridge whose label is to be read, or every one.
Result<WorkItemId> start_inventory(ControlPlane& plane, Library& library, bool full);
// Takes a drive back into use after a repair or service. Error: it is in use; one that was disabled, and was still in use, is enabled none the less.
Result<WorkItemId> start_enable(ControlPlane& plane, Library& library, Library::Drive& drive);
// Takes a library into use again, with an inventory.
Result<WorkItemId> start_enable(ControlPlane& plane, Library& library);
// Out of use for service, from now on and over a restart. The work item waits for what is under way, then closes the devices; `unload`: and
// before that puts away what is in the drive.
Result<WorkItemId> start_disable(ControlPlane& plane, Library& library, Library::Drive& drive, pools::Disabled why, bool unload);
Result<WorkItemId> start_disable(ControlPlane& plane, Library& library, pools::Disabled why);
Result<WorkItemId> start_label(ControlPlane& plane, const pools::Cartridge& cartridge, const pools::Pool& pool,
                               std::optional<pools::OperatorWord> word);
Result<WorkItemId> start_move(ControlPlane& plane, const pools::Cartridge& cartridge, pools::Place destination);
// Out to an IE port. The row stays: it goes offline when the inventory no longer sees it.
Result<WorkItemId> start_export(ControlPlane& plane, const pools::Cartridge& cartridge);
// From the IE ports into slots; unknown cartridges are identified by their labels.
Result<WorkItemId> start_import(ControlPlane& plane, Library& library);

}  // namespace capstan::daemon
