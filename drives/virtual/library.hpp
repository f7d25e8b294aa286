// The virtual library: a robot and its drives as a device server that answers SCSI commands (SPC-4, SMC-3, SSC-4) the
// way LTO drives and their robots do, with the cartridges in files under one directory. LUN 0 is the medium changer,
// LUN 1…n the drives. Thread contract: execute() from any thread, one at a time per logical unit is meant (more wait
// for each other); the operator's hands from any thread.
#pragma once

#include "config/base/error.hpp"
#include "config/base/ids.hpp"
#include "drives/scsi/encryption.hpp"
#include "drives/scsi/status.hpp"
#include "drives/scsi/transport.hpp"
#include "drives/virtual/cartridge_format.hpp"
#include "drives/virtual/fault_plan.hpp"
#include "drives/virtual/nexus.hpp"
#include "drives/virtual/timing.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace capstan::virtual_library {

// Elements of one kind: `count` of them at first, first + stride, …
struct ElementRange {
    std::uint16_t first = 0;
    std::uint16_t count = 0;
    std::uint16_t stride = 1;  // > 1: addresses with gaps
    friend bool operator==(const ElementRange&, const ElementRange&) = default;
};

struct LibraryGeometry {
    std::string serial = "CAPVTL0001";                // 1-20 of A-Z 0-9; drive n has the serial `serial` + "D" + n
    std::string vendor = "CAPSTAN";                   // T10 vendor identification, at most 8
    std::string changer_product = "VIRTUAL LIBRARY";  // at most 16
    std::string drive_product = "VIRTUAL LTO-8";      // at most 16
    std::string revision = "0100";
    std::uint8_t drive_density = 0x5E;
    ElementRange pickers{0x0001, 1};
    ElementRange drives{0x0100, 2};
    ElementRange ports{0x0010, 1};
    ElementRange slots{0x03E8, 16};
    // A move to or from a drive needs the tape to be unthreaded. `yes`: the drive unloads by itself unless removal is
    // prevented.
    bool auto_unload = true;
    // The cartridges of the first day, in slots from the first on.
    unsigned cartridges = 12;
    std::string barcode_prefix = "CAP";  // CAP001L8, CAP002L8, …
    // Models of the drives (drives/virtual/models), the last for all that follow. None: drives that take every cartridge.
    std::vector<std::string> models;
    // The cartridges of the first day instead of `cartridges`: "L8:10,L7:2,CU:1", media ids of their bar codes and how many of each.
    std::string media;
    MediumInfo medium;  // capacity, early warning, density of each; id and volume tag are made from the prefix
    friend bool operator==(const LibraryGeometry&, const LibraryGeometry&) = default;
};

struct LibraryOptions {  // not stored: as each opener wants it
    Timing timing;
    FaultPlan faults;
    std::uint8_t units_before = 0;  // logical units of others that REPORT LUNS names before the changer
    std::uint64_t drive_buffer = 1ull << 30;  // bytes; more than this is never unsynchronised
    unsigned time_limit = 0;  // seconds that every unit names for each command; 0: as real ones do
};

// Where a cartridge is. `outside`: in somebody's hands, its files stay.
struct CartridgeInfo {
    std::string id;
    std::string directory;
    MediumInfo::Barcode barcode = MediumInfo::Barcode::readable;
    VolumeTag volume_tag;
    std::optional<ElementAddress> element;  // empty: outside
};
// Without opening the library, also while a daemon has it: what is on the disk now.
Result<std::vector<CartridgeInfo>> list_cartridges(const std::string& library_directory);

class VirtualLibrary {
  public:
    // Creates the library in `directory` on first use. Later the stored geometry counts and `geometry` is ignored.
    // Refused (change_request) while another process has it open. Opening is a power-on: every nexus gets 29/00.
    static Result<std::shared_ptr<VirtualLibrary>> open(const std::string& directory, const LibraryGeometry& geometry,
                                                        LibraryOptions options = {});
    ~VirtualLibrary();  // what was not synchronised is lost, as with the power
    VirtualLibrary(const VirtualLibrary&) = delete;
    VirtualLibrary& operator=(const VirtualLibrary&) = delete;

