// One nexus to one logical unit of a virtual library, behind the one door.
#pragma once

#include "drives/scsi/transport.hpp"
#include "drives/virtual/library.hpp"

#include <memory>

namespace capstan::virtual_library {

class VirtualTransport final : public scsi::Transport {
  public:
    // LUN 0 is the changer, 1 to drives() the drives. An unknown LUN answers as a real target does: 05/25/00.
    VirtualTransport(std::shared_ptr<VirtualLibrary> library, NexusId nexus, std::uint8_t lun)
        : library_(std::move(library)), nexus_(nexus), lun_(lun) {}

    Result<scsi::ScsiReply> execute(const scsi::Cdb& cdb, scsi::DataOut data_out, MutableBytes data_in,
                                    std::chrono::milliseconds timeout) override {
        return library_->execute(nexus_, lun_, cdb, data_out, data_in, timeout);
    }

  private:
    std::shared_ptr<VirtualLibrary> library_;
    NexusId nexus_;
    std::uint8_t lun_;
};

}  // namespace capstan::virtual_library
