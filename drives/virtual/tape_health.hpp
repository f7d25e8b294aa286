// What a virtual drive and the cartridge in it know of themselves: counters, TapeAlert flags, the cartridge's memory; told by LOG SENSE
// and READ ATTRIBUTE. Internal to drives/virtual. Thread contract: the drive's.
#pragma once

#include "drives/scsi/log_pages.hpp"
#include "drives/virtual/cartridge_file.hpp"
#include "drives/virtual/cartridge_memory.hpp"

#include <bitset>
#include <optional>
#include <string>
#include <vector>

namespace capstan::virtual_library {

class TapeHealth {
  public:
    explicit TapeHealth(std::string drive) : drive_(std::move(drive)) {}

    void power_on();  // counters of the drive begin anew; TapeAlert flags are cleared
    // A cartridge came in or goes. A memory that cannot be read is logged, and begins anew.
    void load(const CartridgeFile& cartridge);
    void unload();
    // Before the first change of what is on the tape since it was loaded, or since the volume change reference was asked for: it becomes
    // another one, durably (SSC-4, MAM attribute 0009h).
    Result<void> before_change();
    void reference_was_read() { changed_ = false; }

    void wrote(std::uint64_t bytes) { written_ += bytes; }
    void read(std::uint64_t bytes) { read_ += bytes; }
    void failed_to_write();
    void failed_to_read();
    // What the drive thinks of the cartridge that came in.
    enum class Found : std::uint8_t { unsupported_format, read_only_format, cleaning_cartridge, expired_cleaning_cartridge };
    void found(Found what);
    void cleaned();

    // Empty: there is no such page. Reading the TapeAlert page clears the flags.
    std::optional<std::vector<std::uint8_t>> log_page(scsi::LogPageCode page, const CartridgeFile* cartridge);
    // Of the loaded cartridge, ascending.
    std::vector<scsi::Attribute> attributes(const CartridgeFile& cartridge) const;
    // All or none. A host attribute without value is removed. Refusals are sense codes of ILLEGAL REQUEST.
    Result<std::optional<SenseCode>> set_attributes(const std::vector<scsi::Attribute>& attributes);

  private:
    enum class Alert : std::uint8_t {  // SSC-4 table A.1
        hard_error = 3,
        media = 4,
        read_failure = 5,
        write_failure = 6,
        cleaning_media = 11,
        unsupported_format = 12,
        memory_failure = 15,
        read_only_format = 17,
        clean_now = 20,
        expired_cleaning_media = 22
    };
    void hard_error();
    void raise(Alert alert) { alerts_.set(static_cast<std::size_t>(alert)); }
    std::vector<scsi::LogParameter> volume_statistics(const CartridgeFile& cartridge) const;

    std::string drive_;                                                          // vendor and serial number
    std::uint64_t written_ = 0, read_ = 0, write_errors_ = 0, read_errors_ = 0;  // since power-on
    unsigned errors_since_cleaned_ = 0;
    std::bitset<65> alerts_;
    std::string directory_;                               // of the loaded cartridge; empty: none
    CartridgeMemory memory_;                              // as it was loaded, and what was set since
    std::uint64_t written_before_ = 0, read_before_ = 0;  // this drive's counters when it was loaded
    bool changed_ = false;                                // since it was loaded, or the reference was asked for
};

}  // namespace capstan::virtual_library
