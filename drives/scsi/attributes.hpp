// READ ATTRIBUTE and WRITE ATTRIBUTE (SPC-4 6.18, 6.37): the memory in the cartridge (MAM, 7.4). The drive keeps device and medium
// attributes; host attributes (0800h to 0BFFh) are ours to write and stay with the cartridge.
#pragma once

#include "drives/scsi/cdb.hpp"

#include <optional>
#include <string>
#include <vector>

namespace capstan::scsi {

enum class AttributeId : std::uint16_t {
    remaining_capacity = 0x0000,  // MiB, of the partition
    maximum_capacity = 0x0001,    // MiB
    load_count = 0x0003,
    free_memory = 0x0004,  // bytes
    format_density = 0x0006,
    volume_change_reference = 0x0009,  // another number whenever what is on the medium changed
    last_load = 0x020A,                // vendor and serial number of the drive
    written_in_life = 0x0220,          // MiB
    read_in_life = 0x0221,             // MiB
    manufacturer = 0x0400,
    medium_serial = 0x0401,
    medium_density = 0x0405,
    memory_capacity = 0x0407,      // bytes
    medium_type = 0x0408,          // 0: data, 1: cleaning
    application_vendor = 0x0800,   // ASCII, 8
    application_name = 0x0801,     // ASCII, 32
    application_version = 0x0802,  // ASCII, 8
    user_label = 0x0803,           // text, 160
    barcode = 0x0806,              // ASCII, 32
    media_pool = 0x0808,           // text, 160
    format_version = 0x080B,       // ASCII, 16
    coherency = 0x080C,            // binary: what an application proves with the volume change reference
};
constexpr bool is_host_attribute(AttributeId id) { return raw(id) >= 0x0800 && raw(id) < 0x0C00; }

enum class AttributeFormat : std::uint8_t { binary = 0, ascii = 1, text = 2 };

struct Attribute {
    AttributeId id{};
    AttributeFormat format = AttributeFormat::binary;
    bool read_only = false;
    std::vector<std::uint8_t> value;  // at most 65,535; of length 0 when written: it is removed
    friend bool operator==(const Attribute&, const Attribute&) = default;
};

struct ReadAttributeCdb {
    static constexpr Opcode kOpcode = Opcode::read_attribute;
    enum class Action : std::uint8_t { values = 0, list = 1, logical_volumes = 2, partitions = 3, supported = 5 };
    static constexpr std::uint8_t kActionMask = 0x1F;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t action = 0;  // byte 1
    std::array<std::uint8_t, 3> reserved_2{};
    std::uint8_t volume = 0;  // byte 5
    std::uint8_t reserved_6 = 0;
    std::uint8_t partition = 0;        // byte 7
    BigEndian<2> first{};              // bytes 8-9: attributes from this id on
    BigEndian<4> allocation_length{};  // bytes 10-13
    std::uint8_t cache = 0;
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ReadAttributeCdb&, const ReadAttributeCdb&) = default;
};
static_assert(sizeof(ReadAttributeCdb) == 16);

struct WriteAttributeCdb {
    static constexpr Opcode kOpcode = Opcode::write_attribute;
    static constexpr std::uint8_t kThrough = 0x01;  // byte 1: WTC, to the cartridge at once
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = kThrough;
    std::array<std::uint8_t, 3> reserved_2{};
    std::uint8_t volume = 0;
    std::uint8_t reserved_6 = 0;
    std::uint8_t partition = 0;
    std::array<std::uint8_t, 2> reserved_8{};
    BigEndian<4> parameter_length{};  // bytes 10-13
    std::array<std::uint8_t, 2> reserved_14{};
    friend constexpr bool operator==(const WriteAttributeCdb&, const WriteAttributeCdb&) = default;
};
static_assert(sizeof(WriteAttributeCdb) == 16);

// With the four bytes of length before them. Attributes that are cut off are left out; empty: the bytes end in the length.
std::optional<std::vector<Attribute>> decode_attributes(Bytes bytes);
std::vector<std::uint8_t> encode_attributes(std::span<const Attribute> attributes);
std::optional<std::vector<AttributeId>> decode_attribute_list(Bytes bytes);  // the reply of Action::list and supported
std::vector<std::uint8_t> encode_attribute_list(std::span<const AttributeId> list);

const Attribute* find_attribute(std::span<const Attribute> attributes, AttributeId id);
std::optional<std::uint64_t> number_of(const Attribute& attribute);              // empty: not binary, no value, or longer than eight bytes
std::string text_of(const Attribute& attribute);                                 // blanks and zeros at the end taken away
Attribute number_attribute(AttributeId id, std::uint64_t value, unsigned size);  // read-only, size 1 to 8
Attribute ascii_attribute(AttributeId id, std::string_view text, std::size_t size);  // filled up with blanks, cut at `size`
Attribute text_attribute(AttributeId id, std::string_view text);                     // 160 bytes, filled up with zeros

// Value of AttributeId::coherency (SSC-4, volume coherency information, laid out as LTFS writes it): an application's note of what is on
// the tape, with the volume change reference that the cartridge had then. While it still has that one, nothing on the tape was changed.
struct Coherency {
    std::uint64_t change_reference = 0;     // 0: the note proves nothing
    std::uint64_t count = 0, set = 0;       // the application's own
    std::vector<std::uint8_t> application;  // at most 65,535 bytes
    friend bool operator==(const Coherency&, const Coherency&) = default;
};
std::optional<Coherency> decode_coherency(Bytes value);
std::vector<std::uint8_t> encode_coherency(const Coherency& coherency);

}  // namespace capstan::scsi
