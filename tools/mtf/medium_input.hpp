// Where the offline tool reads a medium from: a file or a virtual cartridge; a tape comes behind the same door.
#pragma once

#include "config/base/bytes.hpp"
#include "config/base/error.hpp"

#include <functional>
#include <memory>
#include <string>

namespace capstan::tools {

struct MediumItem {
    enum class Kind : std::uint8_t { block, filemark, end } kind = Kind::end;
    Bytes bytes;  // of a block; valid until the next call
};

class MediumInput {
  public:
    virtual ~MediumInput() = default;
    virtual Result<MediumItem> next() = 0;
    // Passes over bytes without reading them: how many of `size` (0: cannot).
    virtual std::uint64_t skip(std::uint64_t size) { return size * 0; }
    virtual std::uint64_t size() const { return 0; }  // 0: unknown
};

using OpenMedium = std::function<Result<std::unique_ptr<MediumInput>>(const std::string& path)>;
// A regular file, or the directory of a virtual cartridge: what a running drive of it has synchronised.
Result<std::unique_ptr<MediumInput>> open_medium_file(const std::string& path);

}  // namespace capstan::tools
