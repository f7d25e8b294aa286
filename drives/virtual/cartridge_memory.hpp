// The memory chip of a virtual cartridge: file `memory` beside its data, text as `medium` is (prose: README.md). A cartridge without
// the file has never been loaded.
#pragma once

#include "drives/scsi/attributes.hpp"

#include <string>
#include <string_view>

namespace capstan::virtual_library {

struct CartridgeMemory {
    std::uint64_t loads = 0;
    std::uint32_t changes = 0;                        // the volume change reference
    std::uint64_t written = 0, read = 0;              // bytes of user data in its life
    std::uint64_t write_errors = 0, read_errors = 0;  // unrecovered, in its life
    std::string last_drive;                           // vendor and serial number, at most 40 printable characters; empty: none yet
    std::vector<scsi::Attribute> host;                // host attributes, ascending by id, at most kMemorySize bytes of values
    friend bool operator==(const CartridgeMemory&, const CartridgeMemory&) = default;
};
inline constexpr std::size_t kMemorySize = 8160;  // for host attributes: what LTO cartridges have, about

std::size_t host_bytes(const CartridgeMemory& memory);
std::string encode(const CartridgeMemory& memory);
Result<CartridgeMemory> decode_cartridge_memory(std::string_view text);

Result<CartridgeMemory> read_memory(const std::string& cartridge_directory);                       // a fresh one where there is no file
Result<void> write_memory(const std::string& cartridge_directory, const CartridgeMemory& memory);  // durable

}  // namespace capstan::virtual_library
