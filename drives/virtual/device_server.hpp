// What the changer and the drives of a virtual library share: identity, unit attentions per nexus, PREVENT, the list of
// supported commands, and the order in which a device server looks at these before it carries a command out
// (SPC-4 5.x). Internal to drives/virtual. Thread contract: the caller holds mutex().
#pragma once

#include "drives/scsi/sense.hpp"
#include "drives/scsi/spc.hpp"
#include "drives/scsi/status.hpp"
#include "drives/virtual/nexus.hpp"
#include "drives/virtual/reservations.hpp"
#include "drives/virtual/timing.hpp"

#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace capstan::virtual_library {

struct Command {
    NexusId nexus{};
    const scsi::Cdb& cdb;
    scsi::DataOut data_out;
    MutableBytes data_in;
};

struct Answer {
    std::optional<Sense> sense;
    std::size_t transferred = 0;
    Motion motion;
    scsi::Status status = scsi::Status::good;  // another one than GOOD and CHECK CONDITION: nothing was done
};

// Sense codes that are used in several places.
namespace code {
inline constexpr SenseCode kInvalidOpcode{0x5, 0x20, 0x00}, kInvalidField{0x5, 0x24, 0x00},
    kInvalidParameter{0x5, 0x26, 0x00}, kParameterListLength{0x5, 0x1A, 0x00}, kSavingNotSupported{0x5, 0x39, 0x00},
    kNoSuchUnit{0x5, 0x25, 0x00}, kInvalidElement{0x5, 0x21, 0x01}, kDestinationFull{0x5, 0x3B, 0x0D},
    kSourceEmpty{0x5, 0x3B, 0x0E}, kRemovalPrevented{0x5, 0x53, 0x02}, kPowerOn{0x6, 0x29, 0x00},
    kReset{0x6, 0x29, 0x03}, kNexusLost{0x6, 0x29, 0x07}, kTasksCleared{0x6, 0x2F, 0x00}, kMediumChanged{0x6, 0x28, 0x00}, kPortUsed{0x6, 0x28, 0x01},
    kModeChanged{0x6, 0x2A, 0x01}, kBecomingReady{0x2, 0x04, 0x01}, kManual{0x2, 0x04, 0x03},
    kNoMedium{0x2, 0x3A, 0x00}, kCannotReadMedium{0x3, 0x30, 0x00}, kUnknownFormat{0x3, 0x30, 0x01},
    kIncompatibleFormat{0x3, 0x30, 0x02}, kCleaning{0x2, 0x30, 0x03}, kCleaningExpired{0x2, 0x30, 0x13},
    kReadOnlyFormat{0x7, 0x30, 0x05}, kPastBeginning{0x5, 0x3B, 0x0C}, kProgrammableEarlyWarning{0x0, 0x00, 0x07}, kUnrecoveredRead{0x3, 0x11, 0x00},
    kWriteError{0x3, 0x0C, 0x00}, kInternalFailure{0x4, 0x44, 0x00}, kMechanical{0x4, 0x15, 0x01},
    kWriteProtected{0x7, 0x27, 0x00}, kEndOfData{0x8, 0x00, 0x05}, kFilemark{0x0, 0x00, 0x01},
    kEndOfMedium{0x0, 0x00, 0x02}, kBeginning{0x0, 0x00, 0x04}, kOverflow{0xD, 0x00, 0x02},
    kAppendOnly{0x7, 0x50, 0x01}, kGuardCheckFailed{0x4, 0x10, 0x01}, kEncryptionChanged{0x6, 0x2A, 0x11}, kRecovered{0x1, 0x17, 0x01}, kMemoryNotAccessible{0x2, 0x04, 0x10};
}

Answer check_condition(SenseCode code);
Answer check_condition(Sense sense);
// As much of `payload` as the initiator asked for and has room for.
Answer give(Bytes payload, std::size_t allocation_length, const Command& command);
// The parameter list of a command, gathered; `size` bytes at most.
std::vector<std::uint8_t> gather(scsi::DataOut data, std::size_t size);

class DeviceServer {
  public:
    struct Identity {
        scsi::DeviceType type = scsi::DeviceType::unknown;
        std::string vendor, product, revision, serial;
    };
    struct Supported {
        scsi::Opcode opcode;
        std::optional<std::uint16_t> service_action;
        unsigned nominal_s = 1, recommended_s = 60;
    };
    virtual ~DeviceServer() = default;
    DeviceServer(const DeviceServer&) = delete;
    DeviceServer& operator=(const DeviceServer&) = delete;

    std::mutex& mutex() { return mutex_; }
    Answer serve(const Command& command);  // also for others than the library, behind which such a unit may stand (disk.hpp)
    const Identity& identity() const { return identity_; }
    void set_serial(std::string serial) { identity_.serial = std::move(serial); }
    void set_time_limits(unsigned seconds);  // what REPORT SUPPORTED OPERATION CODES names for each command
    void take_attentions();                  // nobody is told of them any more
    scsi::Designator designator() const;  // T10: vendor, product, serial number
    void lose_nexus(NexusId nexus);
    void tasks_cleared(NexusId nexus);  // by another one: it gets 2F/00
    void forget_nexus(NexusId nexus);
    void name_nexus(NexusId nexus, std::string name) { names_[nexus] = std::move(name); }  // for READ FULL STATUS
    void reset();  // LOGICAL UNIT RESET: every PREVENT is released, modes are default, every nexus gets 29/03
    // How many logical units the library has, all in a row from 0. Set once, before the first command.
    void set_unit_count(std::uint8_t count) { unit_count_ = count; }
    bool prevented() const;

  protected:
    DeviceServer(Identity identity, std::vector<Supported> supported)
        : identity_(std::move(identity)), supported_(std::move(supported)) {}
    virtual Answer run(const Command& command) = 0;                    // commands other than the common ones
    virtual std::optional<Sense> pending(const Command& command) = 0;  // told instead of the command: deferred errors
    virtual void default_modes() {}                                    // of a reset
    virtual void settle() {}                                           // time passed since the last command
    virtual Sense state() const = 0;                                   // for REQUEST SENSE: NOT READY…, or NO SENSE
    enum class Whom : std::uint8_t { all, others };
    void attention(SenseCode code, Whom whom = Whom::all, NexusId self = {});
    void power_on();  // forgets every nexus: each gets 29/00 with its next command
    Answer prevent_allow(const Command& command);

  private:
    struct Nexus {
        std::vector<SenseCode> attentions;
        bool prevents = false;
    };
    Nexus& nexus(NexusId id);
    Answer inquiry(const Command& command);
    Answer request_sense(const Command& command);
    Answer report_operation_codes(const Command& command);
    Answer report_luns(const Command& command) const;
    Answer reserve_in(const Command& command);
    Answer reserve_out(const Command& command);

    std::mutex mutex_;
    Identity identity_;
    std::vector<Supported> supported_;
    bool told_elsewhere_ = false;  // take_attentions(): a nexus that comes is not told of the power either
    std::map<NexusId, Nexus> nexuses_;
    std::map<NexusId, std::string> names_;
    Reservations reservations_;
    std::uint8_t unit_count_ = 1;
};

}  // namespace capstan::virtual_library
