// What a job is given: the media manager's port, the drives behind it, the state, and the doors to time and threads.
#pragma once

#include "config/base/clock.hpp"
#include "config/base/worker.hpp"
#include "drives/drive_owner.hpp"
#include "pools/mount_port.hpp"
#include "pools/store/store.hpp"

#include <functional>
#include <memory>
#include <string>

namespace capstan::backup {

inline constexpr std::chrono::milliseconds kRingNap{1};  // of control between two looks at a ring that is full

// References live longer than every job. Control thread.
struct JobEnvironment {
    Loop& loop;
    Clock& clock;
    Entropy& entropy;
    Worker& worker;
    StageRunner& stages;
    pools::StateStore& store;
    pools::MountPort& mounts;
    std::function<drives::DriveOwner*(const DriveName&)> drive;  // of a lease; never null while the lease lasts
    std::function<std::unique_ptr<Worker>()> make_worker;        // one more worker, for a .bkf file
    std::uint64_t ring_bytes = 512ull << 20;
    std::uint64_t checkpoint_bytes = 64ull << 30;
    std::chrono::seconds checkpoint_time{600};
    std::uint64_t set_objects_max = 10'000'000;  // then the job goes on in another set
    std::chrono::milliseconds patience{100};     // how long a device's thread waits for the ring; 0 in simulation
    unsigned file_threads = 2;                   // that read or make a job's files; 0 in simulation
    std::string host = "localhost";
    drives::RingMemory ring_memory;  // what jobs leave of it is for the next ones
};

}  // namespace capstan::backup
