// One logical unit of an iSCSI target behind the one door, by libiscsi (RFC 7143, one session of its own). After a lost session
// the next command logs in again and is answered by 06/29/07 (I_T NEXUS LOSS) without reaching the device, whatever the target
// says afterwards: position, modes and reservation are to be taken for lost. A session that ended while nothing was on its way is found
// before the next command is sent; one that ends under a command makes an Error with outcome unknown. Nothing is sent twice.
#pragma once

#include "drives/scsi/transport.hpp"

#include <memory>
#include <string>

namespace capstan::scsi {

struct IscsiAddress {
    std::string portal;  // address:port
    std::string target;  // iqn.…
    std::uint16_t lun = 0;
    friend bool operator==(const IscsiAddress&, const IscsiAddress&) = default;
};
// "127.0.0.1:3260/iqn.2026-11.org.example:library/1", with or without iscsi:// before it; the port may be left out (3260).
Result<IscsiAddress> iscsi_address(std::string_view text);
std::string to_text(const IscsiAddress& address);

struct IscsiOptions {
    std::string initiator = "iqn.2026-11.org.capstan:initiator";  // with the address it is this device's nexus, also after a restart
    std::string user, secret;                                     // CHAP; empty: none
    bool header_digest = true;                                    // CRC32C where the target takes it
    std::chrono::milliseconds connect_limit{15'000};
};

class IscsiTransport final : public Transport {
  public:
    // The first command logs in; it fails with retry_later where nobody answers, with ask_operator where the login is refused.
    IscsiTransport(IscsiAddress address, IscsiOptions options);
    ~IscsiTransport() override;
    Result<ScsiReply> execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in, std::chrono::milliseconds timeout) override;
    bool connection_ended() const override { return ended_; }

  private:
    class Session;

    IscsiAddress address_;
    IscsiOptions options_;
    std::unique_ptr<Session> session_;  // empty: lost, or not made yet
    bool was_in_ = false;
    bool ended_ = false;
};

}  // namespace capstan::scsi
