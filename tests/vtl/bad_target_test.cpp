// A target that lies, behind our initiator: whatever comes back, a command ends with an answer or an Error, nothing is written outside
// its buffer, and the next session is as good as ever. Between the two stands a man in the middle, who passes the login on.
#include "rig.hpp"

#include "drives/scsi/commands.hpp"

#include <algorithm>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

namespace capstan::iscsi {
namespace {

using namespace std::chrono_literals;

class Liar {
  public:
    using Lie = std::function<void(std::vector<std::uint8_t>&)>;  // changes one PDU of the target: header, data, padding

    explicit Liar(std::string target) : target_(std::move(target)), listener_(listen_on("127.0.0.1:0").value()) {
        address_ = address_of_listener(listener_);
        thread_ = std::thread([this] { serve(); });
    }
    ~Liar() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    const std::string& address() const { return address_; }
    // The next PDU behind a login is not passed on as it is; then the connection ends if `last`.
    void lie(Lie lie, bool last) {
        const std::lock_guard lock(mutex_);
        lie_ = std::move(lie);
        last_ = last;
    }

  private:
    void serve() {  // one connection after the other
        for (;;) {
            FileHandle socket(::accept(listener_.get(), nullptr, nullptr));
            if (!socket) return;
            Stream client(std::move(socket)), target(connect_to(target_));
            std::thread forth([&] {
                std::array<std::uint8_t, 1> byte{};
                while (client.read(byte)) {
                    const Bytes bytes(byte);
                    if (!target.write(std::span(&bytes, 1))) break;
                }
                target.shut_down();
            });
            pass_answers(target, client);
            client.shut_down();
            target.shut_down();
            forth.join();
        }
    }
    void pass_answers(Stream& target, Stream& client) {
        for (;;) {
            std::vector<std::uint8_t> pdu(kHeaderSize);
            if (!target.read(pdu)) return;
            const auto header = *scsi::decode<AnyHeader>(Bytes(pdu));
            pdu.resize(kHeaderSize + padded(header.data_length.value()));
            if (!target.read(MutableBytes(pdu).subspan(kHeaderSize))) return;
            Lie lie;
            bool last = false;
            if (header.pdu_code() != PduCode::login_response) {
                const std::lock_guard lock(mutex_);
                lie = std::exchange(lie_, {});
                last = last_;
            }
            if (lie) lie(pdu);
            const Bytes bytes(pdu);
            if (!client.write(std::span(&bytes, 1)) || (lie && last)) return;
        }
    }

    std::string target_, address_;
    FileHandle listener_;
    std::mutex mutex_;
    Lie lie_;
    bool last_ = false;
    std::thread thread_;
};

class BadTarget : public VtlTarget {
  protected:
    static constexpr std::size_t kAsked = 96, kGuard = 4096;
    // INQUIRY through a lie. What came back, if anything did, is within its buffer.
    void hear(Liar& liar, const Liar::Lie& lie, bool last) {
        scsi::IscsiOptions options;
        options.initiator = "iqn.believer";
        options.header_digest = false;
        IscsiTransport initiator({liar.address(), kName, 0}, options);
        ASSERT_TRUE(try_run(initiator, scsi::TestUnitReadyCdb{})) << "the login and what follows it are passed on";
        std::vector<std::uint8_t> space(kAsked + 2 * kGuard, 0xA5);
        const auto buffer = MutableBytes(space).subspan(kGuard, kAsked);
        liar.lie(lie, last);
        const auto cdb = scsi::to_cdb(scsi::InquiryCdb{.allocation_length = BigEndian<2>{kAsked}});
        const auto reply = initiator.execute(cdb, {}, buffer, 150ms);
        EXPECT_TRUE(!reply || reply->transferred <= kAsked);
        const auto intact = [](std::uint8_t byte) { return byte == 0xA5; };
        EXPECT_TRUE(std::all_of(space.begin(), space.begin() + kGuard, intact) && std::all_of(space.end() - kGuard, space.end(), intact));
        liar.lie({}, false);
        for (int tried = 0; tried < 6; ++tried) {  // the session that was lost is told of by both sides, and then all is well
            const auto again = try_run(initiator, scsi::TestUnitReadyCdb{});
            if (again && told(*again) == "GOOD") return;
        }
        ADD_FAILURE() << "it does not come back";
    }
};

TEST_F(BadTarget, AnyByteOfAHeaderMayBeWrong) {
    Liar liar(target->address());
    for (std::size_t at = 0; at < kHeaderSize; ++at) {
        SCOPED_TRACE(at);
        hear(liar, [at](auto& pdu) { pdu[at] ^= 0xFF; }, true);
        if (HasFatalFailure()) return;
    }
}

TEST_F(BadTarget, AnyOtherKindOfPdu) {
    Liar liar(target->address());
    for (unsigned code = 0; code < 64; ++code) {
        SCOPED_TRACE(code);
        hear(liar, [code](auto& pdu) { pdu[0] = static_cast<std::uint8_t>(code); }, true);
        if (HasFatalFailure()) return;
    }
}

TEST_F(BadTarget, ItMayStopAnywhere) {
    Liar liar(target->address());
    for (std::size_t size : {0U, 1U, 7U, 47U, 48U, 49U, 60U, 100U}) {
        SCOPED_TRACE(size);
        hear(liar, [size](auto& pdu) { pdu.resize(std::min(pdu.size(), size)); }, true);
        if (HasFatalFailure()) return;
    }
}

TEST_F(BadTarget, MoreDataThanWereAskedForAndElsewhere) {
    Liar liar(target->address());
    for (std::size_t more : {4U, 512U, 65536U}) {
        for (std::uint32_t offset : {0U, 4U, 96U, 0x7FFFFFFFU, 0xFFFFFFFCU}) {
            SCOPED_TRACE(more + offset);
            const auto lie = [&](auto& pdu) {
                auto header = *scsi::decode<DataInPdu>(Bytes(pdu).first(kHeaderSize));
                header.offset = BigEndian<4>{offset};
                header.data_length = BigEndian<3>{kAsked + more};
                pdu.resize(kHeaderSize + kAsked + more, 0x66);
                std::ranges::copy(scsi::encode(header), pdu.begin());
            };
            hear(liar, lie, true);
            if (HasFatalFailure()) return;
        }
    }
}

TEST_F(BadTarget, Noise) {
    Liar liar(target->address());
    std::mt19937 random(7);
    for (int round = 0; round < 60; ++round) {
        SCOPED_TRACE(round);
        const auto lie = [&](auto& pdu) {
            pdu.resize(random() % 300);
            for (auto& byte : pdu) byte = static_cast<std::uint8_t>(random());
        };
        hear(liar, lie, true);
        if (HasFatalFailure()) return;
    }
}

}  // namespace
}  // namespace capstan::iscsi
