#include "drives/drive_owner.hpp"

#include "drives/block_writer.hpp"
#include "drives/drive_core.hpp"
#include "drives/scsi/sense_table.hpp"

namespace capstan::drives {

namespace {

constexpr std::chrono::seconds kNap{1};       // between two looks at a drive that loads
constexpr std::chrono::seconds kSeating{15};  // a drive may need that to see what the robot put into it
constexpr std::chrono::minutes kSeen{15};     // and so long at most, whatever it needs to load it afterwards
template <class T>
using Operation = std::move_only_function<T(const scsi::Target&)>;
}  // namespace

using Attention = DriveOwner::Core::Attention;

DriveOwner::DriveOwner(Loop& loop, Clock& clock, std::shared_ptr<scsi::Device> device, DriveSettings settings)
    : core_(std::make_shared<Core>(loop, clock, std::move(device), std::move(settings))) {
    core_->owner = this;
}
DriveOwner::~DriveOwner() = default;

const DriveName& DriveOwner::name() const { return core_->settings.name; }
DriveState DriveOwner::state() const { return core_->state; }
const std::string& DriveOwner::why_faulted() const { return core_->why_faulted; }
bool DriveOwner::connection_lost() const { return core_->connection_lost; }
const DriveIdentity& DriveOwner::identity() const { return core_->identity; }
const std::optional<scsi::EncryptionStatus>& DriveOwner::encryption() const { return core_->encryption; }
std::string DriveOwner::why_only_read() const {
    return core_->key_of_a_program() ? "encrypts what is written, with a key that another program put there" : "";
}
const DriveCounters& DriveOwner::counters() const { return core_->counters; }
std::optional<BlockNumber> DriveOwner::position() const { return core_->prepared ? core_->position : std::nullopt; }
std::optional<CartridgeId> DriveOwner::cartridge() const { return core_->cartridge; }
const std::optional<DriveOwner::Loading>& DriveOwner::loading() const { return core_->loading; }

void DriveOwner::cartridge_inserted(CartridgeId cartridge, VolumeTag volume_tag) {
    core_->forget(fmt::format("drive {}: a cartridge was put in", name().text));
    core_->cartridge = cartridge;
    core_->volume_tag = std::move(volume_tag);
    core_->fact<Inserted>();
}

void DriveOwner::cartridge_removed() {
    core_->forget(fmt::format("{}: the cartridge was taken out", core_->subject()));
    core_->cartridge_gone();
}

Result<void> DriveOwner::replace_device(std::shared_ptr<scsi::Device> device) {
    core_->forget(fmt::format("{}: the drive was opened again", core_->subject()));
    if (!core_->device.replace(std::move(device))) {
        auto why = fmt::format("drive {}: a command that was sent before has still not come back", name().text);
        core_->give_up(why);
        return fail(Recovery::stop_device, std::move(why),
                    "Switch the drive off and on; if that does not end it, start capstand again.");
    }
    core_->why_faulted.clear();
    core_->connection_lost = false;
    core_->fact<Replaced>();
    return {};
}

Task<Result<DriveIdentity>> DriveOwner::identify() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    if (core.state == DriveState::faulted || core.state == DriveState::writing) {
        CAPSTAN_CO_CHECK(core.refused("identify"));
    }
    CAPSTAN_CO_CHECK(co_await core.identify_now());
    co_return core.identity;
}

Task<Result<void>> DriveOwner::claim() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    if (core.state == DriveState::faulted || core.state == DriveState::writing) {
        CAPSTAN_CO_CHECK(core.refused("reserve it"));
    }
    Operation<Result<void>> look = &operations::look;  // does it say that it may be another drive?
    CAPSTAN_CO_CHECK(co_await core.perform(std::move(look), Attention::is_expected));
    if (core.identity_in_doubt) CAPSTAN_CO_CHECK(co_await core.identify_now());
    if (core.key_of_a_program()) {
        Operation<Result<std::optional<scsi::EncryptionStatus>>> ask = &operations::ask_encryption;
        CAPSTAN_CO_TRY(const auto encryption, co_await core.perform(std::move(ask), Attention::is_expected));
        core.note_encryption(encryption);
    }
    if (!core.settings.key) co_return Result<void>{};
    Operation<Result<scsi::Claimed>> operation = [key = core.settings.key](const scsi::Target& drive) {
        return operations::claim(drive, key);
    };
    CAPSTAN_CO_TRY(auto claimed, co_await core.perform(std::move(operation), Attention::is_expected));
    core.identity.claim = claimed.claim;
    if (claimed.by_another) co_return std::unexpected(std::move(*claimed.by_another));
    co_return Result<void>{};
}