    // What a device server answers: a status besides GOOD and CHECK CONDITION is no Error here.
    struct Answered {
        scsi::Status status = scsi::Status::good;
        scsi::ScsiReply reply;
    };
    Result<Answered> serve(NexusId nexus, std::uint8_t lun, const scsi::Cdb& cdb, scsi::DataOut data_out, MutableBytes data_in,
                           std::chrono::milliseconds timeout);
    // The contract of scsi::Transport::execute.
    Result<scsi::ScsiReply> execute(NexusId nexus, std::uint8_t lun, const scsi::Cdb& cdb, scsi::DataOut data_out,
                                    MutableBytes data_in, std::chrono::milliseconds timeout);

    const LibraryGeometry& geometry() const;
    std::uint8_t drives() const;
    std::string drive_serial(std::uint8_t lun) const;  // LUN from 1; empty: no such drive
    std::vector<CartridgeInfo> cartridges() const;

    // The operator's hands. Each is durable when it returns. Refusals are change_request.
    Result<std::string> add_cartridge(MediumInfo info);  // a new one, outside; empty id: one is chosen. Returns the id
    Result<void> put_into_port(const std::string& cartridge, ElementAddress port);  // opens the port: 06/28/01
    Result<std::string> take_from_port(ElementAddress port);                        // returns the cartridge's id
    enum class Noticed : std::uint8_t {
        no,
        by_the_door
    };  // `no`: what no robot sees; its last inventory stays as it was
    Result<void> swap_by_hand(ElementAddress one, ElementAddress other,
                              Noticed noticed);                             // slots and ports; either may be empty
    void open_door();                                                       // 02/04/03 until it is closed
    void close_door();                                                      // the robot takes its inventory: 06/28/00
    Result<void> set_write_protect(const std::string& cartridge, bool on);  // not in a drive
    Result<void> set_barcode(const std::string& cartridge, MediumInfo::Barcode barcode, VolumeTag tag);
    Result<void> set_defects(const std::string& cartridge, std::vector<MediumInfo::Defect> defects);  // not in a drive
    // Power off and on: what a drive had buffered is lost, a loaded cartridge is rewound and loaded again, modes are
    // default, every nexus gets 29/00.
    Result<void> power_cycle(std::uint8_t lun);
    Result<void> power_cycle();
    void lose_nexus(NexusId nexus);   // its PREVENT is released; it gets 29/07 from every logical unit
    void forget_nexus(NexusId nexus);   // a lost one that will not come back under this number
    void name_nexus(NexusId nexus, const std::string& name);  // "iqn.…,i,0x…": how reservations are told of
    void reset_unit(std::uint8_t lun);  // LOGICAL UNIT RESET: PREVENT is released, every nexus gets 29/03; the tape stays where it is
    void tasks_cleared(std::uint8_t lun, NexusId nexus);  // by another initiator: it gets 2F/00
    void take_attentions(std::uint8_t lun);  // as if another program of each initiator's host had been told instead
    // Another program's encryption key, or nobody's, as the drive says it (TapeDrive::set_key).
    Result<void> set_key(std::uint8_t lun, bool there, scsi::EncryptionControl control = scsi::EncryptionControl::not_exclusive);
    Result<void> move_tape(std::uint8_t lun, BlockNumber block);  // as if another program had sent LOCATE
    void set_faults(FaultPlan plan);  // counting starts again
    // One more fault; a jam or command fault is counted from now on.
    void add_fault(MediumFault fault);
    void add_fault(RobotJam jam);
    void add_fault(CommandFault fault);
    void clear_faults();  // all of them, a jam and drives that went away included
    void clear_jam();
    // Another drive in its place, with the cartridge that is in it, until the library is closed: everything of power_cycle().
    Result<void> replace_drive(std::uint8_t lun, const std::string& serial);
    void bring_back(std::uint8_t lun);  // a drive that went away, powered on again

  private:
    struct State;
    explicit VirtualLibrary(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace capstan::virtual_library
