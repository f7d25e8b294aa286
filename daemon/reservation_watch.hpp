// What keeps robots and drives from our use though nothing is wrong with them: another host's reservation, another program's encryption
// key. It is asked about as an operator request and looked at again until it is gone; at the daemon's end our reservations are given
// back. Control thread.
#pragma once

#include "daemon/library.hpp"
#include "daemon/work_queue.hpp"

#include <map>

namespace capstan::daemon {

using Libraries = std::vector<std::unique_ptr<Library>>;

class ReservationWatch {
  public:
    ReservationWatch(Context& context, Libraries& libraries, WorkQueue& queue)
        : context_(context), libraries_(libraries), queue_(queue) {}

    // One request for each device; it completes by the fact, when the device can be used. Tried once a minute, and when an operator
    // completes the request. Runs until the loop stops.
    Task<void> watch();
    // The orderly end: gives back what is reserved, so that another host may take over. Drives first, each when its lease has ended; then
    // the robots, which move nothing from then on. What does not come back within the limit stays reserved, as after a crash.
    Task<void> let_go(std::chrono::seconds limit);

  private:
    struct Device {
        Library* library;
        Library::Drive* drive;  // null: the robot
        std::string name;       // "drive D1", "library LIB1", "the key in drive D1"
        std::string why;        // what it is kept from, whose doing it is, and what to do
        bool has_key = false;   // the drive encrypts for another program
    };
    std::vector<Device> taken();
    Result<bool> ask_about(const std::vector<Device>& devices);  // an operator has answered one: look at once
    Task<void> try_again(Device device);
    Task<void> let_go_drive(Library::Drive& drive, Steady until, std::shared_ptr<std::size_t> pending);
    Task<void> let_go_library(Library& library, Steady until, std::shared_ptr<std::size_t> pending);

    Context& context_;
    Libraries& libraries_;
    WorkQueue& queue_;
    std::map<std::string, RequestId> asked_;  // by the device's name
};

}  // namespace capstan::daemon
