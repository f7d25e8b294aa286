// What the tests of write sessions share.
#pragma once

#include "tests/drives/drive_fixture.hpp"

namespace capstan::drives {

inline constexpr std::size_t kBlock = 65536;

inline std::shared_ptr<BlockRing> make_ring(std::size_t slots = 64) { return std::make_shared<BlockRing>(kBlock, slots); }

// What lies on the medium, read by somebody else's means: straight from the cartridge's files.
inline std::uint64_t objects_on(DriveFixture& drive) {
    for (const auto& cartridge : drive.sim.library->cartridges()) {
        if (cartridge.element != drive.sim.drive(1)) continue;
        auto file = vl::CartridgeFile::open_read_only(cartridge.directory);
        EXPECT_TRUE(file) << to_text(file.error());
        return raw((*file)->synchronised_end());
    }
    return 0;
}

inline std::vector<std::uint8_t> block_on(DriveFixture& drive, std::uint64_t number) {
    for (const auto& cartridge : drive.sim.library->cartridges()) {
        if (cartridge.element != drive.sim.drive(1)) continue;
        auto file = vl::CartridgeFile::open_read_only(cartridge.directory);
        std::vector<std::uint8_t> bytes(kBlock);
        auto read = (*file)->read(BlockNumber{number}, bytes);
        bytes.resize(read ? *read : 0);
        return bytes;
    }
    return {};
}

}  // namespace capstan::drives
