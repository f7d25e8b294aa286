// The login phase of a connection, target's side (RFC 7143 clauses 6.3, 12 and 13): who comes, whether he may, and how the two will
// talk. A pure state machine over decoded PDUs; one object for each connection, any one thread.
#pragma once

#include "tools/vtl/pdu.hpp"
#include "tools/vtl/text_keys.hpp"

namespace capstan::iscsi {

struct Chap {
    std::string user, secret;
};

struct TargetSettings {
    std::string name;          // iqn.…, as initiators call it
    std::string alias;         // may be empty
    std::optional<Chap> chap;  // who may log in; empty: everybody
};

// What both sides keep to. The defaults are those of RFC 7143 clause 13, for an initiator that says nothing.
struct Agreed {
    bool header_digest = false, data_digest = false;  // CRC32C
    bool first_ready_needed = true;                   // InitialR2T
    bool immediate_data = true;
    std::uint32_t send_max = 8192;          // MaxRecvDataSegmentLength of the initiator
    std::uint32_t burst_max = 262144;       // of one R2T
    std::uint32_t first_burst_max = 65536;  // unasked data of one command
};
// The target's own limits.
inline constexpr std::uint32_t kReceiveMax = 1u << 20;  // data segment of one PDU
inline constexpr std::uint32_t kBurstMax = (1u << 24) - 512;
inline constexpr std::uint32_t kFirstBurstMax = 1u << 20;

struct LoginReply {
    LoginStatus status = LoginStatus::success;
    std::uint8_t flags = 0;  // transit and stages
    TextKeys keys;
    bool done = false;  // full feature phase begins behind this reply
};

class Login {
  public:
    // `challenge`: random bytes for CHAP, never used twice.
    Login(const TargetSettings& target, std::vector<std::uint8_t> challenge) : target_(target), challenge_(std::move(challenge)) {}
    // `keys`: those of all PDUs of this step. A reply whose status is no success ends the connection.
    LoginReply step(const LoginRequestPdu& request, const TextKeys& keys);

    const std::string& initiator() const { return initiator_; }
    bool discovery() const { return discovery_; }
    const Agreed& agreed() const { return agreed_; }

  private:
    LoginStatus introduce(const TextKeys& keys);
    LoginStatus security(const TextKeys& keys, TextKeys& reply);
    LoginStatus chap_answer(const TextKeys& keys);
    void operational(const TextKeys& keys, TextKeys& reply);
    std::string choose(const TextKey& key);

    const TargetSettings& target_;
    std::vector<std::uint8_t> challenge_;
    std::string initiator_;
    bool discovery_ = false;
    bool introduced_ = false;
    bool told_group_ = false, told_receive_max_ = false;
    std::optional<Stage> stage_;
    enum class Trust : std::uint8_t { none, chap_chosen, challenged, given } trust_ = Trust::none;
    Agreed agreed_;
};

}  // namespace capstan::iscsi
