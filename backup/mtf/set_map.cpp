#include "backup/mtf/set_map.hpp"

#include "backup/mtf/wire.hpp"

#include <fmt/format.h>

namespace capstan::mtf {

namespace {

struct EntryHeader {                   // 4.2, 36 bytes
    LittleEndian<2> length;            // 0, with strings
    LittleEndian<4> type;              // 2
    LittleEndian<2> media_sequence;    // 6
    LittleEndian<4> block_attributes;  // 8
    LittleEndian<8> address;           // 12, FLA
    LittleEndian<8> displayable_size;  // 20
    LittleEndian<4> link;              // 28
    std::uint8_t os_id = 0, os_version = 0, string_type = 0, reserved = 0;
};
static_assert(sizeof(EntryHeader) == 36);

struct VolumeEntry {
    EntryHeader header;
    LittleEndian<4> attributes;                         // 36
    wire::TapeAddress device, name, machine, os_data;   // 40, 44, 48, 52
    DateTimeBytes date{};                               // 56
};
static_assert(sizeof(VolumeEntry) == 61);

struct ObjectEntry {  // DIRB and FILE
    EntryHeader header;
    DateTimeBytes modified{}, created{}, backup{}, access{};  // 36, 41, 46, 51
    LittleEndian<4> attributes;                               // 56
    wire::TapeAddress name, os_data;                          // 60, 64
};
static_assert(sizeof(ObjectEntry) == 68);

struct MapEntry {                      // 4.3, 91 bytes
    LittleEndian<2> length;            // 0
    LittleEndian<2> media_sequence;    // 2
    LittleEndian<4> block_attributes;  // 4
    LittleEndian<4> attributes;        // 8
    LittleEndian<8> set_address;       // 12
    LittleEndian<8> fdd_address;       // 20
    LittleEndian<2> fdd_sequence;      // 28
    LittleEndian<2> number;            // 30
    LittleEndian<8> address;           // 32
    LittleEndian<4> directories, files, corrupt;  // 40, 44, 48
    LittleEndian<8> displayable_size;  // 52
    LittleEndian<2> volumes;           // 60
    LittleEndian<2> password_algorithm;  // 62
    wire::TapeAddress name, password, description, user;  // 64, 68, 72, 76: not SSET's order
    DateTimeBytes date{};              // 80
    std::uint8_t quarter_hours = 0, os_id = 0, os_version = 0, string_type = 0, minor_version = 0, catalog_version = 0;
};
static_assert(sizeof(MapEntry) == 91);

StringType string_type(std::uint8_t value) {
    return value == 1 ? StringType::ansi : value == 2 ? StringType::utf16 : StringType::none;
}

std::unexpected<Error> damaged(const char* stream, std::size_t at, std::string_view what) {
    return fail(Recovery::change_request, fmt::format("{} stream: entry at byte {}: {}", stream, at, what));
}

// Strings of one entry; offsets count from its start. One that lies outside comes out empty.
Bytes string_of(Bytes entry, const wire::TapeAddress& address) {
    const std::size_t size = address.size.value(), offset = address.offset.value();
    if (offset > entry.size() || size > entry.size() - offset) return {};
    return entry.subspan(offset, size);
}

Result<Bytes> entry_at(const char* stream, Bytes payload, std::size_t at, std::size_t fixed_size) {
    const auto length = wire::load<LittleEndian<2>>(payload.subspan(at));
    if (!length) return damaged(stream, at, "cut short");
    if (length->value() < fixed_size) return damaged(stream, at, fmt::format("its length {} is too small", length->value()));
    if (length->value() > payload.size() - at) return damaged(stream, at, "it reaches beyond the stream");
    return payload.subspan(at, length->value());
}

CatalogVolume volume_of(Bytes entry) {
    const auto fixed = *wire::load<VolumeEntry>(entry);
    const auto type = string_type(fixed.header.string_type);
    return {static_cast<std::uint32_t>(fixed.attributes.value()), fixed.header.address.value(),
            decode_text(string_of(entry, fixed.device), type), decode_text(string_of(entry, fixed.name), type),
            decode_text(string_of(entry, fixed.machine), type)};
}

SetMapEntry set_of(Bytes entry, const MapEntry& fixed) {
    const auto type = string_type(fixed.string_type);
    SetMapEntry set;
    set.media_sequence = static_cast<std::uint16_t>(fixed.media_sequence.value());
    set.number = static_cast<std::uint16_t>(fixed.number.value());
    set.fdd_media_sequence = static_cast<std::uint16_t>(fixed.fdd_sequence.value());
    set.attributes = static_cast<std::uint32_t>(fixed.attributes.value());
    set.set_address = fixed.set_address.value();
    set.fdd_address = fixed.fdd_address.value();
    set.directories = static_cast<std::uint32_t>(fixed.directories.value());
    set.files = static_cast<std::uint32_t>(fixed.files.value());
    set.corrupt = static_cast<std::uint32_t>(fixed.corrupt.value());
    set.date = unpack(fixed.date);
    set.name = decode_text(string_of(entry, fixed.name), type);
    set.description = decode_text(string_of(entry, fixed.description), type);
    set.user = decode_text(string_of(entry, fixed.user), type);
    return set;
}

}  // namespace

Result<SetMap> decode_set_map(Bytes payload) {
    Reader reader(payload);
    const auto family = reader.little<4>(), count = reader.little<2>();
    if (!family || !count || payload.size() < 8) return damaged("TSMP", 0, "cut short");
    SetMap map{MediaFamilyId{static_cast<std::uint32_t>(*family)}, {}};
    std::size_t at = 8;
    for (std::uint64_t i = 0; i < *count; ++i) {
        CAPSTAN_TRY(const auto entry, entry_at("TSMP", payload, at, sizeof(MapEntry)));
        const auto fixed = *wire::load<MapEntry>(entry);
        auto set = set_of(entry, fixed);
        at += entry.size();
        for (std::uint64_t v = 0; v < fixed.volumes.value(); ++v) {
            CAPSTAN_TRY(const auto volume, entry_at("TSMP", payload, at, sizeof(VolumeEntry)));
            set.volumes.push_back(volume_of(volume));
            at += volume.size();
        }
        map.sets.push_back(std::move(set));
    }
    return map;
}

Result<std::vector<CatalogObject>> decode_fdd(Bytes payload, NameRule rule) {
    std::vector<CatalogObject> objects;
    std::size_t at = 0;
    while (at < payload.size()) {
        CAPSTAN_TRY(const auto entry, entry_at("TFDD", payload, at, sizeof(EntryHeader)));
        const auto header = *wire::load<EntryHeader>(entry);
        if (header.type.value() == four_characters("FEND")) return objects;
        CatalogObject object{.type = static_cast<BlockType>(header.type.value()),
                             .media_sequence = static_cast<std::uint16_t>(header.media_sequence.value()),
                             .address = header.address.value(),
                             .displayable_size = header.displayable_size.value()};
        const auto type = string_type(header.string_type);
        if (object.type == BlockType::volume) {
            if (entry.size() < sizeof(VolumeEntry)) return damaged("TFDD", at, "too small for a volume");
            const auto volume = volume_of(entry);
            object.attributes = volume.attributes;
            object.name = volume.device;
        } else if (object.type == BlockType::directory || object.type == BlockType::file) {
            const auto fixed = wire::load<ObjectEntry>(entry);
            if (!fixed) return damaged("TFDD", at, "too small for an object");
            object.attributes = static_cast<std::uint32_t>(fixed->attributes.value());
            object.modified = unpack(fixed->modified);
            const auto name = string_of(entry, fixed->name);
            object.name = object.type == BlockType::file ? decode_name(name, type, rule) : decode_path(name, type, rule);
        }
        objects.push_back(std::move(object));
        at += entry.size();
    }
    return objects;
}

}  // namespace capstan::mtf
