// A target of its own for a test, an initiator of ours, and one that sends what the test gives it.
#pragma once

#include "support.hpp"

#include "drives/scsi/iscsi/iscsi_transport.hpp"
#include "tools/vtl/target.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

namespace capstan::iscsi {

using namespace virtual_library;
using scsi::IscsiTransport;

inline constexpr const char* kName = "iqn.2026-11.org.example:library";

inline FileHandle connect_to(const std::string& address) {
    FileHandle socket(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket.get(), static_cast<sockaddr*>(static_cast<void*>(&to)), sizeof(to)), 0);
    return socket;
}

// An initiator that sends what the test gives it.
class RawClient {
    Stream stream_;

  public:
    explicit RawClient(const std::string& address) : stream_(connect_to(address)) { stream_.limit_reading(std::chrono::seconds{20}); }
    template <class Pdu>
    bool send(Pdu pdu, Bytes data = {}) {
        pdu.data_length = BigEndian<3>{data.size()};
        std::vector<std::uint8_t> bytes(data.begin(), data.end());
        bytes.resize(padded(bytes.size()));
        const auto header = scsi::encode(pdu);
        const std::array<Bytes, 2> parts{header, bytes};
        return stream_.write(parts);
    }
    bool send_bytes(Bytes bytes) { return stream_.write(std::span(&bytes, 1)); }
    struct Received {
        AnyHeader header;
        std::vector<std::uint8_t> data;
    };
    std::optional<Received> receive() {  // empty: the target has ended the connection
        scsi::Wire<AnyHeader> bytes{};
        if (!stream_.read(bytes)) return std::nullopt;
        Received received{*scsi::decode<AnyHeader>(bytes), {}};
        const auto size = received.header.data_length.value();
        received.data.resize(padded(size));
        if (!stream_.read(received.data)) return std::nullopt;
        received.data.resize(size);
        return received;
    }
    bool send_test_unit_ready(std::uint8_t lun, std::uint32_t number) {
        ScsiCommandPdu command;
        command.lun = lun_of(lun);
        command.task_tag = BigEndian<4>{number};
        command.command_sn = BigEndian<4>{number};
        return send(command);
    }
    std::string told() {  // the answer to a command without data, as "GOOD" or its sense code
        const auto answer = receive();
        if (!answer || answer->header.pdu_code() != PduCode::scsi_response) return "no answer";
        if (as<ScsiResponsePdu>(answer->header).status == 0) return "GOOD";
        constexpr std::size_t kLengthField = 2;
        const auto sense = answer->data.size() < kLengthField ? std::nullopt : scsi::decode_sense(Bytes(answer->data).subspan(kLengthField));
        return sense ? to_text(sense->code) : "no sense data";
    }
    bool log_in(std::uint8_t session, TextKeys keys = {}) {
        keys.insert(keys.begin(), {{"InitiatorName", "iqn.raw"}, {"TargetName", kName}});
        LoginRequestPdu request;
        request.flags = flag::kTransit | 1 << 2 | 3;
        request.session_id[5] = session;
        if (!send(request, encode_text(keys))) return false;
        auto reply = receive();
        return reply && as<LoginResponsePdu>(reply->header).status.value() == 0;
    }
};

class VtlTarget : public testing::Test {
  protected:
    void SetUp() override { open({}); }
    void TearDown() override { target->stop(); }
    void open(LibraryOptions library_options) {
        if (target) target->stop();
        target.reset();
        library.reset();
        LibraryGeometry geometry;
        geometry.medium.capacity = 256 << 20;
        geometry.medium.early_warning = 1 << 20;
        auto opened = VirtualLibrary::open(scratch / "library", geometry, std::move(library_options));
        ASSERT_TRUE(opened) << to_text(opened.error());
        library = *opened;
        TargetOptions options;
        options.settings.name = kName;
        options.portal = "127.0.0.1:0";
        options.disk = disk;
        target = std::make_shared<Target>(library, options);
        auto started = target->start();
        ASSERT_TRUE(started) << to_text(started.error());
    }
    std::unique_ptr<IscsiTransport> initiator(std::uint16_t lun, const std::string& name = "iqn.one") {
        scsi::IscsiOptions options;
        options.initiator = name;
        return std::make_unique<IscsiTransport>(scsi::IscsiAddress{target->address(), kName, lun}, options);
    }
    void load(std::uint8_t drive_number = 0) {  // the first cartridge, by a nexus of this process
        VirtualTransport changer(library, NexusId{1000}, 0);
        settle(changer);
        auto moved = run(changer, scsi::MoveMediumCdb{.source = BigEndian<2>{0x03E8u + drive_number},
                                                      .destination = BigEndian<2>{0x0100u + drive_number}});
        ASSERT_EQ(told(moved), "GOOD");
    }
    bool still_serves() { return told(run(*initiator(0, "iqn.other"), scsi::TestUnitReadyCdb{})) != "no answer"; }

    Scratch scratch;
    std::shared_ptr<VirtualLibrary> library;
    std::shared_ptr<Target> target;
    std::shared_ptr<Disk> disk;  // LUN 0 of targets that are opened from then on
};

}  // namespace capstan::iscsi
