#include "drives/virtual/cartridge_format.hpp"

#include "drives/virtual/text_lines.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::virtual_library {
namespace {

constexpr std::string_view kFirstLine = "capstan virtual cartridge 1";
constexpr std::size_t kDefectsMax = 65536;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82F63B78u : 0u);
        table[i] = value;
    }
    return table;
}
constexpr auto kCrcTable = make_crc_table();

std::unexpected<Error> bad(std::string what) {
    return fail(Recovery::replace_medium, fmt::format("virtual cartridge: its 'medium' file is damaged: {}", what),
                "Take the cartridge out, or restore its 'medium' file.");
}

std::string_view name_of(MediumInfo::Barcode barcode) {
    switch (barcode) {
        case MediumInfo::Barcode::readable: return "readable";
        case MediumInfo::Barcode::missing: return "missing";
        case MediumInfo::Barcode::unreadable: return "unreadable";
    }
    return "?";
}

bool printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

std::optional<MediumInfo::Defect> decode_defect(std::string_view text) {
    MediumInfo::Defect defect;
    if (text.starts_with("read "))
        defect.when = MediumFault::When::read;
    else if (text.starts_with("write "))
        defect.when = MediumFault::When::write;
    else
        return std::nullopt;
    auto number = Lines::number_of(text.substr(text.find(' ') + 1));
    if (!number) return std::nullopt;
    defect.block = BlockNumber{*number};
    return defect;
}

// The lines between the fixed ones and the defects, each only where it says something. nullptr: all is well.
const char* decode_state(Lines& lines, MediumInfo& info) {
    if (lines.rest().starts_with("cleaning-uses ")) {
        const auto uses = lines.number("cleaning-uses");
        if (!uses || *uses > 0xFFFF) return "the number of cleanings is none";
        info.cleaning_uses = static_cast<std::uint32_t>(*uses);
    }
    if (lines.rest().starts_with("optimised ")) {
        if (lines.value("optimised") != "no") return "optimised is there and not 'no'";
        info.optimised = false;
    }
    if (lines.rest().starts_with("full-capacity ")) {
        const auto full = lines.number("full-capacity");
        if (!full || *full == 0 || *full > 1ull << 60) return "the full capacity is none";
        info.full_capacity = *full;
    }
    return nullptr;
}

}  // namespace

std::uint32_t crc32c(Bytes bytes, std::uint32_t seed) {
    std::uint32_t value = ~seed;
    for (auto byte : bytes) value = value >> 8 ^ kCrcTable[(value ^ byte) & 0xFF];
    return ~value;
}

