#include "tools/vtl/login.hpp"

// decodes: tools/vtl/login.cpp

// First byte: bit 0 CHAP. Then steps: a byte of flags, a byte of length in units of 4, that much text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace capstan::iscsi;
    capstan::Reader reader({data, size});
    const auto first = reader.big<1>();
    if (!first) return 0;
    TargetSettings target{.name = "t", .alias = "a", .chap = std::nullopt};
    if (*first & 1) target.chap = Chap{"u", "secret"};
    Login login(target, {1, 2, 3, 4});
    for (int step = 0; step < 16; ++step) {
        const auto flags = reader.big<1>();
        const auto length = reader.big<1>();
        if (!flags || !length) return 0;
        const auto text = reader.take(*length * 4);
        if (!text) return 0;
        const auto keys = decode_text(*text);
        if (!keys) continue;
        LoginRequestPdu request;
        request.flags = static_cast<std::uint8_t>(*flags);
        const auto reply = login.step(request, *keys);
        if (reply.status != LoginStatus::success) return 0;
        if (!reply.done) continue;
        const auto& agreed = login.agreed();
        if (agreed.send_max < 512 || agreed.burst_max < 512 || agreed.first_burst_max > kFirstBurstMax) __builtin_trap();
        return 0;
    }
    return 0;
}
