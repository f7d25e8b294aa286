// Where each cartridge is: file `places`, a log of 64-byte records, one fdatasync per move, so that a move costs the
// same with ten cartridges and with ten thousand. Internal to drives/virtual. Thread contract: one thread at a time.
#pragma once

#include "config/base/file.hpp"
#include "config/base/ids.hpp"

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace capstan::virtual_library {

struct Place {
    std::optional<ElementAddress> element;  // empty: outside
    std::optional<ElementAddress> source;   // the slot or port it came from last (SMC: source storage element address)
    bool by_operator = false;               // it lies in an IE port because a person put it there
    friend bool operator==(const Place&, const Place&) = default;
};

struct PlaceRecord {
    std::string cartridge;
    Place place;
    bool more = false;  // holds only together with the record after it
    friend bool operator==(const PlaceRecord&, const PlaceRecord&) = default;
};
inline constexpr std::size_t kPlaceRecordSize = 64;
std::array<std::uint8_t, kPlaceRecordSize> encode(const PlaceRecord& record, std::uint64_t number);
std::optional<PlaceRecord> decode_place_record(Bytes bytes, std::uint64_t number);
// Replays a log. `intact`: bytes of whole batches; what follows is the torn end of the last one. An Error when
// undamaged records follow damaged ones (no crash does that) or two cartridges are in one element.
struct PlaceLog {
    std::map<std::string, Place> places;
    std::uint64_t records = 0;
    std::size_t intact = 0;
};
Result<PlaceLog> decode_places(Bytes log);

class Places {
  public:
    static Result<Places> open(const std::string& path);
    static Result<std::map<std::string, Place>> read(const std::string& path);  // changes nothing
    // All or none of the changes, durably. After an Error neither is known; the library stops moving.
    struct Change {
        std::string cartridge;
        Place place;
    };
    Result<void> put(std::span<const Change> changes);       // at most two
    Result<void> put_each(std::span<const Change> changes);  // any number, each for itself, one fdatasync
    const std::map<std::string, Place>& all() const { return places_; }

  private:
    Result<void> append(std::span<const Change> changes, bool together);
    std::string path_;
    FileHandle file_;
    std::map<std::string, Place> places_;
    std::uint64_t records_ = 0;
};

}  // namespace capstan::virtual_library
