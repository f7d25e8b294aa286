// What a DriveOwner knows, and the one way in which it runs an operation. Private to drives/. Control thread.
#pragma once

#include "drives/operations.hpp"
#include "drives/scsi/counted_position.hpp"
#include "drives/scsi/supervised.hpp"

#include <fmt/format.h>

#include <functional>

namespace capstan::drives {

class DriveOwner::Core {
  public:
    Core(Loop& loop, Clock& clock, std::shared_ptr<scsi::Device> device, DriveSettings settings);

    // --- operations ---
    enum class Attention : std::uint8_t { ends_work, is_expected };  // expected NOT READY: while a cartridge loads
    // Runs one operation and believes what the device said during it. The operation owns what it refers to.
    template <class T>
    Task<T> perform(std::move_only_function<T(const scsi::Target&)> operation, Attention attention = Attention::ends_work);
    // For operations whose own result carries the error.
    template <class T>
    Task<Result<T>> perform_raw(std::move_only_function<T(const scsi::Target&)> operation, Attention attention);

    Task<Result<scsi::Turns::Turn>> turn();
    template <class Event>
    Result<void> request(std::string_view what) {
        auto to = next(state, on<Event>);
        if (!to) return refused(what);
        state = *to;
        return {};
    }
    template <class Event>
    void fact() {
        enter(*next(state, on<Event>));
    }

    Result<void> refused(std::string_view what) const;
    std::string subject() const;  // "drive D1 (A00001L8)", for messages
    void enter(DriveState to);
    void forget(const std::string& why);          // position and modes are unknown, the permit is void
    void lose_trust(const std::string& why);      // the same, and nobody expected it: it is logged and told
    void give_up(const std::string& why);         // faulted
    void believe(const scsi::CommandLog& log, Attention attention);
    void believe_error(const Error& error);
    Result<void> check_trusted(std::string_view what) const;
    void medium_changed();
    operations::Abilities abilities() const { return {identity.has_append_only, identity.may_encrypt}; }
    bool key_of_a_program() const { return !settings.expects_key && encryption && scsi::has_key_of_a_program(*encryption); }
    void note_encryption(std::optional<scsi::EncryptionStatus> found);
    void note_write_mode();  // a drive that lists append-only mode and does not take it: the operator sees it
    void cartridge_gone();
    void hold(const WritePermit& permit);
    Result<void> check_permit(const WritePermit& permit) const;

    Task<Result<operations::Probed>> probe_once();
    Task<Result<void>> identify_now();  // with the turn taken

    struct Context {  // shared with operations that never came back
        std::string name;
        scsi::Timeouts timeouts;
        std::shared_ptr<scsi::TapeCount> count;  // null: the drive knows its position itself
    };

    Loop& loop;
    Clock& clock;
    DriveSettings settings;
    scsi::SupervisedDevice device;
    scsi::Turns turns;
    DriveOwner* owner = nullptr;  // for on_trust_lost

    DriveState state = DriveState::empty;
    std::string why_faulted;
    bool connection_lost = false;  // the last operation had none, or lost it
    DriveIdentity identity;
    bool identity_in_doubt = false;  // switched on or reset since it was asked: it may be another drive
    scsi::Timeouts timeouts;
    std::shared_ptr<scsi::TapeCount> count = std::make_shared<scsi::TapeCount>();
    DriveCounters counters;
    std::optional<Loading> loading;

    std::optional<CartridgeId> cartridge;
    VolumeTag volume_tag;
    bool prepared = false;    // modes were set and read back, and nothing happened since
    bool label_read = false;  // since then (design rule 4)
    PreparedMedium medium;
    std::optional<scsi::EncryptionStatus> encryption;  // DriveOwner::encryption()
    std::optional<BlockNumber> position;
    std::optional<WritePermit> permit;
    operations::StopFlag stop;  // of the read that runs
};

template <class T>
Task<Result<T>> DriveOwner::Core::perform_raw(std::move_only_function<T(const scsi::Target&)> operation, Attention attention) {
    auto log = std::make_shared<scsi::CommandLog>();
    auto context = std::make_shared<const Context>(subject(), timeouts, identity.counts_position ? count : nullptr);
    std::move_only_function<T(scsi::Transport&)> call = [context, operation = std::move(operation)](scsi::Transport& door) mutable {
        if (!context->count) return operation(scsi::Target(door, context->name, context->timeouts));
        scsi::CountedPosition counted(door, *context->count);
        return operation(scsi::Target(counted, context->name, context->timeouts));
    };
    Result<T> answer = co_await device.run<T>(std::move(call), log);
    if (answer) {
        believe(*log, attention);
    } else if (answer.error().recovery == Recovery::stop_device) {
        give_up(to_text(answer.error()));  // the log is still the device's
    } else {
        lose_trust(answer.error().happened);
    }
    co_return answer;
}

template <class T>
Task<T> DriveOwner::Core::perform(std::move_only_function<T(const scsi::Target&)> operation, Attention attention) {
    Result<T> answer = co_await perform_raw<T>(std::move(operation), attention);
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    if (!*answer) believe_error(answer->error());
    co_return std::move(*answer);
}

}  // namespace capstan::drives
