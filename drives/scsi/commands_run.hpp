// What the command functions share: run one command, and say "NAME: cannot DO-THIS" when it fails.
#pragma once

#include "drives/scsi/commands.hpp"

namespace capstan::scsi {

std::string attempted(const Target& target, std::string_view act);  // "drive D1: cannot rewind"
// An Error of the transport, with what was attempted in front.
std::unexpected<Error> failed(const Target& target, std::string_view act, Error error);
std::unexpected<Error> refused(const Target& target, std::string_view act, const Sense& sense);
// The device answered, but not what the standard asks for.
std::unexpected<Error> odd_reply(const Target& target, std::string_view act, std::string_view fact);

// A deferred RECOVERED ERROR is about an earlier command, which succeeded; the command that brings it was not carried out
// (SPC-4 4.5.7) and is sent again. Whoever watches the transport counts it.
inline Result<ScsiReply> send(const Target& target, const Cdb& cdb, DataOut out = {}, MutableBytes in = {}) {
    constexpr int kTries = 8;
    for (int tried = 1;; ++tried) {
        auto reply = target.transport.execute(cdb, out, in, target.timeouts.of(cdb));
        const bool told = reply && reply->sense && reply->sense->deferred && key_of(*reply->sense) == SenseKey::recovered_error;
        if (!told || tried == kTries) return reply;
    }
}
// Every CHECK CONDITION that is not harmless is an Error.
Result<ScsiReply> run(const Target& target, std::string_view act, const Cdb& cdb, DataOut out = {},
                      MutableBytes in = {});
// The same for a command that brings data: `buffer` shrinks to what came.
Result<void> fetch(const Target& target, std::string_view act, const Cdb& cdb, std::vector<std::uint8_t>& buffer);
// The device does not know the operation code (05/20/00), so another form of the command may do.
bool unknown_command(const Error& error);

inline Result<void> done(const Result<ScsiReply>& reply) {
    if (!reply) return std::unexpected(reply.error());
    return {};
}

}  // namespace capstan::scsi