Task<Result<void>> DriveOwner::let_go() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    if (core.identity.claim != scsi::Claim::held) co_return Result<void>{};
    if (core.state == DriveState::faulted || core.state == DriveState::writing) {
        CAPSTAN_CO_CHECK(core.refused("give its reservation back"));
    }
    core.forget(fmt::format("{}: its reservation is given back", core.subject()));
    Operation<Result<void>> operation = [key = *core.settings.key](const scsi::Target& drive) { return operations::let_go(drive, key); };
    CAPSTAN_CO_CHECK(co_await core.perform(std::move(operation), Attention::is_expected));
    core.identity.claim = scsi::Claim::not_asked_for;
    co_return Result<void>{};
}

Task<Result<Presence>> DriveOwner::probe() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    if (!next(core.state, on<LoadAsked>)) CAPSTAN_CO_CHECK(core.refused("ask whether it is ready"));
    CAPSTAN_CO_TRY(auto probed, co_await core.probe_once());
    co_return probed.presence;
}

Task<Result<void>> DriveOwner::wait_until_ready(std::chrono::seconds limit) {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    CAPSTAN_CO_CHECK(core.request<LoadAsked>("wait until it is ready"));
    const auto begun = core.clock.now();
    const auto deadline = begun + limit;
    core.loading = Loading{core.clock.now(), {}, {}, deadline};
    bool load_asked = false;
    for (;;) {
        auto probed = co_await core.probe_once();
        if (!probed || probed->presence == Presence::ready) core.loading.reset();
        if (!probed) co_return std::unexpected(std::move(probed.error()));
        if (probed->presence == Presence::ready) co_return Result<void>{};
        core.loading->what = probed->words;
        core.loading->percent = probed->percent;
        const bool too_late = core.clock.now() >= deadline || (probed->presence == Presence::absent && core.clock.now() - begun >= kSeen);
        if (too_late) {
            core.loading.reset();
            auto state = probed->presence == Presence::absent ? "it does not see a cartridge" : "it is still not ready";
            Error late{Recovery::ask_operator, fmt::format("{}: {} after {} s", core.subject(), state,
                                               std::chrono::duration_cast<std::chrono::seconds>(core.clock.now() - begun).count()),
                       "Check the drive's panel", probed->sense};
            co_return std::unexpected(std::move(late));
        }
        // A cartridge that was unloaded and not taken out may be as good as absent for the drive: it is tried once.
        const bool unseen = probed->presence == Presence::absent && core.cartridge && core.clock.now() - begun >= kSeating;
        if ((probed->presence == Presence::not_loaded || unseen) && !load_asked) {
            load_asked = true;
            Operation<Result<void>> operation = &operations::load;
            auto loaded = co_await core.perform(std::move(operation), Attention::is_expected);
            const bool goes_on = !loaded && loaded.error().recovery == Recovery::retry_later;  // it is at it: the next look tells how far
            if (loaded || ((unseen || goes_on) && core.state != DriveState::faulted)) continue;
            core.loading.reset();
            co_return loaded;
        }
        if (!co_await sleep_for(core.loop, core.clock, kNap)) {
            co_return fail(Recovery::cancelled, fmt::format("{}: the daemon is stopping", core.subject()));
        }
    }
}

Task<Result<PreparedMedium>> DriveOwner::prepare() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    CAPSTAN_CO_CHECK(core.request<PositionAsked>("prepare the cartridge"));
    core.forget(fmt::format("{}: it is being prepared again", core.subject()));
    operations::Prepared prepared;
    for (int attempt = 0; attempt < 3; ++attempt) {
        if (core.identity_in_doubt) CAPSTAN_CO_CHECK(co_await core.identify_now());
        Operation<Result<operations::Prepared>> operation = [key = core.settings.key, abilities = core.abilities()](const scsi::Target& drive) {
            return operations::prepare(drive, key, abilities);
        };
        CAPSTAN_CO_TRY(prepared, co_await core.perform(std::move(operation)));
        if (!core.identity_in_doubt) break;
    }
    if (core.identity_in_doubt)
        co_return fail(Recovery::retry_later, fmt::format("{}: it was reset again and again while it was prepared", core.subject()),
                       "Look for another program or host that uses the drive, and at its power and cable");
    const auto& medium = prepared.medium;
    core.identity.claim = prepared.claim.claim;
    if (prepared.claim.by_another) co_return std::unexpected(std::move(*prepared.claim.by_another));
    if (core.state != DriveState::ready) {
        co_return fail(Recovery::refresh_inventory,
                       fmt::format("{}: the drive reports that another cartridge may be in it", core.subject()),
                       "Run an inventory of the library");
    }
    core.medium = medium;
    core.note_encryption(prepared.encryption);
    core.note_write_mode();
    core.prepared = true;
    core.position = BlockNumber{0};
    co_return medium;
}

