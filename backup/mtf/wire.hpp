// The fixed parts of MTF's structures as they lie on the medium, in wire order (MTF reference, sections 2 and 3).
#pragma once

#include "backup/mtf/datetime.hpp"
#include "config/base/bytes.hpp"

#include <array>
#include <cstring>
#include <optional>
#include <type_traits>

namespace capstan::mtf::wire {

struct TapeAddress {         // 2.2
    LittleEndian<2> size;    // 0-1, bytes; 0: absent
    LittleEndian<2> offset;  // 2-3, from the start of the block
};

struct Header {                           // 2.5, MTF_DB_HDR
    LittleEndian<4> type;                 // 0-3
    LittleEndian<4> attributes;           // 4-7
    LittleEndian<2> first_event;          // 8-9
    std::uint8_t os_id = 0;               // 10
    std::uint8_t os_version = 0;          // 11
    LittleEndian<8> displayable_size;     // 12-19
    LittleEndian<8> address;              // 20-27, FLA
    LittleEndian<2> catalog_word;         // 28-29
    std::array<std::uint8_t, 6> reserved_30{};
    LittleEndian<4> control_block_id;     // 36-39
    std::array<std::uint8_t, 4> reserved_40{};
    TapeAddress os_data;                  // 44-47
    std::uint8_t string_type = 0;         // 48
    std::uint8_t reserved_49 = 0;
    LittleEndian<2> checksum;             // 50-51
};
static_assert(sizeof(Header) == 52);

struct Tape {                             // 2.6
    Header header;
    LittleEndian<4> family;               // 52
    LittleEndian<4> attributes;           // 56
    LittleEndian<2> sequence;             // 60
    LittleEndian<2> password_algorithm;   // 62
    LittleEndian<2> physical_block_units; // 64
    LittleEndian<2> catalog_type;         // 66
    TapeAddress name, label, password, software;  // 68, 72, 76, 80
    LittleEndian<2> flb_size;             // 84
    LittleEndian<2> vendor;               // 86
    DateTimeBytes date{};                 // 88
    std::uint8_t major_version = 0;       // 93
};
static_assert(sizeof(Tape) == 94);

struct Set {                              // 2.7
    Header header;
    LittleEndian<4> attributes;           // 52
    LittleEndian<2> password_algorithm;   // 56
    LittleEndian<2> compression_algorithm;// 58
    LittleEndian<2> vendor;               // 60
    LittleEndian<2> number;               // 62
    TapeAddress name, description, password, user;  // 64, 68, 72, 76
    LittleEndian<8> physical_address;     // 80
    DateTimeBytes date{};                 // 88
    std::uint8_t software_major = 0, software_minor = 0;  // 93, 94
    std::uint8_t quarter_hours = 0;       // 95, signed
    std::uint8_t minor_version = 0, catalog_version = 0;  // 96, 97
};
static_assert(sizeof(Set) == 98);

struct Volume {                           // 2.8
    Header header;
    LittleEndian<4> attributes;           // 52
    TapeAddress device, name, machine;    // 56, 60, 64
    DateTimeBytes date{};                 // 68
};
static_assert(sizeof(Volume) == 73);

struct Directory {                        // 2.9
    Header header;
    LittleEndian<4> attributes;           // 52
    DateTimeBytes modified{}, created{}, backup{}, access{};  // 56, 61, 66, 71
    LittleEndian<4> id;                   // 76
    TapeAddress name;                     // 80
};
static_assert(sizeof(Directory) == 84);

struct File {                             // 2.10
    Header header;
    LittleEndian<4> attributes;           // 52
    DateTimeBytes modified{}, created{}, backup{}, access{};  // 56, 61, 66, 71
    LittleEndian<4> directory_id;         // 76
    LittleEndian<4> id;                   // 80
    TapeAddress name;                     // 84
};
static_assert(sizeof(File) == 88);

struct Corrupt {                          // 2.11
    Header header;
    LittleEndian<4> attributes;           // 52
    std::array<std::uint8_t, 8> reserved_56{};
    LittleEndian<8> stream_offset;        // 64
    LittleEndian<2> stream_number;        // 72
};
static_assert(sizeof(Corrupt) == 74);

struct EndOfSet {                         // 2.13
    Header header;
    LittleEndian<4> attributes;           // 52
    LittleEndian<4> corrupt_objects;      // 56
    LittleEndian<8> catalog_address_1, catalog_address_2;  // 60, 68
    LittleEndian<2> fdd_sequence;         // 76
    LittleEndian<2> number;               // 78
    DateTimeBytes date{};                 // 80
};
static_assert(sizeof(EndOfSet) == 85);

struct EndOfTape {                        // 2.14
    Header header;
    LittleEndian<8> last_end_of_set;      // 52
};
static_assert(sizeof(EndOfTape) == 60);

struct Stream {                           // 3.1, MTF_STREAM_HDR
    LittleEndian<4> id;                   // 0
    LittleEndian<2> attributes;           // 4
    LittleEndian<2> media_attributes;     // 6
    LittleEndian<8> length;               // 8
    LittleEndian<2> encryption;           // 16
    LittleEndian<2> compression;          // 18
    LittleEndian<2> checksum;             // 20
};
static_assert(sizeof(Stream) == 22);

template <class Wire>
std::optional<Wire> load(Bytes bytes) {
    static_assert(std::is_trivially_copyable_v<Wire> && alignof(Wire) == 1);
    if (bytes.size() < sizeof(Wire)) return std::nullopt;
    Wire value;
    std::memcpy(&value, bytes.data(), sizeof(Wire));
    return value;
}
template <class Wire>
void store(const Wire& value, MutableBytes space) {
    static_assert(std::is_trivially_copyable_v<Wire> && alignof(Wire) == 1);
    std::memcpy(space.data(), &value, sizeof(Wire));
}

}  // namespace capstan::mtf::wire
