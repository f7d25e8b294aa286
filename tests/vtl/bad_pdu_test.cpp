// PDUs that are wrong, in the full feature phase: what is answered, what is ignored, what ends the connection. Never more than that.
#include "rig.hpp"

#include "drives/virtual/cartridge_format.hpp"

#include <algorithm>
#include <bit>
#include <memory>

namespace capstan::iscsi {
namespace {

class BadPdu : public VtlTarget {
  protected:
    void SetUp() override {
        VtlTarget::SetUp();
        load();
        VirtualTransport drive(library, NexusId{1}, 1);  // the raw client's nexus is the first: its attentions are taken here
        settle(drive);
        client = std::make_unique<RawClient>(target->address());
    }
    void TearDown() override {
        EXPECT_TRUE(still_serves());
        client.reset();
        VtlTarget::TearDown();
    }
    bool in(TextKeys keys = {}) { return client->log_in(1, std::move(keys)); }
    static ScsiCommandPdu command(std::uint8_t flags, std::size_t expected, std::initializer_list<std::uint8_t> cdb) {
        ScsiCommandPdu pdu;
        pdu.flags = flag::kFinal | flags;
        pdu.lun = lun_of(1);
        pdu.task_tag = BigEndian<4>{5};
        pdu.expected_length = BigEndian<4>{expected};
        std::ranges::copy(cdb, pdu.cdb.begin());
        return pdu;
    }
    static ScsiCommandPdu ready() { return command(0, 0, {0}); }
    // The status of the answer; empty: another PDU, or none.
    std::optional<unsigned> status() {
        const auto received = client->receive();
        if (!received || received->header.pdu_code() != PduCode::scsi_response) return std::nullopt;
        return as<ScsiResponsePdu>(received->header).status;
    }
    std::optional<RejectReason> rejected() {
        const auto received = client->receive();
        if (!received || received->header.pdu_code() != PduCode::reject) return std::nullopt;
        EXPECT_EQ(received->data.size(), kHeaderSize) << "the header that was refused";
        return static_cast<RejectReason>(as<RejectPdu>(received->header).reason);
    }
    bool pings() {
        TextPdu ping;
        ping.code = raw(PduCode::nop_out) | flag::kImmediate;
        ping.task_tag = BigEndian<4>{77};
        if (!client->send(ping)) return false;
        const auto pong = client->receive();
        return pong && pong->header.pdu_code() == PduCode::nop_in && pong->header.task_tag.value() == 77;
    }
    std::unique_ptr<RawClient> client;
};

TEST_F(BadPdu, UnknownCodesAreRejected) {
    ASSERT_TRUE(in());
    for (std::uint8_t code : {0x07, 0x0B, 0x1C, 0x20, 0x25, 0x3F}) {
        AnyHeader header;
        header.code = code | flag::kImmediate;
        ASSERT_TRUE(client->send(header, block(1, 100)));
        EXPECT_EQ(rejected(), RejectReason::not_supported) << int(code);
    }
    AnyHeader snack;
    snack.code = raw(PduCode::snack_request);
    ASSERT_TRUE(client->send(snack));
    EXPECT_EQ(rejected(), RejectReason::snack);
    EXPECT_TRUE(pings());
}

TEST_F(BadPdu, ALoginWithinTheSessionEndsIt) {
    ASSERT_TRUE(in());
    ASSERT_TRUE(client->send(LoginRequestPdu{}));
    EXPECT_FALSE(client->receive());
}

TEST_F(BadPdu, TextThatIsNoneIsRejected) {
    ASSERT_TRUE(in());
    TextPdu text;
    text.code = raw(PduCode::text_request) | flag::kImmediate;
    ASSERT_TRUE(client->send(text, bytes_of("no pair")));
    EXPECT_EQ(rejected(), RejectReason::protocol_error);
    text.flags = flag::kContinue;
    ASSERT_TRUE(client->send(text, bytes_of(std::string_view("A=b\0", 4))));
    EXPECT_EQ(rejected(), RejectReason::protocol_error) << "it does not take text in pieces";
    EXPECT_TRUE(pings());
}

TEST_F(BadPdu, CommandsOutsideOfTheWindowAreIgnored) {
    ASSERT_TRUE(in());
    auto pdu = ready();
    for (std::uint32_t number : {1000u, 1u, 0xFFFFFFFFu}) {
        pdu.command_sn = BigEndian<4>{number};
        ASSERT_TRUE(client->send(pdu));
    }
    EXPECT_TRUE(pings()) << "and nothing was answered before";
    pdu.command_sn = BigEndian<4>{0};
    ASSERT_TRUE(client->send(pdu));
    EXPECT_EQ(status(), 0U);
    ASSERT_TRUE(client->send(pdu));
    EXPECT_TRUE(pings()) << "a number is taken once";
}

TEST_F(BadPdu, AdditionalHeadersArePassedOver) {
    ASSERT_TRUE(in());
    auto pdu = ready();
    pdu.extra_words = 3;
    auto bytes = scsi::encode(pdu);
    std::vector<std::uint8_t> all(bytes.begin(), bytes.end());
    all.insert(all.end(), 12, 0xEE);
    ASSERT_TRUE(client->send_bytes(all));
    EXPECT_EQ(status(), 0U);
    EXPECT_TRUE(pings());
}

TEST_F(BadPdu, DataThatBelongToNothingArePassedOver) {
    ASSERT_TRUE(in());
    DataOutPdu out;
    out.task_tag = BigEndian<4>{99};
    ASSERT_TRUE(client->send(out, block(1, 1000)));
    EXPECT_TRUE(pings());
}

TEST_F(BadPdu, DataOutOfOrderEndTheConnection) {
    struct Wrong {
        const char* what;
        std::uint32_t offset, tag_more, size, data_sn = 0;
    };
    std::uint8_t session = 10;  // each a nexus of its own: the end of one is no unit attention of the next
    for (const auto& wrong : {Wrong{"offset", 512, 0, 512}, Wrong{"transfer tag", 0, 1, 512}, Wrong{"more than asked for", 0, 0, 1024},
                              Wrong{"number", 0, 0, 512, 1}}) {
        client = std::make_unique<RawClient>(target->address());
        ASSERT_TRUE(client->log_in(session++, {{"InitialR2T", "Yes"}, {"ImmediateData", "No"}, {"MaxBurstLength", "512"}}));
        for (std::uint32_t tag = 100; tag < 110; ++tag) {
            auto asking = ready();
            asking.task_tag = BigEndian<4>{tag};
            asking.code |= flag::kImmediate;
            ASSERT_TRUE(client->send(asking));
            if (status() == 0U) break;
        }
        ASSERT_TRUE(client->send(command(flag::kWrite, 2048, {0x0A, 0, 0, 8, 0, 0})));
        const auto asked = client->receive();
        ASSERT_TRUE(asked && asked->header.pdu_code() == PduCode::ready_to_transfer) << wrong.what;
        DataOutPdu out;
        out.flags = flag::kFinal;
        out.task_tag = BigEndian<4>{5};
        out.transfer_tag = BigEndian<4>{as<ReadyToTransferPdu>(asked->header).transfer_tag.value() + wrong.tag_more};
        out.offset = BigEndian<4>{wrong.offset};
        out.data_sn = BigEndian<4>{wrong.data_sn};
        ASSERT_TRUE(client->send(out, block(1, wrong.size)));
        EXPECT_EQ(rejected(), RejectReason::protocol_error) << wrong.what;
        EXPECT_FALSE(client->receive()) << wrong.what;
    }
    VirtualTransport look(library, NexusId{2}, 1);
    settle(look);
    const auto position = scsi::read_position(look, scsi::PositionForm::long_form);
    ASSERT_TRUE(position);
    EXPECT_EQ(position->block, BlockNumber{0}) << "no part of a block was written";
}

TEST_F(BadPdu, MoreDataThanTheCommandMovesEndTheConnection) {
    ASSERT_TRUE(in());
    ASSERT_TRUE(client->send(command(flag::kWrite, 512, {0x0A, 0, 0, 2, 0, 0}), block(1, 1024)));
    EXPECT_FALSE(client->receive());
}

TEST_F(BadPdu, DataWithACommandThatReadsEndTheConnection) {
    ASSERT_TRUE(in());
    ASSERT_TRUE(client->send(command(flag::kRead, 512, {0x08, 0, 0, 2, 0, 0}), block(1, 512)));
    EXPECT_FALSE(client->receive());
}

TEST_F(BadPdu, ACommandThatReadsAndWritesOrMovesTooMuchIsNotCarriedOut) {
    ASSERT_TRUE(in());
    auto both = command(flag::kWrite | flag::kRead, 512, {0x0A, 0, 0, 2, 0, 0});
    ASSERT_TRUE(client->send(both, block(1, 512)));
    EXPECT_EQ(status(), 2U);
    auto vast = command(flag::kWrite, 0xFFFFFFFF, {0x0A, 0, 0xFF, 0xFF, 0xFF, 0});
    vast.command_sn = BigEndian<4>{1};
    ASSERT_TRUE(client->send(vast, block(1, 512)));
    EXPECT_EQ(status(), 2U);
    EXPECT_TRUE(pings());
}

TEST_F(BadPdu, ATagThatIsInUseEndsTheConnection) {
    ASSERT_TRUE(in({{"InitialR2T", "Yes"}, {"ImmediateData", "No"}}));
    auto pdu = command(flag::kWrite, 512, {0x0A, 0, 0, 2, 0, 0});
    ASSERT_TRUE(client->send(pdu));
    ASSERT_TRUE(client->receive());
    pdu.command_sn = BigEndian<4>{1};
    ASSERT_TRUE(client->send(pdu));
    EXPECT_FALSE(client->receive());
}

TEST_F(BadPdu, CommandsWithoutEndEndTheConnection) {
    ASSERT_TRUE(in({{"InitialR2T", "Yes"}, {"ImmediateData", "No"}}));
    auto pdu = command(flag::kWrite, 512, {0x0A, 0, 0, 2, 0, 0});
    pdu.code |= flag::kImmediate;  // these pass the window
    for (std::uint32_t tag = 100; tag < 200; ++tag) {
        pdu.task_tag = BigEndian<4>{tag};
        if (!client->send(pdu)) break;
    }
    std::size_t answers = 0;
    while (client->receive()) ++answers;
    EXPECT_LE(answers, 64U);
}

class BadDigest : public BadPdu {
  protected:
    static void append_digest(std::vector<std::uint8_t>& bytes, std::size_t from) {
        const auto digest = std::bit_cast<std::array<std::uint8_t, 4>>(LittleEndian<4>{crc32c(Bytes(bytes).subspan(from))});
        bytes.insert(bytes.end(), digest.begin(), digest.end());
    }
    static std::vector<std::uint8_t> ping() {
        TextPdu pdu;
        pdu.code = raw(PduCode::nop_out) | flag::kImmediate;
        pdu.task_tag = BigEndian<4>{1};
        pdu.data_length = BigEndian<3>{8};
        const auto header = scsi::encode(pdu);
        std::vector<std::uint8_t> bytes(header.begin(), header.end());
        append_digest(bytes, 0);
        const auto data = bytes.size();
        bytes.insert(bytes.end(), 8, 'x');
        append_digest(bytes, data);
        return bytes;
    }
    bool answered() { return client->receive().has_value(); }
};

TEST_F(BadDigest, EndsTheConnection) {
    const TextKeys keys{{"HeaderDigest", "CRC32C"}, {"DataDigest", "CRC32C"}};
    const auto right = ping();
    for (std::size_t at = 0; at <= right.size(); ++at) {  // each byte wrong once, and none in the end
        client = std::make_unique<RawClient>(target->address());
        ASSERT_TRUE(in(keys));
        auto bytes = right;
        if (at < right.size()) bytes[at] ^= 0x10;
        const bool size_grew = at >= 4 && at < 8;  // then it waits for more than comes
        if (size_grew) continue;
        ASSERT_TRUE(client->send_bytes(bytes));
        EXPECT_EQ(answered(), at == right.size()) << at;
    }
}

}  // namespace
}  // namespace capstan::iscsi