Task<Result<FirstRecord>> DriveOwner::read_first_record(std::size_t size_max) {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    CAPSTAN_CO_CHECK(core.request<PositionAsked>("read the first block"));
    CAPSTAN_CO_CHECK(core.check_trusted("read the first block"));
    core.position.reset();
    Operation<Result<operations::FirstRead>> operation = [size_max](const scsi::Target& drive) {
        return operations::read_first_record(drive, size_max);
    };
    CAPSTAN_CO_TRY(auto first, co_await core.perform(std::move(operation)));
    CAPSTAN_CO_CHECK(core.check_trusted("believe what was read"));
    core.position = first.position;
    core.label_read = true;
    if (first.record.kind == FirstRecord::Kind::block) {
        ++core.counters.blocks_read;
        core.counters.bytes_read += first.record.bytes.size();
    }
    co_return std::move(first.record);
}

Task<Result<void>> DriveOwner::locate(BlockNumber block) {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    CAPSTAN_CO_CHECK(core.request<PositionAsked>("go to a block"));
    CAPSTAN_CO_CHECK(core.check_trusted("go to a block"));
    core.position.reset();
    Operation<Result<void>> operation = [block](const scsi::Target& drive) { return operations::locate(drive, block); };
    CAPSTAN_CO_CHECK(co_await core.perform(std::move(operation)));
    core.position = block;
    co_return Result<void>{};
}

Task<Result<EndOfData>> DriveOwner::find_end_of_data() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    CAPSTAN_CO_CHECK(core.request<PositionAsked>("go to the end of data"));
    CAPSTAN_CO_CHECK(core.check_trusted("go to the end of data"));
    core.position.reset();
    Operation<Result<EndOfData>> operation = &operations::find_end_of_data;
    CAPSTAN_CO_TRY(auto end, co_await core.perform(std::move(operation)));
    core.position = end.block;
    co_return end;
}

Task<Result<std::optional<MemoryNote>>> DriveOwner::read_memory() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    CAPSTAN_CO_CHECK(core.request<PositionAsked>("read the cartridge's memory"));
    CAPSTAN_CO_CHECK(core.check_trusted("believe the cartridge's memory"));
    if (!core.identity.has_memory) co_return std::optional<MemoryNote>{};
    Operation<Result<std::optional<MemoryNote>>> operation = &operations::read_memory;
    auto note = co_await core.perform(std::move(operation));
    CAPSTAN_CO_CHECK(core.check_trusted("believe the cartridge's memory"));
    if (!note && (note.error().recovery == Recovery::cancelled || core.state == DriveState::faulted)) co_return note;
    co_return note ? std::move(*note) : std::optional<MemoryNote>{};  // a memory that cannot be read is none
}

Task<Result<std::optional<BlockNumber>>> DriveOwner::pass_filemark(BlockNumber from) {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    CAPSTAN_CO_CHECK(core.request<PositionAsked>("go to a filemark"));
    CAPSTAN_CO_CHECK(core.check_trusted("go to a filemark"));
    Operation<Result<std::optional<BlockNumber>>> operation = [position = core.position,
                                                               from](const scsi::Target& drive) {
        return operations::pass_filemark(drive, position, from);
    };
    core.position.reset();
    CAPSTAN_CO_TRY(auto behind, co_await core.perform(std::move(operation)));
    core.position = behind;
    co_return behind;
}

