#include "drives/virtual/places.hpp"

#include "drives/virtual/cartridge_format.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <vector>

namespace capstan::virtual_library {
namespace {

constexpr std::uint8_t kInside = 0x01, kHasSource = 0x02, kByOperator = 0x04, kMore = 0x08, kAllFlags = 0x0F;
constexpr std::size_t kLogMax = 256u << 20;
constexpr std::uint64_t kSpareRecords =
    4096;  // the log is rewritten at opening when it has this many more than it needs

std::uint32_t record_crc(Bytes record, std::uint64_t number) {
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(number >> 8 * i);
    return crc32c(bytes, crc32c(record.first(60)));
}

std::unexpected<Error> damaged(std::string what) {
    return fail(Recovery::give_up, fmt::format("virtual library: its file 'places' is damaged: {}", what),
                "Restore the file, or delete it: every cartridge is then outside and can be put into a port.");
}

}  // namespace

// Bytes 0-31 cartridge id, padded with 0; 32-33 element; 34-35 source; 36 flags; 37-59 zero; 60-63 CRC32C of the bytes
// before and the record's number; little-endian.
std::array<std::uint8_t, kPlaceRecordSize> encode(const PlaceRecord& record, std::uint64_t number) {
    std::array<std::uint8_t, kPlaceRecordSize> bytes{};
    std::copy_n(record.cartridge.begin(), std::min<std::size_t>(record.cartridge.size(), 31), bytes.begin());
    auto put = [&](std::size_t at, std::uint16_t value) {
        bytes[at] = static_cast<std::uint8_t>(value);
        bytes[at + 1] = static_cast<std::uint8_t>(value >> 8);
    };
    if (record.place.element) put(32, raw(*record.place.element)), bytes[36] |= kInside;
    if (record.place.source) put(34, raw(*record.place.source)), bytes[36] |= kHasSource;
    if (record.place.by_operator) bytes[36] |= kByOperator;
    if (record.more) bytes[36] |= kMore;
    auto crc = record_crc(bytes, number);
    put(60, static_cast<std::uint16_t>(crc));
    put(62, static_cast<std::uint16_t>(crc >> 16));
    return bytes;
}

std::optional<PlaceRecord> decode_place_record(Bytes bytes, std::uint64_t number) {
    if (bytes.size() != kPlaceRecordSize) return std::nullopt;
    Reader reader(bytes);
    PlaceRecord record;
    auto text = text_of(*reader.take(32));
    record.cartridge = text.substr(0, text.find('\0'));
    auto element = static_cast<std::uint16_t>(*reader.little<2>());
    auto source = static_cast<std::uint16_t>(*reader.little<2>());
    auto flags = static_cast<std::uint8_t>(*reader.little<1>());
    if (Reader(bytes.subspan(60)).little<4>() != record_crc(bytes, number)) return std::nullopt;
    if (!is_cartridge_id(record.cartridge) || (flags & ~kAllFlags) != 0) return std::nullopt;
    if (flags & kInside) record.place.element = ElementAddress{element};
    if (flags & kHasSource) record.place.source = ElementAddress{source};
    record.place.by_operator = (flags & kByOperator) != 0;
    record.more = (flags & kMore) != 0;
    return record;
}

Result<PlaceLog> decode_places(Bytes log) {
    PlaceLog result;
    std::vector<PlaceRecord> batch;
    std::uint64_t number = 0;
    for (auto rest = log; rest.size() >= kPlaceRecordSize; rest = rest.subspan(kPlaceRecordSize), ++number) {
        auto record = decode_place_record(rest.first(kPlaceRecordSize), number);
        if (!record) break;
        bool more = record->more;
        batch.push_back(std::move(*record));
        if (more) continue;
        for (auto& each : batch) result.places[each.cartridge] = each.place;
        batch.clear();
        result.records = number + 1;
        result.intact = (number + 1) * kPlaceRecordSize;
    }
    // A batch is one write; only the last can be torn, and it has two records at most.
    for (auto i = number; (i + 1) * kPlaceRecordSize <= log.size(); ++i) {
        bool whole = decode_place_record(log.subspan(i * kPlaceRecordSize, kPlaceRecordSize), i).has_value();
        if (whole && i >= result.records + 2)
            return damaged(fmt::format("record {} cannot be read, record {} can", number, i));
    }
    std::set<ElementAddress> taken;
    for (const auto& [id, place] : result.places) {
        if (place.element && !taken.insert(*place.element).second)
            return damaged(fmt::format("two cartridges are in element 0x{:04x}", raw(*place.element)));
    }
    return result;
}

Result<std::map<std::string, Place>> Places::read(const std::string& path) {
    if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return std::map<std::string, Place>{};
    CAPSTAN_TRY(auto bytes, read_file(path, kLogMax));
    CAPSTAN_TRY(auto log, decode_places(bytes));
    return std::move(log.places);
}

Result<Places> Places::open(const std::string& path) {
    Places places;
    places.path_ = path;
    CAPSTAN_TRY(places.file_, open_file(path, O_RDWR | O_CREAT));
    CAPSTAN_TRY(auto bytes, read_file(path, kLogMax));
    CAPSTAN_TRY(auto log, decode_places(bytes));
    places.places_ = std::move(log.places);
    places.records_ = log.records;
    if (places.records_ > places.places_.size() + kSpareRecords) {
        std::vector<std::uint8_t> fresh;
        places.records_ = 0;
        for (const auto& [id, place] : places.places_) {
            auto record = encode({id, place, false}, places.records_++);
            fresh.insert(fresh.end(), record.begin(), record.end());
        }
        CAPSTAN_CHECK(replace_file(path, fresh));
        CAPSTAN_TRY(places.file_, open_file(path, O_RDWR));
    } else if (bytes.size() != log.intact) {
        if (::ftruncate(places.file_.get(), static_cast<off_t>(log.intact)) != 0 || ::fsync(places.file_.get()) != 0)
            return fail_errno(errno, fmt::format("cannot cut the torn end of {}", path));
    }
    return places;
}

Result<void> Places::put(std::span<const Change> changes) { return append(changes, true); }
Result<void> Places::put_each(std::span<const Change> changes) { return append(changes, false); }

Result<void> Places::append(std::span<const Change> changes, bool together) {
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        auto record =
            encode({changes[i].cartridge, changes[i].place, together && i + 1 < changes.size()}, records_ + i);
        bytes.insert(bytes.end(), record.begin(), record.end());
    }
    CAPSTAN_CHECK(write_all(file_.get(), bytes, records_ * kPlaceRecordSize, path_));
    if (::fdatasync(file_.get()) != 0) return fail_errno(errno, fmt::format("cannot synchronise {}", path_));
    records_ += changes.size();
    for (const auto& each : changes) places_[each.cartridge] = each.place;
    return {};
}

}  // namespace capstan::virtual_library
