// A drive that answers otherwise than a good one would, and drives with something on their tape. For tests.
#pragma once

#include "drives/scsi/inline_device.hpp"
#include "tests/drives/write_support.hpp"

#include <functional>
#include <optional>

namespace capstan::drives {

// Somebody between the owner and the drive: where `instead` answers, the drive is not asked.
class Between final : public scsi::Transport {
  public:
    using Instead = std::function<std::optional<scsi::ScsiReply>(const scsi::Cdb&, scsi::DataOut, MutableBytes)>;
    Between(std::shared_ptr<scsi::Transport> drive, Instead instead) : drive_(std::move(drive)), instead_(std::move(instead)) {}
    Result<scsi::ScsiReply> execute(const scsi::Cdb& cdb, scsi::DataOut out, MutableBytes in, std::chrono::milliseconds limit) override {
        auto reply = instead_(cdb, out, in);
        if (reply) return *reply;
        return drive_->execute(cdb, out, in, limit);
    }

  private:
    std::shared_ptr<scsi::Transport> drive_;
    Instead instead_;
};

inline void put_between(DriveFixture& drive, Between::Instead instead) {
    auto transport = std::make_shared<Between>(drive.sim.transport(1), std::move(instead));
    ASSERT_TRUE(drive.owner.replace_device(std::make_shared<scsi::InlineDevice>(drive.sim.loop, drive.sim.clock, transport, "drive D1")));
}

inline scsi::ScsiReply refusal(SenseCode code) { return {Sense{.code = code, .information = {}}, 0, {}}; }

inline void write_objects(DriveFixture& drive, BlockNumber from, std::uint64_t first, std::uint64_t count) {
    auto writer = drive.writer_at(from);
    ASSERT_TRUE(writer);
    auto ring = make_ring();
    fill(*ring, first, count);
    ring->push(RingEntry::Kind::checkpoint, 0);
    const auto report = drive.stream(*writer, ring);
    EXPECT_EQ(report.reason, StreamReport::Reason::checkpoint) << (report.error ? to_text(*report.error) : "");
    const auto finished = drive.sim.run(writer->finish());
    EXPECT_TRUE(finished);
}

// What becomes of a stream of two objects and a checkpoint.
inline StreamReport stream_two(DriveFixture& drive, BlockWriter& writer, std::uint64_t first) {
    auto ring = make_ring();
    fill(*ring, first, 2);
    ring->push(RingEntry::Kind::checkpoint, 0);
    return drive.stream(writer, ring);
}

// A cartridge is in and ready, and that many objects are on it.
inline void start_with(DriveFixture& drive, std::uint64_t objects) {
    drive.insert();
    drive.make_ready();
    write_objects(drive, BlockNumber{0}, 0, objects);
}

}  // namespace capstan::drives
