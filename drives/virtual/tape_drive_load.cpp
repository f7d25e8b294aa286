// Loading and unloading of a virtual drive: what it takes, what it measures, and the cartridges that clean it.
#include "config/base/log.hpp"
#include "drives/virtual/tape_drive.hpp"

#include <algorithm>

namespace capstan::virtual_library {

const DensityAbility* TapeDrive::ability() const {
    return model_ == nullptr || !cartridge_ ? nullptr : model_->ability(cartridge_->info().density);
}

void TapeDrive::start_loading(std::chrono::microseconds after) {
    position_ = BlockNumber{};
    forbid_overwrite();
    if (cartridge_->info().cleaning_uses) return start_cleaning(after);
    if (model_ != nullptr) {
        const auto density = cartridge_->info().density;
        if (ability() == nullptr) return refuse_cartridge(model_->is_newer(density) ? code::kUnknownFormat : code::kIncompatibleFormat);
        if (!ability()->writes) health_.found(TapeHealth::Found::read_only_format);
        optimising_ = model_->optimises_new_media && !cartridge_->info().optimised && density >= model_->density;
    }
    load_ = Load::loading;
    threaded_ = true;
    health_.load(*cartridge_);
    loading_since_ = timing_.mode == TimeMode::none ? Clock::time_point{} : timing_.now();
    ready_at_ = loading_since_ + after + takes(optimising_ ? Activity::optimise : Activity::load);
    settle();
}

// It stays in the drive's mouth until the robot takes it.
void TapeDrive::refuse_cartridge(SenseCode why) {
    if (why == code::kUnknownFormat || why == code::kIncompatibleFormat) health_.found(TapeHealth::Found::unsupported_format);
    why_unreadable_ = why;
    load_ = Load::unreadable;
    threaded_ = false;
    attention(code::kMediumChanged);
}

// The drive cleans itself and lets go of the cartridge; a used-up one it refuses.
void TapeDrive::start_cleaning(std::chrono::microseconds after) {
    health_.found(TapeHealth::Found::cleaning_cartridge);
    auto info = cartridge_->info();
    if (*info.cleaning_uses == 0) {
        health_.found(TapeHealth::Found::expired_cleaning_cartridge);
        return refuse_cartridge(code::kCleaningExpired);
    }
    --*info.cleaning_uses;
    if (auto noted = cartridge_->set_info(std::move(info)); !noted) (void)failed(noted.error());
    load_ = Load::cleaning;
    threaded_ = true;
    loading_since_ = timing_.mode == TimeMode::none ? Clock::time_point{} : timing_.now();
    ready_at_ = loading_since_ + after + takes(Activity::clean);
    settle();
}

void TapeDrive::insert(std::unique_ptr<CartridgeFile> cartridge, std::chrono::microseconds after) {
    cartridge_ = std::move(cartridge);
    optimising_ = false;
    if (cartridge_) return start_loading(after);
    refuse_cartridge(code::kCannotReadMedium);
}

// A loading drive becomes ready by itself; every nexus is told. One that cleaned is as good as empty.
void TapeDrive::settle() {
    if (load_ != Load::loading && load_ != Load::cleaning) return;
    if (timing_.mode != TimeMode::none && timing_.now() < ready_at_) return;
    if (load_ == Load::cleaning) {
        health_.cleaned();
        load_ = Load::unthreaded;
        threaded_ = false;
        return;
    }
    become_ready();
    attention(code::kMediumChanged);
}

void TapeDrive::become_ready() {
    load_ = Load::ready;
    if (!std::exchange(optimising_, false)) return;
    auto info = cartridge_->info();
    info.optimised = true;
    if (auto noted = cartridge_->set_info(std::move(info)); !noted) (void)failed(noted.error());
}

bool TapeDrive::is_busy_with_cartridge() const {
    const bool is = load_ == Load::cleaning || (load_ == Load::loading && optimising_);
    return is && timing_.mode != TimeMode::none && timing_.now() < ready_at_;
}

std::optional<SenseCode> TapeDrive::not_ready() const {
    switch (load_) {
        case Load::empty:
        case Load::unthreaded: return code::kNoMedium;
        case Load::loading: return code::kBecomingReady;
        case Load::cleaning: return code::kCleaning;
        case Load::unreadable: return why_unreadable_;
        case Load::ready: return std::nullopt;
    }
    return code::kInternalFailure;
}

Sense TapeDrive::waits() const {
    Sense sense{.code = not_ready().value_or(SenseCode{})};
    const bool progresses = (load_ == Load::loading && optimising_) || load_ == Load::cleaning;
    if (!progresses || timing_.mode == TimeMode::none || ready_at_ <= loading_since_) return sense;
    constexpr double kWhole = 65536;
    const auto part =
        std::chrono::duration<double>(timing_.now() - loading_since_) / std::chrono::duration<double>(ready_at_ - loading_since_);
    sense.progress = static_cast<std::uint16_t>(std::clamp(part * kWhole, 0.0, kWhole - 1));
    return sense;
}

Sense TapeDrive::state() const { return waits(); }

Answer TapeDrive::load_unload(const Command& command) {
    using Cdb = scsi::LoadUnloadCdb;
    auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    bool load = scsi::has(cdb.flags, Cdb::kLoad), immediate = scsi::has(cdb.immediate, Cdb::kImmediate);
    if (scsi::has(cdb.flags, Cdb::kEndOfTape)) return check_condition(code::kInvalidField);
    Answer answer;
    if (is_busy_with_cartridge()) return check_condition(waits());
    if (!load) {
        if (load_ == Load::empty || load_ == Load::unthreaded) return {};
        if (prevented()) return check_condition(code::kRemovalPrevented);
        if (auto problem = load_ == Load::ready ? flush() : std::nullopt) return check_condition(*problem);
        if (load_ != Load::unreadable) load_ = Load::unthreaded;
        health_.unload();
        threaded_ = false;
        position_ = BlockNumber{};
        answer.motion.activity = Activity::unload;
        return answer;
    }
    if (load_ == Load::empty) return check_condition(code::kNoMedium);
    if (load_ == Load::unreadable) return check_condition(why_unreadable_);
    if (load_ == Load::ready) {  // already loaded: only to the beginning
        answer = rewind();
        answer.motion.to = position_;
        return answer;
    }
    if (load_ == Load::unthreaded) start_loading({});
    if (load_ == Load::unreadable || load_ == Load::unthreaded) return check_condition(waits());
    if (immediate) return answer;
    if (is_busy_with_cartridge()) return check_condition(waits());  // becoming ready: the progress tells how long it will be
    // The command itself waits until the drive is ready; only the other nexuses learn of it by a unit attention.
    answer.motion.activity = Activity::load;
    become_ready();
    attention(code::kMediumChanged, Whom::others, command.nexus);
    return answer;
}

}  // namespace capstan::virtual_library
