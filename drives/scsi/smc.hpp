// Commands of a medium changer (SMC-3) and its element status. Decoders are pure, take any bytes and check every count.
#pragma once

#include "drives/scsi/cdb.hpp"
#include "drives/scsi/spc.hpp"

namespace capstan::scsi {

struct InitializeElementStatusCdb {  // SMC-3 6.2
    static constexpr Opcode kOpcode = Opcode::initialize_element_status;
    std::uint8_t opcode = raw(kOpcode);
    std::array<std::uint8_t, 4> reserved_1{};
    std::uint8_t control = 0;
    friend constexpr bool operator==(const InitializeElementStatusCdb&, const InitializeElementStatusCdb&) = default;
};
static_assert(sizeof(InitializeElementStatusCdb) == 6);

struct InitializeElementStatusWithRangeCdb {  // SMC-3 6.3
    static constexpr Opcode kOpcode = Opcode::initialize_element_status_with_range;
    static constexpr std::uint8_t kFast = 0x02;   // media presence only, no bar codes
    static constexpr std::uint8_t kRange = 0x01;  // else all elements
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t flags = 0;  // byte 1
    BigEndian<2> first{};    // bytes 2-3
    std::array<std::uint8_t, 2> reserved_4{};
    BigEndian<2> count{};  // bytes 6-7
    std::uint8_t reserved_8 = 0;
    std::uint8_t control = 0;
    friend constexpr bool operator==(const InitializeElementStatusWithRangeCdb&,
                                     const InitializeElementStatusWithRangeCdb&) = default;
};
static_assert(sizeof(InitializeElementStatusWithRangeCdb) == 10);

struct MoveMediumCdb {  // SMC-3 6.6
    static constexpr Opcode kOpcode = Opcode::move_medium;
    static constexpr std::uint8_t kInvert = 0x01;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t reserved_1 = 0;
    BigEndian<2> picker{};       // bytes 2-3, medium transport element address; 0: the default one
    BigEndian<2> source{};       // bytes 4-5
    BigEndian<2> destination{};  // bytes 6-7
    std::array<std::uint8_t, 2> reserved_8{};
    std::uint8_t invert = 0;  // byte 10, bit 0: turn the medium over on the way
    std::uint8_t control = 0;
    friend constexpr bool operator==(const MoveMediumCdb&, const MoveMediumCdb&) = default;
};
static_assert(sizeof(MoveMediumCdb) == 12);
static_assert(encode(MoveMediumCdb{.picker = on_wire(ElementAddress{1}),
                                   .source = on_wire(ElementAddress{0x0410}),
                                   .destination = on_wire(ElementAddress{0x0100})}) ==
              Wire<MoveMediumCdb>{0xA5, 0, 0x00, 0x01, 0x04, 0x10, 0x01, 0x00, 0, 0, 0, 0});

struct ExchangeMediumCdb {  // SMC-3 6.1
    static constexpr Opcode kOpcode = Opcode::exchange_medium;
    static constexpr std::uint8_t kInvertAny = 0x03;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t reserved_1 = 0;
    BigEndian<2> picker{};              // bytes 2-3; 0: the default one
    BigEndian<2> source{};              // bytes 4-5
    BigEndian<2> destination{};         // bytes 6-7: where the source's medium goes
    BigEndian<2> second_destination{};  // bytes 8-9: where goes what was there; may be the source
    std::uint8_t invert = 0;            // byte 10, bits 0-1
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ExchangeMediumCdb&, const ExchangeMediumCdb&) = default;
};
static_assert(sizeof(ExchangeMediumCdb) == 12);

struct PositionToElementCdb {  // SMC-3 6.8
    static constexpr Opcode kOpcode = Opcode::position_to_element;
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t reserved_1 = 0;
    BigEndian<2> picker{};       // bytes 2-3; 0: the default one
    BigEndian<2> destination{};  // bytes 4-5
    std::array<std::uint8_t, 2> reserved_6{};
    std::uint8_t invert = 0;  // byte 8, bit 0
    std::uint8_t control = 0;
    friend constexpr bool operator==(const PositionToElementCdb&, const PositionToElementCdb&) = default;
};
static_assert(sizeof(PositionToElementCdb) == 10);

enum class ElementType : std::uint8_t {
    all = 0,
    medium_transport = 1,
    storage = 2,
    import_export = 3,
    data_transfer = 4
};

struct ReadElementStatusCdb {  // SMC-3 6.11
    static constexpr Opcode kOpcode = Opcode::read_element_status;
    static constexpr std::uint8_t kVolumeTags = 0x10;        // byte 1: VOLTAG
    static constexpr std::uint8_t kTypeMask = 0x0F;          // byte 1: element type code
    static constexpr std::uint8_t kCurrentData = 0x02;       // byte 6: CURDATA, answer without moving the robot
    static constexpr std::uint8_t kDeviceIdentifier = 0x01;  // byte 6: DVCID
    std::uint8_t opcode = raw(kOpcode);
    std::uint8_t type_and_flags = 0;   // byte 1
    BigEndian<2> first{};              // bytes 2-3
    BigEndian<2> count{};              // bytes 4-5
    std::uint8_t flags = 0;            // byte 6
    BigEndian<3> allocation_length{};  // bytes 7-9
    std::uint8_t reserved_10 = 0;
    std::uint8_t control = 0;
    friend constexpr bool operator==(const ReadElementStatusCdb&, const ReadElementStatusCdb&) = default;
};
static_assert(sizeof(ReadElementStatusCdb) == 12);
static_assert(encode(ReadElementStatusCdb{.type_and_flags = 0x12,
                                          .first = BigEndian<2>{0x1000},
                                          .count = BigEndian<2>{0x30},
                                          .flags = 3,
                                          .allocation_length = BigEndian<3>{0x010203}}) ==
              Wire<ReadElementStatusCdb>{0xB8, 0x12, 0x10, 0x00, 0x00, 0x30, 0x03, 0x01, 0x02, 0x03, 0, 0});

