#include "drives/virtual/timing.hpp"

namespace capstan::virtual_library {

// Reference: tape-facts, LTO-9; a small library's robot needs 8-20 s per exchange.
FixedTime::FixedTime() : times_{} {
    using namespace std::chrono_literals;
    set(Activity::other, 500us).set(Activity::read, 1ms).set(Activity::write, 1ms).set(Activity::filemark, 1ms);
    set(Activity::synchronise, 1s).set(Activity::rewind, 55s).set(Activity::space, 30s).set(Activity::locate, 45s);
    set(Activity::optimise, 60min).set(Activity::clean, 2min);
    set(Activity::load, 17s).set(Activity::unload, 30s).set(Activity::erase, 10s).set(Activity::move, 10s);
    set(Activity::inventory, 60s);
}

FixedTime& FixedTime::set(Activity activity, std::chrono::microseconds time) {
    times_[static_cast<std::size_t>(activity)] = time;
    return *this;
}

std::chrono::microseconds FixedTime::takes(const Motion& motion) const {
    return times_[static_cast<std::size_t>(motion.activity)];
}

}  // namespace capstan::virtual_library
