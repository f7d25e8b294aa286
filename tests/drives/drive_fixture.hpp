// A drive owner over the virtual library, with a cartridge loaded by the robot.
#pragma once

#include "drives/drive_owner.hpp"
#include "tests/drives/simulated_library.hpp"

namespace capstan::pools {
// The real office is in pools/, which drives/ must not know. This one grants what a test asks for.
class PermitOffice {
  public:
    static WritePermit grant(WritePermit::Terms terms) { return WritePermit(std::move(terms)); }
};
}  // namespace capstan::pools

namespace capstan::drives {

namespace vl = virtual_library;

using namespace std::chrono_literals;

struct DriveFixture {
    explicit DriveFixture(vl::LibraryGeometry geometry = {}, std::shared_ptr<vl::FixedTime> times = nullptr, DriveSettings own = settings())
        : sim(std::move(geometry), std::move(times)), owner(sim.loop, sim.clock, sim.device(1, "drive D1"), std::move(own)) {
        owner.on_trust_lost = [this](const std::string& why) { reasons.push_back(why); };
        auto identity = sim.run(owner.identify());  // as the daemon does when it starts
        EXPECT_TRUE(identity) << to_text(identity.error());
    }
    static DriveSettings settings() { return {.name = DriveName{"D1"}, .serial = {}}; }

    void insert(std::uint16_t slot = 1) {
        sim.robot_moves(sim.slot(slot), sim.drive(1));
        owner.cartridge_inserted(CartridgeId{slot}, VolumeTag{"CAP00" + std::to_string(slot) + "L8"});
    }
    void make_ready() {
        auto ready = sim.run(owner.wait_until_ready(600s));
        ASSERT_TRUE(ready) << to_text(ready.error());
        auto prepared = sim.run(owner.prepare());
        ASSERT_TRUE(prepared) << to_text(prepared.error());
    }
    WritePermit permit(BlockNumber first, std::int64_t cartridge = 1, const char* drive = "D1") {
        auto permit = pools::PermitOffice::grant({.cartridge = CartridgeId{cartridge}, .volume_tag = VolumeTag{"CAP001L8"},
                                                  .drive = DriveName{drive}, .first_block = first});
        owner.hold(permit);
        return permit;
    }
    // The label read, the drive back at `block`, a session open there.
    std::unique_ptr<BlockWriter> writer_at(BlockNumber block, std::optional<WritePermit>* granted = nullptr) {
        auto first = sim.run(owner.read_first_record());
        EXPECT_TRUE(first) << to_text(first.error());
        auto there = sim.run(owner.locate(block));
        EXPECT_TRUE(there) << to_text(there.error());
        auto mine = permit(block);
        if (granted != nullptr) granted->emplace(mine);
        auto writer = sim.run(owner.start_writing(mine));
        EXPECT_TRUE(writer) << to_text(writer.error());
        return writer ? std::move(*writer) : nullptr;
    }
    // A cartridge in slot 1 loaded, prepared, and open for writing from BOT.
    std::unique_ptr<BlockWriter> writer_at_bot(std::optional<WritePermit>* granted = nullptr) {
        insert();
        make_ready();
        return writer_at(BlockNumber{0}, granted);
    }
    StreamReport stream(BlockWriter& writer, const std::shared_ptr<BlockRing>& ring) { return sim.run(writer.write_from(ring, 0ms)); }

    test::SimulatedLibrary sim;
    DriveOwner owner;
    std::vector<std::string> reasons;
};

inline std::vector<std::uint8_t> block_of(std::uint64_t number, std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(number * 31 + i * 7 + (i >> 8));
    return bytes;
}
// Pushes `count` blocks, numbered from `first`; fewer when the ring is full. Returns how many.
inline std::uint64_t fill(BlockRing& ring, std::uint64_t first, std::uint64_t count, RingEntry::Kind kind = RingEntry::Kind::block) {
    std::uint64_t pushed = 0;
    for (; pushed < count; ++pushed) {
        auto slot = ring.reserve();
        if (slot.empty()) break;
        auto bytes = block_of(first + pushed, slot.size());
        std::copy(bytes.begin(), bytes.end(), slot.begin());
        ring.push(kind, slot.size());
    }
    return pushed;
}

}  // namespace capstan::drives
