// One typed function per command: builds the CDB, runs it once, decodes the reply. For the device's own thread (they
// call Transport::execute). CHECK CONDITION becomes an Error with the sense and the advice of the sense table, except
// where the function's own result says it (end of data, filemark, early warning…). NO SENSE and RECOVERED ERROR without
// flags count as done. Nothing is repeated: a unit attention comes back as an Error too
// (is_unit_attention(*error.sense)), since only the owner knows what it has to forget. read_block and write_block
// allocate nothing when they succeed.
#pragma once

#include "drives/scsi/attributes.hpp"
#include "drives/scsi/density.hpp"
#include "drives/scsi/encryption.hpp"
#include "drives/scsi/log_pages.hpp"
#include "drives/scsi/mode.hpp"
#include "drives/scsi/reservations.hpp"
#include "drives/scsi/sense.hpp"
#include "drives/scsi/smc.hpp"
#include "drives/scsi/spc.hpp"
#include "drives/scsi/ssc.hpp"
#include "drives/scsi/timeouts.hpp"

namespace capstan::scsi {

// Whom a command is for. A view: transport, name and timeouts outlive it.
struct Target {
    Transport& transport;
    std::string_view name = "device";  // "drive D1", for messages
    const Timeouts& timeouts = default_timeouts();
    Target(Transport& door) : transport(door) {}  // NOLINT: a bare transport is a target
    Target(Transport& door, std::string_view who, const Timeouts& limits = default_timeouts())
        : transport(door), name(who), timeouts(limits) {}
};

// --- SPC ---
// Empty: ready. Otherwise what the device says: NOT READY, a unit attention… (taken from it by this command).
Result<std::optional<Sense>> test_unit_ready(const Target& target);
Result<Sense> request_sense(const Target& target);
Result<InquiryData> inquiry(const Target& target);
Result<std::vector<std::uint8_t>> vpd_supported_pages(const Target& target);
Result<std::string> vpd_serial_number(const Target& target);
Result<std::vector<Designator>> vpd_identification(const Target& target);
enum class Removal : std::uint8_t { allow = 0, prevent = 1 };
Result<void> set_medium_removal(const Target& target, Removal removal);
Result<std::vector<SupportedCommand>> supported_commands(const Target& target);  // with timeouts
Result<OneCommandSupport> command_support(const Target& target, Opcode opcode,
                                          std::optional<std::uint16_t> service_action = std::nullopt);
// MODE SENSE(10), or (6) when the device does not know the longer one (05/20/00). page: a page code or kAllPages.
Result<ModeData> mode_sense(const Target& target, std::uint8_t page, PageControl control = PageControl::current,
                            std::uint8_t subpage = 0);
Result<void> mode_select(const Target& target, const ModeData& data);  // same choice; page format, not saved

// --- what a drive and a cartridge know of themselves; a refusal (ILLEGAL REQUEST) means that the device does not have it ---
Result<std::vector<LogPageCode>> supported_log_pages(const Target& target);
Result<LogPage> log_sense(const Target& target, LogPageCode page);
// The attributes of the cartridge in the drive from `first` on, at most 64 KiB of them. Asked from the volume change reference on, the
// drive changes that before it writes on the tape again (SSC-4, MAM attribute 0009h).
Result<std::vector<Attribute>> read_attributes(const Target& target, AttributeId first = AttributeId::remaining_capacity);
Result<void> write_attributes(const Target& target, std::span<const Attribute> attributes);

// Whether what is written is encrypted, and by whose key; a refusal (ILLEGAL REQUEST) means that the drive does not encrypt.
Result<EncryptionStatus> encryption_status(const Target& target);

// --- reservations; a refusal (ILLEGAL REQUEST) means that the device has none ---
Result<RegisteredKeys> read_registered_keys(const Target& target);
Result<ReservationReport> read_reservation(const Target& target);
Result<std::vector<Registrant>> read_full_status(const Target& target);
// Registers `key` for this nexus whatever was registered for it before; ReservationKey{} takes the registration away.
Result<void> register_key(const Target& target, ReservationKey key);
Result<void> reserve_exclusively(const Target& target, ReservationKey key);
// Takes the reservation from the holder of `former`, whose registration ends.
Result<void> preempt(const Target& target, ReservationKey key, ReservationKey former);
Result<void> release(const Target& target, ReservationKey key);

// --- SMC ---
Result<void> initialize_element_status(const Target& target);
enum class RangeScan : std::uint8_t { full, presence_only };
Result<void> initialize_element_range(const Target& target, ElementAddress first, std::uint16_t count,
                                      RangeScan scan = RangeScan::full);
struct ElementQuery {
    ElementType type = ElementType::all;
    ElementAddress first{};
    std::uint16_t count = 0xFFFF;
    bool volume_tags = true;
    bool device_identifier = false;  // DVCID; refused by some changers unless only data transfer elements are asked for
    bool current_data = false;       // CURDATA: no robot motion
};
// Asks again with a larger buffer while the changer says that there is more; an answer that stays short is an Error.
Result<ElementStatusReport> read_element_status(const Target& target, const ElementQuery& query);
Result<void> move_medium(const Target& target, ElementAddress picker, ElementAddress source,
                         ElementAddress destination);
// The source's cartridge goes to `destination`, and what was there to `second` (which may be the source). Many robots have it
// only between some elements, or not at all.
Result<void> exchange_medium(const Target& target, ElementAddress picker, ElementAddress source, ElementAddress destination,
                             ElementAddress second);
// Sends the picker to stand before an element, so that the move after it begins sooner.
Result<void> position_to_element(const Target& target, ElementAddress picker, ElementAddress destination);

// --- SSC ---
enum class Wait : std::uint8_t { until_done, immediate };
Result<void> load(const Target& target, Wait wait = Wait::until_done);
Result<void> unload(const Target& target, Wait wait = Wait::until_done);
Result<void> rewind(const Target& target, Wait wait = Wait::until_done);
Result<BlockLimits> read_block_limits(const Target& target);
enum class EraseKind : std::uint8_t { short_erase, long_erase };
Result<void> erase(const Target& target, EraseKind kind, Wait wait = Wait::until_done);
// In append-only mode: the next write may destroy what lies at this block and behind it. The drive must stand there.
Result<void> allow_overwrite(const Target& target, BlockNumber at);

// What the drive can read and write; a refusal (ILLEGAL REQUEST) means that it does not tell.
enum class DensityScope : std::uint8_t { drive, medium };  // medium: only what fits the cartridge that is loaded
Result<std::vector<Density>> report_densities(const Target& target, DensityScope scope = DensityScope::drive);
// Both make the cartridge blank, from the beginning of the tape, where it must stand. Proportion: in 65535ths of the full length.
Result<void> set_capacity(const Target& target, std::uint16_t proportion, Wait wait = Wait::until_done);
Result<void> format_medium(const Target& target, Wait wait = Wait::until_done);

struct ReadOutcome {
    std::size_t bytes = 0;          // now in the caller's buffer
    bool filemark = false;          // a filemark was passed instead; bytes is 0
    bool end_of_data = false;       // BLANK CHECK: nothing is recorded here; a read error is never this
    bool end_of_medium = false;     // early warning was seen on the way
    bool incorrect_length = false;  // the block's length is not the buffer's
    std::size_t block_size = 0;     // length of the block on the medium; larger than bytes: the rest was not read
};
// READ(6), variable-block mode, one block, SILI 0. The buffer may be larger than the block: that is the normal case.
Result<ReadOutcome> read_block(const Target& target, MutableBytes buffer);

struct WriteOutcome {
    bool written = true;           // false: the block (or a mark) is not accepted; see volume_overflow
    bool early_warning = false;    // between early warning and the end of the medium
    bool volume_overflow = false;  // the end of the medium: not written
    bool programmable_early_warning = false;  // the zone before early warning was entered, where one was set (SSC-4 4.2.6): a hint
};
// WRITE(6), variable-block mode: one block, gathered from `pieces`. 1 to 2^24-1 bytes.
// A deferred error is an Error (an earlier block is lost; this one was not taken): where the tape stands is unknown.
Result<WriteOutcome> write_block(const Target& target, DataOut pieces);
Result<WriteOutcome> write_block(const Target& target, Bytes block);
Result<WriteOutcome> write_filemarks(const Target& target, std::uint32_t count, Wait wait = Wait::until_done);
Result<WriteOutcome> synchronize(const Target& target);  // WRITE FILEMARKS with count 0: all before is on the medium

struct SpaceOutcome {
    std::int64_t moved = 0;      // how many of what was asked for; its sign is that of the direction
    bool filemark = false;       // stopped by a filemark while spacing over blocks (now beyond it, in the direction)
    bool end_of_data = false;    // stopped at EOD
    bool beginning = false;      // stopped at BOP
    bool end_of_medium = false;  // stopped at the physical end
};
Result<SpaceOutcome> space(const Target& target, SpaceCode code, std::int64_t count = 0);
// LOCATE(16), or (10) when the drive does not know it and the number fits. Partition 0. 08/… at EOD comes as an Error
// with that sense. Position after an Error: unknown.
Result<void> locate(const Target& target, BlockNumber block, Wait wait = Wait::until_done);
Result<void> locate_file(const Target& target, FilemarkCount file);  // LOCATE(16): just after that many filemarks
Result<void> locate_end_of_data(const Target& target);               // SPACE to EOD
Result<Position> read_position(const Target& target, PositionForm form);
// The block number from the long form, else the short one; an Error (stop_device) when the drive does not know it.
Result<BlockNumber> current_block(const Target& target);

}  // namespace capstan::scsi
