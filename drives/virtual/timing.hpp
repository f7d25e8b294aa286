// How long the virtual library's commands take. Moves and loads take no time, real time, or simulated time.
#pragma once

#include "config/base/ids.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace capstan::virtual_library {

enum class Activity : std::uint8_t {
    other,
    read,
    write,
    filemark,
    synchronise,
    rewind,
    space,
    locate,
    load,
    optimise,  // a load that measures a new cartridge
    clean,
    unload,
    erase,
    move,
    inventory,
    count
};

// One question to a timing model: everything it may need to know about the command.
struct Motion {
    Activity activity = Activity::other;
    std::uint64_t bytes = 0;                   // moved by the command
    BlockNumber from{}, to{};                  // logical object numbers before and after it
    std::uint64_t from_byte = 0, to_byte = 0;  // the same as bytes of user data from BOT: what a seek model needs
};

// Thread contract: called from every device's thread at once; const and without state.
class TimingModel {
  public:
    virtual ~TimingModel() = default;
    virtual std::chrono::microseconds takes(const Motion& motion) const = 0;
};

// A fixed time per kind of command, reference: tape-facts, LTO-9 and a small library.
class FixedTime final : public TimingModel {
  public:
    FixedTime();
    FixedTime& set(Activity activity, std::chrono::microseconds time);
    std::chrono::microseconds takes(const Motion& motion) const override;

  private:
    std::chrono::microseconds times_[static_cast<std::size_t>(Activity::count)];
};

enum class TimeMode : std::uint8_t {
    none,       // nothing takes time, a loaded drive is ready at once
    real,       // every command really takes its time: `sleep` is called with it
    simulated,  // every command returns at once and reports its time as ScsiReply::took
};

struct Timing {
    TimeMode mode = TimeMode::none;
    std::shared_ptr<const TimingModel> model;  // real and simulated; empty: FixedTime
    // The time by which a loading drive becomes ready. Called on every device's thread. Needed for real and simulated.
    std::function<std::chrono::steady_clock::time_point()> now;
    // Lets time pass on the calling thread. Real: called for every command. Simulated: called, if given, only for a
    // hung command, whose Error cannot carry a time.
    std::function<void(std::chrono::microseconds)> sleep;
};

}  // namespace capstan::virtual_library
