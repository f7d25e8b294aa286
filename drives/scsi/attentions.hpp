// Unit attentions are taken with TEST UNIT READY, one at a time; the owner finds them in its command log and decides what it
// has to forget. The device's thread.
#pragma once

#include "drives/scsi/commands.hpp"

#include <string>

namespace capstan::scsi {

struct Readiness {
    unsigned attentions = 0;          // how many were taken
    std::optional<Sense> not_ready;   // empty: ready; else NOT READY or whatever else the device says
};
inline Result<Readiness> take_attentions(const Target& target) {
    constexpr unsigned kMax = 16;  // a device that has more of them than this has something else to say
    Readiness readiness;
    while (readiness.attentions < kMax) {
        CAPSTAN_TRY(auto sense, test_unit_ready(target));
        if (!sense || is_harmless(*sense)) return readiness;
        if (!is_unit_attention(*sense)) {
            readiness.not_ready = sense;
            return readiness;
        }
        ++readiness.attentions;
    }
    return fail(Recovery::ask_operator, std::string(target.name) + ": it reports unit attentions without end",
                "Another initiator may keep resetting it; look for a second host on the same device");
}

}  // namespace capstan::scsi
