#include "drives/scsi/reservations.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::scsi {
namespace {

constexpr std::uint8_t kIscsiWithSession = 0x45;  // protocol 5, format 01b
constexpr std::uint8_t kHolds = 0x01, kTypeMask = 0x0F;

void put(std::vector<std::uint8_t>& bytes, std::uint64_t value, unsigned size) {
    for (unsigned at = size; at-- > 0;) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * at)));
}

struct Header {
    std::uint32_t generation = 0;
    Bytes body;
};
std::optional<Header> read_header(Bytes bytes) {
    Reader reader(bytes);
    const auto generation = reader.big<4>(), length = reader.big<4>();
    if (!length) return std::nullopt;
    return Header{static_cast<std::uint32_t>(*generation), reader.rest().first(std::min<std::size_t>(*length, reader.left()))};
}
std::vector<std::uint8_t> with_header(std::uint32_t generation, const std::vector<std::uint8_t>& body) {
    std::vector<std::uint8_t> bytes;
    put(bytes, generation, 4);
    put(bytes, body.size(), 4);
    bytes.insert(bytes.end(), body.begin(), body.end());
    return bytes;
}

std::string initiator_of(Bytes transport_id) {
    constexpr std::size_t kHeader = 4;
    if (transport_id.size() > kHeader && transport_id[0] == kIscsiWithSession) {
        auto text = std::string(text_of(transport_id.subspan(kHeader)));
        text.resize(std::min(text.size(), text.find('\0')));
        const bool printable = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
        if (printable && !text.empty()) return text;
    }
    std::string hex;
    for (auto byte : transport_id) hex += fmt::format("{:02x}", byte);
    return hex;
}

}  // namespace

std::optional<RegisteredKeys> decode_registered_keys(Bytes bytes) {
    const auto header = read_header(bytes);
    if (!header) return std::nullopt;
    RegisteredKeys found{header->generation, {}};
    Reader reader(header->body);
    while (const auto key = reader.big<8>()) found.keys.push_back(ReservationKey{*key});
    return found;
}

std::vector<std::uint8_t> encode_registered_keys(const RegisteredKeys& keys) {
    std::vector<std::uint8_t> body;
    for (auto key : keys.keys) put(body, raw(key), 8);
    return with_header(keys.generation, body);
}

std::optional<ReservationReport> decode_reservation(Bytes bytes) {
    const auto header = read_header(bytes);
    if (!header) return std::nullopt;
    ReservationReport report{header->generation, {}};
    Reader reader(header->body);
    const auto key = reader.big<8>(), obsolete = reader.big<4>(), scope_and_type = reader.big<2>();
    if (!obsolete || !scope_and_type) return report;
    report.reservation = Reservation{ReservationKey{*key}, static_cast<ReservationType>(*scope_and_type & kTypeMask)};
    return report;
}

std::vector<std::uint8_t> encode_reservation(const ReservationReport& report) {
    std::vector<std::uint8_t> body;
    if (report.reservation) {
        put(body, raw(report.reservation->key), 8);
        put(body, 0, 4);
        put(body, raw(report.reservation->type), 2);
        put(body, 0, 2);
    }
    return with_header(report.generation, body);
}

std::optional<std::vector<Registrant>> decode_full_status(Bytes bytes) {
    const auto header = read_header(bytes);
    if (!header) return std::nullopt;
    std::vector<Registrant> all;
    Reader reader(header->body);
    while (reader.left() > 0) {
        const auto key = reader.big<8>(), reserved = reader.big<4>(), flags = reader.big<1>(), type = reader.big<1>(),
                   port = reader.big<6>(), length = reader.big<4>();
        const auto transport_id = length ? reader.take(*length) : std::nullopt;
        if (!reserved || !port || !transport_id) break;
        const bool holds = (*flags & kHolds) != 0;
        all.push_back({ReservationKey{*key}, holds, holds ? static_cast<ReservationType>(*type & kTypeMask) : ReservationType{},
                       initiator_of(*transport_id)});
    }
    return all;
}

std::vector<std::uint8_t> encode_full_status(std::uint32_t generation, std::span<const Registrant> registrants) {
    std::vector<std::uint8_t> body;
    for (const auto& each : registrants) {
        put(body, raw(each.key), 8);
        put(body, 0, 4);
        body.push_back(each.holds ? kHolds : std::uint8_t{0});
        body.push_back(each.holds ? raw(each.type) : std::uint8_t{0});
        put(body, 1, 6);  // four reserved bytes, relative target port 1
        auto name = std::vector<std::uint8_t>(each.initiator.begin(), each.initiator.end());
        name.push_back(0);
        while (name.size() % 4 != 0) name.push_back(0);
        put(body, name.size() + 4, 4);
        put(body, kIscsiWithSession, 1);
        put(body, 0, 1);
        put(body, name.size(), 2);
        body.insert(body.end(), name.begin(), name.end());
    }
    return with_header(generation, body);
}

}  // namespace capstan::scsi
