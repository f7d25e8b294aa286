// Looks at one object that the walker named and opens it. One Examiner per thread.
#pragma once

#include "backup/posix/collect.hpp"
#include "backup/source/source.hpp"
#include "backup/source/walker.hpp"

namespace capstan::backup {

struct Examined {
    enum class State : std::uint8_t {
        object,
        nothing,   // only issues
        deferred,  // no descriptor was free: examine again when others have been closed
    } state = State::nothing;
    ObjectRecord record;
    FileHandle handle;  // of a regular file
    std::vector<Issue> issues;
    bool socket = false;
};

class Examiner {
  public:
    Examined examine(WalkEntry& entry);

  private:
    FileHandle open_object(const WalkEntry& entry, Access access);
    bool examine_object(const WalkEntry& entry, Access access, Examined& result);
    void find_sparseness(int descriptor, ObjectRecord& record) const;

    Collector collector_;
    bool keep_access_time_ = true;
};

}  // namespace capstan::backup
