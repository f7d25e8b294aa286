// Robots and drives whose trouble is nothing but a lost connection (a target that was started again, a network that was away) are opened
// again without an operator, some thirty times within half an hour. Never while somebody has the drive; afterwards nothing is trusted: the
// next mount prepares the cartridge and reads its label, and only then is a write permit granted (design rule 4). Control thread.
#pragma once

#include "daemon/mount_service.hpp"

namespace capstan::daemon {

// Runs until the loop stops. The libraries outlive it.
Task<void> reopen_lost(Context& context, Libraries& libraries);

}  // namespace capstan::daemon
