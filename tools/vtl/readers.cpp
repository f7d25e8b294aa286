#include "tools/vtl/readers.hpp"

namespace capstan::iscsi {

void Readers::serve() {
    reader_ = std::this_thread::get_id();
    read();
}

void Readers::read() {
    for (;;) {
        const bool going_on = step_();
        if (reader_ != std::this_thread::get_id()) {  // it took long: another thread reads now
            if (!watch()) return;
            continue;
        }
        if (going_on) continue;
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        changed_.notify_all();
        ended_();
        return;
    }
}

bool Readers::relieved(const std::shared_ptr<void>& owner) {
    if (watched_) return true;
    // There is none yet, or it carries out what it was relieved of and watches after that.
    if (second_.exchange(true)) return false;
    watched_ = true;
    std::thread([this, owner] {
        if (watch()) read();
    }).detach();
    return true;
}

void Readers::begin() {
    carrying_since_ = Clock::now().time_since_epoch().count();
    if (!asleep_) return;
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
}

void Readers::end() {
    const std::lock_guard lock(mutex_);
    if (reader_ == std::this_thread::get_id()) carrying_since_ = 0;
}

bool Readers::watch() {
    constexpr std::chrono::milliseconds kLook{4}, kLong{4};
    constexpr unsigned kIdleLooks = 100;  // with nothing to watch: sleep until there is
    std::unique_lock lock(mutex_);
    watched_ = true;
    for (unsigned idle = 0; !over_;) {
        const auto since = carrying_since_.load();
        if (since != 0 && Clock::now().time_since_epoch() - Clock::duration{since} >= kLong) {
            carrying_since_ = 0;
            watched_ = false;
            reader_ = std::this_thread::get_id();
            return true;
        }
        idle = since == 0 ? idle + 1 : 0;
        if (idle < kIdleLooks) {
            changed_.wait_for(lock, kLook);
            continue;
        }
        asleep_ = true;
        changed_.wait(lock, [this] { return over_ || carrying_since_ != 0; });
        asleep_ = false;
        idle = 0;
    }
    return false;
}

}  // namespace capstan::iscsi
