// One drive: its state, what is known of the cartridge in it, and every operation on it. Control thread. Each method is one
// operation on the device's thread (drives/operations.hpp), in order of asking: callers wait for each other, not for a lock.
// Positions are logical object numbers (SSC-4, 4.2.7); sizes are bytes. An Error names drive, volume tag, fact and act.
//
// Trust (design rule 4). After a unit attention, a lost nexus or an outcome that is not known, position and modes are unknown:
// the permit held is invalidated with the reason and nothing is written until prepare() succeeded and another permit came.
// A command that does not come back within its time limit makes the drive `faulted`; its late answer is dropped.
#pragma once

#include "config/base/clock.hpp"
#include "config/base/media_types.hpp"
#include "config/base/write_permit.hpp"
#include "drives/block_stream.hpp"
#include "drives/drive_state.hpp"
#include "drives/scsi/claim.hpp"
#include "drives/scsi/device.hpp"
#include "drives/scsi/encryption.hpp"

#include <functional>
#include <string>

namespace capstan::drives {

struct DriveIdentity {
    std::string vendor, product, revision, serial;
    std::vector<std::string> designators;  // VPD 83h, as text
    std::uint32_t block_size_min = 1, block_size_max = 0;
    bool timeouts_known = false;           // REPORT SUPPORTED OPERATION CODES gave command timeouts
    scsi::Claim claim = scsi::Claim::not_asked_for;  // exclusive access, as it was read back last
    bool has_memory = false;               // it reads and writes the memory of cartridges (MAM)
    bool has_append_only = false;          // ALLOW OVERWRITE is in its list; whether the mode takes is seen with each cartridge
    bool may_encrypt = false;              // SECURITY PROTOCOL IN is in its list, or it has no list
    bool counts_position = false;          // it has no LOCATE: its position is counted (drives/scsi/counted_position.hpp)
    std::string kind;                        // "LTO-8", as its densities or its name say; empty: not known
    std::vector<DensityAbility> densities;   // what it reads and writes: its own word, else by its model; empty: not known
    std::chrono::seconds load_limit{900};    // from the insertion of a cartridge until it is ready, at most
    std::vector<std::string> not_offered;    // for the operator: "LOCATE", "cartridge memory (MAM)"
};

enum class Presence : std::uint8_t { absent, becoming_ready, not_loaded, ready };  // not_loaded: seated, needs LOAD

struct PreparedMedium {
    bool write_protected = false;
    std::uint8_t density = 0;  // density code of MODE SENSE, 0: the drive did not say
    std::uint32_t block_size_min = 1, block_size_max = 0;
    bool append_only = false;  // the drive writes over nothing but where ALLOW OVERWRITE let it: read back
};

// The first object of a medium. Only `blank` may ever be taken for an unused medium (design rules 2 and 12).
struct FirstRecord {
    enum class Kind : std::uint8_t {
        blank,           // BLANK CHECK at the beginning of the medium, which the drive confirmed before and after
        block,
        filemark_first,
        unreadable,      // any other answer: medium error, unknown density, encrypted, block longer than the drive can read
    };
    Kind kind = Kind::unreadable;
    std::vector<std::uint8_t> bytes;  // of the block; possibly cut
    std::size_t size = 0;             // of the block on the medium
    std::optional<Sense> sense;       // blank, unreadable
};

struct EndOfData {
    BlockNumber block{};        // where an append would go
    std::optional<FilemarkCount> filemarks;  // on the medium before it, where the drive counts them (READ POSITION, long form)
};

// What we left in the cartridge's memory (block_stream.hpp).
struct MemoryNote {
    std::string note;
    bool current = false;  // nothing on the tape was changed since: its volume change reference is still the same
};

struct DriveCounters {  // since the owner was made
    std::uint64_t blocks_written = 0, bytes_written = 0, blocks_read = 0, bytes_read = 0;
    std::uint64_t recovered_errors = 0, unit_attentions = 0, medium_errors = 0;
};

struct DriveSettings {
    DriveName name;
    std::string serial;                     // of the configuration; empty: not checked
    std::optional<scsi::ReservationKey> key;  // of this installation: the drive is reserved under it. Empty: it is not reserved
    bool expects_key = false;               // a key in it is its owner's will, though the drive does not say whose it is
    std::chrono::seconds hang_grace{30};    // beyond a command's own time limit, before the device is given up
};

// For the operator, where DriveOwner::why_only_read() says something.
inline constexpr std::string_view kClearTheKey =
    "Take the key away with the program that set it, or with 'stenc -f /dev/nstN -e off'; until then the drive only reads. Where the library "
    "or a key manager sets it and the drive does not say so, give the drive 'expects_key: true' in the configuration";

class DriveOwner final : public BlockReader {
  public:
    DriveOwner(Loop& loop, Clock& clock, std::shared_ptr<scsi::Device> device, DriveSettings settings);
    ~DriveOwner() override;
    DriveOwner(const DriveOwner&) = delete;
    DriveOwner& operator=(const DriveOwner&) = delete;

