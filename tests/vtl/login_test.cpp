// The login phase as a state machine: who may come in, and what is agreed.
#include "tools/vtl/login.hpp"

#include <Poco/MD5Engine.h>
#include <gtest/gtest.h>

namespace capstan::iscsi {
namespace {

constexpr std::uint8_t kFromSecurity = 0 << 2, kFromOperational = 1 << 2;
constexpr std::uint8_t kToOperational = flag::kTransit | 1, kToFull = flag::kTransit | 3;
const TextKeys kIntroduction{{"InitiatorName", "iqn.a"}, {"TargetName", "iqn.t"}, {"SessionType", "Normal"}};

class LoginPhase : public testing::Test {
  protected:
    LoginReply step(std::uint8_t flags, TextKeys keys, bool introduce = false) {
        if (introduce) keys.insert(keys.begin(), kIntroduction.begin(), kIntroduction.end());
        LoginRequestPdu request;
        request.flags = flags;
        return login->step(request, keys);
    }
    static std::string value(const LoginReply& reply, std::string_view key) {
        const auto* found = find(reply.keys, key);
        return found ? *found : "-";
    }
    void with_chap() {
        target.chap = Chap{"anna", "a-secret-of-enough-bits"};
        login.emplace(target, std::vector<std::uint8_t>{1, 2, 3, 4});
    }
    static std::string response(const std::string& secret) {
        Poco::MD5Engine engine;
        engine.update(std::string("\x01") + secret + "\x01\x02\x03\x04");
        return in_hexadecimal(engine.digest());
    }
    TargetSettings target{.name = "iqn.t", .alias = "", .chap = std::nullopt};
    std::optional<Login> login{std::in_place, target, std::vector<std::uint8_t>{1, 2, 3, 4}};
};

TEST_F(LoginPhase, InOneStep) {
    auto reply = step(kFromOperational | kToFull, {{"HeaderDigest", "CRC32C,None"}, {"MaxRecvDataSegmentLength", "4096"}}, true);
    EXPECT_EQ(reply.status, LoginStatus::success);
    EXPECT_TRUE(reply.done);
    EXPECT_EQ(reply.flags, kFromOperational | kToFull);
    EXPECT_EQ(value(reply, "HeaderDigest"), "CRC32C");
    EXPECT_EQ(value(reply, "TargetPortalGroupTag"), "1");
    EXPECT_EQ(value(reply, "MaxRecvDataSegmentLength"), std::to_string(kReceiveMax));
    EXPECT_TRUE(login->agreed().header_digest);
    EXPECT_EQ(login->agreed().send_max, 4096U);
    EXPECT_EQ(login->initiator(), "iqn.a");
}

struct Negotiation {
    const char* name;
    TextKey offer;
    std::string answer;
};
void PrintTo(const Negotiation& one, std::ostream* out) { *out << one.name; }
class Negotiations : public LoginPhase, public testing::WithParamInterface<Negotiation> {};
TEST_P(Negotiations, AreAnswered) {
    auto reply = step(kFromOperational, {GetParam().offer}, true);
    EXPECT_EQ(reply.status, LoginStatus::success);
    EXPECT_EQ(value(reply, GetParam().offer.name), GetParam().answer);
}
INSTANTIATE_TEST_SUITE_P(
    Rfc7143, Negotiations,
    testing::Values(Negotiation{"DigestNone", {"DataDigest", "None"}, "None"},
                    Negotiation{"DigestUnknownFirst", {"DataDigest", "X-new,CRC32C"}, "CRC32C"},
                    Negotiation{"DigestUnknown", {"DataDigest", "X-new"}, "Reject"},
                    Negotiation{"FirstReady", {"InitialR2T", "Yes"}, "Yes"}, Negotiation{"NoFirstReady", {"InitialR2T", "No"}, "No"},
                    Negotiation{"Immediate", {"ImmediateData", "No"}, "No"},
                    Negotiation{"Burst", {"MaxBurstLength", "262144"}, "262144"},
                    Negotiation{"BurstBeyond", {"MaxBurstLength", "16777215"}, std::to_string(kBurstMax)},
                    Negotiation{"BurstWrong", {"MaxBurstLength", "12"}, "Reject"},
                    Negotiation{"Connections", {"MaxConnections", "8"}, "1"}, Negotiation{"Recovery", {"ErrorRecoveryLevel", "2"}, "0"},
                    Negotiation{"Retain", {"DefaultTime2Retain", "20"}, "0"}, Negotiation{"Wait", {"DefaultTime2Wait", "2"}, "2"},
                    Negotiation{"Order", {"DataPDUInOrder", "No"}, "Yes"},
                    Negotiation{"Declaration", {"MaxRecvDataSegmentLength", "65536"}, std::to_string(kReceiveMax)},
                    Negotiation{"Unknown", {"X-com.example.thing", "1"}, "NotUnderstood"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST_F(LoginPhase, WhatIsWrongIsRefused) {
    auto status = [this](std::uint8_t flags, const TextKeys& keys) {
        login.emplace(target, std::vector<std::uint8_t>{1});
        return step(flags, keys).status;
    };
    EXPECT_EQ(status(kFromOperational, {}), LoginStatus::missing_parameter);
    EXPECT_EQ(status(kFromOperational, {{"InitiatorName", "a"}}), LoginStatus::missing_parameter) << "which target";
    EXPECT_EQ(status(kFromOperational, {{"InitiatorName", "a"}, {"TargetName", "iqn.other"}}), LoginStatus::target_not_found);
    EXPECT_EQ(status(kFromOperational, {{"InitiatorName", "a"}, {"SessionType", "Odd"}}), LoginStatus::session_type_not_supported);
    EXPECT_EQ(status(2 << 2, kIntroduction), LoginStatus::invalid_request) << "stage 2 does not exist";
    EXPECT_EQ(status(kFromOperational | flag::kTransit | 1, kIntroduction), LoginStatus::invalid_request) << "to where it is";
    EXPECT_EQ(status(kFromOperational | flag::kTransit | 2, kIntroduction), LoginStatus::invalid_request);
    LoginRequestPdu newer;
    newer.version_min = 1;
    login.emplace(target, std::vector<std::uint8_t>{1});
    EXPECT_EQ(login->step(newer, kIntroduction).status, LoginStatus::unsupported_version);
}

TEST_F(LoginPhase, ByChap) {
    with_chap();
    auto reply = step(kFromSecurity | kToOperational, {{"AuthMethod", "CHAP,None"}}, true);
    EXPECT_EQ(value(reply, "AuthMethod"), "CHAP");
    EXPECT_EQ(reply.flags, kFromSecurity) << "not before he has proved himself";
    reply = step(kFromSecurity, {{"CHAP_A", "7,5"}});
    EXPECT_EQ(value(reply, "CHAP_A"), "5");
    EXPECT_EQ(value(reply, "CHAP_C"), "0x01020304");
    reply = step(kFromSecurity | kToOperational, {{"CHAP_N", "anna"}, {"CHAP_R", response("a-secret-of-enough-bits")}});
    EXPECT_EQ(reply.status, LoginStatus::success);
    EXPECT_EQ(reply.flags, kFromSecurity | kToOperational);
    EXPECT_TRUE(step(kFromOperational | kToFull, {}).done);
}

TEST_F(LoginPhase, WithoutTheSecretNobodyComesIn) {
    auto ends = [this](const std::vector<std::pair<std::uint8_t, TextKeys>>& steps) {
        with_chap();
        bool introduce = true;
        for (const auto& [flags, keys] : steps) {
            auto reply = step(flags, keys, std::exchange(introduce, false));
            if (reply.done) return std::string("in");
            if (reply.status != LoginStatus::success) return std::string("refused");
        }
        return std::string("outside");
    };
    const TextKeys methods{{"AuthMethod", "CHAP"}}, algorithm{{"CHAP_A", "5"}};
    const auto right = response("a-secret-of-enough-bits");
    EXPECT_EQ(ends({{kFromOperational | kToFull, {}}}), "refused");
    EXPECT_EQ(ends({{kFromSecurity | kToFull, {}}}), "outside");
    EXPECT_EQ(ends({{kFromSecurity | kToFull, {{"AuthMethod", "None"}}}}), "refused");
    EXPECT_EQ(ends({{kFromSecurity, methods}, {kFromSecurity | kToFull, {}}}), "refused");
    EXPECT_EQ(ends({{kFromSecurity, methods}, {kFromSecurity, {{"CHAP_A", "6"}}}}), "refused");
    EXPECT_EQ(ends({{kFromSecurity, algorithm}}), "refused") << "without AuthMethod";
    EXPECT_EQ(ends({{kFromSecurity, methods}, {kFromSecurity | kToFull, {{"CHAP_N", "anna"}, {"CHAP_R", right}}}}), "refused");
    auto answer = [&](const TextKeys& keys) {
        return ends({{kFromSecurity, methods}, {kFromSecurity, algorithm}, {kFromSecurity | kToFull, keys}});
    };
    EXPECT_EQ(answer({{"CHAP_N", "anna"}, {"CHAP_R", right}}), "in") << "so it would be";
    EXPECT_EQ(answer({{"CHAP_N", "bert"}, {"CHAP_R", right}}), "refused");
    EXPECT_EQ(answer({{"CHAP_N", "anna"}, {"CHAP_R", response("another-secret-here")}}), "refused");
    EXPECT_EQ(answer({{"CHAP_N", "anna"}, {"CHAP_R", right.substr(0, right.size() - 2)}}), "refused");
    EXPECT_EQ(answer({{"CHAP_R", right}}), "refused");
    EXPECT_EQ(answer({{"CHAP_N", "anna"}, {"CHAP_R", "0xZZ"}}), "refused");
    EXPECT_EQ(answer({{"CHAP_N", "anna"}, {"CHAP_R", right}, {"CHAP_I", "9"}, {"CHAP_C", "0x11"}}), "refused")
        << "the target has no secret to prove itself with";
}

}  // namespace
}  // namespace capstan::iscsi