struct ElementStatusHeader {  // SMC-3 6.11.2
    BigEndian<2> first{};     // bytes 0-1, lowest address reported
    BigEndian<2> count{};     // bytes 2-3
    std::uint8_t reserved_4 = 0;
    BigEndian<3> byte_count{};  // bytes 5-7, all that follows, whatever the allocation length
    friend constexpr bool operator==(const ElementStatusHeader&, const ElementStatusHeader&) = default;
};
static_assert(sizeof(ElementStatusHeader) == 8);

struct ElementStatusPageHeader {  // SMC-3 6.11.3
    static constexpr std::uint8_t kPrimaryVolumeTag = 0x80;
    static constexpr std::uint8_t kAlternateVolumeTag = 0x40;
    std::uint8_t element_type = 0;
    std::uint8_t volume_tag_flags = 0;
    BigEndian<2> descriptor_length{};  // bytes 2-3, of one descriptor
    std::uint8_t reserved_4 = 0;
    BigEndian<3> byte_count{};  // bytes 5-7, of all descriptors of the page
    friend constexpr bool operator==(const ElementStatusPageHeader&, const ElementStatusPageHeader&) = default;
};
static_assert(sizeof(ElementStatusPageHeader) == 8);

struct ElementDescriptorHead {  // SMC-3 6.11.4-7: the part that all four types share
    static constexpr std::uint8_t kFull = 0x01;
    static constexpr std::uint8_t kImportExport = 0x02;  // IE port: put there by the operator, not by the robot
    static constexpr std::uint8_t kException = 0x04;
    static constexpr std::uint8_t kAccess = 0x08;          // the picker may reach it (not for pickers)
    static constexpr std::uint8_t kExportEnabled = 0x10;   // IE port
    static constexpr std::uint8_t kImportEnabled = 0x20;   // IE port
    static constexpr std::uint8_t kSourceValid = 0x80;     // byte 9
    static constexpr std::uint8_t kInvert = 0x40;          // byte 9
    static constexpr std::uint8_t kMediumTypeMask = 0x07;  // byte 9
    BigEndian<2> address{};
    std::uint8_t flags = 0;  // byte 2
    std::uint8_t reserved_3 = 0;
    std::uint8_t asc = 0;  // bytes 4-5, with kException
    std::uint8_t ascq = 0;
    std::array<std::uint8_t, 3> reserved_6{};
    std::uint8_t source_flags = 0;  // byte 9
    BigEndian<2> source{};          // bytes 10-11
    friend constexpr bool operator==(const ElementDescriptorHead&, const ElementDescriptorHead&) = default;
};
static_assert(sizeof(ElementDescriptorHead) == 12);
inline constexpr std::size_t kVolumeTagSize = 36;  // SMC-3 6.11.8: 32 characters, 2 reserved, 2 sequence number

struct ElementStatus {
    ElementAddress address{};
    ElementType type = ElementType::storage;
    bool full = false;
    bool placed_by_operator = false;  // IE ports: IMPEXP
    bool exception = false;           // then asc, ascq say why
    bool accessible = true;
    bool export_enabled = false;  // IE ports
    bool import_enabled = false;
    std::uint8_t asc = 0;
    std::uint8_t ascq = 0;
    std::optional<ElementAddress> source;  // the storage element it was taken from
    bool inverted = false;
    std::uint8_t medium_type = 0;  // 0 unspecified, 1 data, 2 cleaning, 3 diagnostic
    VolumeTag volume_tag;          // empty: none, unreadable (bytes that no bar code has), or not asked for
    std::uint16_t volume_sequence = 0;
    std::string alternate_volume_tag;
    std::optional<Designator> device;  // DVCID: who the drive is; its association is not on this wire
    friend bool operator==(const ElementStatus&, const ElementStatus&) = default;
};
struct ElementStatusReport {
    ElementAddress first{};
    std::uint16_t count = 0;         // what the header promises; elements.size() is what came whole
    std::uint16_t unknown = 0;       // of element types that SMC-3 does not have: passed over
    std::uint32_t bytes_needed = 0;  // allocation length that would have brought everything (8 + byte count)
    std::vector<ElementStatus> elements;
    bool complete() const { return elements.size() + unknown == count; }
    friend bool operator==(const ElementStatusReport&, const ElementStatusReport&) = default;
};
// std::nullopt: the header is not whole, or a page lies about its own layout (a descriptor length that cannot hold the
// descriptor). Cut pages give their whole descriptors; pages of an unknown element type are passed over.
std::optional<ElementStatusReport> decode_element_status(Bytes bytes);

struct ElementStatusOptions {
    bool volume_tags = false;        // VOLTAG
    bool device_identifier = false;  // DVCID: data transfer elements get their designator
};
// The whole reply, pages by type in the order of `elements` (sorted by the caller: one page per run of equal type).
std::vector<std::uint8_t> encode_element_status(const std::vector<ElementStatus>& elements,
                                                ElementStatusOptions options);

}  // namespace capstan::scsi
