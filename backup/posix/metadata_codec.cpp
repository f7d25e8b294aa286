#include "backup/posix/metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace capstan::backup {

namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::uint16_t kFlagPathOnly = 1, kFlagInodeFlags = 2, kFlagSizeUnknown = 4;

// Fields behind the fixed part, each: u16 tag, u16 zero, u32 size, bytes. Unknown tags are skipped.
enum class Tag : std::uint16_t {
    name = 1,
    whole_path = 2,
    target = 3,
    first_name = 4,
    user = 5,
    group = 6,
    born = 7,       // i64 seconds, u32 nanoseconds
    attribute = 8,  // u16 size of the name, name, value
};

struct Fixed {  // the first 112 bytes
    LittleEndian<2> version{kVersion};
    LittleEndian<2> flags;
    LittleEndian<4> mode;
    LittleEndian<4> uid;
    LittleEndian<4> gid;
    LittleEndian<8> accessed_seconds;  // 16
    LittleEndian<8> modified_seconds;
    LittleEndian<8> changed_seconds;
    LittleEndian<4> accessed_nanoseconds;  // 40
    LittleEndian<4> modified_nanoseconds;
    LittleEndian<4> changed_nanoseconds;
    LittleEndian<4> links;
    LittleEndian<8> size;  // 56
    LittleEndian<8> device;
    LittleEndian<8> inode;
    LittleEndian<4> device_major;  // 80
    LittleEndian<4> device_minor;
    LittleEndian<4> inode_flags;
    std::array<std::uint8_t, 20> reserved{};
};
static_assert(sizeof(Fixed) == 112 && alignof(Fixed) == 1);

void put_field(Tag tag, Bytes first, Bytes second, std::vector<std::uint8_t>& out) {
    std::array<std::uint8_t, 8> head{};
    auto size = static_cast<std::uint32_t>(first.size() + second.size());
    head[0] = static_cast<std::uint8_t>(tag);
    for (std::size_t i = 0; i < 4; ++i) head[4 + i] = static_cast<std::uint8_t>(size >> (8 * i));
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), first.begin(), first.end());
    out.insert(out.end(), second.begin(), second.end());
}

void put_text(Tag tag, const std::string& text, std::vector<std::uint8_t>& out) {
    if (!text.empty()) put_field(tag, bytes_of(text), {}, out);
}

auto damage(std::string what) {
    return fail(Recovery::ask_operator, fmt::format("a metadata record is damaged: {}", what),
                "The object is restored without what the record held.");
}

Result<void> take_time(std::uint64_t seconds, std::uint64_t nanoseconds, FileTime& time) {
    if (nanoseconds >= 1'000'000'000) return damage(fmt::format("{} nanoseconds in a time", nanoseconds));
    time = {static_cast<std::int64_t>(seconds), static_cast<std::uint32_t>(nanoseconds)};
    return {};
}

Result<void> take_text(Bytes value, const char* what, std::size_t size_max, bool slashes, std::string& text) {
    auto seen = text_of(value);
    if (value.empty() || value.size() > size_max) return damage(fmt::format("{} of {} bytes", what, value.size()));
    if (seen.find('\0') != std::string_view::npos) return damage(fmt::format("{} holds a NUL", what));
    if (!slashes && seen.find('/') != std::string_view::npos) return damage(fmt::format("{} holds a '/'", what));
    text = seen;
    return {};
}

Result<void> take_attribute(Bytes value, Metadata& metadata) {
    Reader reader(value);
    auto size = reader.little<2>();
    auto name = size ? reader.take(*size) : std::nullopt;
    if (!name) return damage("an extended attribute is cut short");
    ExtendedAttribute attribute;
    CAPSTAN_CHECK(take_text(*name, "the name of an extended attribute", 255, true, attribute.name));
    attribute.value = text_of(reader.rest());
    metadata.attributes.push_back(std::move(attribute));
    return {};
}

Result<void> take_field(Tag tag, Bytes value, Metadata& metadata) {
    constexpr std::size_t kPathMax = 32u << 20;
    switch (tag) {
        case Tag::name: return take_text(value, "the name", 4096, false, metadata.name);
        case Tag::whole_path: return take_text(value, "the path", kPathMax, true, metadata.whole_path);
        case Tag::target: return take_text(value, "the link's target", 65536, true, metadata.target);
        case Tag::first_name: return take_text(value, "the first name", kPathMax, true, metadata.first_name);
        case Tag::user: return take_text(value, "the user's name", 1024, true, metadata.user);
        case Tag::group: return take_text(value, "the group's name", 1024, true, metadata.group);
        case Tag::attribute: return take_attribute(value, metadata);
        case Tag::born: {
            Reader reader(value);
            auto seconds = reader.little<8>();
            auto nanoseconds = reader.little<4>();
            if (!nanoseconds || reader.left() != 0) return damage("the time of birth is cut short");
            return take_time(*seconds, *nanoseconds, metadata.born.emplace());
        }
    }
    return {};
}

Result<void> take_fixed(const Fixed& fixed, Metadata& metadata) {
    CAPSTAN_CHECK(take_time(fixed.accessed_seconds.value(), fixed.accessed_nanoseconds.value(), metadata.accessed));
    CAPSTAN_CHECK(take_time(fixed.modified_seconds.value(), fixed.modified_nanoseconds.value(), metadata.modified));
    CAPSTAN_CHECK(take_time(fixed.changed_seconds.value(), fixed.changed_nanoseconds.value(), metadata.changed));
    auto small = [](const auto& field) { return static_cast<std::uint32_t>(field.value()); };
    metadata.mode = small(fixed.mode);
    if ((metadata.mode & ~0177777u) != 0) return damage(fmt::format("mode {:o}", metadata.mode));
    metadata.uid = small(fixed.uid), metadata.gid = small(fixed.gid);
    metadata.links = small(fixed.links);
    metadata.size = fixed.size.value();
    if (metadata.size > INT64_MAX) return damage(fmt::format("a size of {} bytes", metadata.size));
    metadata.device = fixed.device.value(), metadata.inode = fixed.inode.value();
    metadata.device_major = small(fixed.device_major), metadata.device_minor = small(fixed.device_minor);
    metadata.inode_flags = small(fixed.inode_flags);
    metadata.path_only = (fixed.flags.value() & kFlagPathOnly) != 0;
    metadata.size_unknown = (fixed.flags.value() & kFlagSizeUnknown) != 0;
    metadata.inode_flags_known = (fixed.flags.value() & kFlagInodeFlags) != 0;
    return {};
}

}  // namespace

