// What operators have taken out of use for service: libraries and drives, by name, also over a restart of the daemon.
#pragma once

#include "pools/store/store.hpp"

#include <optional>

namespace capstan::pools {

struct Disabled {
    std::string reason;  // the operator's words; may be empty
    std::string who;
    Wall since{};
    friend bool operator==(const Disabled&, const Disabled&) = default;
};
std::string to_text(const Disabled& disabled);  // "disabled by root: the head is worn"

class DisabledRows {
  public:
    explicit DisabledRows(StateStore& store) : store_(store) {}
    Result<std::optional<Disabled>> of(const LibraryName& library);
    Result<std::optional<Disabled>> of(const DriveName& drive);
    // Empty: in use again.
    Result<void> set(WriteTransaction& transaction, const LibraryName& library, const std::optional<Disabled>& disabled);
    Result<void> set(WriteTransaction& transaction, const DriveName& drive, const std::optional<Disabled>& disabled);

  private:
    Result<std::optional<Disabled>> read(const std::string& key);
    Result<void> write(WriteTransaction& transaction, const std::string& key, const std::optional<Disabled>& disabled);
    StateStore& store_;
};

}  // namespace capstan::pools
