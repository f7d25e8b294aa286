// Cartridges, their sides, pools and media families: plain values, as the state database keeps them.
// States follow reference/windows-backup-model.md section 1.3. Times are wall clock; kForever never passes.
#pragma once

#include "config/base/clock.hpp"
#include "config/base/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace capstan::pools {

inline constexpr Wall kForever = Wall::max();
// As labels, sets and cartridge memories have times: Unix seconds, 0 for kForever. A part of a second counts as a whole one.
inline Wall wall_of(std::int64_t unix_seconds) {
    constexpr std::int64_t kLastSecond = 9'223'372'036;  // of a nanosecond clock
    if (unix_seconds == 0 || unix_seconds >= kLastSecond) return kForever;
    return Wall{std::chrono::seconds{unix_seconds}};
}
inline std::int64_t unix_seconds_of(Wall time) {
    if (time == kForever) return 0;
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

// Where a cartridge is. The place is (kind, id) within a library; `offline` is a place too (vault, courier).
enum class PlaceKind : std::uint8_t { slot, drive, ie_port, picker, offline };
struct Place {
    PlaceKind kind = PlaceKind::offline;
    std::string id;  // slot, IE port, picker: its number from 1; drive: its name; offline: the location's name or empty
    friend auto operator<=>(const Place&, const Place&) = default;
};
std::string to_text(const Place& place);  // "slot 12", "drive D1", "offline"

enum class SideState : std::uint8_t {
    unknown,         // just seen, its label was not read yet
    unprepared,      // shall get a label; whatever it holds may be overwritten only by the rules of permits.hpp
    incompatible,    // no drive of its library can use it
    decommissioned,  // retired; never allocated again
    available,       // has our label and no data that anybody needs
    allocated,       // holds or receives sets; may be appended to
    complete,        // holds sets; full or closed for writing
    unrecognized,    // blank, foreign or unreadable
    import,          // a label of ours, or of another Capstan, that this database has never seen
    count
};

// What the database knows of the recorded side. Positions are logical object numbers from BOT.
struct Side {
    SideState state = SideState::unknown;
    Uuid media_id;                    // from the label; survives relabelling; empty: never labelled by us
    Uuid domain_id;                   // installation that labelled it
    MediaFamilyId family{};           // 0: none (free label)
    std::uint16_t sequence = 0;       // in the family, from 1
    WriteGeneration generation{};     // 0: never labelled
    std::uint32_t block_size = 0;     // of all records; 0: never labelled
    BlockNumber recorded_end{};       // proven end of committed data; 0: never labelled
    std::uint16_t last_set = 0;       // MTF data set number of the newest set that has data here; 0: none
    Wall appendable_until{};          // as in the label
    Wall keep_until{};                // as in the label: no set on it is kept longer (upper bound)
    std::uint64_t bytes_written = 0;  // since it was labelled
    std::uint64_t capacity = 0;       // bytes; 0: not known
    std::uint32_t allocations = 0;    // how often it was allocated
    std::string description;          // of a foreign or unreadable medium: what was recognised
    std::optional<Wall> labelled, last_written;
    friend bool operator==(const Side&, const Side&) = default;
};

struct Cartridge {
    CartridgeId id{};
    VolumeTag volume_tag;  // as the barcode reader sees it; empty: none. May be double: never an identity by itself
    LibraryName library;   // empty exactly when the place is offline
    Place place;
    PoolId pool{};
    std::uint64_t mounts = 0;
    bool write_protected = false;
    bool suspect = false;        // the end of data must be proven before anything is appended
    bool duplicate_tag = false;  // another cartridge was seen with this volume tag: only the label tells them apart
    bool must_identify = false;  // the label is to be read before the cartridge is used (new, swapped, moved by hand)
    std::string hold;            // not empty: why an operator keeps it whatever expires
    Wall created{};
    std::optional<Wall> last_mounted;
    std::uint8_t density = 0;  // code that a drive named at the last load; 0: none yet
    Side side;
    friend bool operator==(const Cartridge&, const Cartridge&) = default;
};
std::string to_text(const Cartridge& cartridge);  // volume tag, or "cartridge 17" without one

enum class PoolKind : std::uint8_t { free, import, unrecognized, application };
struct PoolPolicy {
    bool draw_from_free = true;
    bool return_to_free = true;
    std::uint32_t block_size = 262144;                       // 65536..1048576, power of two
    std::chrono::seconds append_for = std::chrono::days(7);  // allocation period: a family takes sets for that long
    std::chrono::seconds keep_for = std::chrono::days(30);   // default keep-until of its sets
    std::uint32_t family_media_max = 20;                     // then a new family begins
    std::uint32_t allocations_max = 0;                       // 0: no limit; then decommissioned
    friend bool operator==(const PoolPolicy&, const PoolPolicy&) = default;
};
struct Pool {
    PoolId id{};
    PoolName name;
    PoolKind kind = PoolKind::application;
    PoolPolicy policy;
    friend bool operator==(const Pool&, const Pool&) = default;
};
// The system pools have fixed ids; application pools begin at 10.
inline constexpr PoolId kFreePool{1}, kImportPool{2}, kUnrecognizedPool{3};

struct MediaFamily {
    MediaFamilyId id{};
    PoolId pool{};
    Wall opened{};
    Wall appendable_until{};        // end of the allocation period
    Wall keep_until{};              // upper bound written into its labels
    std::uint16_t media_count = 0;  // sequence number of its last medium
    std::uint16_t last_set = 0;     // MTF data set number of its newest set; 0: none
    bool closed = false;
    friend bool operator==(const MediaFamily&, const MediaFamily&) = default;
};

// Who changed something and why, written beside every change of a cartridge's place, pool or state.
struct AuditNote {
    std::string who;  // "daemon", "job 17", "operator anna"
    std::string why;
    Wall at{};
};

std::string_view name_of(PlaceKind kind);
std::string_view name_of(SideState state);
std::string_view name_of(PoolKind kind);
// The enumerator of that name. Instantiated in names.cpp for every enum of this library that has name_of.
template <class Enum>
std::optional<Enum> from_name(std::string_view name);

}  // namespace capstan::pools
