// The way to the operator's hands of a capstan-vtl that serves: the Unix socket `control` in the library's directory, for its owner alone.
// One connection is one act: a line comes in; "ok" or "no: WHY" and then the answer's lines go out, and the connection ends.
#pragma once

#include "tools/vtl/control.hpp"

#include <thread>

namespace capstan::iscsi {

class ControlDoor {
  public:
    ControlDoor(std::string directory, Control control) : directory_(std::move(directory)), control_(std::move(control)) {}
    ~ControlDoor();
    ControlDoor(const ControlDoor&) = delete;
    ControlDoor& operator=(const ControlDoor&) = delete;
    // The caller has the library open, so a socket that is there is a left-over.
    Result<void> open();

  private:
    void serve();
    void answer(FileHandle socket);

    std::string directory_;
    Control control_;
    FileHandle listener_;
    std::thread thread_;
};

// The other end: has one act done and returns its answer. give_up: nobody serves this directory.
Result<std::string> ask_control(const std::string& directory, const std::string& line);

}  // namespace capstan::iscsi
