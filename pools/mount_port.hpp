// How a client of the media manager (backup, restore, verify) gets media: it asks, waits as long as it must, and gets a
// lease on a drive with the right cartridge in it, its label read and compared. The daemon implements this port by joining
// pools, changer and drives; nothing in backup/ knows that there is a robot. Control thread.
#pragma once

#include "config/base/async.hpp"
#include "config/base/error.hpp"
#include "config/base/ids.hpp"
#include "config/base/write_permit.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace capstan::pools {

// What is known of a medium once its label was read and compared. All positions are logical object numbers.
struct MountedMedium {
    CartridgeId cartridge{};
    VolumeTag volume_tag;
    Uuid media_id;
    MediaFamilyId family{};
    std::uint16_t sequence = 1;          // media sequence number in its family, from 1
    WriteGeneration generation{};
    std::uint32_t block_size = 262144;   // all records of the medium
    BlockNumber recorded_end{};          // where the next set begins; proven on the medium
    std::uint16_t last_set_on_family = 0;  // MTF data set number of the family's newest set, 0: none
};

enum class LeaseId : std::uint64_t {};

struct ReadLease {
    LeaseId id{};
    DriveName drive;
    MountedMedium medium;
};

struct WriteLease {
    LeaseId id{};
    DriveName drive;
    MountedMedium medium;
    WritePermit permit;  // at medium.recorded_end; the drive stands there
    bool new_in_family;  // the label was written just now for a continued family: the first set here starts as continuation
};

struct WriteRequest {
    JobId job{};
    PoolId pool{};
    // Set while a set spans: the family goes on, on another cartridge, which gets this sequence number in its label.
    struct Continuation {
        MediaFamilyId family{};
        std::uint16_t sequence = 2;
    };
    std::optional<Continuation> continuation;
};

class MountPort {
  public:
    virtual ~MountPort() = default;
    // Waits for drive, robot, media and operator; each wait is visible in the work queue with its reason. Errors: cancelled,
    // timed out (ask_operator), refused (change_request).
    virtual Task<Result<WriteLease>> mount_for_writing(WriteRequest request) = 0;
    virtual Task<Result<ReadLease>> mount_for_reading(JobId job, CartridgeId cartridge) = 0;
    enum class After : std::uint8_t {
        keep,     // dismount after the drive's dismount delay
        full,     // the medium is closed: no set is begun on it any more
        suspect,  // a write or position failed: the end of data must be proven before anything is appended
        failed,   // a write failed, and what was begun goes on elsewhere or never will: it is closed for writing
    };
    // why: of `failed`, for the operator.
    virtual void release(LeaseId lease, After after, const std::string& why = {}) = 0;
};

}  // namespace capstan::pools
