#include "catalog/segment_header.hpp"

#include "catalog/varint.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace capstan::catalog {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kTextMax = 4096;
constexpr std::uint64_t kExtentsMax = 65536;  // media sequence numbers are 16 bits
constexpr std::uint64_t kRootsMax = 100'000;

void put_time(ByteVector& out, FileTime time) { put_varint(out, zigzag(time.time_since_epoch().count())); }
FileTime get_time(NumberReader& in) { return FileTime(std::chrono::nanoseconds(unzigzag(in.varint()))); }

void put_extent(ByteVector& out, const MediaExtent& extent) {
    put_text(out, extent.media_id.text);
    put_text(out, extent.volume_tag.text);
    put_varint(out, raw(extent.family));
    put_varint(out, extent.sequence);
    put_varint(out, extent.first_fla);
    put_varint(out, extent.end_fla);
    put_varint(out, raw(extent.block));
    put_varint(out, extent.block_size);
    put_varint(out, extent.flb_size);
}

MediaExtent get_extent(NumberReader& in) {
    MediaExtent extent;
    extent.media_id.text = in.text(kTextMax);
    extent.volume_tag.text = in.text(kTextMax);
    extent.family = static_cast<MediaFamilyId>(in.varint_below(1ULL << 32));
    extent.sequence = static_cast<std::uint16_t>(in.varint_below(1 << 16));
    extent.first_fla = in.varint_below(kFlaEnd);
    extent.end_fla = in.varint_below(kFlaEnd);
    extent.block = static_cast<BlockNumber>(in.varint_below(1ULL << 62));
    extent.block_size = static_cast<std::uint32_t>(in.varint_below((16U << 20) + 1));
    extent.flb_size = static_cast<std::uint32_t>(in.varint_below(1025));
    bool sound = extent.end_fla >= extent.first_fla && extent.block_size >= 512 && extent.block_size % 512 == 0 &&
                 (extent.flb_size == 512 || extent.flb_size == 1024);
    if (!sound) in.fault();
    return extent;
}

std::unexpected<Error> damaged(std::string_view what) {
    return fail(Recovery::give_up, "the catalog segment's header is damaged: " + std::string(what),
                "Rebuild the catalog of this set from its media.");
}

}  // namespace

std::vector<std::uint8_t> encode_header(const SegmentHeader& header) {
    ByteVector out;
    put_varint(out, kVersion);
    put_varint(out, raw(header.set));
    put_text(out, header.set_uuid.text);
    put_varint(out, header.ordinal);
    put_text(out, header.job);
    put_text(out, header.pool);
    put_text(out, header.set_name);
    put_varint(out, static_cast<std::uint64_t>(header.type));
    put_time(out, header.started);
    put_time(out, header.committed);
    put_varint(out, header.keep_until ? 1 : 0);
    put_time(out, header.keep_until.value_or(FileTime{}));
    put_varint(out, header.last ? 1 : 0);
    for (auto count : {header.objects, header.directories, header.bytes, header.not_saved, header.first_fla, header.end_fla})
        put_varint(out, count);
    put_varint(out, header.roots.size());
    for (const auto& root : header.roots) put_text(out, root);
    put_varint(out, header.extents.size());
    for (const auto& extent : header.extents) put_extent(out, extent);
    return out;
}

Result<SegmentHeader> decode_header(Bytes bytes) {
    NumberReader in(bytes);
    auto version = in.varint();
    if (in.good() && version > kVersion)
        return fail(Recovery::change_request, "the catalog segment is of a newer version than this program reads",
                    "Use the version of Capstan that wrote it, or a later one.");
    if (version != kVersion) return damaged("no version");
    SegmentHeader header;
    header.set = static_cast<SetNumber>(in.varint());
    header.set_uuid.text = in.text(kTextMax);
    header.ordinal = static_cast<std::uint32_t>(in.varint_below(1ULL << 32));
    header.job = in.text(kTextMax);
    header.pool = in.text(kTextMax);
    header.set_name = in.text(kTextMax);
    header.type = static_cast<SetType>(in.varint_below(kSetTypes));
    header.started = get_time(in);
    header.committed = get_time(in);
    auto has_limit = in.varint_below(2);
    auto keep_until = get_time(in);
    if (has_limit != 0) header.keep_until = keep_until;
    header.last = in.varint_below(2) != 0;
    for (auto* count : {&header.objects, &header.directories, &header.bytes, &header.not_saved, &header.first_fla,
                        &header.end_fla})
        *count = in.varint();
    auto roots = in.varint_below(kRootsMax + 1);
    for (std::uint64_t i = 0; i < roots && in.good(); ++i) header.roots.emplace_back(in.text(kPathMax));
    auto extents = in.varint_below(kExtentsMax + 1);
    for (std::uint64_t i = 0; i < extents && in.good(); ++i) header.extents.push_back(get_extent(in));
    if (!in.at_end()) return damaged("a field has no possible value, or bytes are missing or left over");
    return header;
}

std::optional<Location> locate(const std::vector<MediaExtent>& extents, std::uint64_t fla) {
    for (const auto& extent : extents) {
        if (fla < extent.first_fla || fla >= extent.end_fla || extent.block_size == 0) continue;
        auto bytes = (fla - extent.first_fla) * extent.flb_size;
        return Location{extent.media_id, extent.volume_tag, extent.sequence, extent.block + bytes / extent.block_size,
                        static_cast<std::uint32_t>(bytes % extent.block_size), extent.block_size};
    }
    return std::nullopt;
}

std::vector<MediaExtent> merge_extents(const std::vector<const SegmentHeader*>& headers) {
    std::map<std::tuple<std::uint64_t, std::string>, MediaExtent> merged;
    for (const auto* header : headers) {
        for (const auto& extent : header->extents) {
            auto [place, is_new] = merged.try_emplace({extent.first_fla, extent.media_id.text}, extent);
            if (!is_new && place->second.end_fla < extent.end_fla) place->second = extent;
        }
    }
    std::vector<MediaExtent> result;
    for (auto& [key, extent] : merged) result.push_back(std::move(extent));
    return result;
}

}  // namespace capstan::catalog
