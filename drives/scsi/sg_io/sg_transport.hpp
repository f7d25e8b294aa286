// A device of this machine behind the one door, by Linux's SG_IO on its /dev/sg node. The first command opens it, and again
// after the device went away; that command is answered by 06/29/07 without reaching the device, since others may have taken its
// unit attention while it was not held: position, modes and reservation are to be taken for lost.
// A held device keeps this host's other programs out: its sg node is open with O_EXCL, a tape's /dev/nstN is kept open (st
// lets nobody else in then). READ BLOCK LIMITS is answered with the host adapter's limit where that is the smaller one.
#pragma once

#include "config/base/file.hpp"
#include "drives/scsi/sg_io/sg_nodes.hpp"
#include "drives/scsi/transport.hpp"

#include <string>

namespace capstan::scsi {

class SgTransport final : public Transport {
  public:
    enum class Hold : std::uint8_t { held, shared };  // shared: for a look at it beside other programs
    // `which`: as for find_sg_node.
    explicit SgTransport(std::string which, Hold hold = Hold::held, SystemRoots roots = {});
    // retry_later while the device is not there, ask_operator while another program has it open. Signals must be blocked on the
    // calling thread: one of them would end the wait, not the command.
    Result<ScsiReply> execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in, std::chrono::milliseconds timeout) override;

    // The node is not there, went away, or the kernel lost its way to the device.
    bool connection_ended() const override { return ended_; }

  private:
    Result<void> open();
    Result<ScsiReply> send(const Cdb& cdb, DataOut data_out, MutableBytes data_in, std::chrono::milliseconds timeout);
    void limit_blocks(const Cdb& cdb, const ScsiReply& reply, MutableBytes data_in) const;

    std::string which_;
    Hold hold_;
    SystemRoots roots_;
    SgNode node_;
    FileHandle sg_, tape_;
    bool ended_ = false;  // of the last command
    std::size_t transfer_max_ = 0;  // bytes of one command, of the host adapter; 0: it does not say
};

}  // namespace capstan::scsi