bool is_cartridge_id(std::string_view text) {
    if (text.empty() || text.size() > 31 || text.front() == '.') return false;
    return std::ranges::all_of(text, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
}

Result<void> check(const MediumInfo& info) {
    auto refuse = [&](const char* what) {
        return fail(Recovery::change_request, fmt::format("virtual cartridge '{}': {}", info.id, what));
    };
    if (!is_cartridge_id(info.id))
        return refuse("an id has 1 to 31 of A-Z a-z 0-9 . _ - and does not begin with a dot");
    if (info.volume_tag.text.size() > 32 || !printable(info.volume_tag.text))
        return refuse("a volume tag has at most 32 printable ASCII characters and no blank");
    if (info.full_capacity != 0 && info.capacity > info.full_capacity) return refuse("it is longer than it was made");
    if (info.early_warning > std::max(info.capacity, info.full_capacity)) return refuse("the early warning distance is larger than the capacity");
    if (info.capacity > 1ull << 60) return refuse("the capacity is larger than 2^60 bytes");
    if (info.segment_size < 4096 || info.segment_size > 1ull << 43)
        return refuse("the segment size is not in 4 KiB to 8 TiB");
    if (info.defects.size() > kDefectsMax) return refuse("more than 65536 defects");
    return {};
}

std::uint64_t early_warning_of(const MediumInfo& info) {
    return info.full_capacity == 0 ? info.early_warning : std::min(info.early_warning, info.capacity / 2);
}

void take_generation(MediumInfo& info, const MediaType& type) {
    constexpr std::uint32_t kCleaningUses = 50;
    constexpr std::uint8_t kFirstThatIsMeasured = 0x60;  // LTO-9
    if (type.use == MediumUse::cleaning) {
        info.cleaning_uses = kCleaningUses;
        return;
    }
    info.density = type.density;
    info.optimised = type.density < kFirstThatIsMeasured;
}

std::string encode(const MediumInfo& info) {
    std::string text = fmt::format(
        "{}\nid {}\nbarcode {}\nvolume-tag {}\ndensity {}\ncapacity {}\nearly-warning {}\nwrite-protected "
        "{}\nsegment-size {}\n",
        kFirstLine, info.id, name_of(info.barcode), info.volume_tag.text, info.density, info.capacity,
        info.early_warning, info.write_protected ? "yes" : "no", info.segment_size);
    // Lines that older libraries do not have are there only where they say something.
    if (info.cleaning_uses) text += fmt::format("cleaning-uses {}\n", *info.cleaning_uses);
    if (!info.optimised) text += "optimised no\n";
    if (info.full_capacity != 0) text += fmt::format("full-capacity {}\n", info.full_capacity);
    for (const auto& defect : info.defects)
        text +=
            fmt::format("defect {} {}\n", defect.when == MediumFault::When::read ? "read" : "write", raw(defect.block));
    return with_checksum(std::move(text));
}

Result<MediumInfo> decode_medium_info(std::string_view text) {
    auto body = checked(text);
    if (!body) return bad("the checksum is wrong");
    Lines lines(*body);
    if (lines.line() != kFirstLine) return bad("the first line names another format");
    MediumInfo info;
    auto id = lines.value("id");
    auto barcode = lines.value("barcode");
    auto tag = lines.value("volume-tag");
    auto density = lines.number("density");
    auto capacity = lines.number("capacity");
    auto early_warning = lines.number("early-warning");
    auto write_protected = lines.value("write-protected");
    auto segment_size = lines.number("segment-size");
    if (!id || !barcode || !tag || !density || !capacity || !early_warning || !write_protected || !segment_size)
        return bad("a line is missing or has no value");
    info.id = *id;
    if (*barcode == "readable")
        info.barcode = MediumInfo::Barcode::readable;
    else if (*barcode == "missing")
        info.barcode = MediumInfo::Barcode::missing;
    else if (*barcode == "unreadable")
        info.barcode = MediumInfo::Barcode::unreadable;
    else
        return bad("the barcode is neither readable, missing nor unreadable");
    info.volume_tag.text = *tag;
    if (*density > 255) return bad("the density code is no byte");
    info.density = static_cast<std::uint8_t>(*density);
    info.capacity = *capacity;
    info.early_warning = *early_warning;
    if (*write_protected != "yes" && *write_protected != "no") return bad("write-protected is neither yes nor no");
    info.write_protected = *write_protected == "yes";
    info.segment_size = *segment_size;
    if (auto problem = decode_state(lines, info)) return bad(problem);
    while (!lines.done()) {
        auto defect = lines.value("defect");
        auto decoded = defect ? decode_defect(*defect) : std::nullopt;
        if (!decoded || info.defects.size() == kDefectsMax) return bad("a line after the segment size is no defect");
        info.defects.push_back(*decoded);
    }
    if (auto limits = check(info); !limits) return bad(limits.error().happened);
    return info;
}

// Bytes 0-7 offset, 8-10 size, 11 kind, 12-15 CRC32C of the other 28 bytes and the object's number, 16-23 filemarks
// before, 24-31 batch; all little-endian.
namespace {
template <std::size_t N>
void put(std::span<std::uint8_t> space, std::size_t at, std::uint64_t value) {
    for (std::size_t i = 0; i < N; ++i) space[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
}
std::uint32_t record_crc(Bytes record, BlockNumber number) {
    std::array<std::uint8_t, 8> bytes{};
    put<8>(bytes, 0, raw(number));
    auto crc = crc32c(record.first(12));
    crc = crc32c(record.subspan(16), crc);
    return crc32c(bytes, crc);
}
}  // namespace

std::array<std::uint8_t, kIndexRecordSize> encode(const IndexRecord& record, BlockNumber number) {
    std::array<std::uint8_t, kIndexRecordSize> bytes{};
    put<8>(bytes, 0, record.offset);
    put<3>(bytes, 8, record.size);
    bytes[11] = static_cast<std::uint8_t>(record.kind);
    put<8>(bytes, 16, record.filemarks_before);
    put<8>(bytes, 24, record.batch);
    put<4>(bytes, 12, record_crc(bytes, number));
    return bytes;
}

std::optional<IndexRecord> decode_index_record(Bytes bytes, BlockNumber number) {
    if (bytes.size() != kIndexRecordSize) return std::nullopt;
    Reader reader(bytes);
    IndexRecord record;
    record.offset = *reader.little<8>();
    record.size = static_cast<std::uint32_t>(*reader.little<3>());
    record.kind = static_cast<IndexRecord::Kind>(*reader.little<1>());
    auto crc = *reader.little<4>();
    record.filemarks_before = *reader.little<8>();
    record.batch = *reader.little<8>();
    if (crc != record_crc(bytes, number)) return std::nullopt;
    bool block = record.kind == IndexRecord::Kind::block;
    if (!block && record.kind != IndexRecord::Kind::filemark) return std::nullopt;
    if (block == (record.size == 0)) return std::nullopt;
    if (record.offset > 1ull << 60 || record.filemarks_before > raw(number) || record.batch > raw(number))
        return std::nullopt;
    return record;
}

}  // namespace capstan::virtual_library
