// How often which cartridge met errors in which drive: whether they follow the cartridge or the drive is seen at once. Counts only; what
// is made of them is another part's.
#pragma once

#include "pools/store/store.hpp"

#include <vector>

namespace capstan::pools {

struct ErrorCount {
    CartridgeId cartridge{};
    DriveName drive;           // as it was named then
    std::string drive_serial;  // empty: the drive does not say
    std::uint64_t recovered = 0;  // RECOVERED ERROR: the drive managed it, with more than usual effort
    std::uint64_t hard = 0;       // MEDIUM ERROR
    Wall last{};
    friend bool operator==(const ErrorCount&, const ErrorCount&) = default;
};

class ErrorCounts {
  public:
    explicit ErrorCounts(StateStore& store) : store_(store) {}
    // Adds to what is there for this cartridge in this drive (by its serial number, else by its name).
    Result<void> add(WriteTransaction& transaction, const ErrorCount& count);
    Result<std::vector<ErrorCount>> of(CartridgeId cartridge);  // most recent first
    struct Total {
        std::uint64_t recovered = 0, hard = 0;
        std::uint32_t cartridges = 0;  // that met them
    };
    Result<Total> in_drive(const DriveName& drive, const std::string& serial);

  private:
    StateStore& store_;
};

}  // namespace capstan::pools