void encode(const Metadata& metadata, std::vector<std::uint8_t>& out) {
    Fixed fixed;
    fixed.flags = LittleEndian<2>((metadata.path_only ? kFlagPathOnly : 0u) |
                                  (metadata.inode_flags_known ? kFlagInodeFlags : 0u) |
                                  (metadata.size_unknown ? kFlagSizeUnknown : 0u));
    fixed.mode = LittleEndian<4>(metadata.mode);
    fixed.uid = LittleEndian<4>(metadata.uid);
    fixed.gid = LittleEndian<4>(metadata.gid);
    fixed.accessed_seconds = LittleEndian<8>(static_cast<std::uint64_t>(metadata.accessed.seconds));
    fixed.modified_seconds = LittleEndian<8>(static_cast<std::uint64_t>(metadata.modified.seconds));
    fixed.changed_seconds = LittleEndian<8>(static_cast<std::uint64_t>(metadata.changed.seconds));
    fixed.accessed_nanoseconds = LittleEndian<4>(metadata.accessed.nanoseconds);
    fixed.modified_nanoseconds = LittleEndian<4>(metadata.modified.nanoseconds);
    fixed.changed_nanoseconds = LittleEndian<4>(metadata.changed.nanoseconds);
    fixed.links = LittleEndian<4>(metadata.links);
    fixed.size = LittleEndian<8>(metadata.size);
    fixed.device = LittleEndian<8>(metadata.device);
    fixed.inode = LittleEndian<8>(metadata.inode);
    fixed.device_major = LittleEndian<4>(metadata.device_major);
    fixed.device_minor = LittleEndian<4>(metadata.device_minor);
    fixed.inode_flags = LittleEndian<4>(metadata.inode_flags);
    auto bytes = std::bit_cast<std::array<std::uint8_t, sizeof(Fixed)>>(fixed);
    out.insert(out.end(), bytes.begin(), bytes.end());
    put_text(Tag::name, metadata.name, out);
    put_text(Tag::whole_path, metadata.whole_path, out);
    put_text(Tag::target, metadata.target, out);
    put_text(Tag::first_name, metadata.first_name, out);
    put_text(Tag::user, metadata.user, out);
    put_text(Tag::group, metadata.group, out);
    if (metadata.born) {
        auto seconds = LittleEndian<8>(static_cast<std::uint64_t>(metadata.born->seconds));
        auto nanoseconds = LittleEndian<4>(metadata.born->nanoseconds);
        put_field(Tag::born, std::bit_cast<std::array<std::uint8_t, 8>>(seconds),
                  std::bit_cast<std::array<std::uint8_t, 4>>(nanoseconds), out);
    }
    for (const auto& attribute : metadata.attributes) {
        std::vector<std::uint8_t> head = {static_cast<std::uint8_t>(attribute.name.size()),
                                          static_cast<std::uint8_t>(attribute.name.size() >> 8)};
        head.insert(head.end(), attribute.name.begin(), attribute.name.end());
        put_field(Tag::attribute, head, bytes_of(attribute.value), out);
    }
}

Result<Metadata> decode_metadata(Bytes payload) {
    Reader reader(payload);
    auto head = reader.take(sizeof(Fixed));
    if (!head) return damage(fmt::format("{} bytes instead of at least {}", payload.size(), sizeof(Fixed)));
    std::array<std::uint8_t, sizeof(Fixed)> bytes{};
    std::copy(head->begin(), head->end(), bytes.begin());
    auto fixed = std::bit_cast<Fixed>(bytes);
    if (fixed.version.value() != kVersion) {
        return fail(Recovery::ask_operator,
                    fmt::format("a metadata record has version {}, known is {}", fixed.version.value(), kVersion),
                    "Restore it with the release of Capstan that wrote it, or a newer one.");
    }
    Metadata metadata;
    CAPSTAN_CHECK(take_fixed(fixed, metadata));
    while (reader.left() > 0) {
        auto tag = reader.little<2>();
        auto zero = reader.little<2>();
        auto size = reader.little<4>();
        auto value = zero && size ? reader.take(*size) : std::nullopt;
        if (!value) return damage("a field is cut short");
        CAPSTAN_CHECK(take_field(static_cast<Tag>(*tag), *value, metadata));
    }
    return metadata;
}

}  // namespace capstan::backup
