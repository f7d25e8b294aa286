// The target over real sockets: clients that come and go, that send what they should not, that wait.
#include "support.hpp"

#include "drives/scsi/iscsi/iscsi_transport.hpp"
#include "tools/vtl/target.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <future>

namespace capstan::iscsi {
namespace {

using namespace virtual_library;
using scsi::IscsiTransport;

constexpr const char* kName = "iqn.2026-11.org.example:library";

// An initiator that sends what the test gives it.
class RawClient {
    Stream stream_;

    static FileHandle connect_to(const std::string& address) {
        FileHandle socket(::socket(AF_INET, SOCK_STREAM, 0));
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(socket.get(), static_cast<sockaddr*>(static_cast<void*>(&to)), sizeof(to)), 0);
        return socket;
    }

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
};

TEST_F(VtlTarget, BlocksOfEverySizeGoBothWays) {
    load();
    auto drive = initiator(1);
    ASSERT_EQ(settle(*drive), "GOOD");
    std::vector<std::size_t> sizes{1, 511, 4096, 65536, 262144, 1 << 20, (1 << 20) + 1, 5'000'001, 8 << 20};
    for (auto size : sizes) ASSERT_EQ(told(write(*drive, block(size, size))), "GOOD") << size;
    ASSERT_EQ(told(marks(*drive, 1)), "GOOD");
    ASSERT_EQ(told(run(*drive, scsi::RewindCdb{})), "GOOD");
    std::vector<std::uint8_t> space(8 << 20);
    for (auto size : sizes) {
        auto got = read(*drive, MutableBytes(space).first(size));
        ASSERT_EQ(told(got), "GOOD") << size;
        EXPECT_EQ(got.transferred, size);
        EXPECT_TRUE(std::ranges::equal(block(size, size), MutableBytes(space).first(size))) << size;
    }
}

TEST_F(VtlTarget, ADriveOutlivesItsClient) {
    load();
    auto drive = initiator(1);
    ASSERT_EQ(settle(*drive), "GOOD");
    ASSERT_EQ(told(run(*drive, scsi::PreventAllowCdb{.prevent = 1})), "GOOD");
    for (int i = 0; i < 3; ++i) ASSERT_EQ(told(write(*drive, block(1, 65536))), "GOOD");
    drive.reset();
    drive = initiator(1);
    EXPECT_EQ(told(run(*drive, scsi::TestUnitReadyCdb{})), "06/29/07") << "the same nexus, lost in between";
    EXPECT_EQ(settle(*drive), "GOOD");
    ASSERT_EQ(told(write(*drive, block(2, 65536))), "GOOD") << "where the first client left the tape";
    auto position = scsi::read_position(*drive, scsi::PositionForm::long_form);
    ASSERT_TRUE(position);
    EXPECT_EQ(position->block, BlockNumber{4});
    auto unloaded = run(*drive, scsi::LoadUnloadCdb{});
    EXPECT_EQ(told(unloaded), "GOOD") << "PREVENT went with the session";
}

TEST_F(VtlTarget, ASecondLoginOfOnePortEndsTheFirst) {
    RawClient first(target->address());
    ASSERT_TRUE(first.log_in(7));
    RawClient second(target->address());
    ASSERT_TRUE(second.log_in(7));
    EXPECT_FALSE(first.receive());
    RawClient other(target->address());
    ASSERT_TRUE(other.log_in(8));
    TextPdu ping;
    ping.code = raw(PduCode::nop_out) | flag::kImmediate;
    ping.task_tag = BigEndian<4>{1};
    ASSERT_TRUE(second.send(ping));
    EXPECT_TRUE(second.receive()) << "that of another port stays";
}

TEST_F(VtlTarget, PingsAreAnsweredWhileATapeMoves) {
    std::promise<void> go;
    auto gone = go.get_future().share();
    LibraryOptions options;
    options.timing.mode = TimeMode::real;
    options.timing.now = [] { return std::chrono::steady_clock::now(); };
    options.timing.sleep = [gone](std::chrono::microseconds) { gone.wait(); };
    open(std::move(options));
    RawClient client(target->address());
    ASSERT_TRUE(client.log_in(1));
    ScsiCommandPdu command;
    command.flags = flag::kFinal | flag::kRead;
    command.task_tag = BigEndian<4>{11};
    command.expected_length = BigEndian<4>{96};
    command.cdb = {0x12, 0, 0, 0, 96, 0};
    ASSERT_TRUE(client.send(command));
    TextPdu ping;
    ping.code = raw(PduCode::nop_out) | flag::kImmediate;
    ping.task_tag = BigEndian<4>{12};
    ASSERT_TRUE(client.send(ping, bytes_of("still there?")));
    auto pong = client.receive();
    ASSERT_TRUE(pong);
    EXPECT_EQ(pong->header.pdu_code(), PduCode::nop_in);
    EXPECT_EQ(text_of(pong->data), "still there?");
    TaskRequestPdu abort;
    abort.code |= flag::kImmediate;
    abort.flags = flag::kFinal | raw(TaskFunction::abort_task);
    abort.task_tag = BigEndian<4>{13};
    abort.referenced_tag = BigEndian<4>{11};
    ASSERT_TRUE(client.send(abort));
    auto aborted = client.receive();
    ASSERT_TRUE(aborted);
    EXPECT_EQ(as<TaskResponsePdu>(aborted->header).response, raw(TaskAnswer::complete));
    go.set_value();
    ASSERT_TRUE(client.send(ping));
    auto next = client.receive();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->header.pdu_code(), PduCode::nop_in) << "what was aborted is not answered";
}

