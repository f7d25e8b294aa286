// A small disk (SBC-3, blocks of 512 bytes) in a file: for programs and conformance kits that ask a target for one. Thread contract: the
// caller holds mutex(), except where a function says otherwise.
#pragma once

#include "config/base/file.hpp"
#include "drives/virtual/device_server.hpp"

#include <memory>

namespace capstan::virtual_library {

class Disk final : public DeviceServer {
  public:
    static constexpr std::size_t kBlockSize = 512;
    // `size` in bytes, whole blocks; a file of another size is cut or made longer.
    static Result<std::unique_ptr<Disk>> open(const std::string& path, std::uint64_t size, std::string serial);
    // How many bytes a command moves by its CDB; empty: the CDB does not say. Any thread.
    static std::optional<std::uint64_t> length_of(const scsi::Cdb& cdb);

  protected:
    Answer run(const Command& command) override;
    std::optional<Sense> pending(const Command&) override { return std::nullopt; }
    Sense state() const override { return {}; }

  private:
    Disk(FileHandle file, std::uint64_t blocks, std::string serial);
    enum class Access : std::uint8_t { read, write, write_and_verify, verify };
    Answer access(const Command& command, Access access);
    Answer capacity_10(const Command& command) const;
    Answer capacity_16(const Command& command) const;
    Answer synchronise(const Command& command);
    Answer mode_sense(const Command& command) const;

    FileHandle file_;
    std::uint64_t blocks_;
};

}  // namespace capstan::virtual_library
