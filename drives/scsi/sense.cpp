#include "drives/scsi/sense.hpp"

#include "drives/scsi/cdb.hpp"

namespace capstan::scsi {
namespace {

constexpr std::uint8_t kResponseMask = 0x7F, kValid = 0x80;
constexpr std::uint8_t kFixedCurrent = 0x70, kFixedDeferred = 0x71, kDescriptorCurrent = 0x72,
                       kDescriptorDeferred = 0x73;
constexpr std::uint8_t kFilemark = 0x80, kEndOfMedium = 0x40, kIncorrectLength = 0x20, kKeyMask = 0x0F;
constexpr std::uint8_t kInformationDescriptor = 0x00, kSpecificDescriptor = 0x02, kStreamDescriptor = 0x04;
constexpr std::uint8_t kSpecificValid = 0x80;  // SKSV
constexpr std::size_t kFixedSize = 18, kSpecificSize = 3;

// SPC-4 4.5.2.4: the sense-key specific bytes of these two keys are a progress indication.
bool tells_progress(const Sense& sense) { return key_of(sense) == SenseKey::no_sense || key_of(sense) == SenseKey::not_ready; }

void take_specific(Sense& sense, Bytes three) {
    if (tells_progress(sense) && has(three[0], kSpecificValid)) sense.progress = static_cast<std::uint16_t>(decode<BigEndian<2>>(three.subspan(1))->value());
}

void put_specific(const Sense& sense, std::span<std::uint8_t> three) {
    three[0] = kSpecificValid;
    const auto wire = encode(BigEndian<2>{*sense.progress});
    std::copy(wire.begin(), wire.end(), three.begin() + 1);
}

void take_stream_bits(Sense& sense, std::uint8_t bits) {
    sense.filemark = has(bits, kFilemark);
    sense.end_of_medium = has(bits, kEndOfMedium);
    sense.incorrect_length = has(bits, kIncorrectLength);
}

std::uint8_t stream_bits(const Sense& sense) {
    return flag_if(sense.filemark, kFilemark) | flag_if(sense.end_of_medium, kEndOfMedium) |
           flag_if(sense.incorrect_length, kIncorrectLength);
}

std::optional<Sense> decode_fixed(Bytes bytes, Sense sense) {
    if (bytes.size() < 3) return std::nullopt;
    take_stream_bits(sense, bytes[2]);
    sense.code.key = bytes[2] & kKeyMask;
    if (bytes.size() >= 7 && has(bytes[0], kValid)) {
        sense.information = signed_value(*decode<BigEndian<4>>(bytes.subspan(3)));
    }
    // Byte 7 counts what follows it; bytes beyond that are not sense data, whatever the buffer holds.
    const std::size_t end = bytes.size() < 8 ? bytes.size() : std::min(bytes.size(), std::size_t{8} + bytes[7]);
    if (end >= 13) sense.code.asc = bytes[12];
    if (end >= 14) sense.code.ascq = bytes[13];
    if (end >= 18) take_specific(sense, bytes.subspan(15, kSpecificSize));
    return sense;
}

std::optional<Sense> decode_descriptors(Bytes bytes, Sense sense) {
    if (bytes.size() < 2) return std::nullopt;
    sense.code.key = bytes[1] & kKeyMask;
    if (bytes.size() >= 3) sense.code.asc = bytes[2];
    if (bytes.size() >= 4) sense.code.ascq = bytes[3];
    if (bytes.size() <= 8) return sense;
    Reader reader(bytes.subspan(8).first(std::min<std::size_t>(bytes.size() - 8, bytes[7])));
    while (auto type = reader.big<1>()) {
        const auto length = reader.big<1>();
        const auto body = length ? reader.take(*length) : std::nullopt;
        if (!body) break;  // cut: what came before it stands
        if (*type == kInformationDescriptor && body->size() >= 10 && has((*body)[0], kValid)) {
            sense.information = signed_value(*decode<BigEndian<8>>(body->subspan(2)));
        } else if (*type == kSpecificDescriptor && body->size() >= 2 + kSpecificSize) {
            take_specific(sense, body->subspan(2, kSpecificSize));
        } else if (*type == kStreamDescriptor && body->size() >= 2) {
            take_stream_bits(sense, (*body)[1]);
        }
    }
    return sense;
}

EncodedSense encode_fixed(const Sense& sense) {
    EncodedSense out;
    auto& b = out.storage;
    b[0] = sense.deferred ? kFixedDeferred : kFixedCurrent;
    b[2] = static_cast<std::uint8_t>((sense.code.key & kKeyMask) | stream_bits(sense));
    if (sense.information && *sense.information == static_cast<std::int32_t>(*sense.information)) {
        b[0] |= kValid;
        const auto wire = encode(signed_on_wire<4>(*sense.information));
        std::copy(wire.begin(), wire.end(), b.begin() + 3);
    }
    b[7] = kFixedSize - 8;
    b[12] = sense.code.asc;
    b[13] = sense.code.ascq;
    if (sense.progress && tells_progress(sense)) put_specific(sense, std::span(b).subspan(15, kSpecificSize));
    out.size = kFixedSize;
    return out;
}

EncodedSense encode_descriptors(const Sense& sense) {
    EncodedSense out;
    auto& b = out.storage;
    b[0] = sense.deferred ? kDescriptorDeferred : kDescriptorCurrent;
    b[1] = sense.code.key & kKeyMask;
    b[2] = sense.code.asc;
    b[3] = sense.code.ascq;
    std::size_t end = 8;
    if (sense.information) {
        b[end] = kInformationDescriptor;
        b[end + 1] = 10;
        b[end + 2] = kValid;
        const auto wire = encode(signed_on_wire<8>(*sense.information));
        std::copy(wire.begin(), wire.end(), b.begin() + static_cast<std::ptrdiff_t>(end) + 4);
        end += 12;
    }
    if (sense.progress && tells_progress(sense)) {  // SPC-4 4.5.2.4: 8 bytes
        b[end] = kSpecificDescriptor;
        b[end + 1] = 6;
        put_specific(sense, std::span(b).subspan(end + 4, kSpecificSize));
        end += 8;
    }
    if (stream_bits(sense) != 0) {
        b[end] = kStreamDescriptor;
        b[end + 1] = 2;
        b[end + 3] = stream_bits(sense);
        end += 4;
    }
    b[7] = static_cast<std::uint8_t>(end - 8);
    out.size = end;
    return out;
}

}  // namespace

std::optional<Sense> decode_sense(Bytes bytes) {
    if (bytes.empty()) return std::nullopt;
    Sense sense;
    const std::uint8_t response = bytes[0] & kResponseMask;
    sense.deferred = response == kFixedDeferred || response == kDescriptorDeferred;
    if (response == kFixedCurrent || response == kFixedDeferred) return decode_fixed(bytes, sense);
    if (response == kDescriptorCurrent || response == kDescriptorDeferred) return decode_descriptors(bytes, sense);
    return std::nullopt;
}

EncodedSense encode_sense(const Sense& sense, SenseFormat format) {
    return format == SenseFormat::fixed ? encode_fixed(sense) : encode_descriptors(sense);
}

}  // namespace capstan::scsi
