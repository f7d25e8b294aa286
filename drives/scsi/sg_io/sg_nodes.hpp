// The SCSI devices of this machine as Linux names them (sysfs), without opening any. Any thread.
#pragma once

#include "drives/scsi/spc.hpp"

#include <string>
#include <vector>

namespace capstan::scsi {

struct SgNode {
    std::string sg;    // "/dev/sg3"
    std::string tape;  // "/dev/nst0"; empty: no tape drive, or the st driver does not have it
    DeviceType type{};
    std::string vendor, product;
    std::string serial;  // empty: the device tells none
};

// Where the kernel's files are; another place in tests.
struct SystemRoots {
    std::string sys = "/sys", dev = "/dev";
};

// Tape drives and changers, in the order of their numbers. Entries that vanish while they are read are left out.
Result<std::vector<SgNode>> list_sg_nodes(const SystemRoots& roots = {});

// `which`: a path (/dev/sg3, /dev/nst0, /dev/sch0, or a link to one, as below /dev/tape/by-id), or a serial number.
// retry_later where there is none now (the device may be switched off), change_request where several have that serial number.
Result<SgNode> find_sg_node(const std::string& which, const SystemRoots& roots = {});

}  // namespace capstan::scsi
