// What a drive is doing, as a table. A request out of turn is refused (next() is empty); a fact out of turn is believed,
// because the device is right: without a row of its own it makes the drive `faulted`. Any thread (constants only).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace capstan::drives {

enum class DriveState : std::uint8_t {
    empty,      // no cartridge, as far as anybody told us
    loading,    // a cartridge is in it; threading, cleaning up, or not asked yet
    ready,      // TEST UNIT READY was answered with GOOD
    writing,    // a write session is open: the device's thread may be streaming
    reading,    // blocks stream from the medium into a ring
    unloading,  // UNLOAD was asked or done: the cartridge is waiting for the robot
    faulted,    // outcome of a command unknown, hardware error: the device is not used until it was replaced or reopened
    count,
};
std::string_view name_of(DriveState state);

// Requests.
struct LoadAsked {};      // wait until the cartridge is ready
struct PositionAsked {};  // prepare, rewind, locate, space, read a few blocks
struct ReadAsked {};
struct WriteAsked {};
struct UnloadAsked {};
// Facts.
struct Inserted {};     // the robot's word, or 06/28/00 of the drive: another medium may be in it
struct BecameReady {};  // TEST UNIT READY: GOOD
struct NotReady {};     // 02/xx in the midst of work: the medium must be made ready again
struct WriteEnded {};   // the session was finished, or failed with its outcome known
struct ReadEnded {};
struct Ejected {};      // UNLOAD was answered with GOOD
struct Removed {};      // the robot's word, or 02/3A of the drive
struct Failed {};       // outcome unknown or hardware error: the device is given up
struct Replaced {};     // a new device object takes its place: it may hold a cartridge
using DriveEvent = std::variant<LoadAsked, PositionAsked, ReadAsked, WriteAsked, UnloadAsked, Inserted, BecameReady, NotReady,
                                WriteEnded, ReadEnded, Ejected, Removed, Failed, Replaced>;
template <class Event>
inline constexpr std::size_t on = DriveEvent{Event{}}.index();

struct Transition {
    DriveState from;
    std::size_t event;
    DriveState to;
};
inline constexpr Transition kTransitions[] = {
    {DriveState::empty, on<LoadAsked>, DriveState::loading},  // a hand may have put a cartridge in: asking does no harm
    {DriveState::empty, on<Inserted>, DriveState::loading},
    {DriveState::empty, on<BecameReady>, DriveState::ready},
    {DriveState::empty, on<NotReady>, DriveState::empty},
    {DriveState::empty, on<Removed>, DriveState::empty},
    {DriveState::loading, on<LoadAsked>, DriveState::loading},
    {DriveState::loading, on<UnloadAsked>, DriveState::unloading},  // a cartridge that never becomes ready is taken out
    {DriveState::loading, on<Inserted>, DriveState::loading},
    {DriveState::loading, on<BecameReady>, DriveState::ready},
    {DriveState::loading, on<NotReady>, DriveState::loading},
    {DriveState::loading, on<Removed>, DriveState::empty},
    {DriveState::ready, on<LoadAsked>, DriveState::ready},
    {DriveState::ready, on<PositionAsked>, DriveState::ready},
    {DriveState::ready, on<ReadAsked>, DriveState::reading},
    {DriveState::ready, on<WriteAsked>, DriveState::writing},
    {DriveState::ready, on<UnloadAsked>, DriveState::unloading},
    {DriveState::ready, on<Inserted>, DriveState::loading},  // 06/28/00: another medium, perhaps
    {DriveState::ready, on<BecameReady>, DriveState::ready},
    {DriveState::ready, on<NotReady>, DriveState::loading},
    {DriveState::ready, on<Removed>, DriveState::empty},
    {DriveState::writing, on<WriteEnded>, DriveState::ready},
    {DriveState::writing, on<Inserted>, DriveState::loading},  // a power cycle loads the cartridge again; the permit is void
    {DriveState::writing, on<NotReady>, DriveState::loading},
    {DriveState::reading, on<ReadEnded>, DriveState::ready},
    {DriveState::reading, on<Inserted>, DriveState::loading},
    {DriveState::reading, on<NotReady>, DriveState::loading},
    {DriveState::unloading, on<LoadAsked>, DriveState::loading},  // the same cartridge is wanted again
    {DriveState::unloading, on<UnloadAsked>, DriveState::unloading},
    {DriveState::unloading, on<Inserted>, DriveState::loading},
    {DriveState::unloading, on<BecameReady>, DriveState::ready},  // UNLOAD was refused: it is still threaded
    {DriveState::unloading, on<NotReady>, DriveState::unloading},
    {DriveState::unloading, on<Ejected>, DriveState::unloading},
    {DriveState::unloading, on<Removed>, DriveState::empty},
    {DriveState::empty, on<Replaced>, DriveState::loading},
    {DriveState::loading, on<Replaced>, DriveState::loading},
    {DriveState::ready, on<Replaced>, DriveState::loading},
    {DriveState::unloading, on<Replaced>, DriveState::loading},
    {DriveState::faulted, on<Replaced>, DriveState::loading},
};
constexpr std::optional<DriveState> next(DriveState from, std::size_t event) {
    for (const auto& t : kTransitions) {
        if (t.from == from && t.event == event) return t.to;
    }
    return event < on<Inserted> ? std::nullopt : std::optional{DriveState::faulted};  // request : fact
}
static_assert(!next(DriveState::writing, on<UnloadAsked>), "a cartridge never leaves in the middle of a write");
static_assert(!next(DriveState::faulted, on<WriteAsked>) && !next(DriveState::unloading, on<WriteAsked>));
static_assert(next(DriveState::writing, on<Removed>) == DriveState::faulted);

}  // namespace capstan::drives
