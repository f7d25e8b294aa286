// The begin and the end of a set on tape: what objects and their hashes do not prove. Control thread.
#pragma once

#include "daemon/mount_service.hpp"
#include "pools/sets.hpp"

#include <string>
#include <vector>

namespace capstan::daemon {

// Mounts the set's first and its last cartridge and reads SSET, VOLB and, where the set has an end, ESET. What is wrong
// with them, a sentence each. Errors: a cartridge cannot be mounted, the drive failed, cancelled.
Task<Result<std::vector<std::string>>> faults_of_frame(MountService& mounts, JobId job, pools::Set set,
                                                       std::vector<pools::SetExtent> extents);

}  // namespace capstan::daemon
