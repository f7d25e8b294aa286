// What the tests of the virtual library share: a scratch directory and a short way to run a command.
#pragma once

#include "drives/scsi/commands.hpp"
#include "drives/virtual/cartridge_file.hpp"
#include "drives/virtual/library.hpp"
#include "drives/virtual/virtual_transport.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

namespace capstan::virtual_library {

class Scratch {  // in memory where there is such a place: the tests synchronise often
    std::string path_;

  public:
    Scratch() {
        std::string shape = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm/capstan-XXXXXX" : "/tmp/capstan-XXXXXX";
        path_ = ::mkdtemp(shape.data()) ? shape : std::string{};
    }
    ~Scratch() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
};

inline constexpr std::chrono::milliseconds kLimit{600000};

template <scsi::CdbStruct T>
Result<scsi::ScsiReply> try_run(scsi::Transport& transport, const T& cdb, MutableBytes in = {}, Bytes out = {}) {
    const Bytes pieces[] = {out};
    return transport.execute(scsi::to_cdb(cdb), out.empty() ? scsi::DataOut{} : scsi::DataOut(pieces), in, kLimit);
}
// The command must be answered; its answer may be any.
template <scsi::CdbStruct T>
scsi::ScsiReply run(scsi::Transport& transport, const T& cdb, MutableBytes in = {}, Bytes out = {}) {
    auto reply = try_run(transport, cdb, in, out);
    if (!reply) {
        ADD_FAILURE() << to_text(reply.error());
        return {};
    }
    return *reply;
}
inline std::string told(const scsi::ScsiReply& reply) { return reply.sense ? to_text(reply.sense->code) : "GOOD"; }

// A block whose content says which block it is.
inline std::vector<std::uint8_t> block(std::uint64_t seed, std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    std::uint64_t state = seed * 0x9E3779B97F4A7C15ull + 1;
    for (std::size_t i = 0; i < size; ++i) {
        if (i % 8 == 0) state = state * 6364136223846793005ull + 1442695040888963407ull;
        bytes[i] = static_cast<std::uint8_t>(state >> (8 * (i % 8)));
    }
    return bytes;
}
inline scsi::ScsiReply write(scsi::Transport& drive, Bytes data) {
    return run(drive, scsi::Write6Cdb{.transfer_length = BigEndian<3>{data.size()}}, {}, data);
}
inline scsi::ScsiReply marks(scsi::Transport& drive, unsigned count, bool immediate = false) {
    return run(drive, scsi::WriteFilemarks6Cdb{.flags = std::uint8_t(immediate ? 1 : 0), .count = BigEndian<3>{count}});
}
inline scsi::ScsiReply read(scsi::Transport& drive, MutableBytes space, std::uint8_t flags = 0) {
    return run(drive, scsi::Read6Cdb{.flags = flags, .transfer_length = BigEndian<3>{space.size()}}, space);
}
inline std::string ready(scsi::Transport& device) { return told(run(device, scsi::TestUnitReadyCdb{})); }
// Takes every unit attention; returns what is said then.
inline std::string settle(scsi::Transport& device) {
    for (int i = 0; i < 10; ++i) {
        auto reply = run(device, scsi::TestUnitReadyCdb{});
        if (!reply.sense || reply.sense->code.key != 6) return told(reply);
    }
    return "unit attentions without end";
}

}  // namespace capstan::virtual_library
