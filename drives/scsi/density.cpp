#include "drives/scsi/density.hpp"

#include "drives/scsi/text.hpp"

namespace capstan::scsi {
namespace {

using Descriptor = DensityDescriptor;

Density density_of(const Descriptor& wire) {
    Density density;
    density.primary_code = wire.primary_code;
    density.secondary_code = wire.secondary_code;
    density.writable = has(wire.flags, Descriptor::kWritable);
    density.duplicate = has(wire.flags, Descriptor::kDuplicate);
    density.is_default = has(wire.flags, Descriptor::kDefault);
    density.bits_per_mm = static_cast<std::uint32_t>(wire.bits_per_mm.value());
    density.media_width = static_cast<std::uint16_t>(wire.media_width.value());
    density.tracks = static_cast<std::uint16_t>(wire.tracks.value());
    density.capacity_mb = static_cast<std::uint32_t>(wire.capacity.value());
    density.organization = trimmed_text(wire.organization);
    density.name = trimmed_text(wire.name);
    density.description = trimmed_text(wire.description);
    return density;
}

template <std::size_t N>
std::array<std::uint8_t, N> padded(std::string_view text) {
    std::array<std::uint8_t, N> field{};
    field.fill(' ');
    const Bytes bytes = bytes_of(text.substr(0, N));
    std::copy(bytes.begin(), bytes.end(), field.begin());
    return field;
}

}  // namespace

std::optional<std::vector<Density>> decode_densities(Bytes bytes) {
    Reader whole(bytes);
    const auto header = take<DensityHeader>(whole);
    if (!header) return std::nullopt;
    constexpr std::size_t kCountedInHeader = sizeof(DensityHeader) - sizeof(DensityHeader::available_length);
    const std::size_t announced =
        header->available_length.value() - std::min<std::size_t>(header->available_length.value(), kCountedInHeader);
    Reader reader(whole.rest().first(std::min(whole.left(), announced)));
    std::vector<Density> densities;
    while (const auto wire = take<Descriptor>(reader)) {
        if (has(wire->flags, Descriptor::kLengthValid)) {
            const std::size_t size = Descriptor::kLengthCountsFrom + wire->descriptor_length.value();
            if (size < sizeof(Descriptor)) break;
            const bool whole_entry = reader.take(size - sizeof(Descriptor)).has_value();
            if (!whole_entry) break;
        }
        densities.push_back(density_of(*wire));
    }
    return densities;
}

std::vector<std::uint8_t> encode_densities(std::span<const Density> densities) {
    std::vector<std::uint8_t> out;
    append_wire(out, DensityHeader{.available_length = BigEndian<2>{2 + densities.size() * sizeof(Descriptor)}});
    for (const auto& each : densities) {
        Descriptor wire;
        wire.primary_code = each.primary_code;
        wire.secondary_code = each.secondary_code;
        wire.flags = flag_if(each.writable, Descriptor::kWritable) | flag_if(each.duplicate, Descriptor::kDuplicate) |
                     flag_if(each.is_default, Descriptor::kDefault);
        wire.bits_per_mm = BigEndian<3>{each.bits_per_mm};
        wire.media_width = BigEndian<2>{each.media_width};
        wire.tracks = BigEndian<2>{each.tracks};
        wire.capacity = BigEndian<4>{each.capacity_mb};
        wire.organization = padded<8>(each.organization);
        wire.name = padded<8>(each.name);
        wire.description = padded<20>(each.description);
        append_wire(out, wire);
    }
    return out;
}

}  // namespace capstan::scsi
