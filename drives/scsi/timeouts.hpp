// How long a command may take before its device is given up: what the device recommends (REPORT SUPPORTED OPERATION
// CODES with timeouts), else a default by command. A value; 2 KiB, shared read-only between the threads that use one
// device.
#pragma once

#include "drives/scsi/spc.hpp"

#include <array>
#include <chrono>

namespace capstan::scsi {

class Timeouts {
  public:
    Timeouts();  // the defaults
    // The longest that the device names over all service actions of an operation code; 0 and absent leave the default.
    void take(const std::vector<SupportedCommand>& commands);
    std::chrono::milliseconds of(Opcode opcode) const { return limits_[raw(opcode)]; }
    std::chrono::milliseconds of(const Cdb& cdb) const { return limits_[cdb.bytes[0]]; }
    void set(Opcode opcode, std::chrono::milliseconds limit) { limits_[raw(opcode)] = limit; }  // a site's own

  private:
    std::array<std::chrono::milliseconds, 256> limits_;
};
const Timeouts& default_timeouts();

}  // namespace capstan::scsi
