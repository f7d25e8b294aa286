// Changers and tape drives that can be reached: on this machine's bus, and behind an iSCSI portal. Nothing is moved or reserved.
#pragma once

#include "drives/scsi/commands.hpp"
#include "drives/scsi/iscsi/iscsi_transport.hpp"

#include <memory>
#include <string>
#include <vector>

namespace capstan::tools {

struct ProbedDevice {
    std::string where;   // for people: "/dev/sg3", "127.0.0.1:3260/iqn…/1"
    std::string path;    // on the bus: the sg node; behind iSCSI empty
    std::string target;  // behind iSCSI
    std::uint16_t lun = 0;
    scsi::DeviceType type = scsi::DeviceType::unknown;
    std::string vendor, product, revision, serial;
    std::vector<scsi::Designator> designators;  // VPD 83h, of the logical unit
    std::string trouble;                        // it does not answer as it should; the other members may be empty
    std::unique_ptr<scsi::Transport> door;
};

// Devices that do not answer are listed with their trouble. Error: the machine or the portal gives no list at all.
Result<std::vector<ProbedDevice>> devices_of_this_machine();
Result<std::vector<ProbedDevice>> devices_of_portal(const std::string& portal, const scsi::IscsiOptions& options);

}  // namespace capstan::tools
