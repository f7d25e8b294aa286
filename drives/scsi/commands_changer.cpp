#include "drives/scsi/commands_run.hpp"

#include <fmt/format.h>

namespace capstan::scsi {
namespace {

constexpr std::size_t kElementStatusSize = 64 * 1024;
constexpr std::size_t kElementStatusSizeMax = 0xFFFFFF;  // three bytes of allocation length

Cdb element_status_cdb(const ElementQuery& query, std::size_t size) {
    const std::uint8_t flags = flag_if(query.current_data, ReadElementStatusCdb::kCurrentData) |
                               flag_if(query.device_identifier, ReadElementStatusCdb::kDeviceIdentifier);
    const std::uint8_t volume_tags = flag_if(query.volume_tags, ReadElementStatusCdb::kVolumeTags);
    return to_cdb(ReadElementStatusCdb{.type_and_flags = static_cast<std::uint8_t>(raw(query.type) | volume_tags),
                                       .first = on_wire(query.first),
                                       .count = BigEndian<2>{query.count},
                                       .flags = flags,
                                       .allocation_length = BigEndian<3>{size}});
}

// tgt 1.0.85 sends as many bytes as its byte count says, which does not count the header: the last 8 bytes are missing, the end of
// the last element's volume tag, where nothing but blanks and zeros lie.
void complete_tgt(std::vector<std::uint8_t>& reply, std::size_t allocation_length) {
    const auto header = decode<ElementStatusHeader>(reply);
    if (header && header->byte_count.value() == reply.size() && reply.size() + sizeof(ElementStatusHeader) <= allocation_length)
        reply.resize(reply.size() + sizeof(ElementStatusHeader));
}

}  // namespace

Result<void> initialize_element_status(const Target& target) {
    return done(run(target, "take an inventory", to_cdb(InitializeElementStatusCdb{})));
}

Result<void> initialize_element_range(const Target& target, ElementAddress first, std::uint16_t count, RangeScan scan) {
    const std::uint8_t fast = flag_if(scan == RangeScan::presence_only, InitializeElementStatusWithRangeCdb::kFast);
    const InitializeElementStatusWithRangeCdb cdb{
        .flags = static_cast<std::uint8_t>(InitializeElementStatusWithRangeCdb::kRange | fast),
        .first = on_wire(first),
        .count = BigEndian<2>{count}};
    return done(run(target, "take an inventory of a range", to_cdb(cdb)));
}

Result<ElementStatusReport> read_element_status(const Target& target, const ElementQuery& query) {
    constexpr std::string_view act = "read the element status";
    for (std::size_t size = kElementStatusSize;;) {
        std::vector<std::uint8_t> buffer(size);
        CAPSTAN_CHECK(fetch(target, act, element_status_cdb(query, size), buffer));
        complete_tgt(buffer, size);
        auto report = decode_element_status(buffer);
        if (!report) return odd_reply(target, act, "the reply is too short or contradicts itself");
        if (report->complete()) return std::move(*report);
        // Some changers name in their header what they sent, not what they have: a full buffer then says that there is
        // more.
        const bool more = report->bytes_needed > size || buffer.size() == size;
        if (!more || size == kElementStatusSizeMax) {
            return odd_reply(target, act,
                             fmt::format("{} elements were announced, {} came", report->count,
                                         report->elements.size() + report->unknown));
        }
        size = std::min(std::max<std::size_t>(report->bytes_needed, size * 4), kElementStatusSizeMax);
    }
}

namespace {
template <class Act>
Result<void> done(const Target& target, Result<ScsiReply> reply, Act act) {
    if (reply && (!reply->sense || is_harmless(*reply->sense))) return {};
    if (!reply) return failed(target, act(), std::move(reply.error()));
    return refused(target, act(), *reply->sense);
}
}  // namespace

Result<void> move_medium(const Target& target, ElementAddress picker, ElementAddress source,
                         ElementAddress destination) {
    auto reply =
        send(target, to_cdb(MoveMediumCdb{
                         .picker = on_wire(picker), .source = on_wire(source), .destination = on_wire(destination)}));
    return done(target, std::move(reply), [&] { return fmt::format("move a cartridge from element {} to element {}", raw(source), raw(destination)); });
}

Result<void> exchange_medium(const Target& target, ElementAddress picker, ElementAddress source, ElementAddress destination,
                             ElementAddress second) {
    auto reply = send(target, to_cdb(ExchangeMediumCdb{.picker = on_wire(picker),
                                                       .source = on_wire(source),
                                                       .destination = on_wire(destination),
                                                       .second_destination = on_wire(second)}));
    return done(target, std::move(reply), [&] {
        return fmt::format("exchange the cartridges of elements {} and {}, the latter's to element {}", raw(source), raw(destination), raw(second));
    });
}

Result<void> position_to_element(const Target& target, ElementAddress picker, ElementAddress destination) {
    auto reply = send(target, to_cdb(PositionToElementCdb{.picker = on_wire(picker), .destination = on_wire(destination)}));
    return done(target, std::move(reply), [&] { return fmt::format("go to element {}", raw(destination)); });
}

}  // namespace capstan::scsi
