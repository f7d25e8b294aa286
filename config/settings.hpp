// The settings of `capstand`. The struct is the schema: each setting stands here with its meaning, its default and its
// limits, under the name that it has in the YAML file (config/example.yaml shows every one of them). Sizes are bytes,
// written `256KiB`; times are seconds, written `5min` or `30d` (config/units.hpp). A change needs a restart of the daemon.
// Plain values; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace capstan::config {

inline constexpr std::uint64_t kKiB = 1024, kMiB = 1024 * kKiB, kGiB = 1024 * kMiB, kTiB = 1024 * kGiB;

// A span of time that may have no end. Empty: forever.
using Period = std::optional<std::chrono::seconds>;

struct ApiSettings {
    std::string socket = "/run/capstan/api.sock";  // absolute path of the Unix socket, at most 107 bytes
    std::string group = "capstan";                 // its members administer, as root does; everybody else sees the status
};

enum class LogLevel : std::uint8_t { debug, info, warning, error };
struct LogSettings {
    LogLevel level = LogLevel::info;  // the lowest level that is written
};

enum class VirtualTiming : std::uint8_t {
    none,  // moves and loads take no time
    real,  // they take about the time that a robot and an LTO drive need
};

// A library of files: for trials, training and tests. It answers SCSI commands as hardware does.
struct VirtualChanger {
    std::string directory;                        // required, absolute; created with its cartridges when it is missing
    std::uint32_t slots = 16;                     // 1 to 10000 storage elements
    std::uint32_t drives = 2;                     // 1 to 64
    std::uint32_t ie_ports = 1;                   // 0 to 64 import/export elements
    std::uint32_t cartridges = 12;                // 0 to `slots`, made when the directory is made
    std::uint64_t cartridge_capacity = 100 * kGiB;  // 16MiB to 100TiB; costs on disk what was written
    std::uint64_t early_warning = 64 * kMiB;      // so much before the end; 1MiB to half of the capacity
    VirtualTiming timing = VirtualTiming::none;
    std::string volume_tag_prefix = "CAP";        // 1 to 5 of A-Z and 0-9; the tags are CAP001L8, CAP002L8, …
    std::vector<std::string> model;               // of its drives: lto-6, lto-8, lto-9, lto-10, old; the last for all that follow.
                                                  // None: drives that take every cartridge
    std::string media;                            // instead of `cartridges`: "L8:10,L7:2,CU:1", media ids and how many of each
};

// A library behind an iSCSI target: its robot, and what its drives share with it.
struct IscsiChanger {
    std::string portal;           // required: address:port
    std::string target;           // required: iqn.…
    std::uint32_t lun = 0;        // 0 to 255, the robot's
    std::string user;             // CHAP; empty: none
    std::string secret_file;      // absolute; required with `user`: a file that holds the secret alone, mode 0600
    std::string initiator;        // the name to log in with; empty: one made of the name of this machine
    bool header_digest = true;    // CRC32C over the headers, where the target takes it
};

// Exactly one of these says what the library's robot is.
struct ChangerSettings {
    std::optional<VirtualChanger> virtual_library;  // key `virtual`
    std::optional<IscsiChanger> iscsi;
    std::string sg;                                 // a path (/dev/sgN, a link below /dev/tape/by-id) or a serial number
};

struct DriveSettings {
    std::string name;                             // required, unique in the installation, as all names below
    std::uint32_t element = 1;                    // required: the library's first, second… drive element, from 1
    std::uint32_t lun = 0;                        // 0 to 255; required where the library is reached by iSCSI, and only there
    std::string sg;                               // as the changer's; required where that one has it, and only there
    std::string serial;                           // another one is not used; empty: whatever answers. Not with a virtual library
    std::string target;                           // iSCSI: another target than the robot's, at the same portal
    bool expects_key = false;                     // its library or a key manager encrypts, and the drive does not say who does
    std::chrono::seconds dismount_delay{300};     // 0s to 1d: how long an idle cartridge stays in the drive
};

struct NumberRange {
    std::uint32_t first = 1, last = 1;
    friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

// What belongs to another program or person: never moved, loaded, labelled, written, read or counted.
struct ForeignSettings {
    std::vector<NumberRange> slots, ports;  // by number from 1, written 40 or 1-20
    std::vector<std::string> barcodes;      // shell patterns for volume tags: "ABC*"
};

struct LibrarySettings {
    std::string name;    // required
    bool enabled = true;
    bool reserve = true;                // robot and drives are reserved against other hosts, where they offer it
    ForeignSettings foreign;
    ChangerSettings changer;            // required
    std::vector<DriveSettings> drives;  // at least one, each element once
};

enum class PoolEncryption : std::uint8_t { none };  // more to come; a pool that asks for it is refused until then

struct PoolSettings {
    std::string name;                           // required; not `Free`, `Import` or `Unrecognized`, which the system owns
    bool draw_from_free = true;                 // takes a cartridge of the pool Free when it has none available
    bool return_to_free = true;                 // gives a cartridge back to Free when everything on it has expired
    std::uint32_t block_size = 256 * kKiB;      // 64KiB to 1MiB, a power of two; 64KiB where Windows shall read the tape
    Period retention;                           // 1h to 100y or forever (the default): how long a set is kept
    Period append = std::chrono::days{30};      // `false` or 0s: each job begins a new cartridge; `true`: no end; else so
                                                // long after the label was written, up to 100y, are sets appended
    PoolEncryption encryption = PoolEncryption::none;
};

enum class JobType : std::uint8_t { normal };

struct JobSettings {
    std::string name;                  // required
    std::string pool;                  // required: the name of a pool below `pools`
    JobType type = JobType::normal;
    std::vector<std::string> paths;    // at least one, absolute
    std::vector<std::string> exclude;  // shell patterns; with a slash for the whole path, without for the last name
    bool cross_file_systems = false;   // enters other file systems below a path
};

struct WaitSettings {
    std::chrono::seconds default_limit = std::chrono::hours{24};  // key `default`: 1min to 365d, then the wait fails
};

struct CheckpointSettings {
    std::uint64_t bytes = 64 * kGiB;             // 64MiB to 1TiB
    std::chrono::seconds time{600};              // 10s to 1h; whichever comes first, and at the end of each set
};

struct MemorySettings {
    std::uint64_t ring = 512 * kMiB;  // per writing drive, 32MiB to 64GiB: the drive's buffer plus 256MiB or more, so
                                      // that a block is kept until it is proven on the medium
};

struct BootstrapSettings {
    std::vector<std::string> files;  // absolute; each gets a line after each backup: where its catalog lies on the media
};

struct Settings {
    std::string state_directory = "/var/lib/capstan";  // absolute: databases, catalog, journal. One daemon each
    std::uint64_t reserve_file = 16 * kMiB;            // 0 to 1GiB: given back when the disk is full, to record that
    ApiSettings api;
    LogSettings log;
    MemorySettings memory;
    CheckpointSettings checkpoint;
    WaitSettings waits;
    BootstrapSettings bootstrap;
    std::vector<LibrarySettings> libraries;  // required, at least one
    std::vector<PoolSettings> pools;
    std::vector<JobSettings> jobs;
};

}  // namespace capstan::config