TEST_F(VtlTarget, DataThatComeLaterAreAskedFor) {
    load();
    {
        VirtualTransport drive(library, NexusId{1}, 1);  // the raw client's nexus is the first: its attentions are taken here
        settle(drive);
    }
    RawClient client(target->address());
    ASSERT_TRUE(client.log_in(1, {{"InitialR2T", "Yes"}, {"ImmediateData", "No"}, {"MaxBurstLength", "1024"}}));
    const auto data = block(3, 2500);
    ScsiCommandPdu command;
    command.flags = flag::kFinal | flag::kWrite;
    command.lun = lun_of(1);
    command.task_tag = BigEndian<4>{5};
    command.expected_length = BigEndian<4>{data.size()};
    command.cdb = {0x0A, 0, 0, 2500 >> 8, 2500 & 0xFF, 0};
    ASSERT_TRUE(client.send(command));
    for (std::size_t at = 0; at < data.size();) {
        auto asked = client.receive();
        ASSERT_TRUE(asked);
        ASSERT_EQ(asked->header.pdu_code(), PduCode::ready_to_transfer);
        const auto ready = as<ReadyToTransferPdu>(asked->header);
        EXPECT_EQ(ready.offset.value(), at);
        const auto length = ready.desired_length.value();
        EXPECT_EQ(length, std::min<std::size_t>(1024, data.size() - at));
        DataOutPdu out;
        out.flags = flag::kFinal;
        out.task_tag = command.task_tag;
        out.transfer_tag = ready.transfer_tag;
        out.offset = ready.offset;
        ASSERT_TRUE(client.send(out, Bytes(data).subspan(at, length)));
        at += length;
    }
    auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->header.pdu_code(), PduCode::scsi_response);
    EXPECT_EQ(as<ScsiResponsePdu>(answer->header).status, 0);
}

// Whatever one client sends, it loses its own connection at most.
TEST_F(VtlTarget, BadClientsHarmNobodyElse) {
    auto good = initiator(0);
    EXPECT_EQ(settle(*good), "GOOD");
    auto header = [](std::uint8_t code, std::size_t length) {
        AnyHeader one;
        one.code = code;
        one.data_length = BigEndian<3>{length};
        one.extra_words = 0;
        return scsi::encode(one);
    };
    for (unsigned code = 0; code < 64; ++code) {
        RawClient before(target->address());
        before.send_bytes(header(static_cast<std::uint8_t>(code), 0));
        RawClient after(target->address());
        ASSERT_TRUE(after.log_in(static_cast<std::uint8_t>(code)));
        after.send_bytes(header(static_cast<std::uint8_t>(code | flag::kImmediate), 0));
        RawClient vast(target->address());
        ASSERT_TRUE(vast.log_in(static_cast<std::uint8_t>(code + 64)));
        vast.send_bytes(header(static_cast<std::uint8_t>(code | flag::kImmediate), 0xFFFFFF));
        EXPECT_FALSE(vast.receive()) << "more data than were agreed";
    }
    RawClient silent(target->address());
    ASSERT_EQ(told(run(*good, scsi::TestUnitReadyCdb{})), "GOOD");
    ScsiCommandPdu command;  // more immediate data than the command is to move
    command.flags = flag::kFinal | flag::kWrite;
    command.expected_length = BigEndian<4>{4};
    RawClient liar(target->address());
    ASSERT_TRUE(liar.log_in(200));
    liar.send(command, block(1, 64));
    EXPECT_FALSE(liar.receive());
    ASSERT_EQ(told(run(*good, scsi::TestUnitReadyCdb{})), "GOOD");
}

TEST_F(VtlTarget, TheTransportSaysWhenItsSessionWasLost) {
    auto changer = initiator(0);
    EXPECT_EQ(settle(*changer), "GOOD");
    const auto portal = target->address();
    target->stop();
    target.reset();
    std::vector<std::uint8_t> space(96);
    auto reply = try_run(*changer, scsi::InquiryCdb{.allocation_length = BigEndian<2>{96}}, space);
    ASSERT_FALSE(reply) << "nobody is there";
    TargetOptions options;
    options.settings.name = kName;
    options.portal = portal;
    target = std::make_shared<Target>(library, options);
    ASSERT_TRUE(target->start());
    EXPECT_EQ(told(run(*changer, scsi::InquiryCdb{.allocation_length = BigEndian<2>{96}}, space)), "06/29/07")
        << "even what no unit attention stops";
    EXPECT_EQ(settle(*changer), "GOOD");
}

}  // namespace
}  // namespace capstan::iscsi