Task<Result<std::vector<TapeObject>>> DriveOwner::read_objects(BlockNumber from, std::size_t count) {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    CAPSTAN_CO_CHECK(core.request<PositionAsked>("read blocks"));
    CAPSTAN_CO_CHECK(core.check_trusted("read blocks"));
    Operation<Result<std::vector<TapeObject>>> operation = [position = core.position, from,
                                                            count](const scsi::Target& drive) {
        return operations::read_objects(drive, position, from, count, 0);
    };
    core.position.reset();
    CAPSTAN_CO_TRY(auto objects, co_await core.perform(std::move(operation)));
    auto passed = objects.size();
    if (passed > 0 && objects.back().kind == TapeObject::Kind::end_of_data) --passed;
    core.position = from + passed;
    for (const auto& object : objects) {
        if (object.kind == TapeObject::Kind::block) ++core.counters.blocks_read;
        core.counters.bytes_read += object.bytes.size();
    }
    co_return std::move(objects);
}

namespace {
ReadReport failed_read(BlockNumber position, Error error) {
    ReadReport report;
    report.position = position;
    report.error = std::move(error);
    return report;
}
}  // namespace

Task<ReadReport> DriveOwner::read_into(std::shared_ptr<BlockRing> ring, BlockNumber from, std::uint64_t count,
                                       std::chrono::milliseconds patience) {
    auto& core = *core_;
    auto turn = co_await core.turn();
    if (!turn) co_return failed_read(from, std::move(turn.error()));
    auto trusted = core.check_trusted("read");
    if (!trusted) co_return failed_read(from, std::move(trusted.error()));
    auto begun = core.request<ReadAsked>("read");
    if (!begun) co_return failed_read(from, std::move(begun.error()));
    auto stop = std::make_shared<std::atomic<bool>>(false);
    core.stop = stop;
    operations::ReadOrder order{from, count, patience, stop};
    Operation<ReadReport> operation = [position = core.position, ring, order](const scsi::Target& drive) {
        return operations::read_into(drive, position, *ring, order);
    };
    core.position.reset();
    auto answer = co_await core.perform_raw<ReadReport>(std::move(operation), Attention::ends_work);
    if (answer && answer->error) core.believe_error(*answer->error);
    if (core.state == DriveState::reading) core.fact<ReadEnded>();
    if (!answer) {
        *stop = true;  // should it still go on, it ends at the next block
        co_return failed_read(from, std::move(answer.error()));
    }
    core.counters.blocks_read += answer->blocks;
    core.counters.bytes_read += answer->bytes;
    if (answer->reason != ReadReport::Reason::failed) core.position = answer->position;
    co_return std::move(*answer);
}

void DriveOwner::interrupt() { *core_->stop = true; }

void DriveOwner::hold(const WritePermit& permit) { core_->hold(permit); }

Task<Result<std::unique_ptr<BlockWriter>>> DriveOwner::start_writing(WritePermit permit) {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    if (!next(core.state, on<WriteAsked>)) CAPSTAN_CO_CHECK(core.refused("write"));
    CAPSTAN_CO_CHECK(core.check_permit(permit));
    core.hold(permit);
    auto first = permit.terms().first_block;
    Operation<Result<void>> operation = [first](const scsi::Target& drive) {
        return operations::confirm(drive, first);
    };
    auto confirmed = co_await core.perform(std::move(operation));
    if (!confirmed) {
        core.lose_trust(to_text(confirmed.error()));
        co_return std::unexpected(std::move(confirmed.error()));
    }
    CAPSTAN_CO_CHECK(core.check_permit(permit));  // the drive may have said something meanwhile
    CAPSTAN_CO_CHECK(core.request<WriteAsked>("write"));
    std::unique_ptr<BlockWriter> writer = std::make_unique<DriveBlockWriter>(core_, std::move(permit));
    co_return std::move(writer);
}

Task<Result<void>> DriveOwner::unload() {
    auto& core = *core_;
    CAPSTAN_CO_TRY(auto turn, co_await core.turn());
    CAPSTAN_CO_CHECK(core.request<UnloadAsked>("unload"));
    core.forget(fmt::format("{}: it is being unloaded", core.subject()));
    Operation<Result<void>> operation = [append = core.identity.has_append_only](const scsi::Target& drive) {
        return operations::unload(drive, append);
    };
    auto done = co_await core.perform(std::move(operation), Attention::is_expected);
    if (done && core.state == DriveState::unloading) core.fact<Ejected>();
    if (!done && core.state == DriveState::unloading)
        core.fact<Inserted>();  // it still has it: loading, and may be asked again
    co_return done;
}

}  // namespace capstan::drives
