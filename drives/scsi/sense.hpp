// Sense data as it lies on the wire, fixed (70h/71h) and descriptor (72h/73h) format, SPC-4 clause 4.5.
// Pure functions, any thread; nothing is allocated.
#pragma once

#include "config/base/bytes.hpp"
#include "config/base/error.hpp"

#include <array>

namespace capstan::scsi {

enum class SenseKey : std::uint8_t {  // SPC-4 table 48
    no_sense = 0x0,
    recovered_error = 0x1,
    not_ready = 0x2,
    medium_error = 0x3,
    hardware_error = 0x4,
    illegal_request = 0x5,
    unit_attention = 0x6,
    data_protect = 0x7,
    blank_check = 0x8,
    vendor_specific = 0x9,
    copy_aborted = 0xA,
    aborted_command = 0xB,
    volume_overflow = 0xD,
    miscompare = 0xE,
    completed = 0xF,
};
constexpr SenseKey key_of(const Sense& sense) { return static_cast<SenseKey>(sense.code.key); }
constexpr bool is_unit_attention(const Sense& sense) { return key_of(sense) == SenseKey::unit_attention; }
// SSC-4 4.2.6: the tape came into the zone that PEWS of mode page 10h/01h lays before early warning. All was written, and nothing
// has to end; a drive sets the end-of-medium bit with it all the same.
constexpr bool is_programmable_early_warning(const Sense& sense) {
    return !sense.deferred && key_of(sense) == SenseKey::no_sense && sense.code.asc == 0x00 && sense.code.ascq == 0x07;
}
// The command did what was asked; the sense only tells something about it.
constexpr bool is_harmless(const Sense& sense) {
    return !sense.deferred && !sense.filemark && !sense.end_of_medium && !sense.incorrect_length &&
           (key_of(sense) == SenseKey::no_sense || key_of(sense) == SenseKey::recovered_error ||
            key_of(sense) == SenseKey::completed);
}

// What a command itself was answered: not what a deferred error tells of one before it.
inline bool says(const Error& error, SenseKey key) { return error.sense && !error.sense->deferred && key_of(*error.sense) == key; }
// The device does not know the command or one of its fields.
inline bool is_refused(const Error& error) { return says(error, SenseKey::illegal_request); }

// The medium has a bad spot, at this command or (deferred) at an earlier one: the drive itself, its position and modes are in order.
inline bool tells_of_bad_medium(const Error& error) { return error.sense && key_of(*error.sense) == SenseKey::medium_error; }

// Empty when the response code is none of the four or the bytes end before the sense key. Sense data cut after that
// gives what is whole: missing codes are 0, and a field is there only when all its bytes are.
std::optional<Sense> decode_sense(Bytes bytes);

enum class SenseFormat : std::uint8_t { fixed, descriptor };
inline constexpr std::size_t kSenseSizeMax =
    32;  // the longest encoding: descriptor format, INFORMATION, sense-key specific bytes and stream bits
struct EncodedSense {
    std::array<std::uint8_t, kSenseSizeMax> storage{};
    std::size_t size = 0;  // 18 in fixed format
    Bytes bytes() const { return Bytes(storage).first(size); }
};
// In fixed format INFORMATION that does not fit 32 bits is left out (VALID 0), as the standard asks.
EncodedSense encode_sense(const Sense& sense, SenseFormat format);

}  // namespace capstan::scsi
