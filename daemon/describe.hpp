// Rows of the state database and live objects as the API shows them. Control thread.
#pragma once

#include "daemon/api/types.hpp"
#include "daemon/control_plane.hpp"

namespace capstan::daemon {

api::LibraryInfo describe(ControlPlane& plane, Library& library);
std::vector<api::LibraryInfo> describe_libraries(ControlPlane& plane);
api::DriveInfo describe(ControlPlane& plane, Library& library, const Library::Drive& drive);
std::vector<api::DriveInfo> describe_drives(ControlPlane& plane);
Result<std::vector<api::PoolInfo>> describe_pools(ControlPlane& plane);
api::MediaInfo describe(ControlPlane& plane, const pools::Cartridge& cartridge);
api::OperatorRequest describe(ControlPlane& plane, const pools::OperatorRequest& request);
api::WorkItem describe(ControlPlane& plane, const pools::WorkItem& item);
Result<api::SetInfo> describe(ControlPlane& plane, const pools::Set& set);

// "A00001L8", or "id:17". Errors name what is near.
Result<pools::Cartridge> find_cartridge(ControlPlane& plane, const std::string& name);

std::optional<api::Time> maybe_time(std::optional<Wall> time);  // empty for none and for ever

}  // namespace capstan::daemon
