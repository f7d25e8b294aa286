#include "tools/vtl/login.hpp"

#include <Poco/MD5Engine.h>

#include <algorithm>

namespace capstan::iscsi {
namespace {

constexpr std::string_view kMd5 = "5";  // CHAP_A, RFC 1994
constexpr std::uint8_t kChapId = 1;

std::vector<std::uint8_t> md5_of(std::uint8_t id, const std::string& secret, Bytes challenge) {
    Poco::MD5Engine engine;
    engine.update(static_cast<char>(id));
    engine.update(secret);
    engine.update(challenge.data(), static_cast<unsigned>(challenge.size()));
    return engine.digest();
}

bool same_in_constant_time(Bytes one, Bytes other) {
    if (one.size() != other.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < one.size(); ++i) difference |= static_cast<unsigned>(one[i] ^ other[i]);
    return difference == 0;
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
}

std::string yes_or_no(bool value) { return value ? "Yes" : "No"; }

}  // namespace

LoginReply Login::step(const LoginRequestPdu& request, const TextKeys& keys) {
    LoginReply reply;
    const auto stage = request.current_stage();
    const bool first = !stage_;
    auto refuse = [&reply](LoginStatus status) {
        reply.status = status;
        reply.keys.clear();
        return reply;
    };
    if (request.version_min != 0) return refuse(LoginStatus::unsupported_version);
    if (stage != Stage::security && stage != Stage::operational) return refuse(LoginStatus::invalid_request);
    if (!first && stage != *stage_) return refuse(LoginStatus::invalid_request);
    stage_ = stage;
    if (!introduced_) {
        if (auto status = introduce(keys); status != LoginStatus::success) return refuse(status);
    }
    if (stage == Stage::security) {
        if (auto status = security(keys, reply.keys); status != LoginStatus::success) return refuse(status);
    } else {
        if (target_.chap && trust_ != Trust::given) return refuse(LoginStatus::authentication_failure);
        operational(keys, reply.keys);
    }
    if (!discovery_ && !std::exchange(told_group_, true)) {
        reply.keys.push_back({"TargetPortalGroupTag", "1"});
        if (!target_.alias.empty()) reply.keys.push_back({"TargetAlias", target_.alias});
    }
    reply.flags = static_cast<std::uint8_t>(raw(stage) << 2);
    if (!scsi::has(request.flags, flag::kTransit)) return reply;
    const auto next = request.next_stage();
    if (raw(next) <= raw(stage) || raw(next) == 2) return refuse(LoginStatus::invalid_request);
    const bool may_pass = stage != Stage::security || !target_.chap || trust_ == Trust::given;
    if (!may_pass) return reply;  // he is asked to go on with the stage
    reply.flags |= flag::kTransit | raw(next);
    reply.done = next == Stage::full_feature;
    stage_ = next;
    return reply;
}

LoginStatus Login::introduce(const TextKeys& keys) {
    const auto* initiator = find(keys, "InitiatorName");
    if (!initiator || initiator->empty() || initiator->size() > 223) return LoginStatus::missing_parameter;
    initiator_ = *initiator;
    if (const auto* type = find(keys, "SessionType")) {
        if (*type != "Normal" && *type != "Discovery") return LoginStatus::session_type_not_supported;
        discovery_ = *type == "Discovery";
    }
    const auto* wanted = find(keys, "TargetName");
    if (!discovery_ && !wanted) return LoginStatus::missing_parameter;
    if (wanted && *wanted != target_.name) return LoginStatus::target_not_found;
    introduced_ = true;
    return LoginStatus::success;
}

LoginStatus Login::security(const TextKeys& keys, TextKeys& reply) {
    if (const auto* methods = find(keys, "AuthMethod")) {
        const std::string wanted = target_.chap ? "CHAP" : "None";
        if (!contains(list_of(*methods), wanted)) return LoginStatus::authentication_failure;
        reply.push_back({"AuthMethod", wanted});
        if (target_.chap) trust_ = Trust::chap_chosen;
        return LoginStatus::success;
    }
    if (!target_.chap) return LoginStatus::success;
    if (const auto* algorithms = find(keys, "CHAP_A")) {
        if (trust_ != Trust::chap_chosen || !contains(list_of(*algorithms), kMd5)) return LoginStatus::authentication_failure;
        reply = {{"CHAP_A", std::string(kMd5)}, {"CHAP_I", std::to_string(kChapId)}, {"CHAP_C", in_hexadecimal(challenge_)}};
        trust_ = Trust::challenged;
        return LoginStatus::success;
    }
    if (find(keys, "CHAP_R")) return chap_answer(keys);
    // Nothing that leads on: once it may be the introduction alone, then it is a fault.
    return trust_ == Trust::none || trust_ == Trust::given ? LoginStatus::success : LoginStatus::authentication_failure;
}

LoginStatus Login::chap_answer(const TextKeys& keys) {
    const auto* user = find(keys, "CHAP_N");
    const auto* answer = find(keys, "CHAP_R");
    if (trust_ != Trust::challenged || !user) return LoginStatus::authentication_failure;
    if (find(keys, "CHAP_C")) return LoginStatus::authentication_failure;  // he wants us to prove ourselves: no secret for that
    const auto given = binary_of(*answer);
    const auto right = md5_of(kChapId, target_.chap->secret, challenge_);
    trust_ = Trust::none;  // one try for each challenge
    if (*user != target_.chap->user || !given || !same_in_constant_time(*given, right)) return LoginStatus::authentication_failure;
    trust_ = Trust::given;
    return LoginStatus::success;
}

void Login::operational(const TextKeys& keys, TextKeys& reply) {
    for (const auto& key : keys) {
        auto answer = choose(key);
        if (!answer.empty()) reply.push_back({key.name, std::move(answer)});
    }
    if (!std::exchange(told_receive_max_, true)) reply.push_back({"MaxRecvDataSegmentLength", std::to_string(kReceiveMax)});
}

namespace {

std::string choose_digest(const TextKey& key, bool& on) {
    for (const auto& word : list_of(key.value)) {
        if (word != "CRC32C" && word != "None") continue;
        on = word == "CRC32C";
        return word;
    }
    return "Reject";
}

std::string choose_smaller(const TextKey& key, std::uint32_t least, std::uint32_t most, std::uint32_t ours, std::uint32_t* chosen) {
    const auto theirs = number_of(key.value, most);
    if (!theirs || *theirs < least) return "Reject";
    const auto smaller = std::min(static_cast<std::uint32_t>(*theirs), ours);
    if (chosen) *chosen = smaller;
    return std::to_string(smaller);
}

}  // namespace

// The value of the reply; empty: the key is a declaration and has none.
std::string Login::choose(const TextKey& key) {
    constexpr std::uint32_t kLeastLength = 512, kMostLength = (1u << 24) - 1;
    const auto& name = key.name;
    const bool yes = key.value == "Yes";
    if (name == "InitiatorName" || name == "InitiatorAlias" || name == "SessionType" || name == "TargetName") return {};
    if (name == "HeaderDigest") return choose_digest(key, agreed_.header_digest);
    if (name == "DataDigest") return choose_digest(key, agreed_.data_digest);
    if (name == "MaxRecvDataSegmentLength") {
        const auto most = number_of(key.value, kMostLength);
        if (!most || *most < kLeastLength) return "Reject";
        agreed_.send_max = static_cast<std::uint32_t>(*most);
        return {};
    }
    if (name == "InitialR2T") return yes_or_no(agreed_.first_ready_needed = yes);
    if (name == "ImmediateData") return yes_or_no(agreed_.immediate_data = yes);
    if (name == "MaxBurstLength") return choose_smaller(key, kLeastLength, kMostLength, kBurstMax, &agreed_.burst_max);
    if (name == "FirstBurstLength") return choose_smaller(key, kLeastLength, kMostLength, kFirstBurstMax, &agreed_.first_burst_max);
    if (name == "MaxConnections" || name == "MaxOutstandingR2T") return choose_smaller(key, 1, 65535, 1, nullptr);
    if (name == "ErrorRecoveryLevel") return choose_smaller(key, 0, 2, 0, nullptr);
    if (name == "DefaultTime2Retain") return choose_smaller(key, 0, 3600, 0, nullptr);
    if (name == "DefaultTime2Wait") return number_of(key.value, 3600) ? key.value : "Reject";
    if (name == "DataPDUInOrder" || name == "DataSequenceInOrder") return "Yes";
    if (name == "IFMarker" || name == "OFMarker") return "No";
    if (name == "TaskReporting") return "RFC3720";
    if (name == "iSCSIProtocolLevel") return choose_smaller(key, 0, 31, 1, nullptr);
    return "NotUnderstood";
}

}  // namespace capstan::iscsi
