// One drive of a virtual library: a sequential-access device server (SSC-4) on a CartridgeFile. Internal to
// drives/virtual. Thread contract: the caller holds mutex(), except where a function says otherwise.
#pragma once

#include "drives/scsi/encryption.hpp"
#include "drives/scsi/mode.hpp"
#include "drives/scsi/ssc.hpp"
#include "drives/virtual/cartridge_file.hpp"
#include "drives/virtual/device_server.hpp"
#include "drives/virtual/models/model.hpp"
#include "drives/virtual/tape_health.hpp"

#include <atomic>
#include <set>

namespace capstan::virtual_library {

class TapeDrive final : public DeviceServer {
  public:
    // Without a model it takes every cartridge and knows every command.
    TapeDrive(Identity identity, const DriveModel* model, std::uint8_t density, const Timing& timing, std::uint64_t buffer_size);

    // The robot's side. A cartridge whose files cannot be opened is inserted as nullptr: the drive cannot read it.
    void insert(std::unique_ptr<CartridgeFile> cartridge, std::chrono::microseconds after);
    // Rewinds and unthreads, as UNLOAD does, then gives the cartridge up. What could not be flushed is a deferred
    // error.
    void remove();
    std::optional<SenseCode> may_remove(bool auto_unload) const;                 // why not
    bool threaded() const { return threaded_.load(std::memory_order_relaxed); }  // any thread

    void power_cycle();
    std::optional<Sense> move_tape(BlockNumber block);  // as another program's LOCATE would; or why not
    // Another program's key, or nobody's. The drive says that it encrypts with it; what is on its tapes stays as it was sent.
    void set_key(bool there, scsi::EncryptionControl control);
    void set_medium_faults(std::vector<MediumFault> faults) { faults_ = std::move(faults); }
    void add_medium_fault(MediumFault fault) { faults_.push_back(std::move(fault)); }

  protected:
    Answer run(const Command& command) override;
    std::optional<Sense> pending(const Command& command) override;
    void settle() override;
    Sense state() const override;

  private:
    using Clock = std::chrono::steady_clock;
    struct ModePages {
        scsi::DataCompressionPage compression;
        scsi::DeviceConfigurationPage configuration;
        scsi::DeviceConfigurationExtensionPage extension;
        scsi::ControlDataProtectionPage protection;
        friend bool operator==(const ModePages&, const ModePages&) = default;
    };
    struct Warning {
        bool early = false, programmable = false;  // programmable: the zone was entered just now
    };
    enum class Load : std::uint8_t { empty, unthreaded, loading, cleaning, ready, unreadable };
    std::optional<SenseCode> not_ready() const;
    std::chrono::microseconds takes(Activity activity) const;
    void start_loading(std::chrono::microseconds after);
    void start_cleaning(std::chrono::microseconds after);
    void become_ready();
    void refuse_cartridge(SenseCode why);
    Sense waits() const;  // becoming ready, and how far it is
    bool is_busy_with_cartridge() const;  // measuring or cleaning: it does not give it back
    const DensityAbility* ability() const;  // to use the cartridge; nullptr: there is no model, or no way

    // tape_drive.cpp
    Answer load_unload(const Command& command);
    Answer rewind();
    Answer read_position(const Command& command);
    Answer read_block_limits(const Command& command);
    // tape_drive_data.cpp
    Answer read(const Command& command);
    Answer read_variable(std::uint32_t length, bool suppress, MutableBytes space);
    Answer read_fixed(std::uint32_t count, MutableBytes space);
    Answer write(const Command& command);
    std::optional<Sense> write_one(scsi::DataOut block, std::size_t size, Warning& warning);
    std::optional<Sense> write_data(scsi::DataOut block, std::size_t size, Warning& warning);
    Answer write_filemarks(const Command& command);
    Answer erase(const Command& command);
    std::optional<Sense> flush();  // everything buffered is on the tape, or what went wrong
    bool buffer_full() const;
    bool beyond_early_warning() const;
    bool beyond_programmable_early_warning() const;  // only where a distance was set
    bool beyond(std::uint64_t bytes_from_end) const;
    static std::optional<Sense> sense_of(Warning warning);
    bool bad(BlockNumber block, MediumFault::When when) const;
    Sense failed(const Error& error);  // our own files failed: logged, and told as the drive would
    std::optional<SenseCode> write_protected() const;
    // tape_drive_append.cpp
    Answer allow_overwrite(const Command& command);
    bool append_only() const;
    std::optional<SenseCode> may_write_here() const;  // why not: write protected, or append-only and not at the end of data
    void forget_allowance(const Command& command, const Answer& answer, BlockNumber from);  // it was for one write, just here
    void forbid_overwrite();
    // tape_drive_protection.cpp
    bool protects(std::uint8_t flag) const;  // blocks carry their CRC behind the data: when written, when read
    std::optional<Sense> write_guarded(scsi::DataOut block, std::size_t size, Warning& warning);  // checks the CRC and takes it off
    std::size_t size_read(std::size_t size) const;                                                // as READ gives it
    Result<std::size_t> read_object(BlockNumber block, std::size_t size, MutableBytes space) const;
    Answer security_protocol_in(const Command& command) const;
    // tape_drive_medium.cpp
    Answer report_densities(const Command& command);
    Answer set_capacity(const Command& command);
    Answer format_medium(const Command& command);
    Answer make_blank(MediumInfo info);
    // tape_drive_health.cpp
    Answer log_sense(const Command& command);
    Answer read_attribute(const Command& command);
    Answer write_attribute(const Command& command);
    // tape_drive_motion.cpp
    Answer space(const Command& command);
    Answer space_blocks(std::int64_t count);
    Answer space_filemarks(std::int64_t count);
    Answer locate(const Command& command);
    Answer go_to(BlockNumber target);  // end of data is BLANK CHECK there
    // tape_drive_modes.cpp
    static ModePages default_pages();
    static ModePages changeable_pages();
    std::size_t size_of_known(const scsi::ModePage& page) const;
    std::optional<SenseCode> take_pages(const scsi::ModeData& data, ModePages& pages) const;  // why not
    Answer mode_sense(const Command& command);
    Answer mode_select(const Command& command);
    void default_modes() override;

    const DriveModel* model_;
    std::uint8_t density_;
    const Timing& timing_;
    std::uint64_t buffer_size_;
    TapeHealth health_;
    std::vector<MediumFault> faults_;

    std::unique_ptr<CartridgeFile> cartridge_;
    Load load_ = Load::empty;
    std::atomic<bool> threaded_ = false;
    bool optimising_ = false;  // this load measures the cartridge
    SenseCode why_unreadable_ = code::kCannotReadMedium;
    Clock::time_point loading_since_{}, ready_at_{};
    BlockNumber position_{};
    std::optional<Sense> deferred_;            // about a block that was accepted and is lost
    std::optional<BlockNumber> bad_buffered_;  // the first buffered object that cannot be written

    // modes
    std::uint32_t block_length_ = 0;  // 0: variable
    bool buffered_ = true;
    ModePages pages_;
    std::optional<BlockNumber> overwrite_at_;  // ALLOW OVERWRITE, until it was used or the tape was moved
    bool may_format_ = false;
    scsi::EncryptionStatus encryption_;  // a key that the hand put there
};

}  // namespace capstan::virtual_library
