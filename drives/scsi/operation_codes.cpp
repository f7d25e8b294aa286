// REPORT SUPPORTED OPERATION CODES, SPC-4 6.35.
#include "drives/scsi/text.hpp"

namespace capstan::scsi {
namespace {

constexpr std::uint8_t kTimeoutsFollow = 0x02;  // CTDP of a command descriptor
constexpr std::uint8_t kServiceActionValid = 0x01;
constexpr std::uint8_t kTimeoutsFollowOne = 0x80;  // CTDP of the one-command form
constexpr std::uint8_t kSupportMask = 0x07;

struct CommandDescriptor {  // SPC-4 6.35.2
    std::uint8_t opcode = 0;
    std::uint8_t reserved_1 = 0;
    BigEndian<2> service_action{};
    std::uint8_t reserved_4 = 0;
    std::uint8_t flags = 0;
    BigEndian<2> cdb_size{};
};
static_assert(sizeof(CommandDescriptor) == 8);

struct TimeoutsDescriptor {  // SPC-4 6.35.4
    BigEndian<2> length{0x0A};
    std::uint8_t reserved_2 = 0;
    std::uint8_t command_specific = 0;
    BigEndian<4> nominal{};      // seconds
    BigEndian<4> recommended{};  // seconds
};
static_assert(sizeof(TimeoutsDescriptor) == 12);

std::optional<CommandTimeouts> take_timeouts(Reader& reader) {
    const auto length = reader.big<2>();
    const auto body = length ? reader.take(*length) : std::nullopt;
    if (!body || body->size() < sizeof(TimeoutsDescriptor) - 2) return std::nullopt;
    return CommandTimeouts{.nominal = std::chrono::seconds(decode<BigEndian<4>>(body->subspan(2))->value()),
                           .recommended = std::chrono::seconds(decode<BigEndian<4>>(body->subspan(6))->value())};
}

void append_timeouts(std::vector<std::uint8_t>& out, const CommandTimeouts& timeouts) {
    append_wire(
        out, TimeoutsDescriptor{.nominal = BigEndian<4>{static_cast<std::uint64_t>(timeouts.nominal.count())},
                                .recommended = BigEndian<4>{static_cast<std::uint64_t>(timeouts.recommended.count())}});
}

}  // namespace

std::optional<std::vector<SupportedCommand>> decode_supported_commands(Bytes bytes) {
    Reader whole(bytes);
    const auto length = whole.big<4>();
    if (!length) return std::nullopt;
    Reader reader(whole.rest().first(std::min<std::size_t>(whole.left(), *length)));
    std::vector<SupportedCommand> commands;
    while (auto descriptor = take<CommandDescriptor>(reader)) {
        SupportedCommand command{.opcode = descriptor->opcode,
                                 .service_action = std::nullopt,
                                 .cdb_size = static_cast<std::uint16_t>(descriptor->cdb_size.value()),
                                 .timeouts = std::nullopt};
        if (has(descriptor->flags, kServiceActionValid)) {
            command.service_action = static_cast<std::uint16_t>(descriptor->service_action.value());
        }
        if (has(descriptor->flags, kTimeoutsFollow)) {
            command.timeouts = take_timeouts(reader);
            if (!command.timeouts) break;  // cut here
        }
        commands.push_back(command);
    }
    return commands;
}

std::vector<std::uint8_t> encode_supported_commands(const std::vector<SupportedCommand>& commands) {
    std::vector<std::uint8_t> body;
    for (const auto& command : commands) {
        const std::uint8_t flags = flag_if(command.timeouts.has_value(), kTimeoutsFollow) |
                                   flag_if(command.service_action.has_value(), kServiceActionValid);
        append_wire(body, CommandDescriptor{.opcode = command.opcode,
                                            .service_action = BigEndian<2>{command.service_action.value_or(0)},
                                            .flags = flags,
                                            .cdb_size = BigEndian<2>{command.cdb_size}});
        if (command.timeouts) append_timeouts(body, *command.timeouts);
    }
    std::vector<std::uint8_t> out;
    append_wire(out, BigEndian<4>{body.size()});
    out.insert(out.end(), body.begin(), body.end());
    return out;
}

std::optional<OneCommandSupport> decode_one_command(Bytes bytes) {
    Reader reader(bytes);
    const auto head = reader.take(2);
    const auto size = reader.big<2>();
    if (!head || !size) return std::nullopt;
    OneCommandSupport result;
    switch ((*head)[1] & kSupportMask) {
        case raw(OneCommandSupport::Support::not_supported):
            result.support = OneCommandSupport::Support::not_supported;
            return result;
        case raw(OneCommandSupport::Support::standard): result.support = OneCommandSupport::Support::standard; break;
        case raw(OneCommandSupport::Support::vendor_specific):
            result.support = OneCommandSupport::Support::vendor_specific;
            break;
        default: return result;  // "not available now", or reserved: nothing is known
    }
    const auto usage = reader.take(*size);
    if (!usage) return result;
    result.usage.assign(usage->begin(), usage->end());
    if (has((*head)[1], kTimeoutsFollowOne)) result.timeouts = take_timeouts(reader);
    return result;
}

std::vector<std::uint8_t> encode_one_command(const OneCommandSupport& support) {
    std::vector<std::uint8_t> out{
        0, static_cast<std::uint8_t>(raw(support.support) | flag_if(support.timeouts.has_value(), kTimeoutsFollowOne))};
    append_wire(out, BigEndian<2>{support.usage.size()});
    out.insert(out.end(), support.usage.begin(), support.usage.end());
    if (support.timeouts) append_timeouts(out, *support.timeouts);
    return out;
}

}  // namespace capstan::scsi
