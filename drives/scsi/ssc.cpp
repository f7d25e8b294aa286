#include "drives/scsi/ssc.hpp"

namespace capstan::scsi {
namespace {

// The short and the extended form differ in the widths of their fields only; both have the flags of ShortPositionData.
template <class Data>
std::optional<Position> decode_buffered(Bytes bytes) {
    const auto data = decode<Data>(bytes);
    if (!data) return std::nullopt;
    Position position;
    position.at_beginning = has(data->flags, ShortPositionData::kBeginning);
    position.at_end = has(data->flags, ShortPositionData::kEnd);
    position.beyond_early_warning = has(data->flags, ShortPositionData::kEarlyWarning);
    position.partition = data->partition;
    // PERR: a number does not fit its field. Which one is not said, so none is believed.
    if (has(data->flags, ShortPositionData::kOverflow)) return position;
    if (!has(data->flags, ShortPositionData::kLocationUnknown)) {
        position.block = BlockNumber{data->first.value()};
        position.on_medium = BlockNumber{data->last.value()};
    }
    if (!has(data->flags, ShortPositionData::kCountUnknown)) {
        position.objects_in_buffer = static_cast<std::uint32_t>(data->objects_in_buffer.value());
    }
    if (!has(data->flags, ShortPositionData::kBytesUnknown)) position.bytes_in_buffer = data->bytes_in_buffer.value();
    return position;
}

std::optional<Position> decode_long(Bytes bytes) {
    const auto data = decode<LongPositionData>(bytes);
    if (!data) return std::nullopt;
    Position position;
    position.at_beginning = has(data->flags, LongPositionData::kBeginning);
    position.at_end = has(data->flags, LongPositionData::kEnd);
    position.beyond_early_warning = has(data->flags, LongPositionData::kEarlyWarning);
    position.partition = static_cast<std::uint32_t>(data->partition.value());
    if (!has(data->flags, LongPositionData::kLocationUnknown)) position.block = BlockNumber{data->object.value()};
    if (!has(data->flags, LongPositionData::kMarksUnknown)) position.file = FilemarkCount{data->file.value()};
    return position;
}

}  // namespace

std::optional<Position> decode_position(PositionForm form, Bytes bytes) {
    switch (form) {
        case PositionForm::short_block:
        case PositionForm::short_vendor: return decode_buffered<ShortPositionData>(bytes);
        case PositionForm::long_form: return decode_long(bytes);
        case PositionForm::extended: return decode_buffered<ExtendedPositionData>(bytes);
    }
    return std::nullopt;
}

std::optional<BlockLimits> decode_block_limits(Bytes bytes) {
    const auto data = decode<BlockLimitsData>(bytes);
    if (!data) return std::nullopt;
    return BlockLimits{.size_min = static_cast<std::uint32_t>(data->block_size_min.value()),
                       .size_max = static_cast<std::uint32_t>(data->block_size_max.value()),
                       .granularity = static_cast<std::uint8_t>(data->granularity & 0x1F)};
}

}  // namespace capstan::scsi