    const DriveName& name() const;
    DriveState state() const;
    const std::string& why_faulted() const;  // empty: it is not
    bool connection_lost() const;            // of the last operation: there may be nothing wrong with the drive itself
    const DriveIdentity& identity() const;   // as identify() found it last
    // As prepare() or claim() found it last, in this drive; empty: it does not encrypt, or was not asked.
    const std::optional<scsi::EncryptionStatus>& encryption() const;
    // It would encrypt what is written with a key that another program put there: nothing is written, reading goes on. Empty: it would not.
    std::string why_only_read() const;
    const DriveCounters& counters() const;
    std::optional<BlockNumber> position() const;  // confirmed by the drive and still trusted
    std::optional<CartridgeId> cartridge() const;
    // Of the wait_until_ready() that is running: since when, and how far the drive says it is (0-100), if it says.
    struct Loading {
        Steady since{};
        std::optional<int> percent;
        std::string what;  // the drive's words, for the operator
        Steady limit{};    // when it is given up
    };
    const std::optional<Loading>& loading() const;

    // Facts, told by the mount service: what the robot did or the inventory saw.
    void cartridge_inserted(CartridgeId cartridge, VolumeTag volume_tag);
    void cartridge_removed();
    // A new door to the same drive, for whoever has it alone. Error: a command that was sent through the old one has not come
    // back and could still be carried out between those of the new one; the drive is `faulted`.
    Result<void> replace_device(std::shared_ptr<scsi::Device> device);
    // Called when trust ends unexpectedly: the drive reported something, or a command failed. Empty: nobody.
    std::function<void(const std::string& why)> on_trust_lost;
    // Called whenever the drive has said who it is: when asked, and by itself before it is used after it was switched on, reset, or
    // reached by a new session. It may be another drive than before. Empty: nobody.
    std::function<void(const DriveIdentity&)> on_identified;

    // Also done by claim() and prepare() where the drive was switched on or reset since. INQUIRY, VPD 80h/83h, REPORT SUPPORTED OPERATION CODES with timeouts, READ BLOCK LIMITS. A serial number that is not the
    // configured one is stop_device, another host's reservation ask_operator. In any state but faulted.
    Task<Result<DriveIdentity>> identify();
    // Takes or keeps the reservation, before something is put into the drive. ask_operator: another host has it.
    Task<Result<void>> claim();
    // Allows removal and gives the reservation back, so that another host may take the drive over. Done where none is held. What is in the
    // drive must be prepared again.
    Task<Result<void>> let_go();
    // One TEST UNIT READY (unit attentions are consumed and noted).
    Task<Result<Presence>> probe();
    // After the robot put a cartridge in: asks once a second until the drive is ready. Unit attentions are noted, becoming
    // ready and "no medium yet" are waited for (the latter 15 minutes at most), a seated cartridge is loaded. Errors: ask_operator at
    // `limit`, else by sense. identity().load_limit is what the drive itself may need.
    Task<Result<void>> wait_until_ready(std::chrono::seconds limit);
    // Takes all unit attentions, reserves the drive, prevents removal, sets variable blocks, buffered mode and, where the
    // drive has it, append-only mode and no protection of blocks, and reads them back; asks whether it encrypts; rewinds.
    // From then on position and modes are trusted.
    Task<Result<PreparedMedium>> prepare();
    // Rewinds and reads at most `size_max` bytes of the first block (0: as much as the drive can). Error only when trust was lost.
    Task<Result<FirstRecord>> read_first_record(std::size_t size_max = 0);
    // LOCATE(16), confirmed by READ POSITION. An end of data before `block` is an Error (replace_medium).
    Task<Result<void>> locate(BlockNumber block);
    // SPACE to the end of data, READ POSITION. A medium whose end cannot be found is replace_medium, never a short answer.
    Task<Result<EndOfData>> find_end_of_data();
    // Our note in the cartridge's memory. Empty: there is none, or none can be had.
    Task<Result<std::optional<MemoryNote>>> read_memory();
    // SPACE over the next filemark at or behind `from`: the block behind it. Empty: the data end before one comes.
    Task<Result<std::optional<BlockNumber>>> pass_filemark(BlockNumber from);

    Task<ReadReport> read_into(std::shared_ptr<BlockRing> ring, BlockNumber from, std::uint64_t count,
                               std::chrono::milliseconds patience) override;
    Task<Result<std::vector<TapeObject>>> read_objects(BlockNumber from, std::size_t count) override;
    void interrupt() override;

    // To be called in the same step in which the permit was granted: whatever ends trust from then on invalidates it.
    void hold(const WritePermit& permit);
    // A write session. Refused (change_request): permit void, for another drive or cartridge, its first block is not the
    // confirmed position (locate it first), label not read since prepare(), write protected (ask_operator). The writer must not
    // outlive the owner. A session destroyed unfinished voids its permit. While it is open nothing else can be asked.
    Task<Result<std::unique_ptr<BlockWriter>>> start_writing(WritePermit permit);
    // Allows removal, UNLOAD. The drive is `unloading` until cartridge_removed(). Refused while writing or reading.
    Task<Result<void>> unload();

    class Core;  // of this folder's own use

  private:
    std::shared_ptr<Core> core_;
};

}  // namespace capstan::drives
